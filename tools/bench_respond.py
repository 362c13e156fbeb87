"""`make bench`, block-ip's part: how soon a packet is dropped, and what many addresses cost.

The script as it is installed runs in a network namespace, started as execd starts it. The baseline,
measured in the same run, is what Wazuh's firewall-drop does for an address: `iptables -I` on INPUT
and on FORWARD, `iptables -D` to undo it, one program each. Nothing here is a test.
"""

from __future__ import annotations

import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/respond"))

import conftest

from wazuh_pack.bundle import build_bundle
from wazuh_pack.respond.address import Address, parse_address
from wazuh_pack.respond.backends import Change, nftables
from wazuh_pack.respond.state import Record, Store

ROOT = Path(__file__).resolve().parents[1]
IPTABLES = shutil.which("iptables") or "iptables"
COUNTS = (0, 10_000, 100_000)
BASELINE_UP_TO = 10_000
RUNS = 9
BURST = 1_000
PATIENCE = 30
RATE_SAMPLES = 20
RATE_DATAGRAMS = 2_000
TARGET_MS = 40
HOUR = 3600


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def milliseconds(values) -> str:
    """Return median and fastest of some durations in seconds."""
    return f"{statistics.median(values) * 1e3:7.1f} ms (fastest {min(values) * 1e3:5.1f})"


def targets(count: int, first: str = "100.70.0.0"):
    """Return addresses that nobody uses."""
    start = parse_address(first).value
    return [Address(4, start + number) for number in range(count)]


class Bench:
    """An attacker and the host, and what is measured on them."""

    def __init__(self, stack: ExitStack, python: Path) -> None:
        self.stack = stack
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bundle = build_bundle(ROOT / "active_response/block_ip", folder / conftest.NAME).path
        self.network = conftest.Network(stack)
        self.manager = conftest.Manager(folder / "ossec", bundle, python)
        self.execd = conftest.Execd(self.manager, self.network.host)
        self.ports = iter(range(20_000, 60_000))
        self.sources = iter(range(10, 250))
        self.configure(linger=600)

    def configure(self, *, linger: int) -> None:
        """Enforce, without a limit that a benchmark would reach."""
        self.manager.configure(f"mode = enforce\nmax_blocks = 1000000\nlinger = {linger}\n")

    def flow(self):
        """Return a flow of datagrams from an address that was not used before."""
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

    def until(self, flow, *, passes: bool, start) -> float:
        """Return how long after ``start()`` the first datagram is dropped, or passes again."""
        begin = time.perf_counter()
        script = start()
        while flow.passes() is not passes:
            if time.perf_counter() - begin > PATIENCE:
                raise SystemExit("the firewall did not change within 30 seconds")
            select.select([], [], [], 0.0005)
        took = time.perf_counter() - begin
        if script is not None:
            self.execd.finish(script)
        return took

    def rate(self) -> float:
        """Return datagrams per second from an address that is not blocked."""
        _, flow = self.flow()
        best = 0.0
        for _ in range(RATE_SAMPLES):  # the best of several: other work on the machine is no cost
            begin = time.perf_counter()
            for _ in range(RATE_DATAGRAMS):
                flow.passes()
            best = max(best, RATE_DATAGRAMS / (time.perf_counter() - begin))
        return best

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

    # Ours

    def block(self) -> tuple[float, object]:
        """Block one address."""
        source, flow = self.flow()
        lines = self.decisions() + 1
        took = self.until(
            flow, passes=False, start=lambda: self.execd.start(self.execd.message(source))
        )
        self.settle(lines)
        return took, (source, flow)

    def refresh(self, source: str) -> float:
        """Prolong a block; until the log says so."""
        lines = self.decisions() + 1
        begin = time.perf_counter()
        self.execd.run(self.execd.message(source, extra_args=["--timeout", "7200"]))
        self.settle(lines)
        return time.perf_counter() - begin

    def unblock(self, source: str, flow) -> float:
        """End a block."""
        lines = self.decisions() + 1
        line = self.execd.message(source, command="delete")
        took = self.until(flow, passes=True, start=lambda: self.execd.start(line))
        self.settle(lines)
        return took

    def fill(self, addresses) -> None:
        """Block many addresses in the kernel and in our memory."""
        with self.network.host.entered():
            changes = [Change(address, 4 * HOUR, known=False) for address in addresses]
            nftables.Nftables().apply(changes, list)
        until = time.time() + 4 * HOUR
        Store(str(self.manager.state / "enforce/targets"), 30 * 24 * HOUR).put(
            [
                Record(target=str(address), offences=1, until=until, duration=4 * HOUR)
                for address in addresses
            ],
            time.time(),
        )

    # The baseline

    def iptables(self, verb: str, source: str) -> None:
        """Do what firewall-drop does for one address."""
        for chain in ("INPUT", "FORWARD"):
            subprocess.run([IPTABLES, verb, chain, "-s", source, "-j", "DROP"], check=True)

    def fill_iptables(self, addresses) -> None:
        """Block many addresses as firewall-drop does, but all at once."""
        rules = [f"-I {chain} -s {a} -j DROP" for a in addresses for chain in ("INPUT", "FORWARD")]
        text = "\n".join(["*filter", *rules, "COMMIT", ""])
        self.network.host("iptables-restore", "--noflush", stdin=text)

    def iptables_once(self) -> tuple[float, float]:
        """Block and unblock one address; return how long each took."""
        source, flow = self.flow()
        with self.network.host.entered():
            took = self.until(flow, passes=False, start=lambda: self.iptables("-I", source))
            back = self.until(flow, passes=True, start=lambda: self.iptables("-D", source))
        return took, back


