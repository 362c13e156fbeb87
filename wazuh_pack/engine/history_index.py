"""Earlier events sorted by what a composite rule compares: the same search, over fewer events.

A search walks from the newest event to the oldest. Events of another agent or with other values in
the ``same_*`` places are passed over, and all that they can do is end the search without success
when they are too old. While the histories are in the order of time, whatever comes after an event
that is too old is too old as well, so passing over it unseen ends the same way. Once an event is
stored that is older than the one before it, this is no longer used.

``if_matched_regex`` has rules of its own and always walks through everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rules import Rule

Key = tuple[bytes, ...]


def key_of(rule: Rule, seen: Occurrence) -> Key | None:
    """Return what an event must share with another to be counted with it; None: it never is."""
    asked = rule.definition.correlation
    lookup = seen.event.lookup
    values = [seen.value(name) for name in asked.same]
    values += [lookup.get(name) for name in asked.same_fields]
    if not asked.everywhere:
        values.append(seen.event.agent.id)
    present = tuple(value for value in values if value is not None)
    return present if len(present) == len(values) else None


class HistoryIndex:
    """The stored events of every composite rule, by key."""

    __slots__ = ("_by_rule", "_latest", "in_order")

    def __init__(self) -> None:
        self._by_rule: dict[int, dict[Key, list[Occurrence]]] = {}
        self._latest = 0
        self.in_order = True

    def add(self, seen: Occurrence, composites: Sequence[Rule]) -> None:
        """Store an event for the rules that count it."""
        if seen.second < self._latest:
            self.in_order = False
            self._by_rule.clear()
        self._latest = seen.second
        if not self.in_order:
            return
        for rule in composites:
            key = key_of(rule, seen)
            if key is not None:
                parts = self._by_rule.setdefault(rule.index, {})
                parts.setdefault(key, []).append(seen)
                seen.keys.append((rule.index, key))

    def remove(self, oldest: Occurrence) -> None:
        """Forget the oldest event."""
        if not self.in_order:
            return
        for index, key in oldest.keys:
            parts = self._by_rule[index]
            entries = parts[key]
            entries.remove(oldest)
            if not entries:
                del parts[key]

    def events(self, rule: Rule, current: Occurrence) -> Sequence[Occurrence]:
        """Return the events that a rule may count together with the current one, oldest first."""
        key = key_of(rule, current)
        return () if key is None else self._by_rule.get(rule.index, {}).get(key, ())
