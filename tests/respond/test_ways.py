"""Which way is taken where one does not work, and what becomes of blocks when it changes."""

import shutil
import subprocess
import time

import pytest

from wazuh_pack.agentkit.home import Home
from wazuh_pack.respond import ways
from wazuh_pack.respond.backends import BackendError, choose, iptables, nftables
from wazuh_pack.respond.settings import Settings
from wazuh_pack.respond.ways import Holders, Probes
from wazuh_pack.respond.worker import Worker

pytestmark = pytest.mark.network_namespace

SCRIPT = "active-response/bin/wazuh-pack-block-ip"
HOUR = 3600
ERROR = "Error: Could not process rule: Operation not supported"


@pytest.fixture(autouse=True)
def _iptables(network):
    """Skip where the fallbacks are not to be had."""
    missing = [program for program in choose.PROGRAMS["ipset"] if not shutil.which(program)]
    if missing:
        pytest.skip(f"no {missing[0]} on this machine")
    done = subprocess.run(
        [shutil.which("ip"), "netns", "exec", network.host.name, "iptables", "-t", "raw", "-S"],
        check=False,
        capture_output=True,
    )
    if done.returncode:
        pytest.skip("the kernel has no iptables")


def traces(namespace):
    """Return which ways have something of ours in a namespace."""
    raw = namespace("iptables", "-t", "raw", "-S")
    sets = namespace("ipset", "save")
    found = {
        "nftables": "wazuh_pack" in namespace("nft", "list", "tables", "inet"),
        "ipset": "--match-set" in raw or "\nadd wazuh_pack" in f"\n{sets}",
        "iptables": "--datestop" in raw,
    }
    return {name for name, there in found.items() if there}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ipset", "nftables"),
        ("nftables", "ipset"),
        ("ipset", "iptables"),
        ("iptables", "ipset"),
        ("iptables", "nftables"),
    ],
)
def test_blocks_are_moved_when_the_way_changes(network, host, attack, before, after):
    first, second = attack(), attack(network.OTHER, port=5302)
    host.manager.configure(f"mode = enforce\nbackend = {before}\n")
    host.respond(network.ATTACKER)
    host.respond(network.OTHER)
    assert traces(network.host) == {before}

    host.manager.configure(f"mode = enforce\nbackend = {after}\n")
    assert host.respond(network.ATTACKER, command="delete")["outcome"] == "unblocked"
    assert traces(network.host) == {after}
    assert (first.passes(), second.passes()) == (True, False)
    assert host.manager.outcomes() == ["blocked", "blocked", "unblocked"]


def test_the_timer_moves_blocks_without_calling_them_restored(network, host, attack):
    flow = attack()
    host.manager.configure("mode = enforce\nbackend = ipset\n")
    host.respond(network.ATTACKER)
    host.manager.configure("mode = enforce\nbackend = nftables\n")
    with network.host.entered():
        subprocess.run([host.manager.root / SCRIPT, "--restore"], check=True)

    assert traces(network.host) == {"nftables"}
    assert not flow.passes()
    assert host.manager.outcomes() == ["blocked"]


@pytest.fixture
def fake(tmp_path):
    """A program in nft's place that counts its starts and fails as long as it is told to."""

    class Fake:
        path = tmp_path / "nft"
        fails = tmp_path / "fails"
        starts = tmp_path / "starts"

        def count(self):
            return len(self.starts.read_text()) if self.starts.exists() else 0

    program = Fake()
    program.path.write_text(
        f"#!/bin/sh\nprintf x >>{program.starts}\n"
        f'[ -e {program.fails} ] || exec {shutil.which("nft")} "$@"\n'
        "echo 'Error: Could not process rule: Operation not supported' >&2; exit 1\n"
    )
    program.path.chmod(0o755)
    return program


@pytest.fixture
def decide(network, host, fake, monkeypatch):
    """Return a function that has a new process block an address, some seconds from now."""
    real = choose.make

    def make(name, settings):
        return nftables.Nftables(str(fake.path)) if name == "nftables" else real(name, settings)

    monkeypatch.setattr(choose, "make", make)
    monkeypatch.setattr("wazuh_pack.respond.worker.make", make)
    start = time.time()

    def handle(target, after=0, command="add"):
        worker = Worker(
            Home(str(host.manager.root)), str(host.manager.state), SCRIPT, lambda: start + after
        )
        with network.host.entered():
            (decision,) = worker.handle([host.message(target, command)])
        return decision.outcome

    return handle


