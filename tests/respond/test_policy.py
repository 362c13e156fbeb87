import pytest

from wazuh_pack.agentkit.home import Home
from wazuh_pack.respond import protected
from wazuh_pack.respond.address import parse_address, parse_network
from wazuh_pack.respond.cluster import ClusterNodes
from wazuh_pack.respond.names import NameCache, UnresolvedNameError
from wazuh_pack.respond.policy import Policy, load_policy
from wazuh_pack.respond.settings import Settings


def policy(*, hosts=(), networks=(), allow_private=True):
    return Policy(
        hosts=hosts,
        networks=[parse_network(text) for text in networks],
        allow_private=allow_private,
    )


def refusal(text, **options):
    return policy(**options).refusal(parse_address(text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("0.0.0.0", "unspecified"),  # noqa: S104 -- a target
        ("0.1.2.3", "unspecified"),
        ("169.254.169.254", "link_local"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::7f00:1", "reserved"),
        ("fe80::1", "link_local"),
        ("ff02::1", "multicast"),
    ],
)
def test_special_addresses_are_never_blocked(text, reason):
    assert refusal(text) == reason


@pytest.mark.parametrize(
    "text",
    ["203.0.113.9", "198.51.100.7", "192.0.2.5", "8.8.8.8", "2001:db8::1", "2a00:1450::5"],
)
def test_public_and_documentation_addresses_may_be_blocked(text):
    assert refusal(text) == ""
    assert refusal(text, allow_private=False) == ""


@pytest.mark.parametrize(
    "text", ["10.20.30.40", "172.31.0.1", "192.168.0.1", "100.64.0.1", "fd00::1", "fec0::1"]
)
def test_private_addresses_may_be_blocked_unless_that_is_switched_off(text):
    assert refusal(text) == ""
    assert refusal(text, allow_private=False) == "private"


def test_hosts_are_refused_with_their_reason():
    hosts = [("own_address", "203.0.113.1"), ("gateway", "2001:DB8::1"), ("x", "not an address")]

    assert refusal("203.0.113.1", hosts=hosts) == "own_address"
    assert refusal("2001:db8::1", hosts=hosts) == "gateway"
    assert refusal("203.0.113.2", hosts=hosts) == ""


def test_the_allowlist_holds_addresses_and_networks_of_both_families():
    networks = ["203.0.113.0/28", "2001:db8:1::/48"]

    assert refusal("203.0.113.15", networks=networks) == "allowlist"
    assert refusal("203.0.113.16", networks=networks) == ""
    assert refusal("2001:db8:1:2::3", networks=networks) == "allowlist"
    assert refusal("2001:db8:2::3", networks=networks) == ""


TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 198.51.100.0
        /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 198.51.100.1
        /32 host LOCAL
     |-- 198.51.100.255
        /32 link BROADCAST
"""


@pytest.fixture
def proc(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net/fib_trie").write_text(TRIE)
    (tmp_path / "net/if_inet6").write_text(
        "20010db8000500000000000000000001 02 40 00 80     eth0\n"
    )
    (tmp_path / "net/route").write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0164C6C6\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t0064C6C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )
    (tmp_path / "net/ipv6_route").write_text(
        f"{'0' * 32} 00 {'0' * 32} 00 20010db8000500000000000000000009 00000400 1 0 00000003 eth0\n"
        f"20010db80005{'0' * 20} 40 {'0' * 32} 00 {'0' * 32} 00000100 1 0 00000001 eth0\n"
    )
    return str(tmp_path)


def test_own_addresses_come_from_the_kernel(proc):
    assert list(protected.own_addresses(proc)) == [
        "127.0.0.1",
        "198.51.100.1",
        "198.51.100.255",
        "2001:db8:5::1",
    ]


def test_without_own_addresses_nothing_is_safe_to_block(tmp_path):
    with pytest.raises(protected.UnknownHostError, match="own addresses are unknown"):
        list(protected.own_addresses(str(tmp_path)))


def test_gateways_come_from_proc_where_the_kernel_answers_no_other_way(proc):
    assert list(protected.gateways_of_main_table(proc)) == ["198.198.100.1", "2001:db8:5::9"]


def test_gateways_come_from_proc_when_the_kernel_is_not_to_be_asked(monkeypatch):
    def refused():
        raise PermissionError

    monkeypatch.setattr(protected.netlink, "gateways", refused)

    assert protected.gateways() == list(protected.gateways_of_main_table())


def test_name_servers_come_from_the_resolvers_files(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text("# nameserver 1.1.1.1\nsearch x\nnameserver 192.0.2.53\nnameserver fe80::1%e\n")

    assert list(protected.name_servers((str(path), str(tmp_path / "none")))) == [
        "192.0.2.53",
        "fe80::1",
    ]


OSSEC = """\
<ossec_config>
  <!-- <client><server><address>192.0.2.99</address></server></client> -->
  <client>
    <server><address>192.0.2.10</address></server>
    <server><address> wazuh.example.org </address></server>
    <server><address>MANAGER_IP</address></server>
    <server><address>bad name;x</address></server>
    <enrollment><manager_address>2001:db8::10</manager_address></enrollment>
  </client>
</ossec_config>
<ossec_config>
  <cluster>
    <nodes><node>192.0.2.20</node></nodes>
    <disabled>{disabled}</disabled>
  </cluster>
</ossec_config>
"""


@pytest.mark.parametrize(("disabled", "cluster"), [("no", ["192.0.2.20"]), ("yes", [])])
def test_managers_come_from_ossec_conf(tmp_path, disabled, cluster):
    path = tmp_path / "ossec.conf"
    path.write_text(OSSEC.format(disabled=disabled))

    assert list(protected.managers(str(path))) == [
        "192.0.2.10",
        "wazuh.example.org",
        "2001:db8::10",
        *cluster,
    ]


@pytest.mark.parametrize(
    ("inside", "ports"),
    [
        ("<port>1520</port><disabled>no</disabled>", [1520]),
        ("<port> 1520 </port>", [1520]),
        ("<node_name>a</node_name>", [1516]),
        ("<port>many</port>", [1516]),
        ("<port>70000</port>", [1516]),
        ("<port>1520</port><disabled>yes</disabled>", []),
    ],
)
def test_the_port_of_the_cluster_comes_from_ossec_conf(tmp_path, inside, ports):
    path = tmp_path / "ossec.conf"
    path.write_text(f"<ossec_config><cluster>{inside}</cluster></ossec_config>\n")

    assert list(protected.cluster_ports(str(path))) == ports


def test_without_ossec_conf_there_are_no_managers(tmp_path):
    assert list(protected.managers(str(tmp_path / "none"))) == []


@pytest.fixture
def home(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ossec.conf").write_text(OSSEC.format(disabled="no"))
    return Home(str(tmp_path))


@pytest.fixture
def nodes(tmp_path):
    (tmp_path / "cluster.json").write_text('{"203.0.113.30": -60.0}')
    return ClusterNodes(str(tmp_path / "cluster.json"))


def test_everything_comes_together(home, nodes, tmp_path):
    answers = {"wazuh.example.org": ["203.0.113.10"], "bastion.example.org": ["203.0.113.20"]}
    cache = NameCache(str(tmp_path / "names"), answers.__getitem__)
    networks = (parse_network("203.0.113.64/26"),)
    settings = Settings(never=(networks, ("bastion.example.org",)))
    found = load_policy(settings, home, cache, nodes, 0.0)

    def reason(text):
        return found.refusal(parse_address(text))

    assert reason("192.0.2.10") == "manager"
    assert reason("203.0.113.10") == "manager"
    assert reason("203.0.113.20") == "allowlist"
    assert reason("203.0.113.30") == "manager"
    assert reason("203.0.113.65") == "allowlist"
    assert reason("203.0.113.9") == ""


def test_a_manager_whose_name_cannot_be_resolved_stops_all_blocking(home, nodes, tmp_path):
    cache = NameCache(str(tmp_path / "names"), lambda _: [])

    with pytest.raises(UnresolvedNameError, match=r"wazuh\.example\.org cannot be resolved"):
        load_policy(Settings(), home, cache, nodes, 0.0)
