"""`make bench`, block-ip's part: how soon a packet is dropped, and what many addresses cost.

The script as it is installed runs in a network namespace, started as execd starts it. The baseline,
measured in the same run, is what Wazuh's firewall-drop does for an address: `iptables -I` on INPUT
and on FORWARD, `iptables -D` to undo it, one program each. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import resource
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/respond"))

import conftest

from wazuh_pack.bundle import build_bundle
from wazuh_pack.respond.address import Address, parse_address
from wazuh_pack.respond.backends import Change, nftables
from wazuh_pack.respond.state import Record, Store

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/performance-respond.md"
COUNTS = (0, 10_000, 100_000)
RUNS = 15
BASELINE_RUNS = {"nft": (9, 5, 1), "legacy": (9, 5, 3)}
"""How often the baseline's way is measured at each count: some take half a minute a time."""
BURST = 1_000
PATIENCE = 300
RATE_SAMPLES = 40
RATE_DATAGRAMS = 1_000
RATE_SECONDS = 3.0
TARGET_MS = 40
HOUR = 3600
PR_SET_CHILD_SUBREAPER = 36


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def took(values) -> str:
    """Return median and fastest of some durations in seconds."""
    middle, fastest = statistics.median(values) * 1e3, min(values) * 1e3
    digits = 1 if middle < 100 else 0  # noqa: PLR2004 -- three digits are enough
    return f"{middle:,.{digits}f} ms ({fastest:,.{digits}f})"


def targets(count: int, first: str = "100.70.0.0"):
    """Return addresses that nobody uses."""
    start = parse_address(first).value
    return [Address(4, start + number) for number in range(count)]


def spent() -> float:
    """Return the processor time of all children that have ended, their orphans included."""
    with suppress(ChildProcessError):
        while True:
            os.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Place:
    """An attacker and a host, in namespaces of their own."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.network = conftest.Network(stack)
        self.ports = iter(range(20_000, 60_000))
        self.sources = iter(range(10, 250))

    def flow(self):
        """Return a flow of datagrams and the address it is from, which was not used before."""
        source = f"198.51.100.{next(self.sources)}"
        self.network.attacker("ip", "addr", "add", f"{source}/24", "dev", "to-host")
        flow = conftest.Udp(
            self.stack,
            server=self.network.host,
            address=self.network.HOST,
            client=self.network.attacker,
            source=source,
            port=next(self.ports),
        )
        if not flow.passes():
            raise SystemExit("the network of the benchmark does not work")
        return source, flow


def until(flow, *, passes: bool, start) -> float:
    """Return how long after ``start()`` the first datagram is dropped, or passes again.

    A thread of its own watches, before all other work of the machine: what keeps the observer from
    looking is no delay of what is observed.
    """
    seen: list[float] = []
    ready = threading.Event()

    def watch() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -20)
        deadline = time.perf_counter() + PATIENCE
        ready.set()
        while flow.passes() is not passes:
            if time.perf_counter() > deadline:
                return
            select.select([], [], [], 0.0005)
        seen.append(time.perf_counter())

    watcher = threading.Thread(target=watch)
    watcher.start()
    ready.wait()
    begin = time.perf_counter()
    start()
    watcher.join()
    if not seen:
        raise SystemExit(f"the firewall did not change within {PATIENCE} seconds")
    return seen[0] - begin


def sample(flow, datagrams: int) -> float:
    """Return the processor time that one datagram's way there takes, in seconds."""
    begin = time.process_time()
    for _ in range(datagrams):
        flow.passes()
    return (time.process_time() - begin) / datagrams


def packet_cost(place: Place, free: Place) -> tuple[float, float]:
    """Return the cost of a datagram that is not blocked, here and where there is no firewall.

    The two take turns; the least of several counts, because other work on the machine is no cost.
    """
    flows = [place.flow()[1], free.flow()[1]]
    once = [sample(flow, 20) for flow in flows]
    datagrams = max(20, min(RATE_DATAGRAMS, int(RATE_SECONDS / RATE_SAMPLES / max(once))))
    least = [min(sample(flow, datagrams) for _ in range(3)) for flow in flows]
    for _ in range(RATE_SAMPLES):
        least = [
            min(best, sample(flow, datagrams)) for best, flow in zip(least, flows, strict=True)
        ]
    return least[0], least[1]


