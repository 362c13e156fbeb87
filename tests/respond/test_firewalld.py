"""The last fallback, on a real firewalld: in the defended host's namespace, on a bus of its own."""

import os
import shutil
import signal
import subprocess

import pytest

from wazuh_pack.respond.address import parse_address, parse_network
from wazuh_pack.respond.backends import BackendError, Change, choose, firewalld
from wazuh_pack.respond.settings import Settings

pytestmark = pytest.mark.network_namespace

NONE = list
PROGRAMS = ("dbus-daemon", "firewalld", "firewall-cmd")
BUS = """\
<busconfig>
  <type>system</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
  </policy>
</busconfig>
"""


class Daemon:
    """A firewalld, and a firewall-cmd that talks to it."""

    def __init__(self, network, folder):
        self.network = network
        self.log = folder / "log"
        address = f"unix:path={folder}/bus"
        self.environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address}
        config = folder / "bus.conf"
        config.write_text(BUS.format(address=address))
        self.processes = [
            self._start("dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile")
        ]
        self._folder = folder
        self.program = folder / "firewall-cmd"
        real = shutil.which("firewall-cmd")
        self.program.write_text(
            f'#!/bin/sh\nexport DBUS_SYSTEM_BUS_ADDRESS={address}\nexec {real} "$@"\n'
        )
        self.program.chmod(0o755)

    def begin(self):
        words = ["--nofork", "--nopid", "--system-config", self._folder / "etc"]
        self.processes.append(self._start("firewalld", *words, "--log-file", self.log))

    def _start(self, name, *words):
        ip = shutil.which("ip")
        return subprocess.Popen(
            [ip, "netns", "exec", self.network.host.name, shutil.which(name), *words],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __call__(self, *words):
        done = subprocess.run([self.program, *words], check=False, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else None

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@pytest.fixture
def daemon(network, tmp_path, wait_until):
    """A firewalld that trusts everybody who is not blocked."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        pytest.skip(f"no {missing[0]} on this machine (Debian: firewalld, dbus)")
    daemon = Daemon(network, tmp_path)
    try:
        wait_until((tmp_path / "bus").exists)
        daemon.begin()
        wait_until(lambda: daemon("--state") == "running")
        assert daemon("--set-default-zone=trusted") == "success"
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture
def backend(daemon, network):
    with network.host.entered():
        yield firewalld.Firewalld(str(daemon.program))


def change(target, seconds=3600, *, known=False):
    parse = parse_network if "/" in target else parse_address
    return Change(parse(target), seconds, known=known)


def test_a_block_drops_one_attackers_packets_and_can_be_undone(network, backend, udp, attack):
    good = attack(network.OTHER, port=5302)
    backend.apply([change(network.ATTACKER), change(network.ATTACKER6)], NONE)
    bad = attack()
    wide = udp(
        server=network.host,
        address=network.HOST6,
        client=network.attacker,
        source=network.ATTACKER6,
    )
    assert (bad.passes(), wide.passes(), good.passes()) == (False, False, True)

    backend.apply([change(network.ATTACKER, 0), change("203.0.113.9", 0)], NONE)
    assert bad.passes()


def test_an_established_connection_is_ended(network, backend, tcp, wait_until):
    flow = tcp(
        server=network.host,
        address=network.HOST,
        client=network.attacker,
        source=network.ATTACKER,
    )
    flow.client.send(b"before")
    wait_until(lambda: flow.received() == b"before")
    backend.apply([change(network.ATTACKER)], NONE)

    with pytest.raises(ConnectionError):
        flow.received()


def test_a_block_ends_by_itself_and_a_refresh_takes_the_new_end(daemon, backend, wait_until):
    backend.apply([change("203.0.113.1", 1), change("203.0.113.2", 1)], NONE)
    backend.apply([change("203.0.113.2", 3600), change("203.0.113.3", 3600)], NONE)

    wait_until(lambda: "203.0.113.1" not in daemon("--zone=trusted", "--list-rich-rules"))
    left = {"203.0.113.2", "203.0.113.3"}
    assert backend._listed("trusted") == left
    assert backend._listed(daemon("--get-default-zone")) == left


def test_every_zone_is_covered_and_what_a_reload_took_is_put_back(daemon, backend):
    assert daemon("--zone=public", "--add-interface=to-attacker") == "success"
    wanted = [change("203.0.113.1"), change("2001:db8:9::/48")]
    backend.apply(wanted, NONE)
    assert (
        backend._listed("public") == backend._listed("trusted") == {str(c.target) for c in wanted}
    )
    assert backend.missing(wanted) == []

    assert daemon("--reload") == "success"
    assert backend.missing(wanted) == wanted
    backend.restore(wanted)
    assert backend.missing(wanted) == []


def test_other_peoples_rules_stay(daemon, backend):
    theirs = 'rule family="ipv4" source address="192.0.2.1" drop'
    assert daemon(f"--add-rich-rule={theirs}") == "success"
    backend.apply([change("203.0.113.1")], NONE)
    backend.apply([change("203.0.113.1", 0, known=True)], NONE)

    assert daemon("--list-rich-rules") == theirs
    assert backend.missing([change("192.0.2.1")]) != []


def test_nothing_of_ours_is_left_when_another_way_takes_over(daemon, backend):
    theirs = 'rule family="ipv4" source address="192.0.2.1" drop'
    assert daemon(f"--add-rich-rule={theirs}") == "success"
    backend.apply([change("203.0.113.1"), change("2001:db8:9::/48")], NONE)
    backend.clear()
    backend.clear()

    assert daemon("--list-rich-rules") == theirs


def test_more_rules_than_it_can_bear_are_refused(backend):
    many = [change(f"10.0.{n >> 8}.{n & 255}") for n in range(firewalld.RULES + 1)]

    with pytest.raises(BackendError, match="need nftables or ipset"):
        backend.apply(many[:1], lambda: many[1:])


def test_a_running_firewalld_is_usable_and_a_stopped_one_says_so(daemon, backend):
    assert backend.refusal() == ""
    daemon.processes[-1].terminate()
    daemon.processes[-1].wait(30)

    assert backend.refusal() == "firewalld: it is not running; start it"
    backend.clear()
    with pytest.raises(BackendError, match="firewall-cmd: ") as caught:
        backend.apply([change("203.0.113.1")], NONE)
    assert caught.value.at_all


def test_it_is_the_last_choice(monkeypatch):
    def find(program):
        if program != "firewall-cmd":
            raise choose.ProcessError(f"{program}: not in /sbin; install it")
        return f"/usr/bin/{program}"

    monkeypatch.setattr(choose, "find_program", find)
    monkeypatch.setattr(firewalld.Firewalld, "refusal", lambda _: "")
    assert isinstance(choose.choose(Settings()), firewalld.Firewalld)

    monkeypatch.setattr(firewalld.Firewalld, "refusal", lambda _: "firewalld: it sleeps")
    with pytest.raises(
        BackendError, match=r"nft: .*; ipset: .*; iptables: .*; firewalld: it sleep"
    ):
        choose.choose(Settings()).apply([], NONE)
