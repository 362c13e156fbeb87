"""Measures the engine, as ratios against the same engine without indexes and translations.

    python tools/bench_engine.py [--stock DIR] [--events N] [--write docs/performance.md]

Rates are events per second of processor time, each engine in processes of its own that take turns,
of which the median counts; on a busy machine the ratio to the plain engine says more than the rate.
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
TURNS = 3
JSON = "CI/CD JSON events"
STOCK = "stock mix"
ALERTS = "CI/CD JSON events, alert lines written"
BACKTEST = "backtest, {events:,} events, {processes}"
EVENTS = 1_000_000
TARGETS = {JSON: 10_000, STOCK: 6_000}
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


def timed_pass(session, lines, begins: float, *, alerts: bool = False) -> float:
    """Return seconds of processor time for one pass over the lines.

    With ``alerts`` the alert's line is made, too, as ``logtest --format alert`` does it.
    """
    now = begins
    start = time.process_time()
    for line, location in lines:
        now += 0.001
        result = session.process(line, location=location, time=now)
        if alerts and result.alert and not result.is_too_deep:
            json.dumps(result.as_alert(), ensure_ascii=False, separators=(",", ":"))
    return time.process_time() - start


def rate(ruleset, lines, *, alerts: bool = False) -> float:
    """Return events per second."""
    session = ruleset.session(manager="bench")
    timed_pass(session, lines, 1.7e9)
    begins = [1.7e9 + 60 * turn for turn in range(1, PASSES + 1)]
    return len(lines) / median(timed_pass(session, lines, at, alerts=alerts) for at in begins)


def kinds(stock: Path | None) -> dict[str, list[tuple[bytes, bytes]]]:
    """Return what is measured: names and lines."""
    found = {JSON: [line for line in pack_lines() if line[0].startswith(b"{")]}
    return found | ({STOCK: list(stock_lines(stock))} if stock_lines(stock) else {})


def in_a_process(
    stock: Path | None, *options: str, script: str = "bench_engine.py"
) -> dict[str, float]:
    """Load in a process of its own; return what it measured."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *options]
    if stock:
        command += ["--stock", str(stock)]
    done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return json.loads(done.stdout)