def per_datagram(cost: tuple[float, float]) -> str:
    """Write what a datagram costs, and the ratio to no firewall."""
    return f"{cost[0] * 1e6:,.1f} us ({cost[0] / cost[1]:.2f}x)"


class Ours:
    """A Wazuh home with the script, and what is measured of it."""

    def __init__(self, stack: ExitStack, place: Place, python: Path) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bundle = build_bundle(ROOT / "active_response/block_ip", folder / conftest.NAME).path
        self.place = place
        self.manager = conftest.Manager(folder / "ossec", bundle, python)
        self.execd = conftest.Execd(self.manager, place.network.host)
        self.manager.configure("mode = enforce\nmax_blocks = 1000000\nlinger = 600\n")
        stack.callback(self.execd.leave)

    def decisions(self) -> int:
        """Return how many lines there are in the log."""
        try:
            return self.manager.log.read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    def settle(self, lines: int) -> None:
        """Wait until there are so many decisions."""
        while self.decisions() < lines:
            select.select([], [], [], 0.001)

    def change(self, source: str, flow, *, passes: bool) -> tuple[float, float]:
        """Block or unblock an address; return when it had an effect, and when execd could go on."""
        lines = self.decisions() + 1
        line = self.execd.message(source, command="delete" if passes else "add")
        scripts = []
        begin = time.perf_counter()
        effect = until(flow, passes=passes, start=lambda: scripts.append(self.execd.start(line)))
        self.execd.finish(scripts[0])
        answered = time.perf_counter() - begin
        self.settle(lines)
        return effect, answered

    def returns(self, source: str) -> float:
        """Return how long execd waits for a script that finds no worker."""
        self.execd.leave()
        lines = self.decisions() + 1
        begin = time.perf_counter()
        self.execd.run(self.execd.message(source))
        answered = time.perf_counter() - begin
        self.settle(lines)
        return answered

    def refresh(self, source: str) -> float:
        """Prolong a block; return how long it took until the log said so."""
        lines = self.decisions() + 1
        begin = time.perf_counter()
        self.execd.run(self.execd.message(source, extra_args=["--timeout", "7200"]))
        self.settle(lines)
        return time.perf_counter() - begin

    def fill(self, addresses) -> None:
        """Block many addresses in the kernel and in our memory."""
        with self.place.network.host.entered():
            changes = [Change(address, 4 * HOUR, known=False) for address in addresses]
            nftables.Nftables().apply(changes, list)
        until_then = time.time() + 4 * HOUR
        Store(str(self.manager.state / "enforce/targets"), 30 * 24 * HOUR).put(
            [
                Record(target=str(address), offences=1, until=until_then, duration=4 * HOUR)
                for address in addresses
            ],
            time.time(),
        )

    def measure(self, count: int) -> dict[str, str]:
        """Measure everything with so many addresses blocked."""
        first, cpu, answers, following, refreshed, unblocked = [], [], [], [], [], []
        for _ in range(RUNS):
            self.execd.leave()
            source, flow = self.place.flow()
            before = spent()
            effect, _ = self.change(source, flow, passes=False)
            self.execd.leave()
            cpu.append(spent() - before)
            first.append(effect)
            answers.append(self.returns(source))
            self.change(source, flow, passes=True)
        for _ in range(RUNS):
            source, flow = self.place.flow()
            following.append(self.change(source, flow, passes=False)[0])
            refreshed.append(self.refresh(source))
            unblocked.append(self.change(source, flow, passes=True)[0])
        ratio = statistics.median(first) * 1e3 / TARGET_MS
        say(f"block-ip, {count:,} blocked: first {took(first)}, {ratio:.2f} of the target")
        return {
            "first": took(first),
            "cpu": took(cpu),
            "answer": took(answers),
            "next": took(following),
            "refresh": took(refreshed),
            "unblock": took(unblocked),
        }

    def burst(self) -> float:
        """Return how long it takes to block many offenders one after another, from a cold start."""
        self.execd.leave()
        lines = self.decisions()
        begin = time.perf_counter()
        for address in targets(BURST, "100.90.0.0"):
            self.execd.run(self.execd.message(str(address)))
        self.settle(lines + BURST)
        return time.perf_counter() - begin


