"""Measures the engine, as ratios against the same engine without indexes and translations.

    python tools/bench_engine.py [--stock DIR] [--write docs/performance.md]

Rates are events per second of processor time, one process, each measured in alternating passes of
which the median counts; the ratio to the plain engine says more than the rate on a busy machine.
Without a stock ruleset our own equivalents stand in, and the report says so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from functools import cache as remembered
from pathlib import Path
from statistics import median

import wazuh_pack.engine.pcre  # noqa: F401 - importing is not what is measured
from wazuh_pack import resources, source
from wazuh_pack.verify import cases
from wazuh_pack.verify.rulesets import load_pack

ROOT = Path(__file__).resolve().parents[1]
PASSES = 5
PLAIN_EVENTS = 400


def shared() -> Path:
    """Return the folder of recorded material, which need not exist."""
    return Path(os.environ.get("WAZUH_PACK_SHARED", ROOT.parent / "shared"))


def default_stock() -> Path | None:
    """Return the recorded stock ruleset, if there is one."""
    found = shared() / "wazuh-4.14.7/ruleset"
    return found if found.is_dir() else None


@remembered
def catalog():
    """Return the pack's detections."""
    loaded, problems = source.load(resources.content())
    if problems:
        raise SystemExit(str(problems[0]))
    return loaded


@remembered
def pack_lines() -> tuple[tuple[bytes, bytes], ...]:
    """Return the events of all cases of the pack, with their locations."""
    found = catalog()
    return tuple(
        (sent.line.encode("utf-8", "surrogateescape"), sent.location.encode())
        for detection in found.detections
        for case in detection.cases
        for sent in cases.expand(found, detection.source, case)
    )


@remembered
def stock_lines(stock: Path | None) -> tuple[tuple[bytes, bytes], ...]:
    """Return the logs recorded with a stock ruleset; none without one."""
    vectors = (stock.parent if stock else ROOT) / "stock_vectors.ndjson"
    if not vectors.is_file():
        return ()
    rows = [json.loads(line) for line in vectors.read_bytes().splitlines()]
    return tuple(
        (step["log"].encode("utf-8", "surrogateescape"), row["location"].encode())
        for row in rows
        for step in row.get("events") or [row]
    )


def load(stock: Path | None, *, indexes: bool = True, cache: Path | None = None):
    """Return the pack's ruleset over the stock one."""
    lists = {path.name: path for path in resources.content().glob("*/lists/*")}
    return load_pack(resources.tree(), stock=stock, lists=lists, indexes=indexes, cache=cache)


def timed_pass(session, lines, begins: float) -> float:
    """Return seconds of processor time for one pass over the lines."""
    now = begins
    start = time.process_time()
    for line, location in lines:
        now += 0.001
        session.process(line, location=location, time=now)
    return time.process_time() - start


def rates(fast, plain, lines) -> tuple[float, float]:
    """Return events per second of both rulesets, measured in turns."""
    sessions = [fast.session(manager="bench"), plain.session(manager="bench")]
    parts = [lines, lines[:: max(1, len(lines) // PLAIN_EVENTS)]]
    for session, part in zip(sessions, parts, strict=True):
        timed_pass(session, part, 1.7e9)
    found: list[list[float]] = [[], []]
    for number in range(PASSES):
        for which, (session, part) in enumerate(zip(sessions, parts, strict=True)):
            taken = timed_pass(session, part, 1.7e9 + 60 * (number + 1))
            found[which].append(len(part) / taken)
    return median(found[0]), median(found[1])


def in_a_process(stock: Path | None, *options: str) -> dict[str, float]:
    """Load in a process of its own; return what it measured."""
    command = [sys.executable, __file__, "--child", *options]
    if stock:
        command += ["--stock", str(stock)]
    done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return json.loads(done.stdout)


def child(stock: Path | None, *, cache: Path | None, run: bool) -> None:
    """Measure one load, and the memory after it or after a run over all lines."""
    begin = time.process_time()
    ruleset = load(stock, cache=cache)
    taken = time.process_time() - begin
    if run:
        session = ruleset.session(manager="bench")
        for _ in range(4):
            timed_pass(session, (*pack_lines(), *stock_lines(stock)), 1.7e9)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    json.dump({"load": taken, "memory": peak, "rules": len(ruleset.rules)}, sys.stdout)


def machine() -> str:
    """Describe what was measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    busy = f"{os.getloadavg()[0]:.1f}"
    return f"{model}, {os.cpu_count()} cores, load {busy}; Python {platform.python_version()}"


def measure(stock: Path | None) -> tuple[list[tuple[str, str, str, str, str]], int]:
    """Return rows (what, measured, plain, ratio, target) and the number of rules."""
    fast, plain = load(stock), load(stock, indexes=False)
    rows = []
    json_lines = [line for line in pack_lines() if line[0].startswith(b"{")]
    kinds = [("CI/CD JSON events", json_lines, 10_000)]
    if stock_lines(stock):
        kinds.append(("stock mix", list(stock_lines(stock)), 6_000))
    for name, lines, target in kinds:
        quick, slow = rates(fast, plain, lines)
        ratio = f"{quick / slow:.1f}x"
        rows.append((name, f"{quick:,.0f}/s", f"{slow:,.0f}/s", ratio, f">= {target:,}/s"))
    with tempfile.TemporaryDirectory() as folder:
        in_a_process(stock, "--cache", folder)
        for name, target, more in (
            ("cold start", 1.0, ()),
            ("start from the cache", 0.2, ("--cache", folder)),
        ):
            taken = median(in_a_process(stock, *more)["load"] for _ in range(PASSES))
            share = f"{taken / target:.2f} of target"
            rows.append((name, f"{taken:.2f} s", "", share, f"< {target} s"))
    memory = in_a_process(stock, "--run")["memory"]
    rows.append(
        ("peak memory", f"{memory:.0f} MB", "", f"{memory / 200:.2f} of target", "< 200 MB")
    )
    return rows, len(fast.rules)


def report(rows, rules: int, stock: Path | None) -> str:
    """Return the report as Markdown."""
    over = "the stock ruleset and ours" if stock else "our stock equivalents and our rules"
    head = ("what", "measured", "plain engine", "ratio", "target")
    table = "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))
    return (
        "# Performance\n\n"
        f"Written by `make bench`. {rules:,} rules: {over}.\n\n"
        f"Machine: {machine()}.\n\n{table}\n\n"
        "Rates are events per second of processor time in one process, the median of alternating\n"
        "passes. The plain engine is the same engine without indexes and translated patterns\n"
        "(`Ruleset.load(..., indexes=False)`); its answers are the same, which property tests\n"
        "check. Starts are measured in processes of their own, after the imports. Memory is the\n"
        "peak of a process that loads everything and judges all events four times.\n"
    )


def main() -> None:
    """Measure, print and write."""
    options = argparse.ArgumentParser()
    options.add_argument("--stock", type=Path, default=default_stock())
    options.add_argument("--write", type=Path)
    options.add_argument("--child", action="store_true")
    options.add_argument("--cache", type=Path)
    options.add_argument("--run", action="store_true")
    given = options.parse_args()
    if given.child:
        child(given.stock, cache=given.cache, run=given.run)
        return
    text = report(*measure(given.stock), given.stock)
    sys.stdout.write(text)
    if given.write:
        given.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
