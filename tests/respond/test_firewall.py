"""The nftables backend and the script on it, when things are large, at once, or go wrong."""

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wazuh_pack.agentkit.home import Home
from wazuh_pack.respond.address import Address, parse_address, parse_network
from wazuh_pack.respond.backends import BackendError, Change, nftables
from wazuh_pack.respond.state import Record, Store
from wazuh_pack.respond.worker import Worker

pytestmark = pytest.mark.network_namespace

NONE = list
NFT = shutil.which("nft")
NAME = "active-response/bin/wazuh-pack-block-ip"


def change(target, seconds=3600, *, known=False):
    return Change(parse_address(target), seconds, known=known)


def addresses(count, first="100.70.0.0"):
    start = parse_address(first).value
    return [str(Address(4, start + number)) for number in range(count)]


@pytest.fixture
def firewall(network):
    """The backend inside the defended host's namespace."""
    with network.host.entered():
        yield nftables.Nftables()


def test_the_table_is_made_when_it_is_first_needed(network, firewall):
    firewall.apply([change("203.0.113.9")], NONE)

    assert network.host.elements("hosts4") == {"203.0.113.9": 3600}
    chains = network.host("nft", "list", "chain", "inet", "wazuh_pack", "forward")
    assert "hook forward priority filter - 10" in chains


def test_a_refresh_sets_the_new_timeout(network, firewall):
    firewall.apply([change("203.0.113.9", 60)], NONE)
    firewall.apply([change("203.0.113.9", 7200, known=True)], NONE)

    assert network.host.elements("hosts4") == {"203.0.113.9": 7200}


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_guess_about_what_is_there_makes_no_difference(network, firewall, known):
    if not known:
        firewall.apply([change("203.0.113.9", 60)], NONE)
    firewall.apply([change("203.0.113.9", 7200, known=known)], NONE)

    assert network.host.elements("hosts4") == {"203.0.113.9": 7200}


def test_unblocking_what_is_not_blocked_is_fine(network, firewall):
    firewall.apply([change("203.0.113.9", 0)], NONE)
    firewall.apply([change("203.0.113.9", 0)], NONE)

    assert network.host.elements("hosts4") == {}


def test_one_transaction_holds_many_changes_of_all_kinds(network, firewall):
    firewall.apply([change("203.0.113.1"), change("203.0.113.2")], NONE)
    firewall.apply(
        [
            change("203.0.113.1", 0, known=True),
            change("203.0.113.2", 99, known=True),
            change("203.0.113.3", 98),
            change("2001:db8::1", 97),
            Change(parse_network("203.0.112.0/24"), 96, known=False),
            Change(parse_network("2001:db8:1::/48"), 95, known=False),
        ],
        NONE,
    )

    assert network.host.elements("hosts4") == {"203.0.113.2": 99, "203.0.113.3": 98}
    assert network.host.elements("hosts6") == {"2001:db8::1": 97}
    assert '"len": 24' in network.host("nft", "-j", "list", "set", "inet", "wazuh_pack", "nets4")
    assert '"len": 48' in network.host("nft", "-j", "list", "set", "inet", "wazuh_pack", "nets6")


def test_a_transaction_that_cannot_be_done_changes_nothing(network, firewall):
    firewall.apply([change("203.0.113.1")], NONE)
    overlapping = [
        Change(parse_network("192.0.2.0/24"), 96, known=False),
        Change(parse_network("192.0.2.0/25"), 96, known=False),
    ]

    with pytest.raises(BackendError) as caught:
        firewall.apply([change("203.0.113.2"), *overlapping], NONE)
    assert not caught.value.at_all
    assert network.host.elements("hosts4") == {"203.0.113.1": 3600}


def test_a_table_that_somebody_removed_comes_back_with_all_it_held(network, firewall):
    firewall.apply([change("203.0.113.1")], NONE)
    network.host("nft", "flush", "ruleset")
    firewall.apply(
        [change("203.0.113.2")],
        lambda: [change("203.0.113.1", 50), change("203.0.113.2", 60)],
    )

    assert network.host.elements("hosts4") == {"203.0.113.1": 50, "203.0.113.2": 3600}