class Theirs:
    """What firewall-drop does, with one of the two programs that a Debian's iptables may be."""

    def __init__(self, place: Place, kind: str) -> None:
        self.place = place
        self.kind = kind
        self.program = shutil.which(f"iptables-{kind}")

    def rule(self, verb: str, source: str) -> None:
        """Add or delete the rules of one address."""
        for chain in ("INPUT", "FORWARD"):
            subprocess.run([self.program, verb, chain, "-s", source, "-j", "DROP"], check=True)

    def fill(self, addresses) -> None:
        """Block many addresses as firewall-drop does, but all at once."""
        rules = [f"-I {chain} -s {a} -j DROP" for a in addresses for chain in ("INPUT", "FORWARD")]
        text = "\n".join(["*filter", *rules, "COMMIT", ""])
        self.place.network.host(f"iptables-{self.kind}-restore", "--noflush", stdin=text)

    def measure(self, count: int) -> dict[str, str]:
        """Measure blocking, blocking again and unblocking."""
        blocked, cpu, again, unblocked = [], [], [], []
        for _ in range(BASELINE_RUNS[self.kind][COUNTS.index(count)]):
            source, flow = self.place.flow()
            with self.place.network.host.entered():
                before = spent()
                blocked.append(until(flow, passes=False, start=partial(self.rule, "-I", source)))
                cpu.append(spent() - before)
                begin = time.perf_counter()
                self.rule("-I", source)
                again.append(time.perf_counter() - begin)
                self.rule("-D", source)
                unblocked.append(until(flow, passes=True, start=partial(self.rule, "-D", source)))
        say(f"iptables-{self.kind}, {count:,} blocked: {took(blocked)}")
        return {
            "first": took(blocked),
            "cpu": took(cpu),
            "refresh": took(again),
            "unblock": took(unblocked),
        }

    def burst(self) -> float:
        """Return how long it takes to block many offenders one after another."""
        begin = time.perf_counter()
        with self.place.network.host.entered():
            for address in targets(BURST, "100.90.0.0"):
                self.rule("-I", str(address))
        return time.perf_counter() - begin


def shares(python: Path) -> list[tuple[str, str]]:
    """Return what parts of a first event take by themselves, in processor time."""
    nothing = [python, "-I", "-S", "-c", "import posix; posix._exit(0)"]
    with_site = [python, "-I", "-c", "import posix; posix._exit(0)"]
    usual = [python, "-c", "import json, ipaddress, re, subprocess, pathlib, configparser, logging"]
    kinds = [
        ("/bin/sh", ["/bin/sh", "-c", ":"]),
        ("the interpreter as we start it (-I -S)", nothing),
        ("the interpreter with site", with_site),
        ("the interpreter with what such a script usually imports", usual),
        ("nft, adding one element", [shutil.which("nft"), "-f", "-"]),
    ]
    rows = []
    for name, argv in kinds:
        found = []
        for _ in range(2 * RUNS):
            before = spent()
            subprocess.run(argv, check=False, input=b"", capture_output=True)
            found.append(spent() - before)
        rows.append((name, took(found)))
    return rows


def table(head: tuple[str, ...], rows) -> str:
    """Return rows as a table in Markdown."""
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def machine(python: Path) -> str:
    """Describe what was measured on."""

    def version(*argv: str) -> str:
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        return done.stdout.split("\n")[0].strip()

    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Linux {platform.release()}; "
        f"{version(str(python), '--version')}; {version('nft', '--version')}; "
        f"{version('iptables', '--version')}"
    )


class Results:
    """Everything that was measured, by count of addresses and by who did it."""

    def __init__(self) -> None:
        self.found: dict[tuple[int, str], dict[str, str]] = {}
        self.bursts: dict[str, float] = {}

    def column(self, what: str, who: str) -> list[str]:
        """Return one measurement at each count."""
        return [self.found.get((count, who), {}).get(what, "") for count in COUNTS]

    def comparison(self, ours: dict[str, str], theirs: str, kinds) -> str:
        """Return a table: a row for each count, our columns, then the baseline's."""
        head = ("blocked", *ours, *(f"iptables-{kind}" for kind in kinds))
        columns = [self.column(what, "ours") for what in ours.values()]
        columns += [self.column(theirs, kind) for kind in kinds]
        return table(head, zip([f"{count:,}" for count in COUNTS], *columns, strict=True))


