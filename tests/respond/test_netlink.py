"""What the kernel says of routes and connections, asked of real ones."""

import json
import socket
import subprocess

import pytest

from wazuh_pack.respond import cluster, netlink
from wazuh_pack.respond.address import parse_address
from wazuh_pack.respond.cluster import ClusterNodes
from wazuh_pack.respond.netlink import answered_peers, gateways

pytestmark = pytest.mark.network_namespace

CLUSTER = "<ossec_config><cluster><nodes><node>192.0.2.20</node></nodes></cluster></ossec_config>"
PORT = 1516


def found(namespace):
    with namespace.entered():
        return set(gateways())


def test_a_host_without_routes_has_no_gateways(network):
    assert found(network.host) == set()


def test_each_hop_of_each_route_of_each_table_is_a_gateway(network):
    route = ("ip", "route", "add")
    hops = ("nexthop", "via", network.ATTACKER, "nexthop", "via", network.OTHER)
    network.host(*route, "default", *hops)
    network.host(*route, "default", "via", network.CONTAINER, "table", "100")
    network.host(*route, "203.0.113.0/24", "via", "198.51.100.77", "table", "70000")
    network.host(*route, "192.0.2.0/24", "via", "inet6", "2001:db8:5::9")
    network.host(*route, "198.18.0.0/15", "dev", "to-attacker")
    hops = ("nexthop", "via", "2001:db8:5::7", "nexthop", "via", "2001:db8:5::8")
    network.host("ip", "-6", "route", "add", "default", *hops)
    network.host("ip", "-6", "route", "add", "default", "via", "2001:db8:5::6", "table", "100")

    assert found(network.host) == {
        network.ATTACKER,
        network.OTHER,
        network.CONTAINER,
        "198.51.100.77",
        *(f"2001:db8:5::{last}" for last in (6, 7, 8, 9)),
    }


def test_gateways_that_routes_only_point_to_are_found(network):
    nexthop = ("ip", "nexthop", "add", "id")
    network.host(*nexthop, "1", "via", network.ATTACKER, "dev", "to-attacker")
    network.host(*nexthop, "2", "via", "2001:db8:5::9", "dev", "to-attacker")
    network.host("sh", "-c", "echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode")
    network.host("ip", "route", "add", "default", "nhid", "1")

    assert found(network.host) == {network.ATTACKER, "2001:db8:5::9"}


def test_a_table_of_many_routes_is_read_to_its_end(network):
    lines = [
        f"route add 100.64.{n >> 8}.{n & 255}/32 via 198.51.100.{n % 200 + 10}\n"
        for n in range(3000)
    ]
    network.host("ip", "-batch", "-", stdin="".join(lines))

    assert found(network.host) == {f"198.51.100.{n + 10}" for n in range(200)}


def test_a_kernel_that_does_not_know_the_question_is_an_error():
    with pytest.raises(OSError, match="netlink"):
        list(netlink._dump(netlink._CONNECTIONS, 4711, bytes(56)))


@pytest.mark.parametrize("target", ["OTHER", "CONTAINER"])
def test_no_gateway_is_blocked(network, host, target):
    hops = ("nexthop", "via", network.ATTACKER, "nexthop", "via", network.OTHER)
    network.host("ip", "route", "add", "default", *hops)
    network.host("ip", "route", "add", "default", "via", network.CONTAINER, "table", "100")

    decision = host.respond(getattr(network, target))

    assert (decision["outcome"], decision["reason"]) == ("refused_allowlist", "gateway")


def answer(flow, text=b"welcome"):
    """Have the server say something, which the client's kernel acknowledges."""
    flow.server.sendall(text)


@pytest.fixture
def worker(network, tcp):
    """Return a function that connects somebody to a port of the host."""

    def connect(port=PORT, source=network.ATTACKER):
        ends = {"server": network.host, "address": network.HOST, "client": network.attacker}
        return tcp(**ends, source=source, port=port)

    return connect


def peers(namespace, port=PORT):
    with namespace.entered():
        return set(answered_peers(port))


def test_who_is_only_connected_to_the_clusters_port_is_no_node(network, worker):
    flow = worker()
    flow.client.send(b"let me in")

    assert peers(network.host) == set()


def test_who_got_an_answer_at_the_clusters_port_is_a_node(network, worker, wait_until):
    answer(worker())
    answer(worker(port=PORT + 1, source=network.OTHER))
    answer(worker(port=PORT - 1, source=network.OTHER))

    assert wait_until(lambda: peers(network.host)) == {network.ATTACKER}


