import gzip
import hashlib
import json
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from wazuh_pack.agentkit.errors import ProcessError
from wazuh_pack.scan import config as configuration
from wazuh_pack.scan.feeds import Exploited
from wazuh_pack.scan.trivy import Runner
from wazuh_pack.scan.work import Run

STATES = (
    *("new", "reopened", "severity_changed", "fixed", "exploited", "fix_available"),
    *("accepted", "acceptance_ended"),
)
UNKNOWN_FIELDS = {"run_id", "scan_id", "event_id", "time", "tool", "host", "duration"}

FEED = json.dumps({"vulnerabilities": [{"cveID": "CVE-2026-0001"}]})


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
        "changes": {**dict.fromkeys(STATES, 0), "new": 2},
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


def test_an_engine_without_images_is_in_order_and_none_at_all_is_not(host, clock):
    host.configure(targets={"filesystems": "", "images": "all"})
    host.places.make()
    config = configuration.load(host.places.config)

    def no_engine(engine, _arguments):
        raise ProcessError(f"no {engine}")

    def empty(engine, _arguments):
        return "" if engine == "docker" else no_engine(engine, ())

    def outcome(ask):
        return Run(config, host.places, runner=Runner(), now=clock, ask=ask).perform()

    assert outcome(empty).succeeded
    assert not outcome(no_engine).succeeded


def test_one_more_tag_on_an_image_is_no_news(host, clock, reports):
    image = "sha256:" + "a" * 64
    host.report(reports.write(reports.image([reports.vulnerability(1)])))
    host.configure(targets={"filesystems": "", "images": "all", "engines": "docker"})
    host.places.make()
    config = configuration.load(host.places.config)

    def scan(*tags):
        def ask(_engine, arguments):
            return "".join(f"{image}\tx\t{tag}\n" for tag in tags) if "ls" in arguments else ""

        Run(config, host.places, runner=Runner(), now=clock, ask=ask).perform()
        return host.deliver()

    assert findings(scan("1")) == [("new", "CVE-2026-0001")]
    events = scan("1", "0")
    assert findings(events) == []
    assert only(events, "scan_finished")["artifact"] == "x:1"


def test_other_checks_than_before_fix_nothing_and_are_told_of_once_a_run(host, clock, reports):
    for name in ("a", "b"):
        (host.target / name).mkdir()
    host.configure(targets={"filesystems": f"\n    {host.target}/*"})

    def run(number, log=""):
        check = {"AVDID": f"AVD-OURS-{number:04}", "Severity": "HIGH", "Status": "FAIL"}
        result = {"Target": "Dockerfile", "Class": "config", "Misconfigurations": [check]}
        path = reports.write({"SchemaVersion": 2, "ArtifactName": "x", "Results": [result]})
        host.behave(f"echo '{log}' >&2; cp '{path}' \"$5\"")
        events = perform(host, clock)[1]
        told = [event for event in events if event["event"] == "scan_failed"]
        return findings(events), [(event["reason"], event["error"]) for event in told]

    fallback = "ERROR [misconfig] Falling back to embedded checks err=nowhere"
    assert run(1) == ([("new", "OURS-0001")] * 2, [])
    found, told = run(2, fallback)
    assert found == [("new", "OURS-0002")] * 2
    text = "Trivy's checks could not be had, the built-in ones were used: err=nowhere"
    assert told == [("db_download", text)]
    assert run(1) == ([], [])


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


def advance(clock, days):
    clock.moment += timedelta(days=days)


def sla(events):
    return [
        (event["state"], event["finding_id"], event["sla_days_left"])
        for event in events
        if event["event"] == "finding" and event["state"].startswith("sla_")
    ]


def test_a_finding_is_told_of_before_and_when_its_time_is_over_once_each(host, clock, finds):
    finds(1, 2, severity="CRITICAL")
    _, events = perform(host, clock)
    assert events[2]["sla_due"] == "2026-03-11T05:06:07Z"
    assert events[2]["sla_days_left"] == 7

    advance(clock, 4)
    assert sla(perform(host, clock)[1]) == []
    advance(clock, 1)
    _, events = perform(host, clock)
    assert sla(events) == [("sla_due", f"CVE-2026-000{n}", 2) for n in (1, 2)]
    assert only(events, "scan_finished")["sla"] == {"due": 2, "breached": 0}
    assert sla(perform(host, clock)[1]) == []

    finds(2, severity="CRITICAL")
    advance(clock, 3)
    _, events = perform(host, clock)
    assert sla(events) == [("sla_breached", "CVE-2026-0002", -1)]
    assert only(events, "scan_finished")["sla"] == {"due": 0, "breached": 1}
    advance(clock, 30)
    assert sla(perform(host, clock)[1]) == []


