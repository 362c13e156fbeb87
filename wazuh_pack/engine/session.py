"""A session: events in, results out, with counters and histories of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from wazuh_pack.engine.decode import DecodeState, decode
from wazuh_pack.engine.history_index import HistoryIndex
from wazuh_pack.engine.matching import cut, exhausted
from wazuh_pack.engine.memory import DiffStore, Memory
from wazuh_pack.engine.occurrence import Occurrence
from wazuh_pack.engine.predecode import EventError, predecode
from wazuh_pack.engine.result import Mode, Result
from wazuh_pack.engine.trace import Trace
from wazuh_pack.engine.tree import find_rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.engine.alert import Manager
    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.memory import Watch
    from wazuh_pack.engine.rules import Rule
    from wazuh_pack.engine.ruleset import Ruleset


NAMES_ITS_RULE = "ossec-alert"
"""The category of events that carry the id of their rule; no other rule is looked for."""


_FIREWALL_FIELDS = {"action", "srcip", "dstip", "srcport", "dstport", "protocol"}


_QUARTER = 900
"""Seconds; time zones begin their hours at quarters."""

_EARLIEST, _LATEST = -62_104_060_800, 253_370_764_799
"""Seconds; the years 2 to 9998: the calendar has room on both sides, for any zone and its rules."""


class Session:
    """Judges events one after the other; sessions of one ruleset do not influence each other.

    The clock is virtual: an event's explicit time, else the clock given, else the previous event's
    time.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        *,
        mode: Mode,
        clock: Callable[[], float] | None,
        manager: Manager,
        diffs: DiffStore,
        trace: bool,
        watch: Watch | None = None,
    ) -> None:
        """Start with empty counters and histories; see :meth:`Ruleset.session`."""
        self._ruleset = ruleset
        self._mode = mode
        self._clock = clock
        self._manager = manager
        self._host = manager.host
        self.tracing = trace
        """Record the path of the next events through the rules; may be changed between events."""
        # logtest looks rules of OSSEC alerts up in a table of its own, which it never fills.
        named = ruleset.rule_names if mode is Mode.DAEMON else ()
        self._memory = Memory(
            diffs=diffs,
            decoding=DecodeState(named),
            index=HistoryIndex() if ruleset.indexes else None,
            watch=watch,
        )
        self._now = 0.0
        self._number = 0
        self._hours = _Hours(manager)

    def process(
        self, event: bytes | str, *, location: bytes | str = "stdin", time: float | None = None
    ) -> Result:
        """Judge one event.

        Args:
            event: The log line.
            location: Where it comes from, ``[id] (name) ip->path`` for an agent's event.
            time: Seconds since the epoch; later events without a time happen at the same moment
                unless the session has a clock. An event at a time that is no number, or beyond the
                years 2 to 9998, is refused and leaves the session's time as it was.
        """
        now = self._tell_time(time)
        self._number += 1
        if not _EARLIEST <= now <= _LATEST:
            return self._refused("its time is one that no calendar has")
        self._now = now
        exhausted.patterns.clear()
        text, place = _bytes(event), _bytes(location)
        refusal = self._refusal(text, place)
        try:
            if refusal:
                return self._refused(refusal)
            decoded = predecode(text, place, self._now)
        except EventError as error:
            return self._refused(error.message)
        decode(decoded, self._ruleset.decoders, self._memory.decoding)
        if self._memory.watch is not None:
            self._memory.watch.decoded(decoded, self._memory.decoding)
        dropped = _why_dropped(decoded) if self._mode is Mode.DAEMON else ""
        if dropped:
            return self._refused(dropped)
        if self._mode is Mode.DAEMON and self._hours.passed(self._now):
            self._memory.fired.clear()
        seen = self._occurrence(decoded)
        trace = self._new_trace(seen) if self.tracing else None
        judge = _judge_as_daemon if self._mode is Mode.DAEMON else _judge_as_logtest
        alert = judge(seen, self._find(seen, trace), self._memory, self._ruleset)
        warnings = self._ruleset.mitre_warnings if self._number == 1 else 0
        result = Result(
            seen, alert, self._manager, self._mode, self._number, trace, load_warnings=warnings
        )
        if exhausted.patterns:
            result = replace(result, exhausted=tuple(dict.fromkeys(exhausted.patterns)))
        return result

    def forget_oldest(self) -> None:
        """Forget the oldest event that rules still remember, as a full memory does."""
        self._memory.forget_oldest()

    def _tell_time(self, time: float | None) -> float:
        if time is not None:
            return time
        return self._clock() if self._clock else self._now

    def _refusal(self, event: bytes, location: bytes) -> str:
        """Return why logtest would not even look at the event; the daemon looks at every one."""
        if self._mode is Mode.DAEMON:
            return ""
        if not cut(event) or not cut(location):
            return "logtest takes neither an empty event nor an empty location"
        return self._ruleset.refusal

    def _refused(self, why: str) -> Result:
        return Result(None, False, self._manager, self._mode, self._number, refused=why)

    def _occurrence(self, event: Event) -> Occurrence:
        return Occurrence(
            event=event,
            hostname=self._host if event.hostname is None else event.hostname,
            second=int(event.time),
            zone=self._manager.timezone,
        )

    def _new_trace(self, seen: Occurrence) -> Trace:
        return Trace(decoder=seen.event.decoder.name if seen.event.decoder else None)

    def _find(self, seen: Occurrence, trace: Trace | None) -> Rule | None:
        category = seen.event.category
        if category == NAMES_ITS_RULE:
            return self._ruleset.rule(int(seen.event.rule_id or b"0"))
        roots = (root for root in self._ruleset.roots if root.rule.definition.category == category)
        return find_rule(roots, seen, self._memory, trace, indexes=self._ruleset.indexes)


