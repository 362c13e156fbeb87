"""Addresses and networks, and how they are read: in the usual notation, or not at all.

``ipaddress`` does the same, and is what the tests compare with; importing it takes longer than a
firewall change, and what it takes for an address has changed between Python 3.8 and 3.13.
"""

from __future__ import annotations

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.agentkit.text import HEXADECIMAL, consists_of, is_number

BITS = {4: 32, 6: 128}
"""Length of an address by version, in bits."""

_LONGEST = 45
_BYTES = 4
_GROUPS = 8
_MAX_BYTE = 255
_MAPPED = 0xFFFF
_MAPPED_PREFIX = 96


class Address:
    """One host's address: ``version`` 4 or 6 and the address as a number."""

    __slots__ = ("value", "version")

    def __init__(self, version: int, value: int) -> None:
        self.version = version
        self.value = value

    def __str__(self) -> str:
        """Return the canonical notation (RFC 5952)."""
        return _text4(self.value) if self.version == 4 else _text6(self.value)  # noqa: PLR2004

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Address)
            and self.version == other.version
            and self.value == other.value
        )

    def __hash__(self) -> int:
        return hash((self.version, self.value))


class Network:
    """A network: ``version``, its lowest address as a number, and the length of its prefix."""

    __slots__ = ("first", "prefix", "version")

    def __init__(self, version: int, first: int, prefix: int) -> None:
        self.version = version
        self.first = first
        self.prefix = prefix

    def __contains__(self, address: Address) -> bool:
        """Return whether the address belongs to the network."""
        rest = BITS[self.version] - self.prefix
        return address.version == self.version and address.value >> rest == self.first >> rest

    def __str__(self) -> str:
        """Return the CIDR notation."""
        return f"{Address(self.version, self.first)}/{self.prefix}"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Network)
            and self.version == other.version
            and self.first == other.first
            and self.prefix == other.prefix
        )

    def __hash__(self) -> int:
        return hash((self.version, self.first, self.prefix))

    def overlaps(self, other: Network) -> bool:
        """Return whether any address belongs to both."""
        rest = BITS[self.version] - min(self.prefix, other.prefix)
        return self.version == other.version and self.first >> rest == other.first >> rest


def network_of(address: Address, prefix: int) -> Network:
    """Return the network with a prefix of this length that an address belongs to."""
    rest = BITS[address.version] - prefix
    return Network(address.version, address.value >> rest << rest, prefix)


def parse_address(text: str) -> Address:
    """Return the host address in ``text``; an IPv4-mapped IPv6 address as the IPv4 address it is.

    Refused are names, networks, ports, brackets, scopes (``%eth0``), leading zeros, octal,
    hexadecimal and short forms of IPv4, digits that are not ASCII, and anything around the address:
    what another program might read as a different address, or as an option.

    Raises:
        MessageError: The text is not such an address.
    """
    if len(text) > _LONGEST:
        raise MessageError("the target is not one plain IPv4 or IPv6 address")
    if ":" not in text:
        return Address(4, _value4(text))
    address = Address(6, _value6(text))
    if address.value >> 32 == _MAPPED:
        return Address(4, address.value & 0xFFFF_FFFF)
    if "." in text:
        raise MessageError("the target is an IPv6 address with an IPv4 part that is not mapped")
    return address


def is_address(text: str) -> bool:
    """Return whether :func:`parse_address` takes the text."""
    try:
        parse_address(text)
    except MessageError:
        return False
    return True


def parse_network(text: str) -> Network:
    """Return the network that an administrator wrote: an address, or a network in CIDR form.

    Raises:
        ValueError: It is neither, or has bits set to the right of its prefix.
    """
    host, slash, length = text.partition("/")
    try:
        address = parse_address(host)
    except MessageError as error:
        raise ValueError(str(error)) from None
    bits = BITS[address.version]
    prefix = bits
    if slash:
        if not is_number(length, 3):
            raise ValueError("the prefix is not a number")
        # An IPv4 network may be written as the IPv6 network that maps it.
        prefix = int(length) - (_MAPPED_PREFIX if ":" in host and bits == BITS[4] else 0)
    if not 0 <= prefix <= bits:
        raise ValueError("the prefix is too short or too long")
    network = network_of(address, prefix)
    if network.first != address.value:
        raise ValueError("bits are set to the right of the prefix")
    return network


def _value4(text: str) -> int:
    parts = text.split(".")
    if len(parts) != _BYTES:
        raise MessageError("the target is not one plain IPv4 or IPv6 address")
    value = 0
    for part in parts:
        if not is_number(part, 3) or int(part) > _MAX_BYTE:
            raise MessageError("the target is not one plain IPv4 or IPv6 address")
        if part[0] == "0" and part != "0":
            raise MessageError("the target has leading zeros")
        value = value << 8 | int(part)
    return value


def _value6(text: str) -> int:
    head, gap, tail = text.partition("::")
    left, right = _groups(head, last=not gap), _groups(tail, last=True)
    missing = _GROUPS - len(left) - len(right)
    if missing < 1 if gap else missing:
        raise MessageError("the target is not one plain IPv4 or IPv6 address")
    value = 0
    for group in (*left, *[0] * missing, *right):
        value = value << 16 | group
    return value


def _groups(text: str, *, last: bool) -> list[int]:
    """Return the 16-bit groups on one side of ``::``; the last one may be written as IPv4."""
    if not text:
        return []
    groups = []
    parts = text.split(":")
    if last and "." in parts[-1]:
        value = _value4(parts.pop())
        groups = [value >> 16, value & 0xFFFF]
    for part in parts:
        if not consists_of(part, HEXADECIMAL, 4):
            raise MessageError("the target is not one plain IPv4 or IPv6 address")
    return [int(part, 16) for part in parts] + groups


def _text4(value: int) -> str:
    return ".".join([str(value >> shift & 255) for shift in (24, 16, 8, 0)])


def _text6(value: int) -> str:
    groups = [value >> shift & 0xFFFF for shift in range(112, -16, -16)]
    start, length = _longest_gap(groups)
    texts = [f"{group:x}" for group in groups]
    if length < 2:  # noqa: PLR2004 -- a single group of zeros is written out
        return ":".join(texts)
    return f"{':'.join(texts[:start])}::{':'.join(texts[start + length :])}"


def _longest_gap(groups: list[int]) -> tuple[int, int]:
    """Return where the longest run of zeros begins, the first of several, and its length."""
    best = (0, 0)
    length = 0
    for index, group in enumerate(groups):
        length = 0 if group else length + 1
        if length > best[1]:
            best = (index - length + 1, length)
    return best
