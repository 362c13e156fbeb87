"""Whatever the moment at which the wodle is killed, every change is told exactly once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def outcomes(host):
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("kill_driver.py")), str(host.home)],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(outcome, expected):
    """Every event is whole, in order, and there at most twice; every change exactly once."""
    events = [json.loads(line)["security_scan"] for line in outcome["lines"]]
    ids = [event["event_id"] for event in events]
    assert len(ids) - len(set(ids)) <= 1
    once = list({event["event_id"]: event for event in events}.values())
    for scan in {event["scan_id"] for event in once}:
        numbers = [
            int(event["event_id"].split(".")[1]) for event in once if event["scan_id"] == scan
        ]
        assert numbers == sorted(numbers)
    assert [
        (event["state"], event["finding_id"][-1]) for event in once if event["event"] == "finding"
    ] == expected
    assert once[-1]["event"] == "run_finished"
    return once


@pytest.fixture
def find(host, reports):
    def find(*numbers):
        host.report(
            reports.write(reports.image([reports.vulnerability(number) for number in numbers]))
        )

    return find


def test_a_first_scan_killed_anywhere_is_told_exactly_once(host, find):
    find(1, 2)

    results = outcomes(host)

    assert len(results) > 40
    for outcome in results:
        events = check(outcome, [("new", "1"), ("new", "2")])
        assert [event["event"] for event in events].count("baseline") == 1


def test_a_later_scan_killed_anywhere_tells_its_changes_exactly_once(host, find):
    find(1, 2)
    subprocess.run(
        [sys.executable, str(ROOT / "wodles/trivy"), "--home", str(host.home), "--wait"],
        env={"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    find(2, 3)

    results = outcomes(host)

    assert len(results) > 40
    for outcome in results:
        check(outcome, [("new", "3"), ("fixed", "1")])
