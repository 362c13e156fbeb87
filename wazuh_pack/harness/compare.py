"""What a manager made of events, against what the offline engine says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wazuh_pack.verify.conformance import differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wazuh_pack.harness.sessions import Expected, Played

_JUDGED = ("decoder", "predecoder", "data", "rule", "location", "full_log", "previous_output")
"""What is compared of logtest's output; the rest is the moment and the manager's name."""
_ALERTED = ("decoder", "data", "location")
_OF_THE_RULE = ("id", "level", "description", "groups", "mitre", "frequency")
_SHOWN = 160


def judged(played: Sequence[Played], answers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield where logtest's answers, one an event, differ from the engine's."""
    events = [(case, number) for case in played for number in range(len(case.expected))]
    if len(events) != len(answers):
        yield f"{len(events)} events were sent, {len(answers)} answers came"
    for (case, number), answer in zip(events, answers, strict=False):
        found = list(_judged(case.expected[number], answer))
        if found:
            yield f"{case.script.name}, event {number + 1}: {'; '.join(found)}"


def _judged(expected: Expected, answer: Mapping[str, Any]) -> Iterator[str]:
    output = answer.get("output")
    if not isinstance(output, dict):
        yield f"no output: {answer.get('message') or answer.get('messages') or answer}"
        return
    wanted = {key: expected.output[key] for key in _JUDGED if key in expected.output}
    got = {key: output[key] for key in _JUDGED if key in output}
    yield from _said(wanted | {"alert": expected.alert}, got | {"alert": answer.get("alert")})


def alerts_of(played: Sequence[Played]) -> list[tuple[Played, Expected]]:
    """Return the events that must be alerts, in order."""
    return [(case, event) for case in played for event in case.expected if event.alert]


def alerted(played: Sequence[Played], alerts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield where the alerts of the running manager, in order, differ from the engine's."""
    wanted = alerts_of(played)
    for (case, expected), alert in zip(wanted, alerts, strict=False):
        found = list(_said(_alert(expected.output), _alert(alert)))
        if found:
            yield f"{case.script.name}: {'; '.join(found)}"
    for case, expected in wanted[len(alerts) :]:
        yield f"{case.script.name}: no alert of rule {expected.rule}"
    for alert in alerts[len(wanted) :]:
        rule = alert.get("rule", {})
        yield f"an alert too many: rule {rule.get('id')}: {rule.get('description')}"


def _alert(alert: Mapping[str, Any]) -> dict[str, Any]:
    rule = alert.get("rule") or {}
    return {
        **{key: alert[key] for key in _ALERTED if key in alert},
        "rule": {key: rule[key] for key in _OF_THE_RULE if key in rule},
    }


def _said(wanted: Mapping[str, Any], got: Mapping[str, Any]) -> Iterator[str]:
    for field, one, other in differences(wanted, got):
        yield f"{field} is {_shown(other)}, the engine says {_shown(one)}"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
