import hashlib
import json
import os
import signal

import pytest

from wazuh_pack.scan import config as configuration
from wazuh_pack.scan.trivy import Runner
from wazuh_pack.scan.work import Run

UNKNOWN_FIELDS = {"run_id", "scan_id", "event_id", "time", "tool", "duration"}


def perform(host, clock, runner=None):
    """Run all scans of a host and return outcome and events."""
    host.places.make()
    config = configuration.load(host.places.config)
    outcome = Run(config, host.places, runner=runner or Runner(), now=clock).perform()
    return outcome, host.deliver()


def kinds(events):
    return [event["event"] for event in events]


def findings(events):
    return [
        (event["state"], event["finding_id"]) for event in events if event["event"] == "finding"
    ]


def only(events, kind):
    (event,) = [event for event in events if event["event"] == kind]
    return {name: value for name, value in event.items() if name not in UNKNOWN_FIELDS}


@pytest.fixture
def finds(host, reports):
    """Make Trivy find vulnerabilities of these numbers."""

    def finds(*numbers, severity="HIGH"):
        document = reports.image([reports.vulnerability(number, severity) for number in numbers])
        host.report(reports.write(document))

    return finds


def test_a_first_scan_gives_baseline_findings_and_summary(host, clock, finds):
    finds(1, 2)

    outcome, events = perform(host, clock)

    assert (outcome.scanned, outcome.failed) == (1, 0)
    assert kinds(events) == [
        "scan_started",
        "baseline",
        "finding",
        "finding",
        "scan_finished",
        "run_finished",
    ]
    about = {
        "artifact": str(host.target),
        "artifact_type": "filesystem",
        "artifact_digest": "sha256:" + "b" * 64,
        "os": "debian 12.5",
    }
    counts = {
        **dict.fromkeys(("critical", "medium", "low", "info", "unknown"), 0),
        "high": 2,
        "total": 2,
    }
    summary = {"counts": counts, "reported": 2, "unreported": 0}
    assert only(events, "baseline") == {"event": "baseline", **about, **summary}
    assert only(events, "scan_finished") == {
        "event": "scan_finished",
        **about,
        **summary,
        "changes": {"new": 2, "reopened": 0, "severity_changed": 0, "fixed": 0},
        "baseline": True,
        "complete": True,
        "tool_version": "0.74.0",
    }
    assert only(events, "run_finished") == {
        "event": "run_finished",
        "artifacts": 1,
        "failed": 0,
        "tool_version": "0.74.0",
    }
    assert events[2]["baseline"] is True
    assert events[2]["first_seen"] == "2026-03-04T05:06:07Z"
    assert len({event["event_id"] for event in events}) == 6


def test_later_scans_tell_changes_only(host, clock, finds):
    finds(1, 2)
    perform(host, clock)

    assert findings(perform(host, clock)[1]) == []
    finds(2, 3)
    assert findings(perform(host, clock)[1]) == [
        ("new", "CVE-2026-0003"),
        ("fixed", "CVE-2026-0001"),
    ]
    finds(1, 2, 3)
    assert findings(perform(host, clock)[1]) == [("reopened", "CVE-2026-0001")]
    finds(1, 2, 3, severity="CRITICAL")
    _, events = perform(host, clock)
    assert findings(events) == [("severity_changed", f"CVE-2026-000{n}") for n in (1, 2, 3)]
    assert events[1]["previous_severity"] == "high"


def test_a_failed_scan_fixes_nothing(host, clock, finds):
    finds(1)
    perform(host, clock)
    host.behave("exit 1")
    perform(host, clock)
    finds(1)

    assert findings(perform(host, clock)[1]) == []


def test_only_the_worst_of_a_first_scan_are_told_one_by_one(host, clock, finds):
    host.configure(report={"worst": "2", "max_events": "3"})
    finds(*range(1, 6))
    _, events = perform(host, clock)
    assert len(findings(events)) == 2
    assert only(events, "baseline")["unreported"] == 3

    finds(*range(1, 11))
    _, events = perform(host, clock)
    assert len(findings(events)) == 3
    assert only(events, "scan_finished")["unreported"] == 2
    assert only(events, "scan_finished")["changes"]["new"] == 5


def test_full_mode_tells_every_finding_every_time(host, clock, finds):
    host.configure(report={"mode": "full", "worst": "1"})
    finds(1, 2)
    assert findings(perform(host, clock)[1]) == [("new", "CVE-2026-0001"), ("new", "CVE-2026-0002")]
    finds(2, 3)

    assert findings(perform(host, clock)[1]) == [
        ("new", "CVE-2026-0003"),
        ("fixed", "CVE-2026-0001"),
        ("present", "CVE-2026-0002"),
    ]


