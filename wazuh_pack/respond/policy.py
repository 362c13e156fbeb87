"""Which addresses are never blocked, and why."""

from __future__ import annotations

from wazuh_pack.agentkit.errors import AgentError
from wazuh_pack.respond import protected
from wazuh_pack.respond.address import parse_address, parse_network
from wazuh_pack.respond.names import is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_pack.agentkit.home import Home
    from wazuh_pack.respond.address import Address, Network
    from wazuh_pack.respond.cluster import ClusterNodes
    from wazuh_pack.respond.names import NameCache
    from wazuh_pack.respond.settings import Settings


# Written out instead of asking ipaddress: what is_private and is_reserved mean has changed between
# Python 3.8 and 3.13, and is_private also covers the documentation ranges.
_SPECIAL = (
    ("unspecified", "0.0.0.0/8"),
    ("loopback", "127.0.0.0/8"),
    ("link_local", "169.254.0.0/16"),
    ("multicast", "224.0.0.0/4"),
    ("reserved", "240.0.0.0/4"),
    ("unspecified", "::/128"),
    ("loopback", "::1/128"),
    ("reserved", "::/8"),
    ("link_local", "fe80::/10"),
    ("multicast", "ff00::/8"),
)
_PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
    "fec0::/10",
)


class Policy:
    """Says of an address why it must not be blocked, or that it may be."""

    __slots__ = ("_hosts", "_networks")

    def __init__(
        self,
        *,
        hosts: Iterable[tuple[str, str]],
        networks: Iterable[Network],
        allow_private: bool,
    ) -> None:
        """Take pairs of reason and address, and the administrator's networks."""
        self._hosts: dict[Address, str] = {}
        for reason, text in hosts:
            address = _address(text)
            if address is not None:
                self._hosts.setdefault(address, reason)
        self._networks = [(reason, parse_network(text)) for reason, text in _SPECIAL]
        self._networks += [("allowlist", network) for network in networks]
        if not allow_private:
            self._networks += [("private", parse_network(text)) for text in _PRIVATE]

    def refusal(self, address: Address) -> str:
        """Return why the address is never blocked, or an empty text.

        The reason is one word: ``own_address``, ``gateway``, ``name_server``, ``manager``,
        ``allowlist``, ``private``, ``loopback``, ``link_local``, ``multicast``, ``reserved`` or
        ``unspecified``.
        """
        if address in self._hosts:
            return self._hosts[address]
        for reason, network in self._networks:
            if address in network:
                return reason
        return ""

    def holds(self, network: Network) -> bool:
        """Return whether any address of a network is never blocked."""
        return any(host in network for host in self._hosts) or any(
            network.overlaps(other) for _, other in self._networks
        )


def _address(text: str) -> Address | None:
    """Return a host's address; None for a notation that no target can have either."""
    try:
        return parse_address(text)
    except AgentError:
        return None


def protected_names(settings: Settings, home: Home) -> dict[str, str]:
    """Return the host names that must be resolved before anything is blocked, with the reason."""
    names = dict.fromkeys(settings.never_names, "allowlist")
    for server in protected.managers(home.ossec_conf):
        if is_name(server):
            names[server] = "manager"
    return names


def load_policy(
    settings: Settings, home: Home, cache: NameCache, nodes: ClusterNodes, now: float
) -> Policy:
    """Collect everything that this host must not block at this moment.

    Raises:
        AgentError: Own addresses or a protected name are unknown, so that nothing is safe to block.
    """
    names = protected_names(settings, home)
    ports = list(protected.cluster_ports(home.ossec_conf))
    hosts = [
        *(("own_address", text) for text in protected.own_addresses()),
        *(("gateway", text) for text in protected.gateways()),
        *(("name_server", text) for text in protected.name_servers()),
        *(("manager", text) for text in protected.managers(home.ossec_conf)),
        *(("manager", text) for text in nodes.addresses(ports, now)),
        *((names[name], text) for name, text in cache.addresses(list(names), now)),
    ]
    return Policy(
        hosts=hosts,
        networks=settings.never_networks,
        allow_private=settings.allow_private_targets,
    )