def test_what_comes_back_after_its_time_is_late_at_once(host, clock, finds):
    finds(1, severity="CRITICAL")
    perform(host, clock)
    finds()
    perform(host, clock)
    advance(clock, 60)
    finds(1, severity="CRITICAL")

    _, events = perform(host, clock)

    assert [event["state"] for event in events if event["event"] == "finding"] == [
        "reopened",
        "sla_breached",
    ]


def test_a_clock_that_goes_back_breaches_nothing(host, clock, finds):
    finds(1, severity="CRITICAL")
    perform(host, clock)
    advance(clock, -400)

    _, events = perform(host, clock)

    assert findings(events) == []


def test_late_findings_beyond_the_limit_are_told_of_next_time(host, clock, finds):
    host.configure(report={"max_events": "2", "worst": "0"})
    finds(1, 2, 3, severity="CRITICAL")
    perform(host, clock)
    advance(clock, 8)

    told = [sla(perform(host, clock)[1]) for _ in range(3)]

    assert [len(one) for one in told] == [2, 1, 0]
    assert len({finding for one in told for finding in one}) == 3


def except_for(host, *numbers, until="2026-12-31"):
    ids = " ".join(f"CVE-2026-{number:04}" for number in numbers)
    path = Path(host.places.exceptions)
    path.write_text(
        f"[known]\nfinding = {ids}\nby = jane\nreason = fine\nuntil = {until}\n", encoding="utf-8"
    )
    path.chmod(0o640)


def test_an_accepted_risk_is_told_of_and_ends(host, clock, finds):
    finds(1, 2, severity="CRITICAL")
    perform(host, clock)
    except_for(host, 1, 3, until="2026-03-20")
    finds(1, 2, 3, severity="CRITICAL")
    _, events = perform(host, clock)
    assert findings(events) == [("accepted", "CVE-2026-0001"), ("accepted", "CVE-2026-0003")]
    (event, _) = [event for event in events if event["event"] == "finding"]
    assert event["accepted"] == "exception known"
    assert (event["accepted_by"], event["accepted_until"]) == ("jane", "2026-03-20")
    finished = only(events, "scan_finished")
    assert (finished["accepted"], finished["counts"]["critical"]) == (2, 1)

    advance(clock, 8)
    assert sla(perform(host, clock)[1]) == [("sla_breached", "CVE-2026-0002", -1)]

    advance(clock, 10)
    _, events = perform(host, clock)
    assert findings(events) == [
        ("acceptance_ended", "CVE-2026-0001"),
        ("acceptance_ended", "CVE-2026-0003"),
        ("sla_breached", "CVE-2026-0001"),
        ("sla_breached", "CVE-2026-0003"),
    ]


def test_a_mistake_in_the_exceptions_is_an_event_and_the_scan_goes_on(host, clock, finds):
    finds(1)
    except_for(host, 1, until="soon")

    outcome, events = perform(host, clock)

    assert outcome.succeeded
    assert (events[0]["event"], events[0]["reason"]) == ("scan_failed", "configuration")
    assert "exceptions.ini:5: 'until'" in events[0]["error"]
    assert findings(events) == [("new", "CVE-2026-0001")]


def test_feeds_beside_the_configuration_are_used(host, clock, finds):
    entry = {"cveID": "CVE-2026-0002", "dateAdded": "2026-03-01", "dueDate": "2026-03-22"}
    host.places.kev.write_text(json.dumps({"vulnerabilities": [entry]}), encoding="utf-8")
    host.places.epss.write_bytes(gzip.compress(b"cve,epss,percentile\nCVE-2026-0001,0.5,0.9\n"))
    finds(1, 2)

    _, events = perform(host, clock)

    worst, other = [event for event in events if event["event"] == "finding"]
    assert (worst["finding_id"], worst["kev"], worst["kev_due"]) == (
        *("CVE-2026-0002", True, "2026-03-22"),
    )
    assert (other["epss"], other["epss_percentile"], other.get("kev")) == ("0.5", "0.9", None)


