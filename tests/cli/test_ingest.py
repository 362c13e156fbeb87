"""``wazuh-pack ingest``."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from wazuh_pack.cli import main

SAMPLES = Path(__file__).resolve().parents[1] / "reports/samples"


def events(capfd):
    out = capfd.readouterr().out
    return [json.loads(line)["security_scan"] for line in out.splitlines()]


def ingest(*arguments):
    return main(["ingest", *map(str, arguments)])


def test_without_a_memory_every_finding_is_new(capfd):
    assert ingest(SAMPLES / "grype.json", SAMPLES / "zap.xml", "--severity", "high") == 0

    found = events(capfd)
    assert [(e["tool"], e["event"]) for e in found] == [
        ("grype", "finding"),
        ("grype", "scan_finished"),
        ("zap", "finding"),
        ("zap", "scan_finished"),
    ]


def test_without_a_memory_what_its_tool_suppresses_is_accepted(capfd):
    assert ingest(SAMPLES / "dependency-track.json") == 0

    *findings, finished = events(capfd)
    assert [(e["state"], e.get("accepted")) for e in findings] == [
        ("new", None),
        ("accepted", "tool"),
    ]
    assert (finished["counts"]["total"], finished["suppressed"]) == (1, 1)

    assert ingest(SAMPLES / "dependency-track.json", "--format", "text") == 0
    assert "accepted low       CVE-2026-0007  left" in capfd.readouterr().out


def test_text_for_people(capfd):
    assert ingest(SAMPLES / "grype.json", "--format", "text") == 0

    assert capfd.readouterr().out.splitlines() == [
        "critical  GHSA-aaaa-bbbb-cccc  /app/lib/a.jar  code runs from log lines",
        "info      CVE-2026-0003  libc6",
        "grype: registry.example.org/shop/web:1.4.2: 1 critical, 1 info, 2 total",
    ]


def test_a_memory_tells_changes_only(tmp_path, capfd):
    arguments = (SAMPLES / "gitleaks.json", "--artifact", "shop", "--state", tmp_path / "state")
    assert ingest(*arguments) == 0
    assert [e["event"] for e in events(capfd)] == [
        "baseline",
        "finding",
        "finding",
        "scan_finished",
    ]

    assert ingest(*arguments) == 0
    assert [e["event"] for e in events(capfd)] == ["scan_finished"]


def test_into_a_file(tmp_path, capfd):
    sink = tmp_path / "events.jsonl"

    assert ingest(SAMPLES / "zizmor.json", "--artifact", "shop", "--sink", sink) == 0

    assert capfd.readouterr().out == ""
    assert json.loads(sink.read_text().splitlines()[0])["security_scan"]["tool"] == "zizmor"


def test_into_a_wodle_s_memory(tmp_path, capfd):
    home = tmp_path / "home"
    home.mkdir()

    assert ingest(SAMPLES / "gitleaks.json", "--artifact", "shop", "--home", home) == 0

    assert capfd.readouterr().out == ""
    (batch,) = (home / "var/wazuh-pack/trivy/spool").glob("[0-9]*.jsonl")
    assert len(batch.read_text().splitlines()) == 4


@pytest.fixture
def home(tmp_path):
    """Return a Wazuh home in which the wodle is configured."""
    folder = tmp_path / "home/etc/wazuh-pack"
    folder.mkdir(parents=True, mode=0o755)
    configure(tmp_path / "home", "trivy.ini", WODLE)
    return tmp_path / "home"


WODLE = """\
[targets]
images = none
[reports-x]
folder = /in
[report]
severity = medium
[sla]
critical = never
"""
EXCEPTION = """\
[log-core]
finding = {finding}
by = jane
reason = not reachable
until = {until}
"""
TOMORROW = (datetime.now(timezone.utc) + timedelta(days=1)).date().isoformat()
CRITICAL = "GHSA-aaaa-bbbb-cccc"


def configure(home, name, text):
    path = home / "etc/wazuh-pack" / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o640)


def taken(home, *arguments):
    """Return the events that a report into the wodle's memory made, and empty the spool."""
    assert ingest(*arguments, "--home", home) == 0
    batches = sorted((home / "var/wazuh-pack/trivy/spool").glob("[0-9]*.jsonl"))
    lines = [line for batch in batches for line in batch.read_text("utf-8").splitlines()]
    for batch in batches:
        batch.unlink()
    return [json.loads(line)["security_scan"] for line in lines]


