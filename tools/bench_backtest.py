"""Measures ``backtest`` over many events, on one process and on two.

    python tools/bench_backtest.py EVENTS PROCESSES [--stock DIR] [--plain]

prints what one run takes, as JSON. The events are those of the pack's cases as a manager archives
them, of sixteen agents, a hundred a second; they are written to a temporary file first.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from datetime import datetime, timezone
from itertools import cycle
from pathlib import Path

AGENTS = 16
BEGIN = 1.7e9
PER_SECOND = 100


def write_archive(path: Path, lines, events: int) -> None:
    """Write so many lines of archives.json."""
    rows = [
        json.dumps(
            {
                "agent": {"id": f"{number % AGENTS + 1:03}", "name": f"a{number % AGENTS}"},
                "manager": {"name": "manager"},
                "full_log": line.decode("utf-8", "surrogateescape"),
                "location": location.decode(),
            },
            ensure_ascii=True,
        )[1:]
        for number, (line, location) in enumerate(lines)
    ]
    endless = cycle(rows)
    with path.open("w", encoding="utf-8") as file:
        for second in range(events // PER_SECOND + 1):
            now = datetime.fromtimestamp(BEGIN + second, timezone.utc)
            head = f'{{"timestamp":"{now:%Y-%m-%dT%H:%M:%S}.000+0000",'
            for _ in range(min(PER_SECOND, events - second * PER_SECOND)):
                file.write(head + next(endless) + "\n")


def processor_time() -> float:
    """Return seconds of processor time of this process and its children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(kind) for kind in kinds]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak() -> float:
    """Return the highest memory of any one process, in MB."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


def main() -> None:
    """Run once."""
    # The two measure with the same rulesets and events.
    from bench_engine import default_stock, load, pack_lines  # noqa: PLC0415 - imports this file

    from wazuh_pack.verify.backtest import Job, backtest  # noqa: PLC0415 - same

    options = argparse.ArgumentParser()
    options.add_argument("events", type=int)
    options.add_argument("processes", type=int)
    options.add_argument("--stock", type=Path, default=default_stock())
    options.add_argument("--plain", action="store_true")
    given = options.parse_args()
    ruleset = load(given.stock, indexes=not given.plain)
    lines = [
        (line, location)
        for line, location in pack_lines()
        if line.startswith(b"{") and b"security_scan" not in line  # these need one process
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archives.json"
        write_archive(path, lines, given.events)
        size = path.stat().st_size
        begin, wall = processor_time(), time.monotonic()
        outcome = backtest(Job((str(path),), ruleset), processes=given.processes)
        taken = {"cpu": processor_time() - begin, "wall": time.monotonic() - wall}
    report = outcome.report.as_json()
    found = {
        "events": report["judged"],
        "alerts": report["alerts"],
        "rules": len(report["rules"]),
        "bytes": size,
        "processes": outcome.processes,
        "why": outcome.one_process,
        "memory": peak(),
    }
    json.dump(found | taken, sys.stdout)


if __name__ == "__main__":
    main()
