"""gitleaks' reports."""

import pytest

from wazuh_pack.reports.findings import Artifact


def test_rule_and_place_but_never_the_secret(files, samples):
    _, head, findings = files.read(samples / "gitleaks.json")

    assert head.artifact == Artifact("", "repository")
    assert [(item.finding_id, item.path, item.line, item.severity) for item in findings] == [
        ("aws-access-token", "conf/aws.tf", 4, "high"),
        ("aws-access-token", "conf/aws.tf", 9, "high"),
        ("private-key", "conf/id_rsa", 4, "high"),
    ]
    assert {item.status for item in findings} == {"unverified"}


def test_a_leak_stays_the_same_when_commits_and_lines_move(files):
    report = files.sample("gitleaks.json")
    artifact = Artifact("shop", "repository")
    first, second, other = (item.key(artifact, "gitleaks") for item in files.read(report)[2])

    assert first == second != other


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("json_simple.json", ["test-rule"]),
        (
            "gitleaks8_many.json",
            ["aws-access-token", "aws-access-token", "RSA-PK", "generic-api-key"],
        ),
        ("no_findings.json", []),
    ],
)
def test_recorded_reports(files, recorded, name, rules):
    _, _, findings = files.read(recorded / "gitleaks" / name, "gitleaks")

    assert [item.finding_id for item in findings] == rules


def test_the_form_of_version_7_is_refused(files, recorded):
    with pytest.raises(Exception, match="not a gitleaks JSON report"):
        files.read(recorded / "gitleaks/issue4336.json", "gitleaks")
