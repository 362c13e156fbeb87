"""Conftest's reports."""

from wazuh_pack.reports.findings import Artifact


def test_id_and_severity_come_from_the_policy_s_metadata(files, samples):
    _, head, findings = files.read(samples / "conftest.json")

    failure, warning = findings
    assert (failure.finding_id, failure.severity, failure.status, failure.line) == (
        "K8S-7",
        "high",
        "fail",
        12,
    )
    assert (warning.finding_id, warning.severity, warning.status) == ("main", "low", "warn")
    assert failure.path == "deploy/web.yaml"
    assert head.suppressed == 1


def test_without_an_id_the_message_tells_results_apart(files):
    results = [
        {
            "filename": "",
            "namespace": "main",
            "successes": 0,
            "failures": [{"msg": "a"}, {"msg": "b"}],
        }
    ]
    artifact = Artifact("shop", "repository")

    found = files.read(results)[2]

    assert len({item.key(artifact, "conftest") for item in found}) == 2
    assert {item.path for item in found} == {"-"}


def test_recorded_reports(files, recorded):
    _, _, findings = files.read(recorded / "conftest/deployment_output.json")

    assert len(findings) == 4
    assert findings[0].message == "Containers must not run as root in Deployment hello-kubernetes"