def test_a_connection_from_that_port_says_nothing(network, tcp, wait_until):
    """Whoever connects somewhere else may choose the port that he comes from."""
    ends = {"server": network.attacker, "address": network.ATTACKER, "client": network.host}
    answer(tcp(**ends, source=network.HOST, port=PORT))

    assert wait_until(lambda: peers(network.attacker)) == {network.HOST}
    assert peers(network.host) == set()


def test_a_node_of_a_server_for_both_families_is_found(network, wait_until):
    listener = network.host.socket(socket.SOCK_STREAM, socket.AF_INET6)
    client = network.attacker.socket(socket.SOCK_STREAM)
    with listener, client:
        listener.bind(("::", PORT))
        listener.listen()
        client.connect_ex((network.HOST, PORT))
        listener.setblocking(True)
        with listener.accept()[0] as server:
            server.sendall(b"welcome")

            (found,) = wait_until(lambda: peers(network.host))
            assert ":" in found
            assert parse_address(found) == parse_address(network.ATTACKER)


def test_a_node_of_the_cluster_is_not_blocked(network, host, worker, wait_until):
    (host.manager.root / "etc/ossec.conf").write_text(CLUSTER)
    answer(worker())
    wait_until(lambda: peers(network.host))
    with network.attacker.socket(socket.SOCK_STREAM) as stranger:
        stranger.bind((network.OTHER, 0))
        stranger.connect_ex((network.HOST, PORT))
        wait_until(lambda: network.host("ss", "-Htn", "state", "established", "dst", network.OTHER))

        node, other = host.respond(network.ATTACKER), host.respond(network.OTHER)

    assert (node["outcome"], node["reason"]) == ("refused_allowlist", "manager")
    assert other["outcome"] == "blocked"


def test_a_node_that_was_seen_is_not_blocked_when_it_is_gone(network, host, worker, wait_until):
    (host.manager.root / "etc/ossec.conf").write_text(CLUSTER)
    host.respond("203.0.113.1")
    flow = worker()
    answer(flow)
    wait_until(lambda: peers(network.host))
    with network.host.entered():
        script = host.manager.root / "active-response/bin/wazuh-pack-block-ip"
        subprocess.run([script, "--restore"], check=True)
    flow.client.close()
    flow.server.close()
    wait_until(lambda: not peers(network.host))

    assert host.respond(network.ATTACKER)["reason"] == "manager"


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Return a file's path, and the list of who is connected."""
    connected = []
    monkeypatch.setattr(cluster, "answered_peers", lambda port: connected if port == PORT else [])
    return tmp_path / "cluster.json", connected


def test_a_node_that_is_down_is_known_for_a_week(memory):
    path, connected = memory
    connected.append("203.0.113.7")
    ClusterNodes(str(path)).refresh([PORT], 1000.0)
    connected.clear()
    nodes = ClusterNodes(str(path))

    assert nodes.addresses([PORT], 1000.0 + 6 * 86400) == ["203.0.113.7"]
    assert nodes.addresses([PORT], 1000.0 + 8 * 86400) == []
    assert nodes.addresses([], 1000.0) == []


def test_a_new_node_counts_before_it_is_remembered(memory):
    path, connected = memory
    connected.append("203.0.113.7")

    assert ClusterNodes(str(path)).addresses([PORT], 1000.0) == ["203.0.113.7"]
    assert not path.exists()


def test_nodes_are_written_down_when_they_are_new_and_once_an_hour(memory):
    path, connected = memory
    connected.append("203.0.113.7")
    for now in (1000.0, 1600.0):
        ClusterNodes(str(path)).refresh([PORT], now)
    assert json.loads(path.read_text()) == {"203.0.113.7": 1000.0}

    connected.append("203.0.113.8")
    ClusterNodes(str(path)).refresh([PORT], 1700.0)
    assert json.loads(path.read_text()) == {"203.0.113.7": 1700.0, "203.0.113.8": 1700.0}


def test_a_damaged_memory_is_begun_anew(memory):
    path, connected = memory
    path.write_text("[1")
    connected.append("203.0.113.7")
    ClusterNodes(str(path)).refresh([PORT], 1000.0)

    assert json.loads(path.read_text()) == {"203.0.113.7": 1000.0}


def test_without_an_answer_of_the_kernel_memory_holds(memory, monkeypatch):
    path, _ = memory
    path.write_text('{"203.0.113.7": 1000.0}')

    def refused(port):
        raise FileNotFoundError(port)

    monkeypatch.setattr(cluster, "answered_peers", refused)

    assert ClusterNodes(str(path)).addresses([PORT], 1000.0) == ["203.0.113.7"]