@pytest.mark.parametrize(
    "damage",
    [
        ["flush", "chain", "inet", "wazuh_pack", "input"],
        ["flush", "table", "inet", "wazuh_pack"],
        ["delete", "table", "inet", "wazuh_pack"],
    ],
    ids=lambda damage: " ".join(damage[:2]),
)
def test_verifying_puts_back_what_somebody_removed(network, firewall, damage):
    firewall.apply([change("203.0.113.1")], NONE)
    before = network.host("nft", "list", "chain", "inet", "wazuh_pack", "input")
    network.host("nft", *damage)
    firewall.verify(lambda: [change("203.0.113.1")])

    assert network.host("nft", "list", "chain", "inet", "wazuh_pack", "input") == before
    assert network.host.elements("hosts4") == {"203.0.113.1": 3600}


def test_other_peoples_rules_are_not_touched(network, firewall):
    network.host("nft", "add", "table", "inet", "theirs")
    network.host("nft", "add", "chain", "inet", "theirs", "c")
    network.host("nft", "add", "rule", "inet", "theirs", "c", "counter", "drop")
    before = network.host("nft", "list", "table", "inet", "theirs")
    firewall.apply([change("203.0.113.1")], NONE)
    firewall.verify(NONE)

    assert network.host("nft", "list", "table", "inet", "theirs") == before


def test_ten_thousand_addresses_are_held_and_still_drop(network, host, firewall, attack):
    flow = attack(network.OTHER)
    firewall.apply([change(a) for a in [*addresses(9_999), network.OTHER]], NONE)
    assert len(network.host.elements("hosts4")) == 10_000
    assert not flow.passes()

    host.respond(network.ATTACKER)
    found = network.host.elements("hosts4")
    assert len(found) == 10_001
    assert found[network.ATTACKER] == 3600
    host.respond(network.ATTACKER, command="delete")
    assert len(network.host.elements("hosts4")) == 10_000


def test_a_hundred_thousand_addresses_are_held_remembered_and_put_back(network, host, firewall):
    many = [change(a) for a in addresses(100_000)]
    firewall.apply(many, NONE)
    store = Store(str(host.manager.state / "enforce/targets"), 86_400)
    host.respond("203.0.113.1")
    now = time.time()
    store.put(
        [Record(target=str(c.target), offences=1, until=now + 3600, duration=3600) for c in many],
        now,
    )

    assert host.respond(str(many[77].target))["outcome"] == "refreshed"
    assert host.respond(str(many[88].target), command="delete")["outcome"] == "unblocked"
    network.host("nft", "flush", "set", "inet", "wazuh_pack", "hosts4")
    assert len(firewall.missing(many)) == 100_000
    firewall.restore(many)
    assert firewall.missing(many) == []


def test_a_program_that_is_missing_is_named(network):
    with (
        network.host.entered(),
        pytest.raises(BackendError, match=r"/opt/nft: .*install") as caught,
    ):
        nftables.Nftables("/opt/nft").apply([change("203.0.113.1")], NONE)
    assert caught.value.at_all


@pytest.fixture
def fake(tmp_path):
    """Return a function that writes a program to use in nft's place."""

    def write(script):
        path = tmp_path / "nft"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write


def test_a_program_that_hangs_is_stopped(fake, monkeypatch):
    monkeypatch.setattr(nftables, "_SECONDS", 0.2)
    program = fake("exec sleep 1000")

    with pytest.raises(BackendError, match="was stopped") as caught:
        nftables.Nftables(str(program)).apply([change("203.0.113.1")], NONE)
    assert caught.value.at_all


def test_a_program_that_fails_without_a_word_is_a_failure(fake):
    with pytest.raises(BackendError, match="without a word"):
        nftables.Nftables(str(fake("exit 1"))).apply([change("203.0.113.1")], NONE)


def test_adds_at_the_same_time_are_all_done(network, host):
    targets = addresses(30)
    scripts = [host.start(host.message(target)) for target in targets]
    for script in scripts:
        assert host.finish(script) == (b"", 0)
    host.settle(30)

    assert host.manager.outcomes() == ["blocked"] * 30
    assert sorted(network.host.elements("hosts4")) == sorted(targets)


def test_adds_and_deletes_at_the_same_time_leave_firewall_and_memory_agreed(network, host):
    chains = {
        target: ["add", "delete", "add"] if number % 2 else ["add", "add", "delete"]
        for number, target in enumerate(addresses(10))
    }

    def ask(target):
        return [host.run(host.message(target, command=command)) for command in chains[target]]

    with ThreadPoolExecutor(len(chains)) as pool:
        answers = list(pool.map(ask, chains))
    host.settle(30)

    assert answers == [[(b"", 0)] * 3] * 10
    blocked = sorted(target for target, chain in chains.items() if chain[-1] == "add")
    assert sorted(network.host.elements("hosts4")) == blocked
    store = Store(str(host.manager.state / "enforce/targets"), 86_400)
    assert sorted(record.target for record in store.live(time.time())) == blocked