def child_rates(stock: Path | None, *, indexes: bool) -> None:
    """Measure rates; of the plain engine over fewer lines."""
    ruleset = load(stock, indexes=indexes)
    found = {}
    for name, lines in kinds(stock).items():
        part = lines if indexes else lines[:: max(1, len(lines) // PLAIN_EVENTS)]
        found[name] = rate(ruleset, part)
        if name == JSON:
            found[ALERTS] = rate(ruleset, part, alerts=True)
    json.dump(found, sys.stdout)


def child_load(stock: Path | None, *, cache: Path | None, run: bool) -> None:
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


def reference_loop() -> float:
    """Return seconds that 200,000 turns of a loop over a dictionary take here."""
    texts = {number: str(number) for number in range(1000)}
    start = time.process_time()
    size = 0
    for number in range(200_000):
        size += len(texts[number % 1000])
    return time.process_time() - start


def machine() -> str:
    """Describe what was measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    busy = f"{os.getloadavg()[0]:.1f}"
    loop = median(reference_loop() for _ in range(9)) * 1000
    return (
        f"{model}, {os.cpu_count()} cores, load {busy}; Python {platform.python_version()};"
        f" a loop of 200,000 dictionary look-ups takes {loop:.0f} ms"
    )


def measure(stock: Path | None) -> tuple[list[tuple[str, str, str, str, str]], int]:
    """Return rows (what, measured, plain, ratio, target) and the number of rules."""
    rows = []
    fast, plain = [], []
    for _ in range(TURNS):
        fast.append(in_a_process(stock, "--child", "--rates"))
        plain.append(in_a_process(stock, "--child", "--rates", "--plain"))
    for name in fast[0]:
        quick, slow = (median(turn[name] for turn in turns) for turns in (fast, plain))
        ratio = f"{quick / slow:.1f}x"
        target = f">= {TARGETS[name]:,}/s" if name in TARGETS else ""
        rows.append((name, f"{quick:,.0f}/s", f"{slow:,.0f}/s", ratio, target))
    with tempfile.TemporaryDirectory() as folder:
        rules = int(in_a_process(stock, "--child", "--cache", folder)["rules"])
        for name, target, more in (
            ("cold start", 1.0, ()),
            ("start from the cache", 0.2, ("--cache", folder)),
        ):
            taken = median(in_a_process(stock, "--child", *more)["load"] for _ in range(PASSES))
            share = f"{taken / target:.2f} of target"
            rows.append((name, f"{taken:.2f} s", "", share, f"< {target} s"))
    memory = in_a_process(stock, "--child", "--run")["memory"]
    rows.append(
        ("peak memory", f"{memory:.0f} MB", "", f"{memory / 200:.2f} of target", "< 200 MB")
    )
    return rows, rules


def backtests(stock: Path | None, events: int) -> list[tuple[str, str, str, str, str]]:
    """Return rows about ``backtest``: rates, and the memory of few and of all events."""

    def run(number: int, processes: int, *more: str) -> dict[str, float]:
        options = (str(number), str(processes), *more)
        return in_a_process(stock, *options, script="bench_backtest.py")

    few = max(1, events // 100)
    plain = run(few, 1, "--plain")
    slow = plain["events"] / plain["cpu"]
    rows = []
    for processes in (1, 2):
        found = run(events, processes)
        if found["processes"] != processes:
            raise SystemExit(f"no {processes} processes were at work: {found['why']}")
        quick = found["events"] * processes / found["cpu"]
        text = "1 process" if processes == 1 else f"{processes} processes"
        name = BACKTEST.format(events=events, processes=text)
        cells = f"{quick:,.0f}/s", f"{slow:,.0f}/s", f"{quick / slow:.1f}x"
        rows.append((name, *cells, f"{found['wall']:,.0f} s on the clock"))
        before = run(few, processes)["memory"]
        grown = f"{before:.0f} MB after {few:,} events"
        rows.append((f"peak memory of it, {text}", f"{found['memory']:.0f} MB", "", "", grown))
    return rows


def report(rows, rules: int, stock: Path | None) -> str:
    """Return the report as Markdown."""
    over = "the stock ruleset and ours" if stock else "our stock equivalents and our rules"
    head = ("what", "measured", "plain engine", "ratio", "target")
    table = "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))
    return (
        "# Performance\n\n"
        f"Written by `make bench`. {rules:,} rules: {over}.\n\n"
        f"Machine: {machine()}.\n\n{table}\n\n"
        "Rates are events per second of processor time in one process, the median of processes\n"
        "that take turns. The plain engine is the same engine without indexes and translated\n"
        "patterns (`Ruleset.load(..., indexes=False)`); its answers are the same, which property\n"
        "tests check. With alert lines written, the line of alerts.json is made for every event\n"
        "that alerts, as `logtest --format alert` does. `backtest` reads lines of archives.json\n"
        "of sixteen agents (without those of scans, of which a rule counts all agents' together,\n"
        "so that one process must judge them), judges them and counts; its rate is events per\n"
        "second of processor time, for several processes what they reach when each has a core,\n"
        "and what the clock showed stands beside it. Its memory, of one process, must not grow\n"
        "with the events. Starts are measured in processes of their own, after the imports.\n"
        "Memory is the peak of a process that loads everything and judges all events four times.\n"
        "On a machine shared with others all is slower; the loop named above says by how much.\n"
    )


def main() -> None:
    """Measure, print and write."""
    options = argparse.ArgumentParser()
    options.add_argument("--stock", type=Path, default=default_stock())
    options.add_argument("--write", type=Path)
    options.add_argument("--events", type=int, default=EVENTS, help="for backtest")
    options.add_argument("--child", action="store_true")
    options.add_argument("--cache", type=Path)
    options.add_argument("--run", action="store_true")
    options.add_argument("--rates", action="store_true")
    options.add_argument("--plain", action="store_true")
    given = options.parse_args()
    if given.child and given.rates:
        child_rates(given.stock, indexes=not given.plain)
        return
    if given.child:
        child_load(given.stock, cache=given.cache, run=given.run)
        return
    rows, rules = measure(given.stock)
    rows += backtests(given.stock, given.events)
    text = report(rows, rules, given.stock)
    sys.stdout.write(text)
    if given.write:
        given.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
