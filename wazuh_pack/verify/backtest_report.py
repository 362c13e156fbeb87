"""What a ruleset would have said about past logs: counts by rule, actor and day, with examples.

Everything is bounded, can be merged, and does not depend on the order of merging: examples are the
first ones by line number, and of too many actors those are kept whose names hash lowest, so that a
kept actor's count is exact.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from hashlib import blake2b
from heapq import nlargest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXAMPLES = 3
ACTORS_KEPT = 20_000
_PRUNE_AT = 2 * ACTORS_KEPT
_SHOWN_BYTES = 500
_TOP = 10


@dataclass(frozen=True, slots=True, order=True)
class Example:
    """One event that fired; the number is its line's over all inputs."""

    number: int
    time: float
    location: str
    actor: str
    event: str


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as the report counts it."""

    rule_id: int
    level: int
    title: str
    example: Example


class Actors:
    """Counts by name, for a bounded number of names."""

    __slots__ = ("counts", "others")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.others = 0

    def add(self, name: str, count: int = 1) -> None:
        """Count a name; the empty one is not counted."""
        if name:
            self.counts[name] += count
            if len(self.counts) > _PRUNE_AT:
                self._prune()

    def merge(self, other: Actors) -> None:
        """Add another's counts."""
        self.others += other.others
        self.counts.update(other.counts)
        if len(self.counts) > ACTORS_KEPT:
            self._prune()

    def finish(self) -> None:
        """Forget all names above the limit."""
        if len(self.counts) > ACTORS_KEPT:
            self._prune()

    def top(self, number: int = _TOP) -> list[tuple[str, int]]:
        """Return the names counted most, equal ones by name."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:number]

    def _prune(self) -> None:
        """Keep the names that hash lowest: a name once dropped is dropped in every order."""
        dropped = nlargest(len(self.counts) - ACTORS_KEPT, self.counts, key=_hash)
        for name in dropped:
            self.others += self.counts.pop(name)


def _hash(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()


@dataclass(slots=True)
class Tally:
    """How often something happened."""

    level: int
    title: str
    count: int = 0
    first: float = float("inf")
    last: float = float("-inf")
    days: Counter[str] = field(default_factory=Counter)
    actors: Actors = field(default_factory=Actors)
    examples: list[Example] = field(default_factory=list)

    def add(self, example: Example) -> None:
        """Count one more."""
        self.count += 1
        self.first = min(self.first, example.time)
        self.last = max(self.last, example.time)
        self.days[day_of(example.time)] += 1
        self.actors.add(example.actor)
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)

    def merge(self, other: Tally) -> None:
        """Add another's counts."""
        self.count += other.count
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.days.update(other.days)
        self.actors.merge(other.actors)
        self.examples = sorted([*self.examples, *other.examples])[:EXAMPLES]

    def as_json(self) -> dict[str, Any]:
        """Return it for JSON; times as ISO 8601 in UTC."""
        return {
            "level": self.level,
            "title": self.title,
            "count": self.count,
            "first": iso(self.first),
            "last": iso(self.last),
            "days": dict(sorted(self.days.items())),
            "actors": [{"actor": name, "count": count} for name, count in self.actors.top()],
            "examples": [_example_json(example) for example in self.examples],
        }


@dataclass(slots=True)
class Report:
    """Everything that fired.

    Attributes:
        judged: How many events were judged.
        refused: How many events analysisd would not have judged at all.
        given_up: For how many events the matching of a pattern was given up.
        rules: By rule id.
        actors: Over all rules.
        days: Over all rules.
        changes: With another ruleset to compare with: (rule id, rule id of the other ruleset) where
            they differ, None for no alert.
    """

    judged: int = 0
    refused: int = 0
    given_up: int = 0
    rules: dict[int, Tally] = field(default_factory=dict)
    actors: Actors = field(default_factory=Actors)
    days: Counter[str] = field(default_factory=Counter)
    changes: dict[tuple[int | None, int | None], Tally] = field(default_factory=dict)

    def add(self, alert: Alert) -> None:
        """Count an alert."""
        tally = self.rules.setdefault(alert.rule_id, Tally(alert.level, alert.title))
        tally.add(alert.example)
        self.actors.add(alert.example.actor)
        self.days[day_of(alert.example.time)] += 1

    def compare(self, before: Alert | None, after: Alert | None) -> None:
        """Count what another ruleset says to the same event, where it says something else."""
        shown = after or before
        if shown is None or _same(before, after):
            return
        key = (before.rule_id if before else None, after.rule_id if after else None)
        self.changes.setdefault(key, Tally(shown.level, shown.title)).add(shown.example)

    def merge(self, other: Report) -> None:
        """Add another's counts."""
        self.judged += other.judged
        self.refused += other.refused
        self.given_up += other.given_up
        _merge_tallies(self.rules, other.rules)
        _merge_tallies(self.changes, other.changes)
        self.actors.merge(other.actors)
        self.days.update(other.days)

    def finish(self) -> None:
        """Bring it into the form that does not depend on how it came about."""
        for actors in (self.actors, *(tally.actors for tally in self._tallies())):
            actors.finish()

    @property
    def alerts(self) -> int:
        """How many alerts there would have been."""
        return sum(tally.count for tally in self.rules.values())

    def _tallies(self) -> Iterable[Tally]:
        yield from self.rules.values()
        yield from self.changes.values()

    def as_json(self) -> dict[str, Any]:
        """Return it for JSON: rules by count, changes as added, removed and replaced."""
        ranked = sorted(self.rules.items(), key=lambda item: (-item[1].count, item[0]))
        return {
            "judged": self.judged,
            "refused": self.refused,
            "given_up": self.given_up,
            "alerts": self.alerts,
            "rules": [{"rule": rule_id} | tally.as_json() for rule_id, tally in ranked],
            "actors": [{"actor": name, "count": count} for name, count in self.actors.top(100)],
            "days": dict(sorted(self.days.items())),
        }

    def changes_json(self) -> dict[str, Any]:
        """Return what the other ruleset adds, removes and replaces, each by count."""
        found: dict[str, list[dict[str, Any]]] = {"added": [], "removed": [], "replaced": []}
        ranked = sorted(self.changes.items(), key=lambda item: (-item[1].count, str(item[0])))
        for (before, after), tally in ranked:
            if before is None:
                found["added"].append({"rule": after} | tally.as_json())
            elif after is None:
                found["removed"].append({"rule": before} | tally.as_json())
            else:
                found["replaced"].append({"rule": before, "by": after} | tally.as_json())
        return found


def _same(before: Alert | None, after: Alert | None) -> bool:
    if before is None or after is None:
        return before is after
    return (before.rule_id, before.level) == (after.rule_id, after.level)


def _merge_tallies(into: dict[Any, Tally], other: Mapping[Any, Tally]) -> None:
    for key, tally in other.items():
        if key in into:
            into[key].merge(tally)
        else:
            into[key] = tally


def day_of(time: float) -> str:
    """Return the day of a time, in UTC; ``unknown`` before the first time was seen."""
    return f"{datetime.fromtimestamp(time, timezone.utc):%Y-%m-%d}" if time else "unknown"


def iso(time: float) -> str | None:
    """Return a time in ISO 8601, UTC; None for none."""
    if not 0 < time < float("inf"):
        return None
    return datetime.fromtimestamp(time, timezone.utc).isoformat(timespec="seconds")


def shown_text(data: bytes) -> str:
    """Return the beginning of an event as an example shows it."""
    return data[:_SHOWN_BYTES].decode("utf-8", "replace")


def _example_json(example: Example) -> dict[str, Any]:
    return asdict(example) | {"time": iso(example.time)}
