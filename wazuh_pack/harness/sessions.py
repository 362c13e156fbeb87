"""Which events to send in which order, and what the offline engine says must come out.

A manager has no clock to set, so all events of a case are sent at once and the engine is given one
moment for all of them. A few cases need time to pass; of those only the agreement with the engine
is judged. A session of logtest loads the whole ruleset, which takes a real manager about as long as
a thousand events, so cases share sessions wherever the engine says that this changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wazuh_pack.engine.result import Mode
from wazuh_pack.render.compile import rule_keys
from wazuh_pack.verify.cases import expand

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wazuh_pack.engine.result import Result
    from wazuh_pack.engine.ruleset import Ruleset
    from wazuh_pack.engine.session import Session
    from wazuh_pack.model import Catalog, Detection


@dataclass(frozen=True, slots=True)
class Script:
    """The events of a case, each ``(line, location)``; ``own`` are its detection's rules."""

    detection: str
    source: str
    case: str
    fires: bool
    own: frozenset[int]
    events: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """Return what a report calls it."""
        return f"{self.detection} ({self.case})"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the engine says to an event: logtest's ``output``, and whether it alerts."""

    output: Mapping[str, Any]
    alert: bool
    rule: int | None


@dataclass(frozen=True, slots=True)
class Played:
    """A case with what the engine says to it.

    ``as_written`` tells that it does what the case says although no time passes.
    """

    script: Script
    expected: tuple[Expected, ...]
    as_written: bool


def scripts(
    catalog: Catalog, detections: Iterable[Detection], ids: Mapping[str, int]
) -> list[Script]:
    """Return every case of ``detections``, in order."""
    return [
        Script(
            detection=detection.id,
            source=detection.source,
            case=case.name,
            fires=case.fires,
            own=frozenset(ids[key] for key in rule_keys(detection)),
            events=tuple(
                (event.line, event.location) for event in expand(catalog, detection.source, case)
            ),
        )
        for detection in detections
        for case in detection.cases
    ]


def share_sessions(
    wanted: Iterable[Script], ruleset: Ruleset, *, manager: str, now: float
) -> list[list[Played]]:
    """Return the cases in sessions of logtest, as few as go without influence on each other."""
    shared: list[list[Played]] = []
    session: Session | None = None
    for script in wanted:
        alone = _play(script, ruleset.session(manager=manager), now)
        if session is not None:
            together = _play(script, session, now)
            if _outcome(together) == _outcome(alone):
                shared[-1].append(_played(script, together))
                continue
        session = ruleset.session(manager=manager)
        shared.append([_played(script, _play(script, session, now))])
    return shared


def in_order(
    wanted: Iterable[Script], ruleset: Ruleset, *, manager: str, now: float
) -> list[Played]:
    """Return what the daemon must make of the cases, one after the other, without a new start."""
    session = ruleset.session(mode=Mode.DAEMON, manager=manager)
    return [_played(script, _play(script, session, now)) for script in wanted]


def _play(script: Script, session: Session, now: float) -> list[Result]:
    return [session.process(line, location=location, time=now) for line, location in script.events]


def _outcome(results: Sequence[Result]) -> list[tuple[int | None, bool, str | None]]:
    return [(result.rule_id, result.alert, result.decoder) for result in results]


def _played(script: Script, results: Sequence[Result]) -> Played:
    fired = [index for index, result in enumerate(results) if result.rule_id in script.own]
    wanted = [len(results) - 1] if script.fires else []
    return Played(
        script=script,
        expected=tuple(Expected(r.output(), r.alert, r.rule_id) for r in results),
        as_written=fired == wanted,
    )
