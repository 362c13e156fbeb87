"""What really happens to packets: namespaces, the built script, the kernel's own timeouts."""

import pytest

pytestmark = pytest.mark.network_namespace


def test_a_block_drops_the_attackers_udp_and_nobody_elses(network, host, attack):
    bad, good = attack(), attack(network.OTHER, port=5302)
    assert bad.passes()

    assert host.respond(network.ATTACKER)["outcome"] == "blocked"
    assert not bad.passes()
    assert network.host.dropped() == 1
    assert good.passes()


def test_an_unblocked_attacker_is_heard_again(network, host, attack):
    flow = attack()
    host.respond(network.ATTACKER)
    assert not flow.passes()

    assert host.respond(network.ATTACKER, command="delete")["outcome"] == "unblocked"
    assert flow.passes()


def test_a_block_ends_by_itself(network, host, attack, wait_until):
    flow = attack()
    host.respond(network.ATTACKER, extra_args=["--timeout", "1"])

    wait_until(flow.passes)
    assert network.host.elements("hosts4") == {}


def test_an_established_connection_is_cut_and_goes_on_after_the_block(
    network, host, tcp, wait_until
):
    flow = tcp(
        server=network.host,
        address=network.HOST,
        client=network.attacker,
        source=network.ATTACKER,
    )
    # A firewall that lets established connections pass, as most do, comes after ours.
    network.host(
        "nft",
        "-f",
        "-",
        stdin="add table inet distro\n"
        "add chain inet distro input { type filter hook input priority 0; policy accept; }\n"
        "add rule inet distro input ct state established,related accept\n",
    )
    flow.client.send(b"before ")
    wait_until(lambda: flow.received() == b"before ")

    host.respond(network.ATTACKER)
    flow.client.send(b"during ")
    wait_until(network.host.dropped)
    assert flow.received() == b""

    host.respond(network.ATTACKER, command="delete")
    wait_until(lambda: flow.received() == b"during ")


def test_containers_behind_the_host_are_defended_too(network, host, udp, tcp, wait_until):
    ends = {
        "server": network.container,
        "address": network.CONTAINER,
        "client": network.attacker,
        "source": network.ATTACKER,
    }
    datagrams, connection = udp(**ends), tcp(**ends)
    assert datagrams.passes()

    host.respond(network.ATTACKER)
    assert not datagrams.passes()
    dropped = network.host.dropped()
    connection.client.send(b"x")
    wait_until(lambda: network.host.dropped() > dropped)
    assert connection.received() == b""


def test_ipv6_is_blocked_too(network, host, udp):
    flow = udp(
        server=network.host,
        address=network.HOST6,
        client=network.attacker,
        source=network.ATTACKER6,
    )
    assert flow.passes()

    assert host.respond("2001:DB8:5:0:0:0:0:2")["target"] == network.ATTACKER6
    assert not flow.passes()
    assert network.host.dropped("hosts6") == 1


def test_an_ipv4_address_mapped_into_ipv6_blocks_the_ipv4_address(network, host, attack):
    flow = attack()

    assert host.respond(f"::ffff:{network.ATTACKER}")["target"] == network.ATTACKER
    assert not flow.passes()


def test_a_private_attacker_is_blocked(network, host, udp):
    flow = udp(
        server=network.attacker,
        address=network.ATTACKER,
        client=network.container,
        source=network.CONTAINER,
    )
    assert flow.passes()

    assert host.respond(network.CONTAINER)["outcome"] == "blocked"
    assert not flow.passes()


def test_a_network_with_enough_offenders_is_blocked_as_a_whole(network, host, attack):
    # 198.51.100.2/31 holds both of the attacker's addresses and none of the host's.
    host.manager.configure("mode = enforce\naggregate_at = 1\naggregate_prefix4 = 31\n")
    flow = attack(network.OTHER)
    host.respond(network.ATTACKER)
    assert not flow.passes()
    targets = [line["wazuh_pack"]["target"] for line in host.manager.decisions()]
    assert targets == [network.ATTACKER, "198.51.100.2/31"]

    host.run(host.message(network.ATTACKER, command="delete"))
    host.settle(4)
    assert flow.passes()


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("198.51.100.1", "own_address"),
        ("10.99.0.1", "own_address"),
        ("10.99.0.255", "own_address"),
        ("2001:db8:5::1", "own_address"),
        ("::ffff:198.51.100.1", "own_address"),
        ("198.51.100.9", "gateway"),
        ("2001:db8:5::9", "gateway"),
    ],
)
def test_the_host_never_cuts_itself_off(network, host, target, reason):
    network.host("ip", "route", "add", "default", "via", "198.51.100.9")
    network.host("ip", "-6", "route", "add", "default", "via", "2001:db8:5::9")
    found = host.respond(target)

    assert (found["outcome"], found["reason"]) == ("refused_allowlist", reason)
    assert network.host("nft", "list", "tables") == ""


def test_dry_run_changes_nothing(network, host, attack):
    host.manager.configure("mode = dry-run\n")
    flow = attack()
    found = host.respond(network.ATTACKER)

    assert (found["outcome"], found["would"]) == ("dry_run", "blocked")
    assert flow.passes()
    assert network.host("nft", "list", "tables") == ""
