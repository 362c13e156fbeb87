import fcntl
import json
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from wazuh_pack.scan import sink
from wazuh_pack.scan.events import Source, encode
from wazuh_pack.scan.places import home_of
from wazuh_pack.scan.schedule import Record

ROOT = Path(__file__).resolve().parents[2]
WODLE = ROOT / "wodles/trivy"


def wodle(host, *arguments):
    """Run the wodle as Wazuh does; return exit status and events. Nothing may be on stderr."""
    done = subprocess.run(
        [sys.executable, str(WODLE), "--home", str(host.home), *arguments],
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        cwd=host.home,
    )
    assert done.stderr == b""
    return done.returncode, [json.loads(line)["security_scan"] for line in done.stdout.splitlines()]


def due(host, **fields):
    """Make a scan due now, or set the schedule's record otherwise."""
    host.places.make()
    Record(**{"begun": 1.0, "due": 1.0, "succeeded": time.time(), **fields}).save(
        host.places.schedule
    )


def far_away():
    return time.time() + 3600


@pytest.fixture
def report(reports):
    return reports.write(reports.image([reports.vulnerability()]))


def test_a_first_run_is_silent_and_plans_a_scan_within_the_jitter(host):
    host.configure(schedule={"jitter": "30m"})
    before = time.time()

    assert wodle(host) == (0, [])

    record = Record.load(host.places.schedule)
    assert before <= record.begun <= time.time()
    assert record.begun <= record.due <= record.begun + 1800


def test_a_due_scan_runs_on_while_the_wodle_has_ended_and_its_pipes_are_closed(
    host, report, tmp_path
):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    host.behave(f'read x < {gate}; cp {report} "$5"')
    due(host)

    # capture_output reads to the end of both pipes: the scan, which waits, does not hold them.
    status, events = wodle(host)
    with gate.open("w", encoding="ascii") as opened:  # blocks until the scan has begun
        during = wodle(host)
        scan_lock = os.open(host.places.scan_lock, os.O_RDWR)
        opened.write("go\n")
    fcntl.flock(scan_lock, fcntl.LOCK_EX)  # until the scan has ended
    os.close(scan_lock)
    after = wodle(host)

    assert (status, during[0]) == (0, 0)
    # The scan may begin before or after the run that starts it looks into the spool.
    assert [event["event"] for event in events + during[1]] == ["scan_started"]
    assert [event["event"] for event in after[1]] == [
        "baseline",
        "finding",
        "scan_finished",
        "run_finished",
    ]
    assert Record.load(host.places.schedule).due > time.time() + 80_000
    assert wodle(host) == (0, [])


