"""What comes back after a reboot, a flush or a killed worker, and what is said of blocks' ends."""

import configparser
import json
import subprocess
import sys
from pathlib import Path

import pytest

from wazuh_pack.agentkit.home import Home
from wazuh_pack.agentkit.locks import FileLock
from wazuh_pack.respond import block_ip
from wazuh_pack.respond.address import parse_address, parse_network
from wazuh_pack.respond.backends import Backend, BackendError, Change, nftables
from wazuh_pack.respond.worker import MOST_TOLD, Worker

SCRIPT = "active-response/bin/wazuh-pack-block-ip"
HOUR = 3600
ROOT = Path(__file__).resolve().parents[2]


class Firewall(Backend):
    """Holds what it is told to; remembers what was put back."""

    def __init__(self):
        self.held = {}
        self.restored = []
        self.broken = False

    def apply(self, changes, everything):  # noqa: ARG002 -- the interface's
        for change in changes:
            self.held.pop(str(change.target), None)
            if change.seconds:
                self.held[str(change.target)] = change.seconds

    def missing(self, wanted):
        if self.broken:
            raise BackendError("no list")
        return [change for change in wanted if str(change.target) not in self.held]

    def restore(self, changes):
        self.restored.append([(str(c.target), c.seconds) for c in changes])
        self.apply(changes, list)


class World:
    """A home in enforcing mode with a firewall of its own; time stands still."""

    def __init__(self, root, monkeypatch):
        self.root = root
        (root / "logs").mkdir()
        (root / "etc/wazuh-pack").mkdir(parents=True)
        self.ini = root / "etc/wazuh-pack/respond.ini"
        self.configure("mode = enforce\n")
        self.firewall = Firewall()
        self.now = 1_000_000.0
        monkeypatch.setattr("wazuh_pack.respond.worker.choose", lambda *_: self.firewall)

    def configure(self, text):
        self.ini.write_text(f"[block-ip]\n{text}")
        self.ini.chmod(0o640)

    def worker(self):
        state = self.root / "var/wazuh-pack/respond/block-ip"
        return Worker(Home(str(self.root)), str(state), SCRIPT, clock=lambda: self.now)

    def handle(self, *messages):
        worker = self.worker()
        worker.handle(messages)
        worker.maintain()

    def look_after(self):
        worker = self.worker()
        worker.attend(worker.inspect())

    def logged(self):
        lines = (self.root / "logs/active-responses.log").read_text().splitlines()
        return [json.loads(line.partition(": ")[2])["wazuh_pack"] for line in lines]

    def outcomes(self):
        return [(d["outcome"], d.get("target")) for d in self.logged()]


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


def message(target, command="add"):
    parameters = {"extra_args": [], "alert": {"data": {"srcip": target}}}
    document = {"version": 1, "origin": {}, "command": command, "parameters": parameters}
    return json.dumps(document).encode()


def test_what_is_gone_is_put_back_for_the_rest_of_its_time(world):
    world.handle(message("203.0.113.1"), message("203.0.113.2"))
    world.now += 600
    del world.firewall.held["203.0.113.1"]
    world.look_after()

    assert world.firewall.restored == [[("203.0.113.1", HOUR - 600)]]
    last = world.logged()[-1]
    assert (last["outcome"], last["target"], last["timeout"]) == (
        "restored",
        "203.0.113.1",
        HOUR - 600,
    )


def test_very_many_that_are_put_back_do_not_flood_the_log(world):
    world.configure("mode = enforce\nmax_blocks = 1000\n")
    world.handle(*[message(f"203.0.113.{number}") for number in range(MOST_TOLD + 3)])
    world.firewall.held.clear()
    world.look_after()

    assert len(world.firewall.held) == MOST_TOLD + 3
    told = [line for line in world.logged() if line["outcome"] == "restored"]
    assert len(told) == MOST_TOLD + 1
    assert told[-1] == {
        "response": "block-ip",
        "outcome": "restored",
        "mode": "enforce",
        "reason": "and 3 more",
    }


def test_when_nothing_is_gone_nothing_is_changed_or_said(world):
    world.handle(message("203.0.113.1"))
    world.look_after()

    assert world.firewall.restored == []
    assert world.outcomes() == [("blocked", "203.0.113.1")]


def test_what_was_unblocked_has_ended_or_must_not_be_blocked_now_stays_away(world):
    world.handle(message("203.0.113.1"), message("203.0.113.2"), message("203.0.113.3"))
    world.handle(message("203.0.113.1", "delete"))
    world.configure("mode = enforce\nnever = 203.0.113.2\n")
    world.firewall.held.clear()
    world.look_after()
    assert world.firewall.restored == [[("203.0.113.3", HOUR)]]

    world.firewall.held.clear()
    world.now += HOUR + 1
    world.look_after()
    assert len(world.firewall.restored) == 1


@pytest.mark.parametrize("how", ["kill switch", "dry run"])
def test_nothing_is_put_back_when_nothing_may_be_blocked(world, how):
    world.handle(message("203.0.113.1"))
    world.firewall.held.clear()
    if how == "dry run":
        world.configure("mode = dry-run\n")
    else:
        (world.root / "etc/wazuh-pack/respond.stop").touch()
    world.look_after()

    assert world.firewall.held == {}


def test_the_end_of_a_block_is_told_once(world):
    world.handle(message("203.0.113.1"), message("203.0.113.2"))
    world.look_after()
    world.handle(message("203.0.113.2", "delete"))
    world.now += HOUR + 1
    for _ in range(3):
        world.look_after()

    assert world.outcomes()[3:] == [("expired", "203.0.113.1")]
    last = world.logged()[-1]
    assert (last["mode"], last["offences"], last["until"]) == ("enforce", 1, "1970-01-12T14:46:40Z")


