"""The search of composite rules through earlier events.

The current event is not in any history yet. A search walks from the newest entry to the oldest; it
has side effects: the texts for ``previous_output``, and on success the marks that keep events from
being counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.engine.rules import Correlation, Rule, Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wazuh_pack.engine.memory import Memory
    from wazuh_pack.engine.occurrence import Occurrence

_TEXTS_KEPT = 11


def search(rule: Rule, current: Occurrence, memory: Memory) -> bool:
    """Tell whether enough earlier events match, and mark what was used up.

    When it finds too few, the texts collected for ``previous_output`` are dropped, those of an
    earlier search for the same event included.
    """
    history = _history(rule, current, memory)
    if memory.watch is not None:
        memory.watch.searches(rule, history[0] if history else None)
    found = _search(rule, current, reversed(history))
    if not found:
        current.counted.clear()
    return found


@dataclass(frozen=True, slots=True)
class Census:
    """How far a search would come, for people.

    Attributes:
        found: Earlier events that count.
        looked_at: Earlier events of the same agent within the time frame.
        used_up: The search met an event that an alert of this level has counted already.
    """

    found: int
    looked_at: int
    used_up: bool


def census(rule: Rule, current: Occurrence, memory: Memory) -> Census:
    """Return what a search meets, without its side effects."""
    asked = rule.definition.correlation
    by_text = rule.search is Search.EVENTS
    found = looked_at = 0
    for entry in reversed(_whole_history(rule, memory)):
        if current.second - entry.second > asked.timeframe:
            break
        if not asked.everywhere and entry.event.agent.id != current.event.agent.id:
            if by_text:
                break
            continue
        looked_at += 1
        if not _comparable(asked, entry, current, by_text=by_text):
            continue
        if entry.matched >= rule.definition.level:
            return Census(found, looked_at, used_up=True)
        found += 1
    return Census(found, looked_at, used_up=False)


def _history(rule: Rule, current: Occurrence, memory: Memory) -> Sequence[Occurrence]:
    """Return the events that a rule looks through, oldest first."""
    if rule.search is not Search.EVENTS and memory.index is not None and memory.index.in_order:
        return memory.index.events(rule, current)
    return _whole_history(rule, memory)


def _whole_history(rule: Rule, memory: Memory) -> Sequence[Occurrence]:
    if rule.search is Search.SID:
        watched = rule.watched_sid
        return memory.by_rule.get(watched.index, ()) if watched else ()
    if rule.search is Search.GROUP:
        return memory.by_group.get(rule.index, ())
    return memory.events


def _search(rule: Rule, current: Occurrence, history: Iterable[Occurrence]) -> bool:
    asked = rule.definition.correlation
    rank = rule.definition.level
    by_text = rule.search is Search.EVENTS
    newest: Occurrence | None = None
    count = 0
    for entry in history:
        if current.second - entry.second > asked.timeframe:
            return False
        if not asked.everywhere and entry.event.agent.id != current.event.agent.id:
            if by_text:
                # analysisd never leaves its loop here; we give up instead
                return False
            continue
        if not _comparable(asked, entry, current, by_text=by_text):
            continue
        if entry.matched >= rank:
            return False
        complete = count >= asked.frequency
        if count < _TEXTS_KEPT and len(current.counted) == count and not (by_text and complete):
            current.counted.append(entry.event.full_log)
        if complete:
            current.matched = rank
            if newest is not None:
                newest.matched = rank
            return True
        count += 1
        newest = newest or entry
    return False


def _same_text(asked: Correlation, entry: Occurrence, current: Occurrence) -> bool:
    """``if_matched_regex``: same decoder type, and the stored event's text matches."""
    if entry.event.category != current.event.category:
        return False
    return asked.text is None or asked.text.matches(entry.event.log)


def _comparable(
    asked: Correlation, entry: Occurrence, current: Occurrence, *, by_text: bool
) -> bool:
    """Tell whether a stored event satisfies all ``same_*`` and ``different_*`` options."""
    return (
        (not by_text or _same_text(asked, entry, current))
        and all(_same(entry.value(name), current.value(name)) for name in asked.same)
        and _same_fields(asked, entry, current)
        and _different_fields(asked, entry, current)
        and not any(_same(entry.value(name), current.value(name)) for name in asked.different)
    )


def _same(one: bytes | None, other: bytes | None) -> bool:
    return one is not None and one == other


def _same_fields(asked: Correlation, entry: Occurrence, current: Occurrence) -> bool:
    here, there = current.event.lookup, entry.event.lookup
    return all(_same(here.get(name), there.get(name)) for name in asked.same_fields)


def _different_fields(asked: Correlation, entry: Occurrence, current: Occurrence) -> bool:
    """Two events without any dynamic field do not count as different."""
    if not asked.different_fields:
        return True
    here, there = current.event.lookup, entry.event.lookup
    if not here and not there:
        return False
    return not any(_same(here.get(name), there.get(name)) for name in asked.different_fields)
