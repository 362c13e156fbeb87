"""The conditions of a rule, one class or function per option.

A rule holds when all its conditions hold. They are evaluated in analysisd's order (:data:`ORDER`),
which only shows in side effects: first-time-seen keys, ``check_diff`` texts and the history search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from wazuh_pack.engine.addresses import Network, parse_address
from wazuh_pack.engine.cdb import CdbList, Lookup, lookup
from wazuh_pack.engine.correlate import search
from wazuh_pack.engine.fts import fts_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.expression import Expression
    from wazuh_pack.engine.memory import Memory
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rules import Rule
    from wazuh_pack.engine.schedule import TimeRange

ORDER = (
    "decoded_as",
    "program_name",
    "id",
    "system_name",
    "protocol",
    "match",
    "regex",
    "action",
    "url",
    "location",
    "field",
    "srcip",
    "dstip",
    "srcport",
    "dstport",
    "compiled_rule",
    "user",
    "srcgeoip",
    "dstgeoip",
    "maxsize",
    "time",
    "weekday",
    "data",
    "extra_data",
    "hostname",
    "status",
    "check_diff",
    "if_fts",
    "list",
)
"""The history search of a composite comes after all of these."""

_DIFF_LIMIT = 65536


class Condition(Protocol):
    """One condition of a rule."""

    @property
    def option(self) -> str:
        """The XML option it stands for."""

    def holds(self, seen: Occurrence, memory: Memory) -> bool:
        """Tell whether the event satisfies it."""

    def value(self, seen: Occurrence) -> bytes | None:
        """Return what it looks at; None when the event has no such thing."""

    def wanted(self) -> str:
        """Say what it asks for."""


@dataclass(frozen=True, slots=True)
class DecodedAs:
    """``decoded_as``: the event's decoder has this name's id."""

    name: bytes
    decoder_id: int
    option: str = "decoded_as"

    def holds(self, seen: Occurrence, _memory: Memory) -> bool:
        """See :class:`Condition`."""
        decoder = seen.event.decoder
        return decoder is not None and decoder.id == self.decoder_id

    def value(self, seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return seen.event.decoder.name if seen.event.decoder else None

    def wanted(self) -> str:
        """See :class:`Condition`."""
        return text(self.name)


def program_name(seen: Occurrence) -> bytes | None:
    """``program_name``: as the header names it."""
    return seen.event.program_name


def hostname(seen: Occurrence) -> bytes | None:
    """``hostname``: agent, else header, else manager."""
    return seen.hostname


def location(seen: Occurrence) -> bytes | None:
    """``location``: without the ``[id] `` of an agent's event."""
    return seen.event.location


def user(seen: Occurrence) -> bytes | None:
    """``user``: the target user, else the source user."""
    static = seen.event.static
    return static.get("dstuser", static.get("srcuser"))


def list_user(seen: Occurrence) -> bytes | None:
    """``<list field="user">``: the other way round than ``<user>``."""
    static = seen.event.static
    return static.get("srcuser", static.get("dstuser"))


def static_field(name: str) -> Callable[[Occurrence], bytes | None]:
    """Return a reader of a static field."""

    def read(seen: Occurrence) -> bytes | None:
        return seen.event.static.get(name)

    return read


def dynamic_field(name: bytes) -> Callable[[Occurrence], bytes | None]:
    """Return a reader of a dynamic field; names are compared without case."""
    key = name.lower()

    def read(seen: Occurrence) -> bytes | None:
        return seen.event.lookup.get(key)

    return read


def absent(_seen: Occurrence) -> bytes | None:
    """``srcgeoip`` and ``dstgeoip``: there is no GeoIP database."""
    return None


