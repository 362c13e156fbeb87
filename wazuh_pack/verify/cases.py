"""Runs the cases of detections through the engine, on a clock of their own."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wazuh_pack.errors import PackError
from wazuh_pack.limits import MAX_EVENT_BYTES
from wazuh_pack.render.compile import rule_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wazuh_pack.engine.result import Result
    from wazuh_pack.engine.ruleset import Ruleset
    from wazuh_pack.model import Case, Catalog, Detection, Source, Step

EPOCH = 1_767_225_600.0
"""When every case begins: 2026-01-01 00:00 UTC, a Thursday."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An event as it reaches Wazuh."""

    line: str
    location: str
    time: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case; ``problem`` is empty when it did what it says."""

    detection: Detection
    case: Case
    events: int
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether the case did what it says."""
        return not self.problem


def run(
    catalog: Catalog,
    detections: Iterable[Detection],
    ids: Mapping[str, int],
    ruleset: Ruleset,
) -> Iterator[Outcome]:
    """Yield the outcome of every case of ``detections``; each case has a session of its own."""
    for detection in detections:
        own = {ids[key] for key in rule_keys(detection)}
        for case in detection.cases:
            yield _run_case(catalog, detection, case, own, ruleset)


def _run_case(
    catalog: Catalog, detection: Detection, case: Case, own: set[int], ruleset: Ruleset
) -> Outcome:
    events = list(expand(catalog, detection.source, case))
    longest = max((len(event.line.encode()) for event in events), default=0)
    if longest > MAX_EVENT_BYTES:
        problem = f"an event has {longest} bytes; analysisd cuts it at {MAX_EVENT_BYTES}"
        return Outcome(detection=detection, case=case, events=len(events), problem=problem)
    session = ruleset.session()
    results = [
        session.process(event.line, location=event.location, time=event.time) for event in events
    ]
    fired = [index for index, result in enumerate(results) if result.rule_id in own]
    problem = _problem(case, fired, results)
    return Outcome(detection=detection, case=case, events=len(events), problem=problem)


def _problem(case: Case, fired: list[int], results: list[Result]) -> str:
    last = len(results) - 1
    if not results:
        return "the case has no event"
    if not case.fires:
        return f"fired at event {fired[0] + 1}, but must not" if fired else ""
    if not fired:
        return f"did not fire; the last event gave {describe(results[last])}"
    if fired != [last]:
        return f"fired at event {fired[0] + 1} of {len(results)}, not at the last only"
    said = (results[last].rule or {}).get("description", "")
    if case.message and said != case.message:
        return f"the description is {said!r}"
    return ""


def describe(result: Result) -> str:
    """Return in a few words what the engine made of an event."""
    if result.rule is None:
        return f"no rule (decoder {result.decoder or 'none'})"
    return f"rule {result.rule_id} (level {result.level}): {result.rule['description']}"


def expand(catalog: Catalog, source_id: str, case: Case) -> Iterator[Sent]:
    """Yield the events of a case as Wazuh gets them, with their times.

    Raises:
        PackError: ``vary`` names a path that the event does not have.
    """
    for source, sent in expand_steps(catalog, source_id, case.steps, EPOCH):
        yield envelop(source, sent.event, sent.time)


@dataclass(frozen=True, slots=True)
class Raw:
    """A vendor's event and its time."""

    event: Any
    time: float


def expand_steps(
    catalog: Catalog, source_id: str, steps: Iterable[Step], begins: float
) -> Iterator[tuple[Source, Raw]]:
    """Yield every event of ``steps`` with its source; ``source_id`` is taken for steps without.

    Raises:
        PackError: ``vary`` names a path that the event does not have.
    """
    time = begins
    for step in steps:
        source = catalog.source(step.source or source_id)
        time += step.after
        for number in range(step.repeat):
            if number:
                time += step.every
            yield source, Raw(event=_varied(step, number), time=time)


def envelop(source: Source, event: Any, time: float) -> Sent:
    """Return a vendor's event as it reaches Wazuh from ``source``."""
    return Sent(line=source.envelope.apply(event), location=source.delivery.location, time=time)


def _varied(step: Step, number: int) -> Any:
    if not step.vary:
        return step.event
    event = copy.deepcopy(step.event)
    for path, values in step.vary:
        value = values[number % len(values)]
        if isinstance(event, str):
            placeholder = "{" + path + "}"
            if placeholder not in event:
                raise PackError(f"vary: no {placeholder} in the event", at=step.at)
            event = event.replace(placeholder, str(value))
        elif not _set(event, path, value):
            raise PackError(f"vary: the event has no {path!r}", at=step.at)
    return event


def _set(event: Any, path: str, value: Any) -> bool:
    if not isinstance(event, dict):
        return False
    if path in event:
        event[path] = value
        return True
    head, dot, tail = path.partition(".")
    return bool(dot) and head in event and _set(event[head], tail, value)