def test_a_feed_that_is_configured_has_to_be_there(host, clock, finds, tmp_path):
    host.configure(report={"kev": tmp_path / "none"})
    finds(1)

    outcome, events = perform(host, clock)

    assert outcome.succeeded
    assert events[0]["reason"] == "configuration"
    assert str(tmp_path / "none") in events[0]["error"]


def test_a_feed_that_trips_us_does_not_stop_the_scan(host, clock, finds, monkeypatch):
    def load(_path):
        raise ZeroDivisionError

    monkeypatch.setattr(Exploited, "load", load)
    host.places.kev.write_text("{}", encoding="utf-8")
    finds(1)

    outcome, events = perform(host, clock)

    assert outcome.succeeded
    assert (events[0]["event"], events[0]["reason"]) == ("scan_failed", "configuration")
    assert "ZeroDivisionError at test_work.py:" in events[0]["error"]
    assert findings(events) == [("new", "CVE-2026-0001")]


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_text(FEED[:40], "utf-8"), lambda path: path.chmod(0o666)]
)
def test_a_feed_that_is_damaged_for_a_while_ends_and_repeats_nothing(host, clock, finds, damage):
    host.places.kev.write_text(FEED, encoding="utf-8")
    finds(1, 2)
    perform(host, clock)
    damage(host.places.kev)
    finds(1, 2, 3)

    _, events = perform(host, clock)

    assert events[0]["reason"] == "configuration"
    assert findings(events) == [("new", "CVE-2026-0003")]
    host.places.kev.write_text(FEED, encoding="utf-8")
    host.places.kev.chmod(0o644)
    assert findings(perform(host, clock)[1]) == []


def test_a_mistake_in_one_exception_ends_no_other(host, clock, finds):
    finds(1, severity="CRITICAL")
    except_for(host, 1)
    perform(host, clock)
    path = Path(host.places.exceptions)
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole + "[b]\nfinding = CVE-1\nby = a\nreason = b\nuntil = x\n", "utf-8")
    _, events = perform(host, clock)
    assert (events[0]["reason"], findings(events)) == ("configuration", [])

    except_for(host, 1, until="2026-13-01")
    assert findings(perform(host, clock)[1]) == []

    path.unlink()
    assert findings(perform(host, clock)[1]) == [("acceptance_ended", "CVE-2026-0001")]


def writable(path, content):
    path.write_text(content, encoding="utf-8")
    path.chmod(0o666)
    return path


@pytest.mark.parametrize(
    ("key", "content"), [("kev", FEED), ("epss", "cve,epss,percentile\nCVE-2026-0001,0.5,0.9\n")]
)
def test_a_feed_that_others_may_write_to_is_told_of_and_not_used(
    host, clock, finds, tmp_path, key, content
):
    host.configure(report={key: writable(tmp_path / "feed", content)})
    finds(1)

    outcome, events = perform(host, clock)

    assert outcome.succeeded
    assert events[0]["reason"] == "configuration"
    assert "feed: writable for group or others" in events[0]["error"]
    (found,) = [event for event in events if event["event"] == "finding"]
    assert {"kev", "epss"} & found.keys() == set()


@pytest.mark.parametrize(
    ("section", "key", "more"),
    [
        ("trivy", "ignore_file", {}),
        ("trivy", "vex", {}),
        ("targets", "kubeconfig", {"clusters": "prod"}),
    ],
)
def test_a_file_for_trivy_that_others_may_write_to_stops_the_run(
    host, clock, finds, tmp_path, section, key, more
):
    finds(1)
    path = writable(tmp_path / "file", "CVE-2026-0001")
    host.configure(**{section: {key: path, **more}})

    outcome, events = perform(host, clock)

    assert not outcome.succeeded
    assert [(event["event"], event["reason"]) for event in events] == [
        ("scan_failed", "configuration")
    ]
    assert "file: writable for group or others" in events[0]["error"]


def test_a_file_for_trivy_has_to_be_there(host, clock, finds, tmp_path):
    finds(1)
    host.configure(trivy={"ignore_file": tmp_path / "none"})

    _, events = perform(host, clock)

    assert [event["error"] for event in events] == [f"{tmp_path}/none: No such file or directory"]