def test_adds_and_deletes_of_one_address_are_done_in_their_order(network, host):
    commands = ["add", "add", "delete", "add", "delete", "add", "delete"]
    for command in commands:
        host.run(host.message("203.0.113.9", command=command))
    host.settle(len(commands))

    assert network.host.elements("hosts4") == {}
    assert [d["command"] for d in host.manager.decisions()] == commands


def test_without_nft_the_failure_is_logged(host):
    host.manager.configure("mode = enforce\nnft = /opt/nft\n")
    found = host.respond("203.0.113.9")

    assert found["outcome"] == "failed"
    assert found["reason"] == "/opt/nft: it is not there; install it"


def test_a_hanging_firewall_does_not_hold_up_execd(host, fake, tmp_path, wait_until):
    marker = tmp_path / "marker"
    program = fake(f"echo $$ >{marker}.new; mv {marker}.new {marker}; exec sleep 1000")
    host.manager.configure(f"mode = enforce\nnft = {program}\n")

    assert host.run(host.message("203.0.113.9")) == (b"", 0)
    hanging = int(wait_until(lambda: marker.exists() and marker.read_text()))
    assert host.run(host.message("203.0.113.10")) == (b"", 0)
    os.kill(hanging, 0)
    # It is let go here, so that the test need not wait for its time to be over.
    program.write_text("#!/bin/sh\nexit 1\n")
    os.killpg(hanging, signal.SIGKILL)
    host.settle(2)
    assert host.manager.outcomes() == ["failed", "failed"]


@pytest.mark.parametrize("end", ["exec sleep 1000", "kill -9 $$"], ids=["hangs", "killed"])
def test_what_a_program_did_before_its_end_is_neither_uncounted_nor_forgotten(
    network, host, fake, monkeypatch, end
):
    monkeypatch.setattr(nftables, "_SECONDS", 0.2)
    host.respond("203.0.113.1")
    host.manager.configure(f"mode = enforce\nmax_blocks = 2\nnft = {fake(f'{NFT} -f -; {end}')}\n")
    worker = Worker(Home(str(host.manager.root)), str(host.manager.state), NAME)
    with network.host.entered():
        found = [worker.handle([host.message(f"203.0.113.{n}")])[0] for n in (2, 3)]
    assert [d.outcome for d in found] == ["failed", "refused_rate_limit"]
    assert network.host.elements("hosts4").keys() == {"203.0.113.1", "203.0.113.2"}

    host.manager.configure()
    assert "reason" not in host.respond("203.0.113.2", command="delete")
    assert network.host.elements("hosts4").keys() == {"203.0.113.1"}


@pytest.mark.parametrize("real", [":", f"{NFT} -f - || exit 1"], ids=["before", "after"])
def test_a_worker_killed_in_the_middle_loses_nothing(network, host, fake, wait_until, real):
    marker = host.manager.root / "marker"
    program = fake(
        f"{real}\necho $PPID $$ >{marker}.new; mv {marker}.new {marker}; exec sleep 1000"
    )
    host.respond("203.0.113.1")  # makes the table, so that the program's first try succeeds
    host.manager.configure(f"mode = enforce\nnft = {program}\n")
    host.run(host.message("203.0.113.9"))
    worker, child = map(int, wait_until(lambda: marker.exists() and marker.read_text()).split())
    os.kill(worker, signal.SIGKILL)
    os.killpg(child, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{worker}").exists())
    done = len(host.manager.decisions())

    host.manager.configure()
    host.run(host.message("203.0.113.10"))
    host.settle(done + 2)
    assert host.manager.outcomes()[done:] == ["blocked", "blocked"]
    assert network.host.elements("hosts4").keys() >= {"203.0.113.9", "203.0.113.10"}
    assert {line["wazuh_pack"]["offences"] for line in host.manager.decisions()} == {1}


def test_the_script_restores_every_block_after_a_flush_of_all_rules(network, host):
    for target in ("203.0.113.1", "203.0.113.2", "2001:db8::1"):
        host.respond(target)
    host.respond("203.0.113.2", command="delete")
    network.host("nft", "flush", "ruleset")
    host.respond("203.0.113.3")

    assert sorted(network.host.elements("hosts4")) == ["203.0.113.1", "203.0.113.3"]
    assert sorted(network.host.elements("hosts6")) == ["2001:db8::1"]
