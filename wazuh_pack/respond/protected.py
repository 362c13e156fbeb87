"""What this host must never cut itself off from, read where the kernel and Wazuh keep it."""

from __future__ import annotations

import sys

from wazuh_pack.agentkit.errors import AgentError
from wazuh_pack.agentkit.files import read
from wazuh_pack.agentkit.text import is_number
from wazuh_pack.respond import netlink
from wazuh_pack.respond.address import Address, is_address
from wazuh_pack.respond.names import is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX = 64 << 20
_GATEWAY_FLAG = 0x2
_RESOLVERS = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")
_SERVERS = (("client", "address"), ("client", "manager_address"), ("cluster", "node"))
_PLACEHOLDERS = frozenset({"MANAGER_IP", "NODE_IP"})
_LAST_PORT = 0xFFFF
_CLUSTER_PORT = 1516  # what wazuh-clusterd takes when ossec.conf does not say


class UnknownHostError(AgentError):
    """The host's own addresses cannot be read, so nothing is safe to block."""


def own_addresses(proc: str = "/proc") -> Iterator[str]:
    """Yield the addresses of this host, broadcast addresses included.

    Raises:
        UnknownHostError: The kernel does not tell.
    """
    table = read(f"{proc}/net/fib_trie", _MAX)
    if table is None or len(table) == _MAX:
        raise UnknownHostError(f"{proc}/net/fib_trie: not readable; own addresses are unknown")
    leaf = ""
    for line in table.decode("ascii", "replace").splitlines():
        found = line.partition("|-- ")[2]
        if found:
            leaf = found.strip()
        elif leaf and ("host LOCAL" in line or "link BROADCAST" in line):
            yield leaf
    for line in (read(f"{proc}/net/if_inet6", _MAX) or b"").decode("ascii", "replace").splitlines():
        yield str(Address(6, int(line.split()[0], 16)))


def gateways() -> list[str]:
    """Return the gateways of all routes."""
    try:
        return list(netlink.gateways())
    except OSError:
        return list(gateways_of_main_table())


def gateways_of_main_table(proc: str = "/proc") -> Iterator[str]:
    """Yield the gateways that ``/proc`` shows: one for each route of one table."""
    table = read(f"{proc}/net/route", _MAX) or b""
    for line in table.decode("ascii", "replace").splitlines()[1:]:
        fields = line.split()
        if int(fields[3], 16) & _GATEWAY_FLAG:
            yield str(Address(4, int.from_bytes(bytes.fromhex(fields[2]), sys.byteorder)))
    table = read(f"{proc}/net/ipv6_route", _MAX) or b""
    for line in table.decode("ascii", "replace").splitlines():
        fields = line.split()
        if int(fields[8], 16) & _GATEWAY_FLAG:
            yield str(Address(6, int(fields[4], 16)))


def name_servers(paths: tuple[str, ...] = _RESOLVERS) -> Iterator[str]:
    """Yield the name servers that this host asks, without a scope."""
    for path in paths:
        for line in (read(path, _MAX) or b"").decode("ascii", "replace").splitlines():
            fields = line.split()
            if len(fields) > 1 and fields[0] == "nameserver":
                yield fields[1].partition("%")[0]


def managers(ossec_conf: str) -> Iterator[str]:
    """Yield addresses and names of the Wazuh servers that ``ossec.conf`` names.

    On an agent these are its managers, on a cluster node the cluster's. The file is searched, not
    parsed: Wazuh's dialect has several roots and is not well-formed XML.
    """
    text = _text(ossec_conf)
    for block, element in _SERVERS:
        for inside in _enabled(text, block):
            for value in _elements(inside, element):
                server = value.strip()
                if server not in _PLACEHOLDERS and (is_name(server) or is_address(server)):
                    yield server


def cluster_ports(ossec_conf: str) -> Iterator[int]:
    """Yield the port that other nodes of a cluster connect to, where this is a cluster's node."""
    for inside in _enabled(_text(ossec_conf), "cluster"):
        ports = [value.strip() for value in _elements(inside, "port")]
        named = [int(port) for port in ports if is_number(port, 5) and int(port) <= _LAST_PORT]
        yield from named[:1] or [_CLUSTER_PORT]


def _text(ossec_conf: str) -> str:
    return _uncommented((read(ossec_conf, _MAX) or b"").decode("utf-8", "replace"))


def _enabled(text: str, block: str) -> Iterator[str]:
    for inside in _elements(text, block):
        if not any(value.strip() == "yes" for value in _elements(inside, "disabled")):
            yield inside


def _uncommented(text: str) -> str:
    first, *rest = text.split("<!--")
    return first + "".join([part.partition("-->")[2] for part in rest])


def _elements(text: str, name: str) -> Iterator[str]:
    """Yield what stands inside each element of a name; one without an end is none."""
    for part in text.split(f"<{name}>")[1:]:
        inside, end, _ = part.partition(f"</{name}>")
        if end:
            yield inside