def report(results: Results, kinds, parts, described: str) -> str:
    """Return the page as Markdown."""
    first = results.comparison(
        {"first event": "first", "its processor time": "cpu", "next events": "next"}, "first", kinds
    )
    bursts = table(
        ("way", "time"), [(way, f"{seconds:.2f} s") for way, seconds in results.bursts.items()]
    )
    return f"""\
# Performance of block-ip

Written by `tools/bench_respond.py --write`; `make bench` prints the same. Each cell is the median
of several runs and, in brackets, the fastest: on a machine shared with others the fastest says what
the work takes, the median what the others added to it. The baseline is what Wazuh's firewall-drop
does: `iptables` twice an address, with either program that a Debian's `iptables` may be, without
starting a script. On a machine that is not otherwise busy median and fastest are close.

Machine: {described}.

## From execd's write to the first dropped packet

Target: under {TARGET_MS} ms whatever the number. The first event finds no worker and starts an
interpreter; the next ones, within `linger`, are handed to the worker by the shell. Processor time
is that of all processes of one event, the worker's end included.

{first}

What execd waits for, until the script has answered, when no worker waits:

{results.comparison({"block-ip": "answer"}, "none", ())}

Where the processor time of a first event goes, each part run by itself:

{table(("part", "processor time"), parts)}

## Refresh

Ours until it is logged. firewall-drop cannot refresh: a second `-I` adds the rule a second time,
and one `-D` takes only one away.

{results.comparison({"block-ip": "refresh"}, "refresh", kinds)}

## Unblock, until the first packet passes

{results.comparison({"block-ip": "unblock"}, "unblock", kinds)}

## What a packet of somebody else costs

Processor time of one UDP datagram between two namespaces, sent and received, and the ratio to the
same where no firewall is, both measured in turns.

{results.comparison({"block-ip": "packet"}, "packet", kinds)}

## A burst of {BURST:,} offenders

One after another, as execd does it, until all are blocked. block-ip goes through the model of
execd, script, log line and memory included; the baseline is `iptables` alone.

{bursts}
"""


def measure(python: Path) -> tuple[Results, list[str]]:
    """Measure everything."""
    results = Results()
    kinds = [kind for kind in BASELINE_RUNS if shutil.which(f"iptables-{kind}")]
    with ExitStack() as stack:
        free = Place(stack)
        with ExitStack() as inner:
            place = Place(inner)
            ours = Ours(inner, place, python)
            ours.change(*place.flow(), passes=False)  # leaves table and compiled modules behind
            have = 0
            for count in COUNTS:
                ours.fill(targets(count)[have:])
                have = count
                found = results.found[count, "ours"] = ours.measure(count)
                found["packet"] = per_datagram(packet_cost(place, free))
            results.bursts["block-ip through execd"] = ours.burst()
        for kind in kinds:
            with ExitStack() as inner:
                theirs = Theirs(Place(inner), kind)
                results.bursts[f"iptables-{kind}"] = theirs.burst()
            with ExitStack() as inner:
                theirs = Theirs(Place(inner), kind)
                have = 0
                for count in COUNTS:
                    theirs.fill(targets(count, "100.80.0.0")[have:])
                    have = count
                    found = results.found[count, kind] = theirs.measure(count)
                    found["packet"] = per_datagram(packet_cost(theirs.place, free))
    return results, kinds


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    given = options.parse_args()
    missing = [name for name in ("ip", "nft", "iptables") if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        say(f"block-ip: left out, needs root and {', '.join(missing) or 'network namespaces'}")
        return
    # Workers whose script has ended become ours, so that their processor time can be told.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    found = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
    python = Path(found).resolve()
    described = machine(python)
    parts = shares(python)
    text = report(*measure(python), parts, described)
    say(text)
    if given.write:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
