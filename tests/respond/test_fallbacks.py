"""The ways to block where there is no nftables, on real packets."""

import shutil
import subprocess
import time

import pytest

from wazuh_pack.respond.address import parse_address, parse_network
from wazuh_pack.respond.backends import BackendError, Change, choose, iptables
from wazuh_pack.respond.backends.nftables import Nftables
from wazuh_pack.respond.settings import Settings

NONE = list
NAMES = ["ipset", "iptables"]


def works(name, settings):  # noqa: ARG001 -- the interface
    return ""


@pytest.fixture(params=NAMES)
def name(request, network):
    """A fallback that this machine and its kernel have."""
    missing = [p for p in choose.PROGRAMS[request.param] if not shutil.which(p)]
    if missing:
        pytest.skip(f"no {missing[0]} on this machine")
    done = subprocess.run(
        [shutil.which("ip"), "netns", "exec", network.host.name, "iptables", "-t", "raw", "-S"],
        check=False,
        capture_output=True,
    )
    if done.returncode:
        pytest.skip("the kernel has no iptables")
    return request.param


@pytest.fixture
def backend(name, network):
    with network.host.entered():
        yield choose.choose(Settings(backend=name))


def change(target, seconds=3600):
    parse = parse_network if "/" in target else parse_address
    return Change(parse(target), seconds, known=False)


pytestmark = pytest.mark.network_namespace


def test_a_block_drops_one_attackers_packets_and_can_be_undone(network, backend, attack):
    bad = attack()
    good = attack(network.OTHER, port=5302)
    backend.apply([change(network.ATTACKER)], NONE)
    assert not bad.passes()
    assert good.passes()

    backend.apply([change(network.ATTACKER)], lambda: [change(network.ATTACKER)])
    backend.apply([change(network.ATTACKER, 0)], lambda: [change(network.ATTACKER)])
    backend.apply([change(network.ATTACKER, 0)], NONE)
    assert bad.passes()


def test_a_block_ends_by_itself(network, backend, attack, wait_until):
    flow = attack()
    backend.apply([change(network.ATTACKER, 2)], NONE)
    assert not flow.passes()

    wait_until(flow.passes)


def test_networks_ipv6_and_containers_are_covered(network, backend, udp, attack):
    box = udp(
        server=network.container,
        address=network.CONTAINER,
        client=network.attacker,
        source=network.ATTACKER,
    )
    wide = udp(
        server=network.host,
        address=network.HOST6,
        client=network.attacker,
        source=network.ATTACKER6,
    )
    direct = attack(network.OTHER, port=5302)
    backend.apply([change(network.ATTACKER6), change(network.ATTACKER)], NONE)
    assert (box.passes(), wide.passes(), direct.passes()) == (False, False, True)

    backend.apply([change("198.51.100.0/24")], NONE)
    assert not direct.passes()


def test_an_established_connection_is_cut(network, backend, tcp, wait_until):
    flow = tcp(
        server=network.host,
        address=network.HOST,
        client=network.attacker,
        source=network.ATTACKER,
    )
    flow.client.send(b"before")
    wait_until(lambda: flow.received() == b"before")
    backend.apply([change(network.ATTACKER)], NONE)
    flow.client.send(b"during")
    backend.apply([change(network.ATTACKER)], NONE)

    assert flow.received() == b""


def test_what_somebody_flushed_is_put_back(network, backend, attack):
    flow = attack()
    wanted = [change(network.ATTACKER)]
    backend.apply(wanted, NONE)
    network.host("iptables", "-t", "raw", "-F")
    assert flow.passes()
    backend.restore(backend.missing(wanted))
    backend.verify(lambda: wanted)

    assert not flow.passes()
    rules = network.host("iptables", "-t", "raw", "-S", "PREROUTING").splitlines()
    assert rules.count("-A PREROUTING -j WAZUH_PACK") == 1


def test_other_peoples_rules_stay(network, backend):
    network.host("iptables", "-t", "raw", "-A", "PREROUTING", "-s", "192.0.2.1", "-j", "ACCEPT")
    backend.apply([change("203.0.113.1")], NONE)
    backend.verify(lambda: [change("203.0.113.1")])

    assert "-A PREROUTING -s 192.0.2.1/32 -j ACCEPT" in network.host(
        "iptables", "-t", "raw", "-S", "PREROUTING"
    )


def test_the_script_uses_the_fallback_that_is_configured(network, name, host, attack):
    host.manager.configure(f"mode = enforce\nbackend = {name}\n")
    flow = attack()

    assert host.respond(network.ATTACKER)["outcome"] == "blocked"
    assert not flow.passes()
    assert host.respond(network.ATTACKER, command="delete")["outcome"] == "unblocked"
    assert flow.passes()


def test_more_rules_than_iptables_alone_can_bear_are_refused():
    many = [change(f"10.0.{n >> 8}.{n & 255}") for n in range(iptables.RULES + 1)]

    with pytest.raises(BackendError, match="need nftables or ipset"):
        iptables.Iptables().apply(many[:1], lambda: many[1:])


def test_the_best_way_that_can_be_used_is_chosen(monkeypatch):
    there = {"nft", "ipset", "iptables", "iptables-restore"}

    def find(program):
        if program not in there:
            raise choose.ProcessError(f"{program}: not in /sbin; install it")
        return f"/sbin/{program}"

    monkeypatch.setattr(choose, "find_program", find)
    chosen = []
    for gone in ("nft", "ipset", "iptables-restore"):
        chosen.append(type(choose.choose(Settings(), works)))
        there.remove(gone)
    assert chosen == [Nftables, iptables.Ipset, iptables.Iptables]

    with pytest.raises(BackendError, match=r"nft: .*; ipset: .*; iptables-restore: ") as caught:
        choose.choose(Settings(), works).apply([], NONE)
    assert caught.value.at_all


def test_where_nothing_can_block_any_more_what_should_be_blocked_is_no_secret():
    backend = choose.choose(Settings(nft="/opt/nft"))
    assert backend.missing([]) == []

    with pytest.raises(BackendError, match=r"/opt/nft: it is not there"):
        backend.missing([change("203.0.113.1")])


def test_who_says_where_nft_is_gets_no_other_way():
    with pytest.raises(BackendError, match=r"/opt/nft: it is not there"):
        choose.choose(Settings(nft="/opt/nft")).apply([], NONE)


def test_an_end_is_written_as_the_kernel_reads_it(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 0.0)

    assert iptables._rule(parse_address("203.0.113.1"), 90061) == (
        "-s 203.0.113.1 -m time --datestop 1970-01-02T01:01:01"
    )