@dataclass(frozen=True, slots=True)
class ValueCondition:
    """An expression over one value; an absent value fails even when negated."""

    option: str
    read: Callable[[Occurrence], bytes | None]
    expression: Expression
    negate: bool
    name: bytes = b""
    """The field's name, for ``field``."""

    def holds(self, seen: Occurrence, _memory: Memory) -> bool:
        """See :class:`Condition`."""
        value = self.read(seen)
        return value is not None and self.expression.matches(value) is not self.negate

    def value(self, seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return self.read(seen)

    def wanted(self) -> str:
        """See :class:`Condition`."""
        return _wanted_expression(self.expression, negate=self.negate)


@dataclass(frozen=True, slots=True)
class LogCondition:
    """``match`` and ``regex``: an expression over the text after the header."""

    option: str
    expression: Expression
    negate: bool

    def holds(self, seen: Occurrence, _memory: Memory) -> bool:
        """See :class:`Condition`."""
        return self.expression.matches(seen.event.log, seen.folded) is not self.negate

    def value(self, seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return seen.event.log

    def wanted(self) -> str:
        """See :class:`Condition`."""
        return _wanted_expression(self.expression, negate=self.negate)


@dataclass(frozen=True, slots=True)
class AddressCondition:
    """``srcip`` and ``dstip``: the value lies in any of the networks.

    What is not an address lies in none, and so satisfies a negated list.
    """

    option: str
    networks: tuple[Network, ...]
    texts: tuple[bytes, ...]
    negate: bool

    def holds(self, seen: Occurrence, _memory: Memory) -> bool:
        """See :class:`Condition`."""
        value = seen.event.static.get(self.option)
        if value is None:
            return False
        address = parse_address(value)
        inside = address is not None and any(net.contains(address) for net in self.networks)
        return inside is not self.negate

    def value(self, seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return seen.event.static.get(self.option)

    def wanted(self) -> str:
        """See :class:`Condition`."""
        return ("not in " if self.negate else "in ") + ", ".join(map(text, self.texts))


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """``compiled_rule``: a predicate built into analysisd."""

    name: bytes
    predicate: Callable[[Event], bool]
    option: str = "compiled_rule"

    def holds(self, seen: Occurrence, _memory: Memory) -> bool:
        """See :class:`Condition`."""
        return self.predicate(seen.event)

    def value(self, seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return seen.event.log

    def wanted(self) -> str:
        """See :class:`Condition`."""
        return text(self.name)


@dataclass(frozen=True, slots=True)
class MaxSize:
    """``maxsize``: the text after the header has at least so many bytes (sic)."""

    size: int
    option: str = "maxsize"

    def holds(self, seen: Occurrence, _memory: Memory) -> bool:
        """See :class:`Condition`."""
        return len(seen.event.log) >= self.size

    def value(self, seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return str(len(seen.event.log)).encode()

    def wanted(self) -> str:
        """See :class:`Condition`."""
        return f"at least {self.size} bytes"


@dataclass(frozen=True, slots=True)
class TimeCondition:
    """``time``: the manager's local time lies in the range."""

    range: TimeRange
    option: str = "time"

    def holds(self, seen: Occurrence, _memory: Memory) -> bool:
        """See :class:`Condition`."""
        return self.range.holds(f"{seen.local_time:%H:%M}")

    def value(self, seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return f"{seen.local_time:%H:%M}".encode()

    def wanted(self) -> str:
        """See :class:`Condition`."""
        return f"{'not ' if self.range.outside else ''}{self.range.start} - {self.range.end}"


@dataclass(frozen=True, slots=True)
class WeekdayCondition:
    """``weekday``: today is one of the days (Sunday = 0)."""

    days: frozenset[int]
    option: str = "weekday"

    def holds(self, seen: Occurrence, _memory: Memory) -> bool:
        """See :class:`Condition`."""
        return seen.local_time.isoweekday() % 7 in self.days

    def value(self, seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return str(seen.local_time.isoweekday() % 7).encode()

    def wanted(self) -> str:
        """See :class:`Condition`."""
        return "one of " + ", ".join(map(str, sorted(self.days)))


@dataclass(frozen=True, slots=True)
class CheckDiff:
    """``check_diff``: the text differs from the last one of this host and rule.

    The first text is stored and fails.
    """

    rule_id: int
    option: str = "check_diff"

    def holds(self, seen: Occurrence, memory: Memory) -> bool:
        """See :class:`Condition`."""
        log = seen.event.log
        if len(log) >= _DIFF_LIMIT:
            return False
        host = seen.hostname
        if host.startswith(b"("):
            host = host[1:].partition(b")")[0]
        if memory.watch is not None:
            memory.watch.shares(self.option, (host, self.rule_id))
        before = memory.diffs.exchange(host, self.rule_id, log)
        if before is None or before == log:
            return False
        seen.counted[:] = [b"Previous output:", before]
        seen.previous = before
        return True

    def value(self, seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return seen.event.log

    def wanted(self) -> str:
        """See :class:`Condition`."""
        return "a text other than the last one"


@dataclass(frozen=True, slots=True)
class FirstTimeSeen:
    """``if_fts``: the decoder's fts fields have values not seen together before."""

    option: str = "if_fts"

    def holds(self, seen: Occurrence, memory: Memory) -> bool:
        """See :class:`Condition`."""
        decoder = seen.event.decoder
        if decoder is None or not decoder.fts:
            return False
        if memory.watch is not None:
            memory.watch.shares(self.option, fts_key(seen.event, decoder))
        return memory.decoding.first_time_seen(seen.event)

    def value(self, seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return seen.event.log

    def wanted(self) -> str:
        """See :class:`Condition`."""
        return "a combination of the decoder's fts fields not seen before"


@dataclass(frozen=True, slots=True)
class ListCondition:
    """``list``: a value looked up in a CDB list; an absent value fails every lookup."""

    list: CdbList
    read: Callable[[Occurrence], bytes | None]
    lookup: Lookup
    check_value: Expression | None
    name: bytes
    option: str = "list"

    def holds(self, seen: Occurrence, _memory: Memory) -> bool:
        """See :class:`Condition`."""
        value = self.read(seen)
        return value is not None and lookup(self.lookup, self.list.entries, value, self.check_value)

    def value(self, seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return self.read(seen)

    def wanted(self) -> str:
        """See :class:`Condition`."""
        return f"{self.lookup.value} in {text(self.list.name)}"


@dataclass(frozen=True, slots=True)
class HistorySearch:
    """``if_matched_*``: enough earlier events; the last thing a composite asks."""

    rule: Rule
    option: str

    def holds(self, seen: Occurrence, memory: Memory) -> bool:
        """See :class:`Condition`."""
        return search(self.rule, seen, memory)

    def value(self, _seen: Occurrence) -> bytes | None:
        """See :class:`Condition`."""
        return None

    def wanted(self) -> str:
        """See :class:`Condition`."""
        asked = self.rule.definition.correlation
        return f"{asked.frequency + 1} earlier events within {asked.timeframe} s"


def _wanted_expression(expression: Expression, *, negate: bool) -> str:
    verb = "no match of " if negate else "match of "
    return f"{verb}{expression.kind.value} {text(expression.pattern)}"


def text(value: bytes) -> str:
    """Return bytes as text for people and JSON; bytes that are not UTF-8 become surrogates."""
    return value.decode("utf-8", "surrogateescape")
