"""Grype's reports."""

import pytest

from wazuh_pack.reports.findings import Artifact


def test_artifact_and_findings(files, samples):
    reader, head, findings = files.read(samples / "grype.json")

    assert reader.NAME == "grype"
    assert head.artifact == Artifact(
        "registry.example.org/shop/web:1.4.2", "container_image", "sha256:" + "f" * 64, "debian 12"
    )
    assert (head.tool_version, head.suppressed) == ("0.116.0", 1)
    java, system = findings
    assert (java.finding_id, java.severity, java.aliases) == (
        "GHSA-aaaa-bbbb-cccc",
        "critical",
        "CVE-2026-0002",
    )
    assert (java.package, java.path, java.fixed_version) == ("log-core", "/app/lib/a.jar", "2.15.0")
    # The advisory's own rating, not the one of a second source.
    assert (java.cvss, java.cvss_vector, java.cwe) == ("10.0", "CVSS:3.1/AV:N", "CWE-502")
    assert (system.severity, system.path, system.status) == ("info", "", "wont-fix")


HEADERS = {
    "package": {"name": "linux-libc-dev", "upstream-name": "linux", "type": "deb"},
    "match-type": "exact-indirect-match",
}
OURS = {"vulnerability": "CVE-2026-0003", "reason": "not reachable"}
# As Grype 0.116 writes them: with all members in its configuration, with few where they applied.
CONFIGURED = {"fix-state": "", "vex-status": "", "include-aliases": False, "match-type": ""}


@pytest.mark.parametrize(
    ("applied", "accepted"),
    [
        ({**OURS, "namespace": ""}, ("tool", "not reachable")),
        ({"namespace": "", "package": {"name": "libc6", "language": ""}}, ("tool", "ignore rule")),
        (
            {"vex-status": "not_affected", "vex-justification": "vulnerable_code_not_present"},
            ("vex", "not_affected: vulnerable_code_not_present"),
        ),
        ({"vulnerability": "CVE-2026-0003", "reason": "Distro Fixed"}, None),
        ({"namespace": "", "fix-state": "wont-fix"}, None),
        ({"namespace": "", **HEADERS}, None),
    ],
)
def test_what_a_rule_of_the_user_ignores_is_accepted(files, applied, accepted):
    report = files.sample("grype.json")
    report["ignoredMatches"] = [{**report["matches"].pop(), "appliedIgnoreRules": [applied]}]
    report["descriptor"]["configuration"]["ignore"] = [
        {**CONFIGURED, "namespace": "", "package": {"name": ""}, **OURS},
        {**CONFIGURED, "vulnerability": "", "namespace": "", "package": {"name": "libc6"}},
        {**CONFIGURED, "vulnerability": "", "fix-state": "wont-fix"},
        {**CONFIGURED, **HEADERS},
    ]

    _, head, findings = files.read(report)

    ignored = [item for item in findings if item.finding_id == "CVE-2026-0003"]
    assert [(item.accepted, item.accepted_reason) for item in ignored] == (
        [accepted] if accepted else []
    )
    assert head.suppressed == 1


@pytest.mark.parametrize(
    ("kind", "target", "artifact"),
    [
        ("directory", "/srv/build/shop", Artifact("/srv/build/shop", "filesystem")),
        ("image", {"userInput": "web@sha256:" + "a" * 64}, Artifact("web", "container_image")),
        (
            "image",
            {"userInput": "sha256:" + "a" * 64, "tags": ["web:1"]},
            Artifact("web:1", "container_image"),
        ),
    ],
)
def test_the_artifact_has_its_name_without_digest(files, kind, target, artifact):
    report = files.sample("grype.json")
    report["source"] = {"type": kind, "target": target}
    report["distro"] = {}

    assert files.read(report)[1].artifact == artifact


def test_identity_outlives_versions_severities_and_order(files):
    report = files.sample("grype.json")
    artifact = Artifact("a", "container_image")
    before = {item.key(artifact, "grype") for item in files.read(report)[2]}
    for match in report["matches"]:
        match["artifact"]["version"] = "9"
        match["vulnerability"]["severity"] = "Low"
        match["artifact"]["locations"].reverse()
    report["matches"].reverse()

    assert {item.key(artifact, "grype") for item in files.read(report)[2]} == before


def test_a_report_without_its_list_of_matches_is_refused(files):
    report = files.sample("grype.json")
    del report["matches"]

    with pytest.raises(Exception, match="not a Grype JSON report: it has no 'matches'"):
        files.read(report, "grype")


@pytest.mark.parametrize(
    ("name", "severities"),
    [
        ("TestEmptyJsonPresenter.golden", []),
        ("no_vuln.json", []),
        ("fix_available.json", ["high"]),
        ("same_cve_different_paths.json", ["critical", "critical"]),
        ("anchore_grype_epss_problem.json", ["high"]),
    ],
)
def test_recorded_reports(files, recorded, name, severities):
    _, head, findings = files.read(recorded / "grype" / name)

    assert [item.severity for item in findings] == severities
    assert head.problems == ()
