"""Which children of a rule are worth trying: the same decision as trying all of them, in less time.

A rule is left out only when its evaluation would fail without any effect. Evaluation goes through
the conditions in order and stops at the first that fails; only first-time-seen keys, ``check_diff``
texts and the history search do anything beside answering. So when some condition that stands before
all of these does not hold, the rule fails, and nothing has happened. Of each rule one such
condition is its guard: either its value is absent, which fails a condition even when it is negated,
or its expression cannot match, as the literals that the expression names show. The answers of
conditions without effects do not change while rules are tried, so they can be known beforehand.

Rules that remain are evaluated completely and in their order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.engine.conditions import (
    AddressCondition,
    CheckDiff,
    DynamicField,
    FirstTimeSeen,
    HistorySearch,
    ListCondition,
    LogCondition,
    StaticField,
    ValueCondition,
    static_field,
)
from wazuh_pack.engine.literal_index import LiteralIndex
from wazuh_pack.engine.literals import shortest

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from wazuh_pack.engine.conditions import Condition
    from wazuh_pack.engine.literals import Literal
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.tree import RuleNode

    Read = Callable[[Occurrence], bytes | None]
    _Entry = tuple[int, tuple[Literal, ...] | None]

_WITH_EFFECTS = (CheckDiff, FirstTimeSeen, HistorySearch)
_LONG = 3


@dataclass(frozen=True, slots=True)
class _Guard:
    """A condition that can rule its rule out.

    Attributes:
        read: Reads the value it looks at; None for the text after the header.
        literals: What the value must fit; None when it only has to be there.
    """

    read: Read | None
    literals: tuple[Literal, ...] | None

    def likeness(self) -> Iterator[Hashable]:
        """Yield what makes a guard alike to another one."""
        for literal in self.literals or (None,):
            yield self.read, literal

    def rank(self, alike: Counter[Hashable]) -> tuple[int, int]:
        """Return how little it rules out: first by its kind, then by how many rules share it."""
        return _weakness(self), sum(alike[key] for key in self.likeness())


def _weakness(guard: _Guard) -> int:
    literals = guard.literals
    if literals is None:
        return 4
    if all(literal.at_start and literal.at_end for literal in literals):
        return 0
    if all(literal.at_start for literal in literals):
        return 1
    if shortest(literal.text for literal in literals) >= _LONG:
        return 2 + (guard.read is None)
    return 5


class ChildIndex:
    """The children of one rule."""

    __slots__ = ("_children", "_of_fields", "_of_log", "_of_static", "_of_values", "_unguarded")

    def __init__(self, children: Sequence[RuleNode]) -> None:
        """Choose a guard for each child."""
        self._children = tuple(children)
        entries: dict[Read | None, list[_Entry]] = {}
        unguarded: list[int] = []
        for number, guard in enumerate(_guards(children)):
            if guard is None:
                unguarded.append(number)
            else:
                entries.setdefault(guard.read, []).append((number, guard.literals))
        of_log = entries.pop(None, None)
        self._unguarded = tuple(unguarded)
        self._of_log = LiteralIndex(of_log) if of_log else None
        # Of fields, the few that an event has are found at once; other values are asked for.
        self._of_fields: dict[bytes, tuple[Read, LiteralIndex]] = {}
        self._of_static: dict[str, tuple[Read, LiteralIndex]] = {}
        self._of_values: list[tuple[Read, LiteralIndex]] = []
        for read, part in entries.items():
            if isinstance(read, DynamicField):
                self._of_fields[read.key] = read, LiteralIndex(part)
            elif isinstance(read, StaticField):
                self._of_static[read.name] = read, LiteralIndex(part)
            elif read is not None:
                self._of_values.append((read, LiteralIndex(part)))

    def candidates(self, seen: Occurrence) -> Sequence[RuleNode]:
        """Return the children that may hold, in their order."""
        found = list(self._unguarded)
        if self._of_log is not None:
            found += self._of_log.find(seen.folded)
        event = seen.event
        present = self._of_values
        if self._of_fields:
            fields = self._of_fields
            present = [*present, *(fields[name] for name in fields.keys() & event.lookup.keys())]
        if self._of_static:
            static = self._of_static
            present = [*present, *(static[name] for name in static.keys() & event.static.keys())]
        for read, index in present:
            text = seen.text(read)
            if text is not None:
                found += index.find(text[1])
        found.sort()
        children = self._children
        return [children[number] for number in found]


def _guards(children: Iterable[RuleNode]) -> Iterator[_Guard | None]:
    """Yield each child's guard: of several possible ones the one that rules out most."""
    offered = [list(_possible(child.rule.checks)) for child in children]
    alike: Counter[Hashable] = Counter()
    for guards in offered:
        alike.update({key for guard in guards for key in guard.likeness()})
    for guards in offered:
        yield min(guards, key=lambda guard: guard.rank(alike), default=None)


def _possible(checks: Iterable[Condition]) -> Iterator[_Guard]:
    for check in checks:
        if isinstance(check, _WITH_EFFECTS):
            return
        if isinstance(check, LogCondition):
            literals = None if check.negate else check.expression.necessary()
            if literals is not None:
                yield _Guard(None, literals)
        elif isinstance(check, ValueCondition):
            literals = None if check.negate else check.expression.necessary()
            yield _Guard(check.read, literals)
        elif isinstance(check, ListCondition):
            yield _Guard(check.read, None)
        elif isinstance(check, AddressCondition):
            yield _Guard(static_field(check.option), None)