def test_a_program_that_cannot_work_is_asked_once_and_the_next_way_taken(network, fake, decide):
    fake.fails.touch()
    assert [decide("203.0.113.1"), decide("203.0.113.2")] == ["blocked", "blocked"]
    assert fake.count() == 1
    assert traces(network.host) == {"ipset"}

    fake.fails.unlink()
    assert decide("203.0.113.3", HOUR - 1) == "blocked"
    assert fake.count() == 1
    assert decide("203.0.113.4", HOUR) == "blocked"
    assert traces(network.host) == {"nftables"}


def test_a_way_that_works_is_not_asked_again_until_it_fails(network, fake, decide):
    assert decide("203.0.113.1") == "blocked"
    starts = fake.count()
    assert decide("203.0.113.2") == "blocked"
    assert fake.count() == starts + 1

    fake.fails.touch()
    assert decide("203.0.113.3") == "failed"
    assert decide("203.0.113.3") == "blocked"
    assert "ipset" in traces(network.host)


def test_a_block_that_cannot_be_taken_out_is_said_and_tried_again(network, host, fake, decide):
    decide("203.0.113.1")
    fake.fails.touch()
    assert [decide("203.0.113.2"), decide("203.0.113.2")] == ["failed", "blocked"]
    assert decide("203.0.113.1", 299, "delete") == "unblocked"
    reasons = [d["wazuh_pack"].get("reason") for d in host.manager.decisions()[2:]]
    assert reasons == [f"blocks made with nftables stay in force there: {ERROR}", None, None]
    assert "nftables" in traces(network.host)

    fake.fails.unlink()
    assert decide("203.0.113.1", 300, "delete") == "unblocked"
    assert traces(network.host) == {"ipset"}


def test_where_nothing_works_any_more_what_is_not_in_force_is_said(network, host):
    host.respond(network.ATTACKER)
    host.manager.configure("mode = enforce\nnft = /opt/nft\n")
    with network.host.entered():
        subprocess.run([host.manager.root / SCRIPT, "--restore"], check=True)

    assert "/opt/nft: it is not there" in host.manager.decisions()[-1]["wazuh_pack"]["reason"]


def test_nothing_is_moved_while_the_kill_switch_lies_there(network, host):
    host.manager.configure("mode = enforce\nbackend = ipset\n")
    host.respond(network.ATTACKER)
    host.manager.configure("mode = enforce\nbackend = nftables\n")
    host.manager.stop.touch()
    host.respond("203.0.113.1", command="delete")

    assert traces(network.host) >= {"ipset"}
    assert "kill switch" in host.manager.decisions()[-2]["wazuh_pack"]["reason"]


@pytest.mark.parametrize("name", ["nftables", "ipset", "iptables"])
def test_asking_whether_a_way_works_leaves_nothing_behind(network, name):
    with network.host.entered():
        assert choose.probe(name, Settings()) == ""

    assert traces(network.host) == set()


def test_each_way_says_why_it_does_not_work(fake, monkeypatch):
    fake.fails.touch()
    assert nftables.Nftables(str(fake.path)).refusal() == f"nft: {ERROR}"
    assert "/opt/nft: it is not there" in nftables.Nftables("/opt/nft").refusal()

    def failing(words, *_):
        raise BackendError(f"{words[0]}: no such kernel")

    monkeypatch.setattr(iptables, "_must", failing)
    assert iptables.Ipset().refusal() == "ipset: no such kernel"
    assert iptables.Iptables().refusal() == "iptables: no such kernel"


def test_clearing_what_is_not_there_is_fine(network):
    with network.host.entered():
        for name in ("nftables", "ipset", "iptables"):
            choose.make(name, Settings()).clear()

    assert traces(network.host) == set()


def test_after_a_reboot_nothing_is_held_and_everything_is_asked_anew(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(ways, "probe", lambda name, _: asked.append(name) or "")
    path = str(tmp_path / "file")
    for boot in ("one", "one", "two"):
        (tmp_path / "boot").write_text(boot)
        monkeypatch.setattr(ways, "_BOOT", str(tmp_path / "boot"))
        Probes(path, 0.0).probe("nftables", Settings())
    assert asked == ["nftables", "nftables"]

    holders = Holders(path + "2", 0.0)
    holders.add("ipset")
    assert Holders(path + "2", 0.0).others("nftables") == ["ipset"]
    (tmp_path / "boot").write_text("three")
    assert Holders(path + "2", 0.0).others("nftables") == []


def test_a_damaged_memory_is_begun_anew(tmp_path):
    (tmp_path / "file").write_text("[")

    assert Holders(str(tmp_path / "file"), 0.0).others("") == []


def test_a_full_disk_keeps_nothing_from_working(tmp_path):
    Holders(str(tmp_path / "absent/file"), 0.0).add("ipset")

    assert not (tmp_path / "absent").exists()