def told(events):
    return [(e["state"], e["finding_id"]) for e in events if e["event"] == "finding"]


def test_a_wodle_s_memory_is_kept_as_the_wodle_keeps_it(home):
    report = SAMPLES / "grype.json"
    # The wodle reports from medium on, and knows of no deadline for what is critical.
    first = taken(home, report)
    assert told(first) == [("new", CRITICAL)]
    assert not any("sla_due" in event for event in first)

    configure(home, "exceptions.ini", EXCEPTION.format(finding=CRITICAL, until=TOMORROW))
    assert told(taken(home, report)) == [("accepted", CRITICAL)]
    assert told(taken(home, report)) == []

    (home / "etc/wazuh-pack/exceptions.ini").unlink()
    assert told(taken(home, report)) == [("acceptance_ended", CRITICAL)]


def test_the_command_line_overrules_the_wodle_s_severity(home):
    events = taken(home, SAMPLES / "grype.json", "--severity", "info")

    assert told(events) == [("new", CRITICAL), ("new", "CVE-2026-0003")]


def test_the_wodle_s_list_of_malicious_components_counts(home, tmp_path):
    listed = tmp_path / "malicious"
    listed.write_text("pkg:npm/%40shop/cart\n", encoding="utf-8")
    configure(home, "trivy.ini", WODLE.replace("[sla]", f"malicious = {listed}\n[sla]"))

    assert ("new", "malicious-component") in told(taken(home, SAMPLES / "sbom.json"))


def test_what_is_wrong_beside_the_wodle_s_configuration_is_said(home, capfd):
    configure(home, "exceptions.ini", "[x]\nuntil = soon\n")

    assert told(taken(home, SAMPLES / "grype.json")) == [("new", CRITICAL)]
    assert "exceptions.ini:2: " in capfd.readouterr().err


def test_a_wrong_configuration_of_the_wodle_leaves_its_memory_alone(home, capfd):
    configure(home, "trivy.ini", "[targets]\nimages = most\n")

    assert ingest(SAMPLES / "grype.json", "--home", home) == 1
    assert "trivy.ini:2: 'images': 'most' is not known" in capfd.readouterr().err
    assert not (home / "var/wazuh-pack/trivy/memory.db").exists()


def test_a_memory_that_is_damaged_is_told_of_even_after_a_crash(tmp_path, capfd):
    """What a crash left staged has the memory opened before the report is recorded."""
    state = tmp_path / "state"
    arguments = (SAMPLES / "gitleaks.json", "--artifact", "shop", "--state", state)
    assert ingest(*arguments) == 0
    (state / "spool/staged-abc.tmp").write_text("{}\n", encoding="utf-8")
    (state / "memory.db").write_bytes(b"damaged" * 3000)
    capfd.readouterr()

    assert ingest(*arguments) == 0

    found = events(capfd)
    assert [e["event"] for e in found].count("memory_reset") == 1
    assert found[0]["event"] == "memory_reset"
    assert "corrupt" in found[0]["error"]


def test_one_wrong_file_does_not_keep_the_others_back(capfd):
    assert ingest(SAMPLES / "gitleaks.json", SAMPLES / "grype.json") == 1

    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 3
    assert "gitleaks.json: a gitleaks JSON report does not say what was examined" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--state", "/a", "--home", "/"),
        ("--format", "text", "--state", "/a"),
        ("--tool", "other"),
    ],
)
def test_wrong_command_lines(arguments):
    assert ingest(SAMPLES / "grype.json", *arguments) == 2
