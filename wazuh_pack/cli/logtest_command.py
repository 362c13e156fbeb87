"""``wazuh-pack logtest``."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import click

from wazuh_pack.cli import _clock, _events, _load, _out, _ruleset

if TYPE_CHECKING:
    from wazuh_pack.engine.result import Result


@click.command(
    help="Decode and match events as a manager's wazuh-logtest would. Events come from FILE or "
    "standard input: one a line, or with --source a vendor's own export (JSON, array or NDJSON)."
)
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--source", "source_id", help="Put this source's envelope around the events.")
@click.option("--location", default="stdin", show_default=True)
@_clock.options
@_ruleset.options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "alert"]),
    default="text",
    show_default=True,
    help="json: one object an event; alert: the line of alerts.json, for events that alert.",
)
def command(
    file: IO[bytes],
    source_id: str | None,
    location: str,
    at: str | None,
    gap: int,
    zone: str | None,
    form: str,
    **ruleset: Any,
) -> None:
    """Run events through the engine."""
    source = _load.source(_load.catalog(), source_id) if source_id else None
    place = _clock.zone(zone)
    clock = _clock.clock(at, gap, place)
    session = _ruleset.for_logtest(_ruleset.choice(**ruleset)).session(tz=place)
    location = source.delivery.location if source else location
    if file.isatty():
        _out.note("Type one log per line")
    for event in _events.events(file, source):
        result = session.process(event, location=location, time=clock.moment(event).seconds)
        if result.refused or result.is_too_deep:
            _refuse(result, form)
        elif form == "json":
            _out.json_line(result.as_logtest() | _given_up(result))
        elif form == "text":
            _print(result)
        elif result.alert:
            _out.json_line(result.as_alert())
        if form != "json":
            for pattern in result.exhausted:
                _out.note(f"a match was given up, which counts as none: {_shown(pattern)}")
        _out.flush()


def _refuse(result: Result, form: str) -> None:
    """Say that an event is not judged; what else there is to say is left out."""
    if form == "json":
        _out.json_line({"codemsg": -1})
    else:
        _out.note(f"the event is refused: {result.refused or 'its objects nest too deeply'}")


def _given_up(result: Result) -> dict[str, list[str]]:
    """Return the patterns whose matching was given up, if any."""
    return {"given_up": [_shown(found) for found in result.exhausted]} if result.exhausted else {}


def _shown(pattern: bytes) -> str:
    return pattern.decode("utf-8", "backslashreplace")


def _print(result: Result) -> None:
    """Print an event as wazuh-logtest 4.14.7 does, but for what could steer the terminal."""
    shown = result.output()
    _out.line()
    _out.line(_out.style("**Phase 1: Completed pre-decoding.", "bold"))
    if "full_log" in shown:
        _out.line(_out.safe(f"\tfull event: '{shown['full_log']}'"))
    _phase(result.predecoder, ("timestamp", "hostname", "program_name"))
    _out.line()
    _out.line(_out.style("**Phase 2: Completed decoding.", "bold"))
    decoder = shown.get("decoder")
    if isinstance(decoder, dict) and decoder:
        _phase(decoder, ("name", "parent"))
        _phase(result.data)
    else:
        _out.line("\tNo decoder matched.")
    rule = shown.get("rule")
    if isinstance(rule, dict):
        _out.line()
        _out.line(_out.style("**Phase 3: Completed filtering (rules).", "bold"))
        _phase(rule, ("id", "level", "description", "groups", "firedtimes"))
    if result.alert:
        _out.line(_out.style("**Alert to be generated.", "bold", "red"))


def _phase(data: dict[str, Any], first: tuple[str, ...] = (), prefix: str = "") -> None:
    """Print fields, some of them first and the others by name."""
    for name in (*(name for name in first if name in data), *sorted(data.keys() - set(first))):
        if isinstance(data[name], dict):
            _phase(data[name], prefix=f"{prefix}{name}.")
        else:
            _out.line(_out.safe(f"\t{prefix}{name}: '{data[name]}'"))
