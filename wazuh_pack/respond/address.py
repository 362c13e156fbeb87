"""Reads the address in an event: one host, written in the usual way, or nothing."""

from __future__ import annotations

import ipaddress
import re

from wazuh_pack.agentkit.errors import MessageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
    Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_V4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_V6 = re.compile(r"[0-9A-Fa-f:]{2,39}")
_V6_WITH_V4 = re.compile(r"[0-9A-Fa-f:]{2,30}:[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_LONGEST = 45


def parse_address(text: str) -> Address:
    """Return the host address in ``text``; an IPv4-mapped IPv6 address as the IPv4 address it is.

    Refused are names, networks, ports, brackets, scopes (``%eth0``), leading zeros, octal,
    hexadecimal and short forms of IPv4, digits that are not ASCII, and anything around the address:
    what another program might read as a different address, or as an option.

    Raises:
        MessageError: The text is not such an address.
    """
    if len(text) <= _LONGEST and any(p.fullmatch(text) for p in (_V4, _V6, _V6_WITH_V4)):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            pass
        else:
            return _plain(address, text)
    raise MessageError("the target is not one plain IPv4 or IPv6 address")


def _plain(address: Address, text: str) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        # Python before 3.8.12 and 3.9.5 reads 010.0.0.1 as 10.0.0.1, other programs as 8.0.0.1.
        if str(address) != text:
            raise MessageError("the target has leading zeros")
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if "." in text:
        raise MessageError("the target is an IPv6 address with an IPv4 part that is not mapped")
    return address


def parse_network(text: str) -> Network:
    """Return the network that an administrator wrote: an address, or a network in CIDR form.

    Raises:
        ValueError: It is neither, or has bits set to the right of its prefix.
    """
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            if network.prefixlen < 96:  # noqa: PLR2004 -- where the IPv4 part begins
                raise ValueError("it is wider than the IPv4 addresses that it maps")
            return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network
