"""SARIF of any tool."""

import pytest

from wazuh_pack.reports.findings import Artifact
from wazuh_pack.reports.registry import open_report
from wazuh_pack.reports.report import ReportError, ReportFile


def test_rules_levels_and_places(files, samples):
    _, head, findings = files.read(samples / "sarif.json")

    assert head.artifact == Artifact("https://git.example.org/shop/web", "repository", "abc123")
    assert (head.tool, head.tool_version, head.suppressed) == ("example-scan", "4.2.0", 1)
    injection, weak, suppressed = findings
    assert (injection.finding_id, injection.severity, injection.cwe) == (
        "sql-injection",
        "critical",
        "CWE-89",
    )
    assert (injection.title, injection.path, injection.line) == (
        "SQL from user input",
        "src/orders.py",
        41,
    )
    # No result level: the rule's default counts; an address of a file becomes its path.
    assert (weak.severity, weak.path, weak.accepted) == ("medium", "/src/hash it.py", "")
    assert (suppressed.accepted, suppressed.accepted_by, suppressed.accepted_reason) == (
        "tool",
        "example-scan",
        "inSource",
    )


def run(tool="Scan", **result):
    return {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": tool, "rules": result.pop("rules", [])}},
                "results": [{"ruleId": "r", "message": {"text": "m"}, **result}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("level", "severity"),
    [("error", "high"), ("warning", "medium"), ("note", "low"), ("none", "info"), ("", "medium")],
)
def test_levels(files, level, severity):
    assert files.read(run(level=level))[2][0].severity == severity


@pytest.mark.parametrize(
    ("suppressions", "reason"),
    [
        ([{"kind": "external", "status": "accepted", "justification": "test"}], "external: test"),
        ([{"status": "rejected"}, {"kind": "inSource"}], "inSource"),
        ([{"kind": "external", "status": "underReview"}], None),
        ([{"kind": "external", "status": "rejected"}], None),
        ([], None),
        ([7], None),
    ],
)
def test_a_suppression_that_holds_accepts_the_finding(files, suppressions, reason):
    _, head, (found,) = files.read(run(suppressions=suppressions))

    assert (found.accepted, found.accepted_reason) == (("tool", reason) if reason else ("", ""))
    assert head.suppressed == (1 if reason else 0)


def test_why_a_secret_is_suppressed_is_not_shown(files):
    report = run("gitleaks", suppressions=[{"kind": "external", "justification": "canary-x"}])

    assert files.read(report)[2][0].accepted_reason == "external"


@pytest.mark.parametrize("tool", ["gitleaks", "TruffleHog"])
def test_the_message_of_what_finds_secrets_is_not_shown(files, tool):
    report = run(tool, message={"text": "canary-secret found"})

    (found,) = files.read(report)[2]

    assert (found.scanner, found.message, found.title) == ("secret", "", "")
    assert found.severity == "high"


@pytest.mark.parametrize(
    ("tag", "scanner"),
    [
        ("vulnerability", "vuln"),
        ("misconfiguration", "misconfig"),
        ("secret", "secret"),
        ("x", "sast"),
    ],
)
def test_a_rule_s_tags_tell_what_kind_it_is(files, tag, scanner):
    rules = [{"id": "r", "properties": {"tags": [tag, "security"]}}]

    assert files.read(run(rules=rules))[2][0].scanner == scanner


@pytest.mark.parametrize(
    ("prints", "distinct"),
    [
        (
            (
                {"partialFingerprints": {"primaryLocationLineHash": "a:1"}},
                {"partialFingerprints": {"primaryLocationLineHash": "b:1"}},
            ),
            2,
        ),
        (
            (
                {"fingerprints": {"matchBasedId/v1": "a"}},
                {"fingerprints": {"matchBasedId/v1": "b"}},
            ),
            2,
        ),
        (
            (
                {"partialFingerprints": {"commitSha": "a"}},
                {"partialFingerprints": {"commitSha": "b"}},
            ),
            1,
        ),
        (({"locations": []}, {"locations": []}), 1),
    ],
)
def test_only_lasting_fingerprints_tell_results_apart(files, prints, distinct):
    report = run()
    report["runs"][0]["results"] = [
        {"ruleId": "r", "message": {"text": "m"}, **more} for more in prints
    ]
    artifact = Artifact("shop", "repository")

    found = files.read(report)[2]

    assert len({item.key(artifact, "scan") for item in found}) == distinct


def test_a_run_that_failed_makes_the_report_incomplete(files):
    report = run()
    report["runs"][0]["invocations"] = [{"executionSuccessful": False}]

    assert files.read(report)[1].problems == ("1 runs of the tool did not succeed",)


class Unsearchable(list):
    """A list that nobody may look through, for it is as long as the report likes."""

    def __iter__(self):
        raise AssertionError("the runs are looked through")


def test_the_run_of_a_result_is_found_without_a_search(files):
    report = {"version": "2.1.0", "runs": [run(f"t{number}")["runs"][0] for number in range(3)]}

    with open_report(ReportFile(files.write(report)))[1] as opened:
        opened._nested.places = Unsearchable(opened._nested.places)
        assert len(list(opened.findings())) == 3


def test_rules_of_extensions_are_found_by_index(files):
    report = run(rule={"id": "r", "index": 0, "toolComponent": {"index": 0}})
    report["runs"][0]["tool"]["extensions"] = [
        {"name": "pack", "rules": [{"id": "r", "properties": {"security-severity": "7.5"}}]}
    ]

    assert files.read(report)[2][0].severity == "high"


@pytest.mark.parametrize(
    ("name", "tool", "scanner"),
    [
        ("sarif/njsscan.sarif", "nodejsscan", "sast"),
        ("gitleaks/sarif_simple.sarif", "gitleaks", "secret"),
    ],
)
def test_recorded_reports(files, recorded, name, tool, scanner):
    _, head, findings = files.read(recorded / name)

    assert (head.tool, {item.scanner for item in findings}) == (tool, {scanner})


def test_more_rules_than_any_tool_has_are_refused(files, monkeypatch):
    monkeypatch.setattr("wazuh_pack.reports.sarif._MAX_RULES", 3)

    with pytest.raises(ReportError, match="more than 3 rules"):
        files.read(run(rules=[{"id": "r"}] * 3))
