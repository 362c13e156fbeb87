"""Kills the wodle at every point that matters, one after the other, and lets it run again.

Run as a program of its own, because it forks. Arguments: Wazuh home. Prints one JSON object per
point: whether the kill came, and every line that was written to standard output over both runs.
"""

import json
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path

from wazuh_pack.scan.run import main

STEPS = ("fsync", "pwrite", "write", "rename", "replace", "unlink")


def kill_at(point):
    """Count the steps that change something outside the process; die at the given one."""
    count = 0
    own = os.getpid()

    def step():
        nonlocal count
        count += 1
        if count == point:
            os.kill(own, signal.SIGKILL)

    def stepping(original):
        def replacement(*arguments, **options):
            step()
            result = original(*arguments, **options)
            step()
            return result

        return replacement

    for name in STEPS:
        setattr(os, name, stepping(getattr(os, name)))

    class Connection(sqlite3.Connection):
        def execute(self, sql, *arguments):
            if sql != "COMMIT":
                return super().execute(sql, *arguments)
            step()
            result = super().execute(sql, *arguments)
            step()
            return result

    connect = sqlite3.connect
    sqlite3.connect = lambda *arguments, **options: connect(
        *arguments, factory=Connection, **options
    )


def run(home, output, point=0):
    """Run the wodle in a process of its own; return whether it was killed."""
    child = os.fork()
    if not child:
        os.dup2(output, 1)
        if point:
            kill_at(point)
        # Process ids come again: after a reboot, and in a container at once.
        os.getpid = lambda: 7
        main(["--home", str(home), "--wait"])
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def points(home):
    """Yield the outcome of a kill at every point."""
    state = home / "var"
    snapshot = home / "snapshot"
    if state.exists():
        shutil.copytree(state, snapshot)
    point = 0
    killed = True
    while killed:
        point += 1
        shutil.rmtree(state, ignore_errors=True)
        if snapshot.exists():
            shutil.copytree(snapshot, state)
        path = home / f"output-{point}"
        output = os.open(path, os.O_RDWR | os.O_CREAT)
        killed = run(home, output, point)
        run(home, output)
        yield {"killed": killed, "lines": path.read_text(encoding="ascii").splitlines()}


if __name__ == "__main__":
    for outcome in points(Path(sys.argv[1])):
        sys.stdout.write(json.dumps(outcome) + "\n")
