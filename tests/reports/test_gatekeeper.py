"""Gatekeeper's audits."""

import pytest


def test_only_the_last_audit_of_a_log_counts(files, samples):
    _, head, findings = files.read(samples / "gatekeeper.log")

    assert (head.created, head.problems) == ("2026-03-02T09:01:00Z", ())
    assert [(item.finding_id, item.severity, item.status, item.resource) for item in findings] == [
        ("K8sAllowedRepos/only-ours", "high", "deny", "shop/Pod/web"),
        ("K8sLimits/must-have-limits", "medium", "warn", "shop/Pod/web"),
    ]


def test_an_audit_under_way_does_not_hide_the_one_before(files, samples):
    content = (samples / "gatekeeper.log").read_text(encoding="utf-8")

    _, head, findings = files.read(content.rpartition('{"level"')[0])

    assert head.created == "2026-03-02T09:00:00Z"
    assert head.problems == ()
    assert [item.resource for item in findings] == ["shop/Pod/gone"]


def test_an_audit_without_violations_is_a_clean_one(files, samples):
    lines = (samples / "gatekeeper.log").read_text(encoding="utf-8").splitlines(keepends=True)

    _, head, findings = files.read(
        "".join(line for line in lines if "violation_audited" not in line)
    )

    assert (findings, head.problems) == ([], ())


def test_violations_that_the_status_leaves_out_make_it_incomplete(files, samples):
    _, head, findings = files.read(samples / "gatekeeper-constraints.json")

    assert head.problems == ("2 violations are not in the constraints' status",)
    assert [(item.finding_id, item.resource) for item in findings] == [
        ("K8sAllowedRepos/only-ours", "shop/Pod/web")
    ]


def test_recorded_audits(files, recorded):
    _, head, findings = files.read(recorded / "gatekeeper/violation_audited.jsonl")

    # Two audits' lines; the later in the file counts, and its end is missing.
    assert [item.finding_id for item in findings] == [
        "K8sContainerLimits/container-must-have-limits"
    ]
    assert head.problems == ("the audit's end is not in the log",)


def test_a_log_without_an_audit_is_refused(files):
    with pytest.raises(Exception, match="not a Gatekeeper audit: no line with an audit_id"):
        files.read('{"level":"info","msg":"hello"}\n', "gatekeeper")
