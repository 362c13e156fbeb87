import gzip
import json
import os

import pytest

from wazuh_pack.reports.findings import Finding
from wazuh_pack.scan.feeds import Estimates, Exploited, FeedError

FLAW = Finding("vuln", "CVE-2021-44228", "critical")
KEV = {
    "title": "CISA Catalog of Known Exploited Vulnerabilities",
    "catalogVersion": "2026.11.20",
    "vulnerabilities": [
        {
            "cveID": "CVE-2021-44228",
            "vendorProject": "Apache",
            "dateAdded": "2021-12-10",
            "dueDate": "2021-12-24",
            "knownRansomwareCampaignUse": "Known",
            "cwes": ["CWE-20"],
        },
        {"cveID": "CVE-2022-0001", "dateAdded": "soon", "knownRansomwareCampaignUse": "Unknown"},
        {"cveID": 7},
        "nothing",
    ][:3],
}
EPSS = (
    "#model_version:v2025.03.14,score_date:2026-11-20T00:00:00+0000\n"
    "cve,epss,percentile\n"
    "CVE-1999-0001,0.01025,0.76820\n"
    "CVE-2021-44228,0.94413,0.99966\n"
    "CVE-2022-0001,0.00000,1.0\n"
)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture
def estimates(tmp_path):
    estimates = Estimates(tmp_path / "epss.db")
    yield estimates
    estimates.close()


def test_a_listed_vulnerability_is_known_to_be_exploited(tmp_path):
    known = Exploited.load(write(tmp_path / "kev.json", json.dumps(KEV)))

    found = known.apply(FLAW)

    assert len(known) == 2
    assert (found.kev, found.kev_due, found.kev_ransomware) == ("2021-12-10", "2021-12-24", True)


def test_an_alias_is_looked_up_too_and_a_damaged_day_says_so(tmp_path):
    known = Exploited.load(write(tmp_path / "kev.json", json.dumps(KEV)))
    finding = Finding("vuln", "GHSA-1", "low", aliases="DSA-1,CVE-2022-0001")

    found = known.apply(finding)

    assert (found.kev, found.kev_due, found.kev_ransomware) == ("unknown", "unknown", False)


@pytest.mark.parametrize(
    "finding",
    [Finding("vuln", "CVE-2021-44229", "low"), Finding("secret", "CVE-2021-44228", "low")],
)
def test_nothing_else_is(tmp_path, finding):
    known = Exploited.load(write(tmp_path / "kev.json", json.dumps(KEV)))

    assert known.apply(finding) is finding


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"vulnerabilities": []}', '{"vulnerabilities": 7}', "[" * 100_000]
)
def test_another_file_is_refused(tmp_path, content):
    with pytest.raises(FeedError, match=r"kev\.json is not CISA's"):
        Exploited.load(write(tmp_path / "kev.json", content))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_estimates_are_read_plain_and_compressed(tmp_path, estimates, compress):
    estimates.refresh(write(tmp_path / "epss.csv.gz", compress(EPSS.encode())))

    found = estimates.apply(FLAW)

    assert (found.epss, found.epss_percentile) == ("0.94413", "0.99966")
    assert estimates.apply(Finding("vuln", "CVE-2026-1", "low")).epss == ""


def test_what_a_report_says_itself_stays(tmp_path, estimates):
    estimates.refresh(write(tmp_path / "epss.csv", EPSS))

    assert estimates.apply(Finding("vuln", "CVE-2021-44228", "low", epss="0.5")).epss == "0.5"


def test_only_another_file_is_read_again(tmp_path, estimates):
    path = write(tmp_path / "epss.csv", EPSS)
    estimates.refresh(path)
    found = path.stat()
    write(path, EPSS.replace("0.94413", "0.11111"))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    estimates.refresh(path)
    assert estimates.apply(FLAW).epss == "0.94413"

    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    estimates.refresh(path)
    assert estimates.apply(FLAW).epss == "0.11111"


def garbled():
    """Return a compressed file with wrong bytes in the middle."""
    rows = "".join(f"CVE-2021-{n},0.{n % 90_000:05},0.5\n" for n in range(10_000, 30_000))
    content = bytearray(gzip.compress(rows.encode()))
    content[2000:2100] = bytes(byte ^ 0x5A for byte in content[2000:2100])
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [garbled(), "cve,epss\n", gzip.compress(EPSS.encode())[:-20], b"\x1f\x8bnothing", "\xe9\n"],
)
def test_a_damaged_file_leaves_the_earlier_estimates(tmp_path, estimates, content):
    estimates.refresh(write(tmp_path / "epss.csv", EPSS))

    with pytest.raises(FeedError, match=r"bad\.csv"):
        estimates.refresh(write(tmp_path / "bad.csv", content))

    assert estimates.apply(FLAW).epss == "0.94413"


def test_a_damaged_database_is_built_anew(tmp_path, estimates):
    path = write(tmp_path / "epss.csv", EPSS)
    write(tmp_path / "epss.db", b"no database at all" * 100)
    assert estimates.apply(FLAW) is FLAW
    estimates.close()

    estimates.refresh(path)

    assert estimates.apply(FLAW).epss == "0.94413"
