"""Policy reports of Kyverno and others."""

import json

import pytest

REPORT = {
    "apiVersion": "wgpolicyk8s.io/v1alpha2",
    "kind": "PolicyReport",
    "metadata": {
        "name": "x",
        "namespace": "shop",
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "web-0"}],
    },
    "results": [{"policy": "p", "rule": "r", "result": "error", "message": "cannot tell"}],
}


def test_a_list_of_reports(files, samples):
    _, head, findings = files.read(samples / "kyverno.json")

    assert head.artifact.kind == "kubernetes"
    assert [(item.finding_id, item.severity, item.status, item.resource) for item in findings] == [
        ("require-digest/check-digest", "high", "fail", "shop/Pod/web"),
        # Not scored: a failure is only a warning.
        ("labels/app", "low", "warn", "shop/Pod/web"),
        ("namespace-labels/owner", "low", "warn", "Namespace/old"),
        ("namespace-labels/owner", "low", "warn", "Namespace/shop"),
    ]
    assert findings[0].package_type == "kyverno"


def test_one_report_after_what_the_command_line_says(files):
    _, _, findings = files.read("Applying 2 policy rules to 1 resource...\n\n" + json.dumps(REPORT))

    (found,) = findings
    assert (found.severity, found.status, found.resource) == ("medium", "error", "shop/Pod/web-0")


@pytest.mark.parametrize(
    ("properties", "accepted_by"), [({"exceptions": "shop-legacy"}, "shop-legacy"), ({}, None)]
)
def test_a_policy_exception_accepts_and_any_other_rule_that_was_skipped_is_nothing(
    files, properties, accepted_by
):
    skipped = {**REPORT["results"][0], "result": "skip", "properties": properties}

    _, head, findings = files.read({**REPORT, "results": [skipped]})

    assert [(item.accepted, item.accepted_by, item.status) for item in findings] == (
        [("tool", accepted_by, "skip")] if accepted_by else []
    )
    assert head.suppressed == len(findings)


@pytest.mark.parametrize("version", ["v1", "wgpolicyk8s.org/v1", ""])
def test_other_kubernetes_objects_are_refused(files, version):
    with pytest.raises(Exception, match="not a Kubernetes policy report: its apiVersion is"):
        files.read({**REPORT, "apiVersion": version}, "kyverno")


@pytest.mark.parametrize(
    ("kind", "name", "stable"),
    [
        ("Pod", "web-6b84485b85-gx5lh", "web"),
        ("Pod", "agent-gx5lh", "agent"),
        ("Pod", "web-0", "web-0"),
        ("Pod", "shop-frontend", "shop-frontend"),
        ("ReplicaSet", "web-6b84485b85", "web"),
        ("Deployment", "web-6b84485b85", "web-6b84485b85"),
    ],
)
def test_a_rollout_changes_no_identity(files, kind, name, stable):
    report = {**REPORT, "scope": {"kind": kind, "namespace": "shop", "name": name}}

    assert files.read(report)[2][0].resource == f"shop/{kind}/{stable}"
