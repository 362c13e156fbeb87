"""``tests:`` of a detection -> cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wazuh_pack.model import Case, Step

if TYPE_CHECKING:
    from wazuh_pack.source.yamldoc import Doc

_MAX_REPEAT = 10_000


def read_cases(doc: Doc) -> tuple[Case, ...]:
    """Read ``fires:`` and ``quiet:``; each needs at least one case."""
    parts = doc.mapping(required=("fires", "quiet"))
    result: list[Case] = []
    for kind in ("fires", "quiet"):
        if kind not in parts:
            continue
        cases = parts[kind].sequence()
        if not cases:
            parts[kind].fail(
                f"no case under {kind!r}",
                "give an event that must fire" if kind == "fires" else "give a near miss",
            )
        result.extend(_case(item, fires=kind == "fires") for item in cases)
    return tuple(result)


def _case(doc: Doc, *, fires: bool) -> Case:
    parts = doc.mapping(
        required=("name", "from"), optional=("event", "events", "message", "source")
    )
    if ("event" in parts) == ("events" in parts):
        doc.fail("a case has either `event:` or `events:`")
    source = parts["source"].text() if "source" in parts else ""
    steps: tuple[Step, ...] = ()
    if "event" in parts:
        steps = (Step(event=_event(parts["event"]), source=source, at=doc.at),)
    elif "events" in parts:
        steps = tuple(read_step(item, source) for item in parts["events"].sequence())
    return Case(
        name=parts["name"].line() if "name" in parts else "",
        origin=parts["from"].line() if "from" in parts else "",
        steps=steps,
        fires=fires,
        message=parts["message"].line() if "message" in parts else "",
        at=doc.at,
    )


def _event(doc: Doc) -> Any:
    value = doc.value()
    if isinstance(value, str):
        return value.rstrip("\n")
    if not isinstance(value, dict):
        doc.fail("an event is a mapping (JSON sources) or a text (a line)")
    return value


def read_step(doc: Doc, source: str) -> Step:
    """Read one event of a case or story; ``source`` is taken when it names none."""
    parts = doc.mapping(
        required=("event",), optional=("repeat", "every", "after", "vary", "source")
    )
    if "event" not in parts:
        return Step(event={}, source=source)
    vary: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    if "vary" in parts:
        vary = tuple(
            (name, tuple(item.value() for item in values.sequence()))
            for name, _, values in parts["vary"].items()
        )
    return Step(
        event=_event(parts["event"]),
        source=parts["source"].text() if "source" in parts else source,
        repeat=parts["repeat"].integer(1, _MAX_REPEAT) if "repeat" in parts else 1,
        every=float(parts["every"].seconds()) if "every" in parts else 1.0,
        after=float(parts["after"].seconds()) if "after" in parts else 0.0,
        vary=vary,
        at=doc.at,
    )
