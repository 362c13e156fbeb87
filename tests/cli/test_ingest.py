"""``wazuh-pack ingest``."""

import json
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
