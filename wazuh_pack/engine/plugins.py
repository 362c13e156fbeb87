"""The built-in decoders beside JSON: PF, Symantec Web Security, SonicWall and OSSEC alerts.

They do what analysisd 4.14.7 does, oddities included; each takes an event whose text it knows.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from wazuh_pack.engine.expression import Kind, compile_expression

if TYPE_CHECKING:
    from collections.abc import Container

    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.matching import Expression, Match

ALERT_CATEGORY = "ossec-alert"
"""The category of events that name their rule; no root rule has it."""

_PF_ACTIONS = {b"p": b"pass", b"b": b"block"}
_PF_PROTOCOLS = {b"u": b"UDP", b"i": b"ICMP"}
_ADDRESS_PARTS = 4

_SYMANTEC_FIELDS = {
    b"10=": ("dstuser", 128),
    b"11=": ("srcip", 128),
    b"60=": ("url", 1024),
}
_SYMANTEC_ID_SIZE = 9

_SONICWALL_EVENT = rb"pri=(\d) c=(\d+) m=(\d+) "
_SONICWALL_ADDRESSES = rb"src=(\d+.\d+.\d+.\d+):(\d+):\S+ dst=(\d+.\d+.\d+.\d+):(\d+):"
_SONICWALL_PROXY = rb"result=(\d+) dstname=(\S+) arg=(\S+)$"
_SONICWALL_PROTOCOL = re.compile(rb" proto=([^/\x01]{0,6})")
_SONICWALL_INTRUSION = b"32"
_SONICWALL_WEB = b"97"
_SONICWALL_ACTIONS = {
    **dict.fromkeys((b"98", b"597", b"598"), b"pass"),
    **dict.fromkeys((b"38", b"36", b"173", b"174", b"37"), b"drop"),
    b"537": b"close",
}

_ALERT_LOCATION_LIMIT = 254
_ALERT_LOG_LIMIT = 4094


def decode_pf(event: Event) -> None:
    """Read OpenBSD's packet filter: action, addresses, ports, protocol."""
    _, bracket, rest = event.log.partition(b")")
    if not bracket or not rest.startswith(b" "):
        return
    action = _PF_ACTIONS.get(rest[1:2])
    if action is None:
        return
    event.static["action"] = action
    _, colon, rest = rest.partition(b":")
    source, blank, rest = rest[1:].partition(b" ") if rest.startswith(b" ") else (b"", b"", b"")
    if not colon or not blank:
        return
    _set_address(event, source, "srcip", "srcport")
    if not rest.startswith(b"> "):
        return
    target, colon, rest = rest[2:].partition(b":")
    if not colon:
        return
    _set_address(event, target, "dstip", "dstport")
    first = rest.lstrip(b" ")[:1]
    if first:
        event.static["protocol"] = _PF_PROTOCOLS.get(first, b"TCP")


def _set_address(event: Event, text: bytes, address: str, port: str) -> None:
    """Split ``1.2.3.4.567`` into address and port."""
    parts = text.split(b".", _ADDRESS_PARTS)
    event.static[address] = b".".join(parts[:_ADDRESS_PARTS])
    if len(parts) > _ADDRESS_PARTS:
        event.static[port] = parts[_ADDRESS_PARTS]


def decode_symantec(event: Event) -> None:
    """Read Symantec Web Security: ``number=value`` pairs between commas, the first of each kind.

    The id is the nine bytes from ``2=`` or ``3=`` on, whatever they are.
    """
    log = event.log
    place = log.find(b",") + 1
    while place:
        slot, limit = _SYMANTEC_FIELDS.get(log[place : place + 3], ("", 0))
        if slot:
            value = log[place + 3 : place + 3 + limit].partition(b",")[0]
            event.static.setdefault(slot, value)
            place += 3 + len(value)
        elif log.startswith((b"3=", b"2="), place):
            event.static.setdefault("id", log[place : place + _SYMANTEC_ID_SIZE])
            place += _SYMANTEC_ID_SIZE
        place = log.find(b",", place) + 1


def decode_sonicwall(event: Event) -> str:
    """Read SonicWall: status, id, addresses, ports, protocol, action; return the category."""
    log = event.log
    found = _sonicwall(_SONICWALL_EVENT, log)
    if found is None:
        return "syslog"
    event.static["status"], kind, event.static["id"] = found.captures
    log = log[found.end :]
    found = _sonicwall(_SONICWALL_ADDRESSES, log)
    if found is None:
        return "syslog"
    slots = ("srcip", "srcport", "dstip", "dstport")
    event.static.update(zip(slots, found.captures, strict=True))
    rest = log[found.end :]
    rest = rest[rest.find(b" ") :] if b" " in rest else b""
    protocol = _SONICWALL_PROTOCOL.match(rest)
    if protocol:
        event.static["protocol"] = protocol.group(1)
        rest = rest[protocol.end() :]
    return _sonicwall_category(event, kind, rest)


def _sonicwall_category(event: Event, kind: bytes, rest: bytes) -> str:
    number = event.static["id"]
    if kind == _SONICWALL_INTRUSION:
        return "ids"
    if number in _SONICWALL_ACTIONS:
        event.static["action"] = _SONICWALL_ACTIONS[number]
        return "firewall"
    if number != _SONICWALL_WEB:
        return "syslog"
    found = _sonicwall(_SONICWALL_PROXY, rest)
    if found is not None:
        event.static["id"], host, path = found.captures
        event.static["url"] = host + path
    return "squid"


def _sonicwall(pattern: bytes, text: bytes) -> Match | None:
    """Match a pattern; a match without all of its groups is none."""
    found = _compiled(pattern).search(text)
    return found if found and len(found.captures) == pattern.count(b"(") else None


@cache
def _compiled(pattern: bytes) -> Expression:
    return compile_expression(pattern, Kind.OSREGEX, captures=True)


def decode_ossec_alert(event: Event, known_rules: Container[bytes]) -> None:
    """Read an alert of another OSSEC: it names its rule, which becomes the event's result.

    Location and host become ``<location>|<location of the alert>``, and the text becomes the event
    that raised the alert.
    """
    if not event.log.startswith((b"Alert Level:", b"ossec: Alert Level")):
        return
    _, _, rest = event.log.partition(b";")
    _, _, rest = rest.partition(b":")
    number, blank, rest = rest[1:].partition(b" ") if rest.startswith(b" ") else (b"", b"", b"")
    if not blank or number not in known_rules:
        return
    _, _, rest = rest.partition(b";")
    if not rest.startswith(b" Location: "):
        return
    place, semicolon, rest = rest[len(b" Location: ") :].partition(b";")
    if not semicolon:
        return
    event.location = (event.location + b"|" + place)[:_ALERT_LOCATION_LIMIT]
    event.hostname = event.location
    at = 0
    while rest.startswith(b" ", at) and not rest.startswith(b"  ", at):
        end = rest.find(b";", at)
        if end < 0:
            return
        value, at = rest[at + 1 : end], end + 1
        if value.startswith(b"srcip: "):
            event.static["srcip"] = value[len(b"srcip: ") :]
        elif value.startswith(b"user: "):
            event.static["dstuser"] = value[len(b"user: ") :]
    rest = rest[at:]
    event.full_log = event.log = rest.lstrip(b" ")[:_ALERT_LOG_LIMIT]
    event.lead = b""
    event.rule_id = number
