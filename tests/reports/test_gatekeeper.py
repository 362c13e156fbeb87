"""Gatekeeper's audits."""

import json

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


def line(**more):
    return json.dumps({"level": "info", "logger": "controller", "process": "audit", **more}) + "\n"


def audit(*between, after=()):
    """Return a log in which an audit finds a violation, and a second one does not."""
    first, second = {"audit_id": "2026-03-02T09:00:00Z"}, {"audit_id": "2026-03-02T09:01:00Z"}
    violation = {
        "event_type": "violation_audited",
        "constraint_kind": "K8sAllowedRepos",
        "constraint_name": "only-ours",
        "resource_kind": "Pod",
        "resource_name": "web",
    }
    return "".join(
        [
            line(**first, event_type="audit_started"),
            line(**first, **violation),
            line(**first, event_type="audit_finished"),
            line(**second, event_type="audit_started"),
            *(line(**second, **more) for more in between),
            line(**second, event_type="audit_finished"),
            *(line(**more) for more in after),
        ]
    )


# Texts of Gatekeeper's pkg/audit/manager.go.
UNLISTED = {"level": "error", "msg": "Unable to list objects for gvk", "error": "refused"}
FAILED = {"level": "error", "msg": "audit manager audit() failed", "error": "i/o timeout"}


@pytest.mark.parametrize(
    ("log", "problem"),
    [
        (audit(UNLISTED), "the audit met an error: Unable to list objects for gvk: refused"),
        # It ends even when it failed, and the line that says so comes later and has no id.
        (
            audit(after=[FAILED]),
            "the audit met an error: audit manager audit() failed: i/o timeout",
        ),
        (
            audit({"msg": "Audit exits, required crd has not been deployed ", "CRD": "x"}),
            "the audit met an error: Audit exits, required crd has not been deployed",
        ),
        (
            audit({"msg": "no constraint is found with apiversion"}),
            "the audit met an error: no constraint is found with apiversion",
        ),
    ],
)
def test_an_audit_that_failed_is_incomplete(files, log, problem):
    _, head, findings = files.read(log)

    assert (head.created, findings) == ("2026-03-02T09:01:00Z", [])
    assert head.problems == (problem,)


@pytest.mark.parametrize(
    "log",
    [
        audit({"level": "error", "msg": "could not update constraint status", "name": "x"}),
        audit({"level": "error", "msg": "failed to report total violations"}),
        audit(after=[{"level": "error", "msg": "StatsReporter could not start"}]),
        # Of the audit before.
        line(**FAILED) + audit(),
        line(**UNLISTED, audit_id="2026-03-02T08:59:00Z") + audit(),
    ],
)
def test_an_error_that_concerns_no_object_does_not_matter(files, log):
    assert files.read(log)[1].problems == ()


def test_credentials_in_an_error_are_not_told(files):
    error = {**UNLISTED, "error": 'Get "https://user:canary-x@10.0.0.1/api": refused'}

    assert "canary-" not in files.read(audit(error))[1].problems[0]


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
