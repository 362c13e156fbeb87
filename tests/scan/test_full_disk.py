"""A file system that is really full, at every size that matters, and then no longer is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
set -e
mount -t tmpfs -o size=$SIZE,mode=0750 none "$HOME_FOLDER/var"
"$PYTHON" "$WODLE" --home "$HOME_FOLDER" --wait || true
printf -- '---\\n'
mount -o remount,size=64m "$HOME_FOLDER/var"
"$PYTHON" "$WODLE" --home "$HOME_FOLDER" --wait
"""


def events(text):
    return [json.loads(line)["security_scan"] for line in text.splitlines()]


@pytest.mark.parametrize(
    "size", [f"{pages * 4}k" for pages in (1, 6, 10, 16, 24, 40, 60, 100, 160)]
)
def test_nothing_is_lost_and_nothing_told_twice(host, reports, size):
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("a file system of its own needs root and unshare")
    host.report(reports.write(reports.image([reports.vulnerability(n) for n in range(1, 201)])))
    host.configure(report={"mode": "full"}, trivy={"temp_dir": host.home.parent / "scratch"})
    (host.home / "var").mkdir(mode=0o750)
    done = subprocess.run(
        ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", SCRIPT],
        env={
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHONPATH": str(ROOT),
            "PYTHON": sys.executable,
            "WODLE": str(ROOT / "wodles/trivy"),
            "HOME_FOLDER": str(host.home),
            "SIZE": size,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount" in done.stderr:
        pytest.skip(f"no mounting here: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
    before, after = map(events, done.stdout.split("---\n"))

    told = [event for event in before + after if event["event"] == "finding"]
    new = [event["finding_id"] for event in told if event["state"] == "new"]
    assert sorted(new) == [f"CVE-2026-{number:04}" for number in range(1, 201)]
    assert len({event["event_id"] for event in before + after}) == len(before + after)
    if not any(event["event"] == "run_finished" and not event["failed"] for event in before):
        assert {event.get("reason") for event in before} & {"no_space"}
