"""CDB lists: the text files that ``<list>`` conditions look values up in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wazuh_pack.engine.expression import Expression

_LINE_LIMIT = 65534
"""analysisd reads a list in pieces of at most this many bytes; the rest is the next line."""

_MANY_DOTS = 256


class Lookup(Enum):
    """How ``<list lookup="...">`` uses a value."""

    MATCH_KEY = "match_key"
    NOT_MATCH_KEY = "not_match_key"
    MATCH_KEY_VALUE = "match_key_value"
    ADDRESS_MATCH_KEY = "address_match_key"
    NOT_ADDRESS_MATCH_KEY = "not_address_match_key"
    ADDRESS_MATCH_KEY_VALUE = "address_match_key_value"


@dataclass(frozen=True, slots=True)
class CdbList:
    """A list as rules name it (``etc/lists/NAME``), with its entries."""

    name: bytes
    entries: Mapping[bytes, bytes]

    def named(self, name: bytes) -> bool:
        """Tell whether a rule's ``<list>`` text means this list; the name may end in ``.cdb``."""
        return name in (self.name, self.name + b".cdb")


def list_name(text: str) -> bytes:
    """Return the name that a ``<list>`` of ossec.conf gives a list."""
    name = text if "/" in text else f"ruleset/rules/{text}"
    return os.fsencode(name.partition(".cdb")[0])


def parse_list(data: bytes) -> dict[bytes, bytes]:
    """Read ``key:value`` lines; the first of two equal keys counts.

    A line without a colon or with an unclosed quotation mark is skipped silently.
    """
    entries: dict[bytes, bytes] = {}
    for line in _lines(data):
        entry = _parse_line(line)
        if entry is not None:
            entries.setdefault(*entry)
    return entries


def _lines(data: bytes) -> Iterator[bytes]:
    for whole in data.split(b"\n"):
        for start in range(0, len(whole), _LINE_LIMIT):
            piece = whole[start : start + _LINE_LIMIT]
            yield piece.partition(b"\0")[0].partition(b"\r")[0]


def _parse_line(line: bytes) -> tuple[bytes, bytes] | None:
    quote, colon = line.find(b'"'), line.find(b":")
    if colon < 0:
        return None
    if 0 <= quote < colon:
        key, closed, rest = line[quote + 1 :].partition(b'"')
        if not closed:
            return None
        _, colon_found, value = rest.partition(b":")
        if not colon_found:
            return None
    else:
        key, _, value = line.partition(b":")
    if b'"' in value:
        value, closed, _ = value.partition(b'"')[2].partition(b'"')
        if not closed:
            return None
    return key, value


def lookup(
    kind: Lookup,
    entries: Mapping[bytes, bytes],
    value: bytes,
    check_value: Expression | None,
) -> bool:
    """Tell whether a ``<list>`` condition holds for the value of its field."""
    return _LOOKUPS[kind](entries, value, check_value)


def _match_key(entries: Mapping[bytes, bytes], value: bytes, _: Expression | None) -> bool:
    return value in entries


def _not_match_key(entries: Mapping[bytes, bytes], value: bytes, _: Expression | None) -> bool:
    return value not in entries


def _match_key_value(
    entries: Mapping[bytes, bytes], value: bytes, check_value: Expression | None
) -> bool:
    found = entries.get(value)
    return found is not None and check_value is not None and check_value.matches(found)


def _address_match_key(entries: Mapping[bytes, bytes], value: bytes, _: Expression | None) -> bool:
    return any(key in entries for key in _prefixes(value, entries))


def _not_address_match_key(
    entries: Mapping[bytes, bytes], value: bytes, check_value: Expression | None
) -> bool:
    return not _address_match_key(entries, value, check_value)


def _address_match_key_value(
    entries: Mapping[bytes, bytes], value: bytes, check_value: Expression | None
) -> bool:
    """Analysisd has this one the wrong way round: it holds when nothing suitable is found."""
    found = next((entries[key] for key in _prefixes(value, entries) if key in entries), None)
    return not (found is not None and check_value is not None and check_value.matches(found))


def _prefixes(value: bytes, entries: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """Yield the value itself, then each of its prefixes that end in a dot, longest first.

    Left out is what is longer than every key: a value of thousands of dots costs no more so.
    """
    yield value
    end = len(value)
    if value.count(b".") > _MANY_DOTS:
        end = min(end, max(map(len, entries), default=0))
    while (end := value.rfind(b".", 0, end)) >= 0:
        yield value[: end + 1]


_LOOKUPS = {
    Lookup.MATCH_KEY: _match_key,
    Lookup.NOT_MATCH_KEY: _not_match_key,
    Lookup.MATCH_KEY_VALUE: _match_key_value,
    Lookup.ADDRESS_MATCH_KEY: _address_match_key,
    Lookup.NOT_ADDRESS_MATCH_KEY: _not_address_match_key,
    Lookup.ADDRESS_MATCH_KEY_VALUE: _address_match_key_value,
}