def test_two_scans_at_once_are_refused(host):
    due(host)
    lock = os.open(host.places.scan_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert wodle(host) == (0, [])
        status, (event,) = wodle(host, "--wait")
    finally:
        os.close(lock)

    assert (status, event["event"], event["reason"]) == (1, "scan_failed", "lock")


def test_two_runs_at_once_deliver_once(host):
    host.places.make()
    host.spool().publish([encode(Source("s", "trivy").event("scan_started", {}))])
    due(host, due=far_away())
    lock = os.open(host.places.run_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert wodle(host) == (0, [])
    finally:
        os.close(lock)
    assert len(wodle(host)[1]) == 1


def test_a_lock_of_a_dead_scan_holds_nobody_up(host, report):
    host.report(report)
    host.places.make()
    host.places.scan_lock.write_text("4711", encoding="ascii")

    assert wodle(host, "--wait")[0] == 0


def test_a_run_delivers_no_more_than_wazuh_takes(host):
    host.places.make()
    source = Source("s", "trivy")
    host.spool().publish(encode(source.event("scan_started", {})) for _ in range(1500))
    due(host, due=far_away())

    counts = [len(wodle(host)[1]) for _ in range(3)]

    assert counts == [1000, 500, 0]


def test_waiting_scans_in_the_foreground_and_delivers_at_once(host, report):
    host.report(report)

    status, events = wodle(host, "--wait")

    assert status == 0
    assert [event["event"] for event in events][-1] == "run_finished"


def test_a_failed_scan_in_the_foreground_has_its_exit_status(host):
    host.behave("exit 1")

    status, events = wodle(host, "--wait")

    assert status == 1
    assert "scan_failed" in [event["event"] for event in events]


def test_mistakes_in_the_configuration_are_one_event_a_day(host):
    Path(host.places.config).write_text("[targets]\nimages = some\nx = 1\n", encoding="utf-8")

    status, (event,) = wodle(host)
    again = wodle(host)

    assert (status, event["reason"], event["parts"]) == (1, "configuration", 2)
    assert "trivy.ini:2: 'images'" in event["error"]
    assert again == (1, [])


def test_no_configuration_is_an_event(host):
    Path(host.places.config).unlink()

    _, (event,) = wodle(host)

    assert "no such file" in event["error"]


def test_scans_that_stay_away_are_an_event_once_an_interval(host):
    due(host, due=far_away(), begun=1.0, succeeded=time.time() - 10 * 86_400)

    _, (event,) = wodle(host)

    assert (event["event"], event["hours"]) == ("scan_overdue", 240)
    assert wodle(host) == (0, [])


def test_a_watched_folder_that_is_not_there_is_an_event_once_a_day(host, tmp_path):
    host.configure(targets={"filesystems": ""}, **{"reports-a": {"folder": tmp_path / "none"}})

    status, (event,) = wodle(host)

    assert (status, event["event"], event["reason"], event["tool"]) == (
        *(0, "scan_failed", "target_not_found", "report"),
    )
    assert str(tmp_path / "none") in event["error"]
    assert wodle(host) == (0, [])
    status, (event,) = wodle(host, "--wait")
    assert (status, event["reason"]) == (1, "target_not_found")


def test_reports_that_stay_away_are_an_event_once_a_period(host, tmp_path):
    inbox = tmp_path / "in"
    inbox.mkdir()
    section = {"folder": inbox, "expect": "2d", "tool": "gitleaks", "settle": "1s"}
    host.configure(targets={"filesystems": ""}, **{"reports-a": section})
    assert wodle(host) == (0, [])
    (key,) = json.loads(host.places.arrivals.read_text())
    long_ago = time.time() - 3 * 86_400
    host.places.arrivals.write_text(json.dumps({key: long_ago}), encoding="ascii")

    _, (event,) = wodle(host)

    assert (event["event"], event["tool"], event["hours"]) == ("scan_overdue", "gitleaks", 72)
    assert str(inbox) in event["error"]
    assert wodle(host) == (0, [])


def test_silence_is_told_even_if_the_spool_takes_nothing(host):
    due(host, due=far_away(), succeeded=time.time() - 10 * 86_400)
    large = host.places.spool / f"{1:020}.jsonl"
    with large.open("wb") as file:
        file.truncate(300 << 20)

    _, events = wodle(host)

    assert [event["event"] for event in events] == ["scan_overdue"]


def test_a_clock_that_went_back_neither_alarms_nor_stops_scanning(host, report, tmp_path):
    host.report(report)
    assert wodle(host, "--wait")[0] == 0
    ahead = time.time() + 400 * 86_400
    Record(begun=ahead, due=ahead, succeeded=ahead).save(host.places.schedule)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    host.behave(f'read x < {gate}; cp {report} "$5"')

    status, events = wodle(host)
    with gate.open("w", encoding="ascii") as opened:  # blocks until the scan has begun
        scan_lock = os.open(host.places.scan_lock, os.O_RDWR)
        opened.write("go\n")
    fcntl.flock(scan_lock, fcntl.LOCK_EX)  # until the scan has ended
    os.close(scan_lock)

    assert status == 0
    # The scan may have begun before the run that started it looked into the spool.
    assert {event["event"] for event in events} <= {"scan_started"}
    assert Record.load(host.places.schedule).due < time.time() + 2 * 86_400


def test_times_to_come_in_the_record_are_taken_back_by_the_next_run(host):
    ahead = time.time() + 400 * 86_400
    due(host, begun=ahead, succeeded=0.0, due=far_away())

    assert wodle(host) == (0, [])

    assert 0 < Record.load(host.places.schedule).begun <= time.time()


def test_what_a_killed_scan_left_is_settled_by_the_next_run(host, report):
    host.report(report)
    wodle(host, "--wait")
    scan_id = "never-committed"
    staged = host.spool().stage(scan_id)
    staged.write(encode(Source(scan_id, "trivy").event("scan_started", {})))
    staged.seal()

    assert wodle(host) == (0, [])
    assert list(host.places.spool.glob("*.tmp")) == []


def test_a_run_that_was_killed_is_an_event_once_and_takes_trivy_with_it(host, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    os.mkfifo(tmp_path / "never")
    host.behave(f"exec 3> {pipe}; echo up >&3; read x < {tmp_path}/never")
    command = [sys.executable, str(WODLE), "--home", str(host.home), "--wait"]
    with (
        subprocess.Popen(command, env={"PYTHONPATH": str(ROOT)}) as process,
        pipe.open("rb") as end,
    ):
        assert end.readline() == b"up\n"
        process.kill()
        assert end.read() == b""  # nobody holds the pipe any more

    status, events = wodle(host)

    assert status == 0
    assert [(event["event"], event.get("reason")) for event in events] == [
        ("scan_started", None),
        ("scan_failed", "killed"),
    ]
    assert "began at 20" in events[1]["error"]
    assert wodle(host) == (0, [])


def test_a_replayed_report_goes_to_standard_output(host, report):
    status, events = wodle(host, "--report", str(report))

    assert status == 0
    assert [event["event"] for event in events] == ["finding", "scan_finished"]
    assert not host.places.state.exists()


def test_a_replay_of_another_file_says_what_is_wrong(host, tmp_path):
    path = tmp_path / "sbom.json"
    path.write_text('{"bomFormat": "CycloneDX"}', encoding="utf-8")

    status, (event,) = wodle(host, "--report", str(path))

    assert (status, event["reason"]) == (1, "parse_error")
    assert "SBOM" in event["error"]


def test_a_reader_that_is_gone_loses_nothing(host):
    host.spool().publish([encode(Source("s", "trivy").event("scan_started", {}))])
    due(host, due=far_away())
    reader, writer = os.pipe()
    os.close(reader)

    subprocess.run(
        [sys.executable, str(WODLE), "--home", str(host.home)],
        env={"PYTHONPATH": str(ROOT)},
        stdout=writer,
        check=False,
    )
    os.close(writer)

    assert len(wodle(host)[1]) == 1


def test_a_fault_of_ours_is_an_event_and_not_silence(host, report):
    host.report(report)
    host.places.make()
    code = (
        "import sys; from wazuh_pack.scan import run, work\n"
        "work.plan = lambda *_: 1 / 0\n"
        "sys.exit(run.main(sys.argv[1:]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, "--home", str(host.home), "--wait"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )

    event = json.loads(done.stdout)["security_scan"]
    assert (done.returncode, done.stderr) == (1, b"")
    assert event["reason"] == "internal"
    assert event["error"].startswith("ZeroDivisionError at ")


def test_standard_error_may_be_closed(host, report):
    host.report(report)

    done = subprocess.run(
        [
            *("/bin/sh", "-c", 'exec "$@" 2>&-', "sh"),
            *(sys.executable, str(WODLE), "--home", str(host.home), "--wait"),
        ],
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=False,
    )

    last = json.loads(done.stdout.splitlines()[-1])["security_scan"]
    assert (done.returncode, last["event"], last["failed"]) == (0, "run_finished", 0)


def lines(path):
    return [json.loads(line)["security_scan"]["event"] for line in path.read_bytes().splitlines()]


def test_events_go_to_a_file_for_logcollector(host, report, tmp_path):
    host.report(report)
    path = tmp_path / "scan.json"

    assert wodle(host, "--wait", "--sink", str(path)) == (0, [])
    first = lines(path)
    assert wodle(host, "--wait", "--sink", str(path)) == (0, [])

    assert first == [
        *("scan_started", "baseline", "finding", "scan_finished", "run_finished"),
    ]
    assert lines(path) == [*first, "scan_started", "scan_finished", "run_finished"]
    assert path.stat().st_mode & 0o777 == 0o660


def test_a_line_that_a_full_disk_cut_off_spoils_no_other(host, tmp_path):
    path = tmp_path / "scan.json"
    path.write_bytes(b'{"security_scan":{"ev')
    host.spool().publish([encode(Source("s", "trivy").event("scan_started", {}))])
    due(host, due=far_away())

    assert wodle(host, "--sink", str(path)) == (0, [])

    torn, whole = path.read_bytes().splitlines()
    assert torn == b'{"security_scan":{"ev'
    assert json.loads(whole)["security_scan"]["event"] == "scan_started"


def test_a_large_file_is_put_aside_once(tmp_path):
    path = tmp_path / "scan.json"
    for text in (b"a" * 20 + b"\n", b"b\n"):
        with sink.opened(str(path), max_bytes=20) as descriptor:
            os.write(descriptor, text)
    with sink.opened(str(path), max_bytes=20) as descriptor:
        os.write(descriptor, b"c\n")

    assert path.read_bytes() == b"b\nc\n"
    assert (tmp_path / "scan.json.1").read_bytes() == b"a" * 20 + b"\n"


def test_a_planted_link_is_refused_with_an_event(host, tmp_path):
    due(host, due=far_away())
    secret = tmp_path / "other"
    secret.write_bytes(b"x")
    link = tmp_path / "scan.json"
    link.symlink_to(secret)

    status, (event,) = wodle(host, "--sink", str(link))

    assert (status, event["event"], event["reason"]) == (1, "scan_failed", "other")
    assert secret.read_bytes() == b"x"


@pytest.mark.parametrize("version", ["3.8", "3.10", "3.13"])
def test_everything_works_on_old_and_new_pythons(host, reports, version):
    pythons = list(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    if not pythons:
        pytest.skip(f"no Python {version} on this machine")
    exceptions = Path(host.places.exceptions)
    until = (datetime.now(timezone.utc) + timedelta(days=30)).date()
    exceptions.write_text(
        f"[x]\nfinding = CVE-2026-0001\nby = me\nreason = y\nuntil = {until}\n", "utf-8"
    )
    exceptions.chmod(0o640)
    entry = {"cveID": "CVE-2026-0002", "dateAdded": "2026-03-01"}
    host.places.kev.write_text(json.dumps({"vulnerabilities": [entry]}), encoding="utf-8")
    host.places.epss.write_text("cve,epss,percentile\nCVE-2026-0002,0.5,0.9\n", encoding="utf-8")
    host.configure(targets={"approved_bases": "alpine *"})
    document = reports.image([reports.vulnerability(1), reports.vulnerability(2)])
    host.report(reports.write(document))

    def run(*arguments):
        done = subprocess.run(
            [pythons[0], WODLE, "--home", host.home, *arguments],
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        return [json.loads(line)["security_scan"] for line in done.stdout.splitlines()]

    first = run("--wait")
    document["Results"][0]["Vulnerabilities"][0]["Severity"] = "CRITICAL"
    document["Results"][0]["Vulnerabilities"].pop()
    host.report(reports.write(document))
    second = run("--wait")

    def findings(events):
        return [event["state"] for event in events if event["event"] == "finding"]

    assert findings(first) == ["new", "accepted"]
    assert (first[2]["epss"], first[2]["kev"]) == ("0.5", True)
    assert findings(second) == ["fixed", "severity_changed"]  # known as exploited comes first
    assert run() == []


def test_the_command_line_is_checked(host):
    done = subprocess.run(
        [sys.executable, str(WODLE), "--home", str(host.home), "--report", "x", "--wait"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("script", "home"),
    [
        ("/opt/wazuh/wodles/wazuh-pack-trivy", "/opt/wazuh"),
        ("/usr/local/bin/wazuh-pack-trivy", "/var/ossec"),
    ],
)
def test_the_home_is_the_one_the_script_is_installed_in(script, home):
    assert home_of(script) == home