def test_the_severity_floor_hides_but_counts(host, clock, finds):
    host.configure(report={"severity": "critical"})
    finds(1)

    _, events = perform(host, clock)

    assert findings(events) == []
    assert only(events, "scan_finished")["counts"]["high"] == 1


FAILURES = [
    ("echo 'FATAL DB error: failed to download vulnerability DB' >&2; exit 1", "db_download"),
    ("echo 'FATAL TOOMANYREQUESTS' >&2; exit 1", "rate_limit"),
    ("echo 'FATAL cache may be in use by another process' >&2; exit 1", "lock"),
    ("echo 'FATAL no space left on device' >&2; exit 1", "no_space"),
    ("echo 'FATAL context deadline exceeded' >&2; exit 1", "timeout"),
    ("echo 'FATAL unable to find the specified image' >&2; exit 1", "target_not_found"),
    ("echo 'FATAL strange' >&2; exit 1", "other"),
    ("kill -9 $$", "killed"),
    ("exit 0", "parse_error"),
    ('printf \'{"SchemaVersion": 2, "Results": [{\' > "$5"', "parse_error"),
    ('echo \'{"bomFormat": "CycloneDX"}\' > "$5"', "parse_error"),
    ('ln -s /etc/passwd "$5"', "parse_error"),
]


@pytest.mark.parametrize(("script", "reason"), FAILURES)
def test_every_failure_is_an_event_with_its_reason(host, clock, script, reason):
    host.behave(script)

    outcome, events = perform(host, clock)

    assert not outcome.succeeded
    assert kinds(events) == ["scan_started", "scan_failed", "run_finished"]
    assert events[1]["reason"] == reason
    assert events[1]["artifact"] == str(host.target)
    assert events[1]["error"]


def test_an_untrusted_binary_is_never_run(host, clock):
    host.behave(f"touch {host.home}/ran")
    host.configure(trivy={"sha256": "0" * 64})

    outcome, events = perform(host, clock)

    assert not outcome.succeeded
    assert kinds(events) == ["scan_failed"]
    assert events[0]["reason"] == "untrusted"
    assert "artifact" not in events[0]
    assert not (host.home / "ran").exists()


def test_a_pinned_binary_is_run(host, clock, finds):
    finds(1)
    host.configure(trivy={"sha256": hashlib.sha256(host.trivy.read_bytes()).hexdigest()})

    assert perform(host, clock)[0].succeeded


def test_one_artifact_that_fails_does_not_stop_the_others(host, clock, reports):
    path = reports.write(reports.image([reports.vulnerability()]))
    for name in ("a", "b", "c"):
        (host.target / name).mkdir()
    host.configure(targets={"filesystems": f"\n    {host.target}/*"})
    host.behave(f'case "$*" in *b) exit 1;; *) cp {path} "$5";; esac')

    outcome, events = perform(host, clock)

    assert (outcome.scanned, outcome.failed, outcome.succeeded) == (3, 1, True)
    assert [event["artifact"][-1] for event in events if event["event"] == "scan_finished"] == [
        "a",
        "c",
    ]
    assert only(events, "scan_failed")["artifact"] == f"{host.target}/b"


def test_a_target_that_is_gone_is_an_event(host, clock):
    host.target.rmdir()

    _, events = perform(host, clock)

    assert kinds(events) == ["scan_failed", "run_finished"]
    assert events[0]["reason"] == "target_not_found"


def test_trivy_works_in_an_empty_private_folder_that_goes_away(host, clock, reports):
    path = reports.write(reports.image())
    (host.target / ".trivyignore").write_text("CVE-2026-0001", encoding="utf-8")
    host.behave(f'ls -A > {host.home}/saw; pwd >> {host.home}/saw; cp {path} "$5"; umask > x')

    perform(host, clock)

    saw = (host.home / "saw").read_text(encoding="utf-8").splitlines()
    assert saw[0] == "errors"  # where its own standard error goes
    assert saw[1].startswith(str(host.places.work))
    assert list(host.places.work.iterdir()) == []


def test_what_a_killed_run_left_behind_is_removed(host, clock, finds):
    host.places.make()
    (host.places.work / "scan-old" / "tmp").mkdir(parents=True)
    finds(1)

    perform(host, clock)

    assert list(host.places.work.iterdir()) == []


