"""Detaching is tried in a process of its own: it forks."""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import json, os, sys
from wazuh_pack.agentkit.detach import detach
go, result = sys.argv[1:]
def work():
    open(go).read()  # until the test lets it go on
    with open(result + ".part", "w") as stream:
        json.dump({
            "pid": os.getpid(),
            "sid": os.getsid(0),
            "fds": [os.readlink(f"/proc/self/fd/{n}") for n in (0, 1, 2)],
            "inherited": os.path.exists("/proc/self/fd/77"),
        }, stream)
    os.rename(result + ".part", result)
os.dup2(0, 77)
print(detach(work, leaving=LEAVING), os.getsid(0), flush=True)
"""


@pytest.mark.parametrize("leaving", [False, True])
def test_the_caller_ends_and_lets_go_while_the_work_goes_on(tmp_path, wait_until, leaving):
    go, result = tmp_path / "go", tmp_path / "result"
    os.mkfifo(go)
    # Its standard output is a pipe: communicate() returns only when nobody holds it any more.
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("LEAVING", str(leaving)), str(go), str(result)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        text=True,
    )
    assert not result.exists()
    go.write_text("go")
    wait_until(result.exists)

    found = json.loads(result.read_text())
    started, session = done.stdout.split()
    assert started == "True"
    assert found["sid"] != int(session)
    assert (found["sid"] == found["pid"]) is leaving
    assert found["fds"] == ["/dev/null"] * 3
    assert not found["inherited"]
