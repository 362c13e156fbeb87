"""Asks the kernel about routes and connections, without starting a program that may not be there.

Formats and numbers are those of linux/netlink.h, linux/rtnetlink.h, linux/nexthop.h,
linux/sock_diag.h, linux/inet_diag.h and linux/tcp.h. Numbers are in the machine's byte order,
addresses and ports in the network's.
"""

from __future__ import annotations

import _socket  # socket itself is slow to import
from sys import byteorder

from wazuh_pack.respond.address import Address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ROUTES, _CONNECTIONS = 0, 4  # NETLINK_ROUTE, NETLINK_SOCK_DIAG
_DUMP = 0x301  # NLM_F_REQUEST, NLM_F_ROOT and NLM_F_MATCH
_HEADER, _ERROR, _DONE = 16, 2, 3
_PART = 1 << 18
_SECONDS = 2

_GET_ROUTE, _GET_NEXTHOP = 26, 106
_ROUTE, _NEXTHOP_OBJECT, _NEXTHOP = 12, 8, 8  # sizes of struct rtmsg, nhmsg and rtnexthop
_GATEWAY, _MULTIPATH, _VIA = 5, 9, 18  # RTA_...
_NHA_GATEWAY = 6

_BY_FAMILY, _TCP, _ESTABLISHED = 20, 6, 1 << 1
_PORT_ABOVE, _PORT_BELOW, _CODE = 2, 3, 4  # INET_DIAG_BC_S_GE and _S_LE; size of one instruction
_FILTER, _INFO = 1, 2  # INET_DIAG_REQ_BYTECODE, INET_DIAG_INFO
_CONNECTION = 72  # size of struct inet_diag_msg
_PEER = 24  # idiag_dst in it
_ACKNOWLEDGED = 120  # tcpi_bytes_acked in struct tcp_info

_INET, _INET6 = 2, 10
_LENGTHS = {4: 4, 16: 6}


def gateways() -> Iterator[str]:
    """Yield the gateways of all routes of all tables, each hop of those that have several.

    Raises:
        OSError: The kernel does not tell.
    """
    found: set[bytes] = set()
    for family in (_INET, _INET6):
        for message in _dump(_ROUTES, _GET_ROUTE, bytes([family]) + bytes(_ROUTE - 1)):
            _add_hops(found, message, _ROUTE)
    # Where net.ipv4.nexthop_compat_mode is 0, a route only says which of these it goes by.
    try:
        for message in _dump(_ROUTES, _GET_NEXTHOP, bytes(_NEXTHOP_OBJECT)):
            found.update(v for k, v in _attributes(message, _NEXTHOP_OBJECT) if k == _NHA_GATEWAY)
    except OSError:
        pass  # Linux before 5.3 has none
    for value in found:
        yield from _address(value)


def _add_hops(found: set[bytes], data: bytes, start: int) -> None:
    for kind, value in _attributes(data, start):
        if kind == _GATEWAY:
            found.add(value)
        elif kind == _VIA:  # an IPv4 route by an IPv6 gateway; the family stands in front
            found.add(value[2:])
        elif kind == _MULTIPATH:
            rest = value
            while len(rest) >= _NEXTHOP:
                size = max(_number(rest[:2]), _NEXTHOP)
                _add_hops(found, rest[:size], _NEXTHOP)
                rest = rest[_align(size) :]


def answered_peers(port: int) -> Iterator[str]:
    """Yield who is connected to a TCP port of this host and has acknowledged data from it.

    A peer that the host's program has not said anything to is left out.

    Raises:
        OSError: The kernel does not tell.
    """
    for family in (_INET, _INET6):
        request = bytes([family, _TCP, 1 << (_INFO - 1), 0]) + _bytes(_ESTABLISHED, 4) + bytes(48)
        for message in _dump(_CONNECTIONS, _BY_FAMILY, request + _only(port)):
            # Opening the connection may count for one.
            if any(
                kind == _INFO and _number(value[_ACKNOWLEDGED : _ACKNOWLEDGED + 8]) > 1
                for kind, value in _attributes(message, _CONNECTION)
            ):
                yield from _address(message[_PEER : _PEER + (4 if family == _INET else 16)])


def _only(port: int) -> bytes:
    """Return the filter that lets connections to one of this host's ports through.

    Each instruction is its code, how far to go when it holds and when it does not; the port is in
    the place of the next instruction's jump. To go past the end is to refuse.
    """
    size = 4 * _CODE
    code = b"".join(
        [
            bytes([condition, 2 * _CODE]) + _bytes(left + _CODE, 2) + bytes(2) + _bytes(port, 2)
            for condition, left in ((_PORT_ABOVE, size), (_PORT_BELOW, size - 2 * _CODE))
        ]
    )
    return _bytes(4 + size, 2) + _bytes(_FILTER, 2) + code


def _dump(protocol: int, kind: int, request: bytes) -> Iterator[bytes]:
    """Yield what follows the header of each message that the kernel answers with.

    Raises:
        OSError: It refuses, or does not answer in time.
    """
    talk = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, protocol)
    try:
        talk.settimeout(_SECONDS)
        head = _bytes(_HEADER + len(request), 4) + _bytes(kind, 2) + _bytes(_DUMP, 2) + bytes(8)
        talk.send(head + request)
        while True:
            part, at = talk.recv(_PART), 0
            while at + _HEADER <= len(part):
                size, what = _number(part[at : at + 4]), _number(part[at + 4 : at + 6])
                if what in (_ERROR, _DONE):
                    start = at + _HEADER
                    code = int.from_bytes(part[start : start + 4], byteorder, signed=True)
                    if code:
                        raise OSError(-code, "netlink")
                    return
                yield part[at + _HEADER : at + size]
                at += _align(max(size, _HEADER))
    finally:
        talk.close()


def _attributes(data: bytes, start: int) -> list[tuple[int, bytes]]:
    """Return kind and value of each attribute: two bytes of size, two of kind, the value."""
    found = []
    words = memoryview(data[: len(data) & ~1]).cast("H")
    while start + 4 <= len(data):
        size = words[start >> 1]
        found.append((words[(start >> 1) + 1], data[start + 4 : start + size]))
        start += max(size + 3 & ~3, 4)
    return found


def _address(value: bytes) -> Iterator[str]:
    if len(value) in _LENGTHS and any(value):
        yield str(Address(_LENGTHS[len(value)], int.from_bytes(value, "big")))


def _align(size: int) -> int:
    return (size + 3) & ~3


def _number(data: bytes) -> int:
    return int.from_bytes(data, byteorder)


def _bytes(number: int, size: int) -> bytes:
    return number.to_bytes(size, byteorder)