class _Hours:
    """Tells when a new hour of the manager's wall clock has begun.

    The daemon writes its statistics then, and every rule's ``firedtimes`` starts afresh.
    """

    def __init__(self, manager: Manager) -> None:
        self._zone = manager.timezone
        self._quarter = -1
        self._hour = -1

    def passed(self, now: float) -> bool:
        """Tell whether the hour is another one than at the last call."""
        quarter = int(now) // _QUARTER
        if quarter == self._quarter:
            return False
        hour, before = datetime.fromtimestamp(int(now), self._zone).hour, self._hour
        self._quarter, self._hour = quarter, hour
        return before not in (-1, hour)


def _why_dropped(event: Event) -> str:
    """Return why the daemon neither judges nor archives an event, empty when it does.

    ``log_fw``, which filters firewall events, is on unless someone switched it off.
    """
    if event.category == "firewall" and not event.static.keys() >= _FIREWALL_FIELDS:
        return "the daemon drops firewall events without all of their fields"
    if event.category == NAMES_ITS_RULE and event.rule_id is None:
        return "the daemon drops what the decoder of OSSEC alerts takes but cannot read"
    return ""


def _judge_as_logtest(
    seen: Occurrence, rule: Rule | None, memory: Memory, ruleset: Ruleset
) -> bool:
    """A muted rule is still shown but neither alerts nor is stored."""
    seen.rule = rule
    if rule is None or rule.level == 0 or seen.event.category == NAMES_ITS_RULE:
        return False
    if _is_muted(seen, rule, memory, restart=False):
        return False
    memory.store(seen, rule, ruleset.max_frequency)
    return rule.level >= ruleset.levels.alert


def _judge_as_daemon(seen: Occurrence, rule: Rule | None, memory: Memory, ruleset: Ruleset) -> bool:
    """A muted rule's parent is reported in its place; level 0 shows no rule."""
    if rule is None or rule.level == 0:
        return _unreported(seen, rule)
    if _is_muted(seen, rule, memory, restart=True):
        if seen.parent is None:
            return _unreported(seen, rule)
        rule = seen.parent
        seen.counted.clear()
    seen.rule = rule
    memory.store(seen, rule, ruleset.max_frequency)
    return rule.definition.options.log


def _unreported(seen: Occurrence, rule: Rule | None) -> bool:
    """Leave an event without a result, except one that named its rule: it keeps that much."""
    if seen.event.category == NAMES_ITS_RULE:
        seen.rule, seen.described = rule, False
    return False


def _is_muted(seen: Occurrence, rule: Rule, memory: Memory, *, restart: bool) -> bool:
    """``ignore``: tell whether the rule's time of silence runs, and keep its clock.

    Args:
        seen: The event.
        rule: The rule found.
        memory: Holds the clocks.
        restart: A match after the time is over starts the next silence at once (daemon);
            otherwise it only ends the last one, and the match after that starts the next (logtest).
    """
    if not rule.definition.ignore_time:
        return False
    if memory.watch is not None:
        memory.watch.shares("ignore", rule.index)
    since = memory.muted_since.get(rule.index, 0)
    if since and seen.second - since < rule.definition.ignore_time:
        return True
    memory.muted_since[rule.index] = seen.second if restart or not since else 0
    return False


def _bytes(value: bytes | str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # A half of a surrogate pair that stands for no byte: what UTF-8 would make of its number.
        return b"".join(map(_character, value))


def _character(char: str) -> bytes:
    stands_for_byte = "\udc80" <= char <= "\udcff"
    return char.encode("utf-8", "surrogateescape" if stands_for_byte else "surrogatepass")
