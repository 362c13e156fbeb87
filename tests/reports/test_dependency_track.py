"""Dependency-Track's reports."""

import pytest

from wazuh_pack.reports.findings import Artifact


def test_the_export_of_a_project(files, samples):
    _, head, findings = files.read(samples / "dependency-track.json")

    flaw, suppressed = findings
    assert head.artifact == Artifact("shop-web", "application")
    assert (head.tool_version, head.suppressed) == ("4.14.0", 1)
    assert (flaw.finding_id, flaw.severity, flaw.aliases) == (
        "CVE-2026-0002",
        "critical",
        "GHSA-aaaa-bbbb-cccc",
    )
    assert (flaw.package, flaw.package_type, flaw.installed_version) == (
        "org.example/log-core",
        "maven",
        "2.14.1",
    )
    assert (flaw.cvss, flaw.cwe, flaw.status) == ("10.0", "CWE-502", "in_triage")
    assert (flaw.accepted, suppressed.accepted) == ("", "tool")
    assert (suppressed.accepted_by, suppressed.accepted_reason) == (
        "dependency-track",
        "suppressed",
    )


def test_the_api_s_bare_list(files):
    export = files.sample("dependency-track.json")

    _, head, findings = files.read(export["findings"])

    assert head.artifact.name == ""
    assert findings == files.read(export)[2]


@pytest.mark.parametrize("state", ["FALSE_POSITIVE", "NOT_AFFECTED", "RESOLVED"])
def test_what_an_analyst_closed_is_accepted(files, state):
    export = files.sample("dependency-track.json")
    export["findings"][0]["analysis"]["state"] = state

    _, head, findings = files.read(export)

    assert head.suppressed == 2
    assert (findings[0].accepted, findings[0].accepted_reason) == ("tool", state.lower())


def test_recorded_reports(files, recorded):
    folder = recorded / "dependency_track"
    _, head, findings = files.read(folder / "dependency_track_4.10_2024_02_11.json")

    assert head.artifact.name == "blablabla-Requirements-txt"
    assert [(item.finding_id, item.package, item.cvss) for item in findings] == [
        ("CVE-2023-45803", "urllib3", "4.2")
    ]
    assert len(files.read(folder / "one_finding_with_analysis_detail.json")[2]) == 1