def interpreter(python: Path) -> list[float]:
    """Return how long the interpreter takes to start and do nothing."""
    found = []
    for _ in range(2 * RUNS):
        begin = time.perf_counter()
        subprocess.run([python, "-I", "-S", "-c", "pass"], check=True)
        found.append(time.perf_counter() - begin)
    return found


def ours(bench: Bench, free_rate: float) -> dict[int, float]:
    """Measure our script at each number of addresses; return the packet rates."""
    have = 0
    rates = {}
    for count in COUNTS:
        bench.fill(targets(count)[have:])
        have = count
        say(f"\nblock-ip with {count:,} addresses blocked")
        cold, warm, refreshed, unblocked = [], [], [], []
        for _ in range(RUNS):
            bench.execd.leave()
            took, (source, flow) = bench.block()
            cold.append(took)
            bench.unblock(source, flow)
        for _ in range(RUNS):
            took, (source, flow) = bench.block()
            warm.append(took)
            refreshed.append(bench.refresh(source))
            unblocked.append(bench.unblock(source, flow))
        rates[count] = bench.rate()
        ratio = statistics.median(cold) * 1e3 / TARGET_MS
        say(f"  first event to first drop    {milliseconds(cold)}  ratio to target {ratio:.2f}")
        say(f"  next events to first drop    {milliseconds(warm)}")
        say(f"  refresh, until it is logged  {milliseconds(refreshed)}")
        say(f"  unblock to first packet      {milliseconds(unblocked)}")
        say(f"  packets per second {rates[count]:12,.0f}  ratio {rates[count] / free_rate:.2f}")
    return rates


def baseline(bench: Bench, free_rate: float) -> None:
    """Measure iptables at each number of addresses that it can be filled with soon enough."""
    have = 0
    for count in COUNTS:
        if count > BASELINE_UP_TO:
            say(f"\nfirewall-drop's method with {count:,} addresses: left out, it takes minutes")
            continue
        bench.fill_iptables(targets(count, "100.80.0.0")[have:])
        have = count
        say(f"\nfirewall-drop's method (iptables -I twice) with {count:,} addresses blocked")
        found = [bench.iptables_once() for _ in range(RUNS)]
        rate = bench.rate()
        say(f"  block to first drop          {milliseconds([block for block, _ in found])}")
        say(f"  unblock to first packet      {milliseconds([back for _, back in found])}")
        say(f"  packets per second {rate:12,.0f}  ratio {rate / free_rate:.2f}")
    bench.network.host("iptables", "-F")


def burst(bench: Bench) -> None:
    """Compare a burst of offenders through the model of execd."""
    bench.execd.leave()
    lines = bench.decisions()
    addresses = [str(address) for address in targets(BURST, "100.90.0.0")]
    begin = time.perf_counter()
    for address in addresses:
        bench.execd.run(bench.execd.message(address))
    bench.settle(lines + BURST)
    us = time.perf_counter() - begin
    bench.execd.leave()
    with bench.network.host.entered():
        begin = time.perf_counter()
        for address in addresses:
            bench.iptables("-I", address)
        them = time.perf_counter() - begin
    say(f"\n{BURST:,} offenders, one after another, until all are blocked")
    say(f"  block-ip through execd       {us:6.2f} s")
    say(
        f"  firewall-drop's method       {them:6.2f} s  (iptables alone, without starting a script)"
    )
    say(f"  ratio                        {us / them:6.2f}")


def main() -> None:
    """Measure and print."""
    missing = [name for name in ("ip", "nft", "iptables") if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        say(f"block-ip: left out, needs root and {', '.join(missing) or 'network namespaces'}")
        return
    python = Path(shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable)
    with ExitStack() as stack:
        bench = Bench(stack, python.resolve())
        stack.callback(bench.execd.leave)
        starts = interpreter(python.resolve())
        say(
            f"block-ip on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {python.resolve()}"
        )
        say(f"  of that, the interpreter     {milliseconds(starts)}")
        free_rate = bench.rate()
        say(f"  packets per second without a firewall {free_rate:,.0f}")
        bench.block()
        ours(bench, free_rate)
        burst(bench)
    with ExitStack() as stack:
        baseline(Bench(stack, python.resolve()), free_rate)


if __name__ == "__main__":
    main()