def test_the_same_results_again_are_counted_and_judged_anew(host, clock, finds):
    finds(1, 2, severity="CRITICAL")
    perform(host, clock)

    def counted():
        finished = only(perform(host, clock)[1], "scan_finished")
        return finished["counts"]["critical"], finished.get("accepted")

    assert counted() == (2, None)
    except_for(host, 1, until="2026-03-05")
    assert counted() == (1, 1)
    assert counted() == (1, 1)
    advance(clock, 2)
    assert counted() == (2, None)
    host.configure(trivy={"skip_dirs": "/x"})
    assert counted() == (2, None)
    finds()
    assert counted() == (0, None)


def test_a_fix_that_comes_is_told_of(host, clock, reports):
    flaw = reports.vulnerability(1, FixedVersion="")
    host.report(reports.write(reports.image([flaw])))
    perform(host, clock)
    host.report(reports.write(reports.image([reports.vulnerability(1)])))

    assert findings(perform(host, clock)[1]) == [("fix_available", "CVE-2026-0001")]
    assert findings(perform(host, clock)[1]) == []


def test_a_base_that_is_not_approved_is_told_of_until_it_is(host, clock, reports, tmp_path):
    archive = tmp_path / "image.tar"
    archive.write_bytes(b"")
    targets = {"filesystems": "", "archives": archive}
    host.report(reports.write(reports.image(OS={"Family": "debian", "Name": "9", "EOSL": True})))

    def bases(approved):
        host.configure(targets={**targets, "approved_bases": approved})
        return [
            (event["state"], event["os"])
            for event in perform(host, clock)[1]
            if event["event"] == "base_image"
        ]

    assert bases("alpine *") == [("end_of_life", "debian 9"), ("not_approved", "debian 9")]
    assert bases("alpine *") == []
    assert bases("debian *") == [("end_of_life", "debian 9")]


def test_a_digest_comes_once_a_period(host, clock, finds):
    finds(1, 2, severity="CRITICAL")
    assert "digest" not in kinds(perform(host, clock)[1])
    finds(1, severity="CRITICAL")
    except_for(host, 1)
    perform(host, clock)
    finds(1, 3, severity="CRITICAL")
    advance(clock, 8)

    _, events = perform(host, clock)

    assert only(events, "digest") == {
        "event": "digest",
        "artifacts": 1,
        "counts": {**dict.fromkeys(("high", "medium", "low", "info", "unknown"), 0)}
        | {"critical": 1, "total": 1},
        "accepted": 1,
        "exploited": 0,
        "sla": {"due": 0, "breached": 0},
        "changes": {"new": 1, "fixed": 0},
        "since": "2026-03-05T05:06:07Z",
        "oldest": "2026-03-04T05:06:07Z",
    }
    assert "digest" not in kinds(perform(host, clock)[1])


def test_an_artifact_that_is_long_gone_is_forgotten(host, clock, finds):
    finds(1)
    (host.target / "old").mkdir()
    host.configure(targets={"filesystems": f"\n    {host.target}/*"})
    perform(host, clock)
    (host.target / "old").rename(host.target / "new")
    advance(clock, 91)
    perform(host, clock)
    (host.target / "new").rename(host.target / "old")

    _, events = perform(host, clock)

    assert "baseline" in kinds(events)


def test_credentials_go_to_trivy_and_nowhere_else(host, clock, tmp_path):
    path = tmp_path / "trivy.env"
    path.write_text("TRIVY_PASSWORD=canary-password\n", encoding="utf-8")
    path.chmod(0o600)
    host.configure(trivy={"environment": path})
    host.behave(
        f'echo "$TRIVY_PASSWORD" > {host.home}/saw; echo "FATAL $TRIVY_PASSWORD" >&2; exit 1'
    )

    _, events = perform(host, clock)

    assert (host.home / "saw").read_text(encoding="utf-8") == "canary-password\n"
    assert events[1]["error"] == "***"
    assert "canary" not in json.dumps(events)


def test_credentials_that_others_can_read_stop_the_run(host, clock, tmp_path):
    path = tmp_path / "trivy.env"
    path.write_text("TRIVY_PASSWORD=canary-password\n", encoding="utf-8")
    path.chmod(0o644)
    host.configure(trivy={"environment": path})

    _, events = perform(host, clock)

    assert [event["reason"] for event in events] == ["configuration"]
    assert "chmod" in events[0]["error"]