def test_two_that_inspect_at_once_do_not_tell_ends_twice(world):
    world.handle(message("203.0.113.1"))
    world.look_after()
    world.now += HOUR + 1
    folder = world.root / "var/wazuh-pack/respond/block-ip"
    with FileLock(str(folder / "inspection.lock")):
        world.look_after()
    assert world.outcomes() == [("blocked", "203.0.113.1")]

    world.look_after()
    assert world.outcomes()[1:] == [("expired", "203.0.113.1")]


def test_after_the_clock_was_set_back_ends_are_still_told(world):
    world.handle(message("203.0.113.1"))
    world.now -= 10 * HOUR
    world.look_after()
    world.now += 11 * HOUR + 1
    world.look_after()

    assert world.outcomes()[-1] == ("expired", "203.0.113.1")


def test_a_firewall_that_does_not_tell_is_logged(world):
    world.handle(message("203.0.113.1"))
    world.firewall.broken = True
    world.look_after()

    assert world.logged()[-1] == {"response": "block-ip", "outcome": "failed", "reason": "no list"}


def test_messages_of_a_killed_worker_are_dealt_with(world):
    home = Home(str(world.root))
    block_ip.accept(home, message("203.0.113.1"))
    block_ip.look_after(home, SCRIPT)

    assert world.outcomes() == [("blocked", "203.0.113.1")]
    assert list(world.root.rglob("*.message")) == []


def test_where_the_script_never_ran_there_is_nothing_to_do(tmp_path):
    block_ip.look_after(Home(str(tmp_path)), SCRIPT)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("platform", ["darwin", "win32", "freebsd14"])
@pytest.mark.parametrize("arguments", [[], ["--restore"], ["--work"]], ids=str)
def test_another_system_is_refused_with_a_line(world, monkeypatch, platform, arguments):
    script = world.root / SCRIPT
    script.parent.mkdir(parents=True)
    monkeypatch.setattr(sys, "platform", platform)
    assert block_ip.main([str(script), *arguments]) == 1

    (found,) = world.logged()
    assert (found["outcome"], found["reason"]) == (
        "failed",
        f"block-ip works on Linux only, not on {platform}; use Wazuh's own responses there",
    )
    assert not (world.root / "var").exists()


def restore(host):
    script = host.manager.root / SCRIPT
    with host._namespace.entered():
        return subprocess.run([script, "--restore"], check=False, capture_output=True)


@pytest.mark.network_namespace
@pytest.mark.parametrize(
    "damage",
    [
        ("flush", "ruleset"),
        ("flush", "set", "inet", "wazuh_pack", "hosts4"),
        ("flush", "table", "inet", "wazuh_pack"),
        ("delete", "element", "inet", "wazuh_pack", "hosts4", "{ 198.51.100.2 }"),
    ],
    ids=["reboot", "flushed set", "flushed table", "one element"],
)
def test_the_script_puts_back_what_a_reboot_or_somebody_removed(network, host, attack, damage):
    flow = attack()
    host.respond(network.ATTACKER)
    network.host("nft", *damage)
    assert flow.passes()

    done = restore(host)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not flow.passes()


@pytest.mark.network_namespace
def test_a_worker_that_lingers_makes_way_for_restoring(network, host):
    host.manager.configure("mode = enforce\nlinger = 600\n")
    assert host.run(host.message("203.0.113.1")) == (b"", 0)
    while not host.manager.decisions():
        continue
    network.host("nft", "flush", "ruleset")
    assert restore(host).returncode == 0

    assert sorted(network.host.elements("hosts4")) == ["203.0.113.1"]
    assert "failed" not in host.manager.outcomes()
    host.leave()


@pytest.mark.network_namespace
def test_missing_elements_of_all_sets_are_found(network):
    changes = [
        Change(parse_address("203.0.113.1"), 60, known=False),
        Change(parse_address("2001:db8::1"), 60, known=False),
        Change(parse_network("198.51.100.0/24"), 60, known=False),
        Change(parse_network("2001:db8:1::/48"), 60, known=False),
    ]
    with network.host.entered():
        firewall = nftables.Nftables()
        assert firewall.missing(changes) == changes
        firewall.restore(changes)
        assert firewall.missing(changes) == []
        network.host("nft", "flush", "set", "inet", "wazuh_pack", "nets6")
        assert firewall.missing(changes) == changes[3:]


def test_restoring_also_leaves_compiled_modules(manager):
    script = manager.root / SCRIPT
    subprocess.run([script, "--restore"], check=True)

    assert [p.suffix[:8] for p in (manager.root / "var/wazuh-pack/code").iterdir()] == [".cpython"]
    assert manager.decisions() == []


@pytest.mark.parametrize("name", ["service", "timer"])
def test_the_units_are_what_systemd_takes(name):
    text = (ROOT / f"active_response/block_ip/wazuh-pack-respond.{name}").read_text()
    unit = configparser.ConfigParser(strict=False, delimiters="=")
    unit.optionxform = str
    unit.read_string(text)

    assert set(unit.sections()) == {
        "Unit",
        {"service": "Service", "timer": "Timer"}[name],
        "Install",
    }
    if name == "service":
        assert unit["Service"]["ExecStart"] == f"/var/ossec/{SCRIPT} {block_ip.RESTORE}"