def test_a_corrupt_memory_is_set_aside_with_an_event_and_the_scan_goes_on(host, clock, finds):
    finds(1)
    perform(host, clock)
    host.places.memory.write_bytes(b"no database at all" * 300)

    outcome, events = perform(host, clock)

    assert outcome.succeeded
    assert kinds(events) == [
        "scan_started",
        "memory_reset",
        "baseline",
        "finding",
        "scan_finished",
        "run_finished",
    ]
    assert events[1]["error"].startswith("corrupt: ")


def test_resources_that_failed_make_a_partial_scan_that_fixes_nothing(host, clock, reports):
    def resource(name, **more):
        return {"Namespace": "a", "Kind": "Pod", "Name": name, **more}

    vulnerabilities = {"Target": "t", "Vulnerabilities": [reports.vulnerability(1)]}
    whole = {"ClusterName": "c", "Resources": [resource("x", Results=[vulnerabilities])]}
    host.report(reports.write(whole))
    perform(host, clock)
    host.report(reports.write({"ClusterName": "c", "Resources": [resource("x", Error="no")]}))

    _, events = perform(host, clock)

    assert kinds(events) == ["scan_started", "scan_failed", "scan_finished", "run_finished"]
    assert (events[1]["reason"], events[1]["parts"]) == ("partial", 1)
    assert events[2]["complete"] is False
    host.report(reports.write(whole))
    assert findings(perform(host, clock)[1]) == []


def test_a_full_disk_is_an_event_and_the_findings_come_later(host, clock, finds, monkeypatch):
    finds(1)
    original = os.fsync
    calls = []

    def full_once(descriptor):
        calls.append(descriptor)
        if len(calls) == 3:  # the first two are scan_started's
            raise OSError(28, "No space left on device")
        return original(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full_once)
        outcome, events = perform(host, clock)

    assert not outcome.succeeded
    assert [event.get("reason") for event in events] == [None, "no_space", None]
    assert findings(perform(host, clock)[1]) == [("new", "CVE-2026-0001")]


def test_a_spool_that_nobody_empties_stops_the_scan_and_loses_nothing(
    host, clock, finds, monkeypatch
):
    finds(1)
    monkeypatch.setattr("wazuh_pack.scan.spool.Spool.__init__.__kwdefaults__", {"max_bytes": 0})
    outcome, events = perform(host, clock)
    assert not outcome.succeeded
    assert kinds(events) == ["scan_started"]

    monkeypatch.undo()
    assert findings(perform(host, clock)[1]) == [("new", "CVE-2026-0001")]


def test_a_stale_database_is_an_event(host, clock, finds):
    finds(1)
    database = host.places.cache / "db"
    host.places.make()
    database.mkdir()
    (database / "metadata.json").write_text(
        json.dumps({"Version": 2, "UpdatedAt": "2026-02-28T06:19:23.123456789Z"}), encoding="utf-8"
    )

    _, events = perform(host, clock)

    assert only(events, "database_stale") == {
        "event": "database_stale",
        "database_updated": "2026-02-28T06:19:23Z",
        "database_age_hours": 94,
    }
    assert only(events, "scan_finished")["database_age_hours"] == 94


def test_a_cache_that_others_may_write_to_stops_the_run(host, clock, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    host.configure(trivy={"cache_dir": cache})

    _, events = perform(host, clock)

    assert [event["reason"] for event in events] == ["configuration"]


def test_no_secret_of_a_report_reaches_an_event(host, clock, reports):
    secret = {
        "RuleID": "github-pat",
        "Severity": "CRITICAL",
        "Match": "canary-match",
        "Code": {"Lines": [{"Content": "canary-line"}]},
    }
    document = reports.image([reports.vulnerability()])
    document["Results"].append({"Target": "a.sh", "Class": "secret", "Secrets": [secret]})
    host.report(reports.write(document))

    _, events = perform(host, clock)

    assert ("new", "github-pat") in findings(events)
    assert "canary" not in json.dumps(events)
    assert b"canary" not in host.places.memory.read_bytes()


def test_a_run_that_is_stopped_says_so_and_scans_no_more(host, clock, finds):
    finds(1)
    runner = Runner()
    host.behave("kill -TERM $PPID; read x < /dev/zero; exit 1")
    before = signal.signal(signal.SIGTERM, lambda *_: runner.stop())
    try:
        outcome, events = perform(host, clock, runner)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert not outcome.succeeded
    assert events[1]["reason"] == "killed"
    assert kinds(events) == ["scan_started", "scan_failed", "run_finished"]
