"""Addresses and networks as ``<srcip>`` and ``<dstip>`` compare them."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

_V4 = rb"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_V4_ENTRY = re.compile(
    rb"(?:::[fF]{4}:)?(?P<net>%b)(?:/(?:(?P<bits>3[0-2]|[12]?\d)|(?P<mask>%b)))?\n?" % (_V4, _V4)
)
_V6_ENTRY = re.compile(rb"(?P<net>[0-9a-fA-F:]+)(?:/(?P<bits>12[0-8]|1[01]\d|\d?\d))?\n?")

_V4_FILLER = bytes(16) + b"\x21" + bytes(7)
"""What lies behind an IPv4 entry in analysisd's memory: cleared bytes, then the heap's own size."""


@dataclass(frozen=True, slots=True)
class Network:
    """One entry of an address list.

    analysisd does not ask which family an entry belongs to: a value is compared with the bytes of
    the entry as if both were of the value's family. ``memory`` holds the bytes that it would read:
    IPv4 address and mask, or IPv6 address and mask.
    """

    memory: bytes

    def contains(self, address: bytes) -> bool:
        """Tell whether a packed address (4 or 16 bytes) lies in the network."""
        size = len(address)
        net, mask = self.memory[:size], self.memory[size : 2 * size]
        return all(a & m == n for a, m, n in zip(address, mask, net, strict=True))


def parse_network(text: bytes) -> Network | None:
    """Read an address, CIDR or address/netmask or ``any``; None when analysisd refuses it.

    A leading ``!`` is dropped, it negates nothing.
    """
    text = text.removeprefix(b"!")
    if text == b"any":
        return Network(bytes(32))
    if found := _V4_ENTRY.fullmatch(text):
        mask = _v4_mask(found["bits"], found["mask"])
        return Network(_masked(_pack(socket.AF_INET, found["net"]) or bytes(4), mask) + _V4_FILLER)
    found = _V6_ENTRY.fullmatch(text)
    packed = _pack(socket.AF_INET6, found["net"]) if found else None
    if found is None or packed is None or (found["bits"] and found["net"] == b"::"):
        return None
    return Network(_masked(packed, _mask(16, int(found["bits"] or b"128"))))


def parse_address(text: bytes) -> bytes | None:
    """Return an event's address packed, or None when analysisd does not take it for one."""
    return _pack(socket.AF_INET, text) or _pack(socket.AF_INET6, text)


def _pack(family: int, text: bytes) -> bytes | None:
    try:
        return socket.inet_pton(family, text.decode("ascii"))
    except (OSError, ValueError):
        return None


def _v4_mask(bits: bytes | None, mask: bytes | None) -> bytes:
    if mask is not None:
        return _pack(socket.AF_INET, mask) or bytes(4)
    return _mask(4, int(bits or b"32"))


def _mask(size: int, bits: int) -> bytes:
    whole = 8 * size
    return ((1 << whole) - (1 << (whole - bits))).to_bytes(size, "big")


def _masked(address: bytes, mask: bytes) -> bytes:
    return bytes(a & m for a, m in zip(address, mask, strict=True)) + mask
