"""Why an event became what it became, and why a rule did not fire: for people, as lines of text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.engine.conditions import CheckDiff, DecodedAs, FirstTimeSeen, HistorySearch, text
from wazuh_pack.engine.decode import DecodeState
from wazuh_pack.engine.memory import DiffStore, Memory
from wazuh_pack.engine.trace import RuleStep
from wazuh_pack.verify.explain_decoding import decoding
from wazuh_pack.verify.explain_hints import hints

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wazuh_pack.engine import Result, Ruleset
    from wazuh_pack.engine.conditions import Condition
    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rules import Rule
    from wazuh_pack.engine.trace import Trace
    from wazuh_pack.engine.tree import RuleNode

NEAR_MISSES = 5
FIRST_OWN_ID = 100_000
"""Wazuh keeps the ids from here on for its users' rules."""
_SHOWN = 100
_PLACES = 3
_REMEMBERING = (CheckDiff, FirstTimeSeen, HistorySearch)
"""Asking these changes what a session remembers; they are not asked again."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its lines."""

    title: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as text."""
        return "\n".join((self.title, *(f"  {line}" for line in self.lines)))


def explain(ruleset: Ruleset, result: Result, rule_id: int | None = None) -> list[Section]:
    """Return the way of an event, and why a rule is not the result or, without one, near misses.

    Args:
        ruleset: What judged the event.
        result: From a session that traces.
        rule_id: The rule in question.
    """
    if result.occurrence is None or result.trace is None:
        return [
            Section("Event", (f"not judged: {result.refused or 'the session does not trace'}",))
        ]
    seen, trace = result.occurrence, result.trace
    sections = [
        Section("Event", tuple(_event(seen))),
        Section("Decoding", tuple(_decoding(ruleset, seen.event))),
        Section("Rules", tuple(_path_lines(result, trace))),
        Section("Result", tuple(_result_lines(result))),
    ]
    if rule_id is not None:
        sections.append(Section(f"Rule {rule_id}", tuple(_rule_lines(ruleset, result, rule_id))))
        return sections
    near = tuple(_near_lines(trace))
    return [*sections, Section("Near misses", near)] if near else sections


def _event(seen: Occurrence) -> Iterator[str]:
    event = seen.event
    for name, value in (
        ("timestamp", event.timestamp),
        ("hostname", event.hostname),
        ("program", event.program_name),
        ("location", event.location),
        ("text", event.log),
    ):
        if value is not None:
            yield f"{name:<10} {_short(value)}"


def _decoding(ruleset: Ruleset, event: Event) -> Iterator[str]:
    for attempt in decoding(event, ruleset.decoders):
        yield _safe(str(attempt))
    if event.decoder is None:
        yield "no decoder matches"
    for key, value in event.static.items():
        yield f"field {key} = {_short(value)}"
    for name, value in event.dynamic:
        yield f"field {_safe(text(name))} = {_short(value)}"


def path_to(node: RuleNode) -> list[RuleNode]:
    """Return a place in the tree with all above it, the root first."""
    path = [node]
    while node.parent is not None:
        node = node.parent
        path.insert(0, node)
    return path


def _winner(result: Result, trace: Trace) -> RuleNode | None:
    """Return the place of the rule that is the result."""
    for step in reversed(trace.steps):
        if step.matched and step.rule is result.matched:
            return step.node
    return None


def _path_lines(result: Result, trace: Trace) -> Iterator[str]:
    winner = _winner(result, trace)
    for depth, node in enumerate(path_to(winner) if winner is not None else ()):
        margin = "  " * depth
        yield f"{margin}{_name(node.rule)}"
        if result.occurrence is not None:
            for condition in node.rule.checks:
                yield f"{margin}  + {_asked(condition, result.occurrence)}"
    matched = sum(step.matched for step in trace.steps)
    yield f"{len(trace.steps)} rules tried, {matched} matched"
    for pattern in result.exhausted:
        yield f"a match was given up, which counts as none: {_short(pattern)}"


def _name(rule: Rule) -> str:
    note = ", never a result itself" if rule.definition.noalert else ""
    return f"{rule.id} (level {rule.level}{note}) {_short(rule.definition.description)}"


def _result_lines(result: Result) -> Iterator[str]:
    rule = result.rule
    if rule is None or result.matched is None:
        yield "no rule"
        return
    yield f"rule {result.rule_id} level {result.level}: {_short(str(rule['description']))}"
    if result.alert:
        yield "an alert"
    elif result.matched.definition.ignore_time:
        yield "no alert: the level is too low, or the rule's ignore time runs"
    else:
        yield "no alert: the level is too low"


def _rule_lines(ruleset: Ruleset, result: Result, rule_id: int) -> Iterator[str]:
    places = ruleset.places(rule_id)
    if not places:
        yield from _unloaded(ruleset, rule_id)
        return
    if result.matched is not None and result.matched.id == rule_id:
        yield "it is the result"
        return
    for number, place in enumerate(places[:_PLACES]):
        if len(places) > 1:
            above = " > ".join(str(node.rule.id) for node in path_to(place)[:-1])
            yield f"place {number + 1} of {len(places)}, below {above or 'nothing'}:"
        yield from _why_not(place, result)


def _unloaded(ruleset: Ruleset, rule_id: int) -> Iterator[str]:
    yield "it is not loaded"
    named = re.compile(rf"\b(?:rule|id) '?{rule_id}\b")
    for found in ruleset.diagnostics:
        if named.search(found.message):
            yield str(found)


def _why_not(place: RuleNode, result: Result) -> Iterator[str]:
    """Say what kept a place from being the result: the first thing on the way down to it."""
    trace = result.trace
    if trace is None or result.occurrence is None:
        return
    steps = {id(step.node): step for step in trace.steps}
    winner = _winner(result, trace)
    for node in path_to(place):
        whose = "it" if node is place else f"its ancestor {node.rule.id}"
        step = steps.get(id(node))
        if step is None:
            yield from _never_tried(node, whose, winner, result.occurrence.event)
            if node.parent is not None:
                yield from _had_it_been_tried(place, result.occurrence)
            return
        if not step.matched:
            yield f"{whose} was tried and does not hold:"
            yield from _conditions(step)
            return
    if winner is not None and place in path_to(winner):
        yield f"its conditions hold, but rule {winner.rule.id} below it is the result"
    elif place.rule.definition.noalert:
        yield "its conditions hold, but it is never a result itself (noalert)"
    else:
        yield "its conditions hold, and yet another place is the result"


def _never_tried(
    node: RuleNode, whose: str, winner: RuleNode | None, event: Event
) -> Iterator[str]:
    category = node.rule.definition.category
    if node.parent is None and category != event.category:
        yield f"{whose} is for events of type {category}; this one is {event.category}"
        return
    rival = next(
        (other for other in (path_to(winner) if winner else ()) if other.parent is node.parent),
        None,
    )
    if rival is None or winner is None:
        yield f"{whose} was never tried"
        return
    reason = "it is loaded earlier"
    if rival.rule.definition.rank > node.rule.definition.rank:
        reason = f"level {rival.rule.level} comes before level {node.rule.level}"
        if not rival.rule.level:
            reason = "level 0 comes before all others"
    leads = "" if rival is winner else f" and leads to {winner.rule.id}"
    yield (
        f"{whose} was never tried: rule {rival.rule.id}, tried before it among the children of the "
        f"same parent ({reason}), holds{leads}"
    )
    yield f"    > below rule {rival.rule.id} (if_sid) it would be tried when that one holds"


def _had_it_been_tried(place: RuleNode, seen: Occurrence) -> Iterator[str]:
    """Say how the conditions of a rule stand that was never asked."""
    if not place.rule.checks:
        return
    nothing = Memory(diffs=DiffStore(), decoding=DecodeState())
    step = RuleStep(place, None, seen)
    yield f"what {place.rule.id} itself asks, had it been tried:"
    for condition in place.rule.checks:
        holds = None if isinstance(condition, _REMEMBERING) else condition.holds(seen, nothing)
        yield from _condition(condition, step, holds=holds)


def _conditions(step: RuleStep) -> Iterator[str]:
    """Yield every condition of a rule with how it stands."""
    for condition, holds in _judged(step):
        yield from _condition(condition, step, holds=holds)


def _condition(condition: Condition, step: RuleStep, *, holds: bool | None) -> Iterator[str]:
    """Yield a condition, marked + if it holds, - if not, ? if it was not asked, and advice."""
    mark = {True: "+", False: "-", None: "?"}[holds]
    counted = _counted(step) if condition is step.failed else ""
    yield f"{mark} {_asked(condition, step.seen)}{counted}"
    if holds is False:
        for hint in hints(condition, step.seen):
            yield f"    > {_safe(hint)}"


def _judged(step: RuleStep) -> Iterator[tuple[Condition, bool | None]]:
    """Yield the conditions with whether they hold; None for what only the session could say."""
    nothing = Memory(diffs=DiffStore(), decoding=DecodeState())
    asked = True
    for condition in step.rule.checks:
        if condition is step.failed:
            asked = False
            yield condition, False
        elif asked:
            yield condition, True
        elif isinstance(condition, _REMEMBERING):
            yield condition, None
        else:
            yield condition, condition.holds(step.seen, nothing)


def _asked(condition: Condition, seen: Occurrence) -> str:
    name = getattr(condition, "name", b"")
    label = f"{condition.option} {_safe(text(name))}" if name else condition.option
    wanted = f"{label}: {_short(condition.wanted())}"
    if isinstance(condition, HistorySearch):
        return wanted
    value = condition.value(seen)
    return f"{wanted}, the event has none" if value is None else f"{wanted}, saw {_short(value)}"


def _counted(step: RuleStep) -> str:
    """Say how far the search for earlier events came, and what made it hopeless."""
    counted = step.census
    if counted is None:
        return ""
    asked = step.rule.definition.correlation
    said = (
        f"; {counted.found} found among {counted.looked_at} of this agent, so this one is "
        f"{counted.found + 1} of {asked.frequency + 2}"
    )
    missing = [text(name) for name in asked.same_fields if name not in step.seen.event.lookup]
    missing += [name for name in asked.same if step.seen.value(name) is None]
    if missing:
        said += f"; the event has no {missing[0]}, so nothing can be the same"
    elif counted.used_up:
        said += "; the ones before have been used up by an alert"
    return said


def _near_lines(trace: Trace) -> Iterator[str]:
    for step in near_misses(trace):
        judged = [holds for _, holds in _judged(step)]
        yield f"{_name(step.rule)}: {judged.count(True)} of {len(judged)} conditions hold"
        for condition, holds in _judged(step):
            if holds is False:
                yield from (f"  {line}" for line in _condition(condition, step, holds=holds))


def near_misses(trace: Trace, number: int = NEAR_MISSES) -> Sequence[RuleStep]:
    """Return the rules that came nearest.

    Rules of which something holds come first, then a user's own before stock ones; the fewer
    conditions fail the nearer, then the more hold. A rule is not near when nothing of it holds and
    the event has not even the field asked for, or another decoder's events are asked for.
    """
    ranked = []
    for position, step in enumerate(trace.steps):
        failed = step.failed
        if failed is None:
            continue
        judged = [holds for _, holds in _judged(step)]
        holding = judged.count(True)
        absent = failed.value(step.seen) is None
        if not holding and (absent or isinstance(failed, DecodedAs)):
            continue
        own = step.rule.id >= FIRST_OWN_ID
        nearness = (not holding, not own, absent, judged.count(False), -holding, position)
        ranked.append((nearness, step))
    ranked.sort(key=lambda item: item[0])
    return [step for _, step in ranked[:number]]


def _short(value: bytes | str) -> str:
    shown = _safe(text(value) if isinstance(value, bytes) else value)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."


def _safe(value: str) -> str:
    """Return text that cannot steer a terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in value)
