import json
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path

import pytest

from wazuh_pack.reports.findings import SCANNERS, Artifact, Finding
from wazuh_pack.scan import accept

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=timezone.utc)
IMAGE = Artifact("registry.example.org/shop/web:1", "container_image")
FLAW = Finding("vuln", "CVE-2021-44228", "critical", package="log4j-core", path="app/a.jar")
WHOLE = """\
[log4j-in-legacy]
finding = CVE-2021-44228, CVE-2021-45046
artifact = registry.example.org/shop/*
package = log4j-*
by = jane@example.org
reason = cannot be reached
    until the rewrite
until = 2026-06-30
"""


@pytest.fixture
def read(tmp_path):
    def read(text, mode=0o640, last=()):
        path = tmp_path / "exceptions.ini"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        exemptions, read.problems = accept.load(str(path), NOW, last)
        return exemptions

    tmp_path.chmod(0o755)
    return read


def apply(exemptions, finding=FLAW, artifact=IMAGE, now=NOW):
    return accept.Exemptions(exemptions, artifact, now).apply(finding)


def test_an_exception_says_who_why_and_until_when(read):
    accepted = apply(read(WHOLE))

    assert accepted == replace(
        FLAW,
        accepted="exception log4j-in-legacy",
        accepted_by="jane@example.org",
        accepted_reason="cannot be reached until the rewrite",
        accepted_until="2026-06-30",
    )


@pytest.mark.parametrize(
    ("finding", "artifact"),
    [
        (replace(FLAW, finding_id="CVE-2021-44229"), IMAGE),
        (replace(FLAW, package="openssl"), IMAGE),
        (FLAW, replace(IMAGE, name="registry.example.org/other/web:1")),
    ],
)
def test_an_exception_covers_nothing_else(read, finding, artifact):
    assert apply(read(WHOLE), finding, artifact) == finding


def test_an_alias_is_covered_too(read):
    finding = replace(FLAW, finding_id="GHSA-jfh8-c2jp-5v3q", aliases="CVE-2021-44228")

    assert apply(read(WHOLE), finding).accepted == "exception log4j-in-legacy"


@pytest.mark.parametrize(("day", "accepted"), [(30, True), (31, False)])
def test_it_ends_with_its_last_day(read, day, accepted):
    text = WHOLE.replace("2026-06-30", "2026-03-30")
    now = datetime(2026, 3, day, 23, 59, tzinfo=timezone.utc)

    assert bool(apply(read(text), now=now).accepted) is accepted


def test_no_file_means_no_exceptions(tmp_path):
    assert accept.load(str(tmp_path / "none"), NOW) == ((), [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (WHOLE.replace("until = 2026-06-30\n", ""), ":2: [log4j-in-legacy] does not say until"),
        (WHOLE.replace("2026-06-30", "soon"), ":8: 'until': 'soon' is not a day"),
        (WHOLE.replace("2026-06-30", "2028-01-01"), ":8: [log4j-in-legacy] ends more than 366"),
        (WHOLE.replace("jane@example.org", ""), ":5: 'by': empty"),
        (WHOLE + "scanner = vulns\n", ":9: 'scanner': write some of"),
        (WHOLE + "owner = me\n", ":9: unknown key 'owner'"),
    ],
)
def test_a_mistake_is_told_with_its_line(read, text, problem):
    assert read(text) == ()

    assert len(read.problems) == 1
    assert problem in read.problems[0]


OTHER = "[other]\nfinding = CVE-2026-1\nby = me\nreason = fine\nuntil = 2026-05-01\n"


def test_a_section_with_a_mistake_says_what_it_said_and_the_others_what_they_say(read):
    last = read(WHOLE + OTHER)
    # Without its key the section would accept the finding everywhere.
    broken = WHOLE.replace("artifact =", "artefact =") + OTHER.replace("CVE-2026-1", "CVE-2026-2")

    one, other = read(broken, last=last)

    assert one == last[0]
    assert other.finding == ("CVE-2026-2",)
    assert len(read.problems) == 1
    assert [one.name for one in read(broken)] == ["other"]


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        (WHOLE.replace("artifact =", "artifact"), 0o640, ":3: neither [section] nor key"),
        (WHOLE, 0o660, "writable for group or others"),
    ],
)
def test_a_file_that_cannot_be_used_as_a_whole_ends_nothing(read, text, mode, problem):
    last = read(WHOLE)

    assert read(text, mode, last) == last
    assert problem in read.problems[0]


def test_what_was_in_force_is_kept(read):
    exemptions = read(WHOLE + OTHER)

    kept = json.loads(json.dumps(accept.document(exemptions)))

    assert accept.restore(kept) == exemptions


@pytest.mark.parametrize(
    "damaged", [None, {}, [1], [{}], [{"until": 1}], [{"until": "2026-01-01"}]]
)
def test_a_damaged_copy_is_none(damaged):
    assert accept.restore(damaged) == ()


def test_the_template_shows_a_valid_exception(read):
    template = Path(__file__).parents[2] / "wodles/trivy/exceptions.ini"
    lines = template.read_text(encoding="utf-8").splitlines()
    example = "\n".join(line[1:] for line in lines if line.startswith("#") and line[1:2] != " ")

    (one,) = read(example.replace("2099-12-31", "2026-12-31"))

    assert one.until == date(2026, 12, 31)


def test_the_template_names_every_scanner():
    template = Path(__file__).parents[2] / "wodles/trivy/exceptions.ini"
    text = " ".join(template.read_text(encoding="utf-8").replace("#", "").split())

    assert f"'scanner' is some of {', '.join(SCANNERS)}." in text
