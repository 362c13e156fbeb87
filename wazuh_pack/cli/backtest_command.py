"""``wazuh-pack backtest``."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wazuh_pack.cli import _clock, _exit, _load, _out, _progress, _ruleset
from wazuh_pack.errors import UsageError

if TYPE_CHECKING:
    from wazuh_pack.verify.backtest import Job, Outcome
    from wazuh_pack.verify.choice import RulesetChoice

_WORTH_SEVERAL = 8_000_000
"""Bytes of input from which starting processes pays."""
_ACTORS = 10
_DAYS = 31
_EXAMPLE = 160
_TITLE = 60


@click.command(
    help="Run a ruleset over past logs and show what would have fired, by rule, actor and day. "
    "LOGS are files or - for standard input: plain lines, NDJSON, archives.json, also packed with "
    "gzip. Events happen at their own times, in the order given."
)
@click.argument("logs", nargs=-1, required=True, metavar="LOGS...")
@_ruleset.options
@_clock.zone_option
@click.option("--source", "source_id", help="Put this source's envelope around the events.")
@click.option("--location", help="The location of events that bring none; else the file's name.")
@click.option(
    "--actor",
    "actors",
    multiple=True,
    metavar="FIELD",
    help="A field that names who did it; may be repeated, the first that an event has counts.",
)
@click.option(
    "--compare",
    "others",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="OTHER_RULES",
    help="Show what these rules would add and remove: files or folders of rules in place of "
    "--rules, or a folder with rules, decoders and lists in it.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="How many processes may judge; the result is the same. All cores by default, if the logs "
    "are large.",
)
def command(
    logs: tuple[str, ...],
    zone: str | None,
    source_id: str | None,
    location: str | None,
    actors: tuple[str, ...],
    others: tuple[Path, ...],
    form: str,
    processes: int | None,
    **ruleset: Any,
) -> int:
    """Judge, then show."""
    from wazuh_pack.verify.backtest import backtest  # noqa: PLC0415 - keeps --help fast

    chosen = _ruleset.choice(**ruleset)
    place = _clock.zone(zone)
    job = _job(logs, chosen, source_id=source_id, location=location, actors=actors, others=others)
    job = replace(job, zone=place)
    total = _size(logs)
    bar = _progress.Bar(total)
    several = os.cpu_count() or 1 if total >= _WORTH_SEVERAL else 1
    try:
        outcome = backtest(job, processes=processes or several, progress=bar)
    finally:
        bar.close()
    if form == "json":
        _out.json_line(_as_json(outcome, compared=bool(others)))
    else:
        _print(outcome, compared=bool(others))
    for problem in outcome.read.unreadable:
        _out.error(f"not read, or not to the end: {problem}")
    nothing = bool(outcome.read.not_wrapped and not outcome.read.events)
    if nothing:
        _out.error(
            "no line is a JSON object, as --source needs them",
            hint="`jq -c '.[]'` gives each event of an array a line of its own",
        )
    return _exit.ERROR if outcome.read.unreadable or nothing else _exit.OK


def _job(
    logs: tuple[str, ...],
    chosen: RulesetChoice,
    *,
    source_id: str | None,
    location: str | None,
    actors: tuple[str, ...],
    others: tuple[Path, ...],
) -> Job:
    from wazuh_pack.verify.backtest import ACTOR_FIELDS, Job  # noqa: PLC0415 - same
    from wazuh_pack.verify.backtest_input import Wrapping  # noqa: PLC0415 - same

    for name in logs:
        if name != "-" and not os.access(name, os.R_OK):
            raise UsageError(f"cannot read {name}", hint="give files, or - for standard input")
    catalog = _load.catalog()
    wrapping = None
    if source_id is not None:
        source = _load.source(catalog, source_id)
        wrapping = Wrapping(source.envelope.apply, source.delivery.location, source.full_log)
    known = tuple(source.actor for source in catalog.sources if source.actor)
    return Job(
        paths=logs,
        ruleset=_ruleset.load(chosen),
        other=_ruleset.load(_other(chosen, others)) if others else None,
        actor_fields=actors or tuple(dict.fromkeys((*known, *ACTOR_FIELDS))),
        wrapping=wrapping,
        location=location,
        latest=time.time(),
    )


def _other(chosen: RulesetChoice, paths: tuple[Path, ...]) -> RulesetChoice:
    """Return the choice with other rules; a folder may bring decoders and lists as well."""
    if chosen.home is not None:
        raise UsageError(
            "--compare replaces --rules", hint="give the manager's folders by --rules and the like"
        )
    rules: list[Path] = []
    decoders: list[Path] = []
    lists: list[Path] = []
    for path in paths:
        tree = [path / name for name in ("rules", "rules_xml") if (path / name).is_dir()]
        rules += tree or [path]
        if tree:
            decoders += [path / "decoders"] if any((path / "decoders").glob("*.xml")) else []
            lists += [path / "lists"] if (path / "lists").is_dir() else []
    base = chosen.resolved()
    other = replace(base, rules=tuple(rules), decoders=tuple(decoders) or base.decoders)
    return replace(other, lists=tuple(lists), list_prefix="") if lists else other


def _size(logs: tuple[str, ...]) -> int:
    return 0 if "-" in logs else sum(Path(name).stat().st_size for name in logs)


def _as_json(outcome: Outcome, *, compared: bool) -> dict[str, Any]:
    found = {"read": asdict(outcome.read)} | outcome.report.as_json()
    if compared:
        found["changes"] = outcome.report.changes_json()
    return found | {"processes": outcome.processes, "one_process": outcome.one_process}


def _print(outcome: Outcome, *, compared: bool) -> None:
    report = outcome.report.as_json()
    read = outcome.read
    _out.line(f"{read.events:,} events, {report['alerts']:,} alerts")
    _remarks(outcome)
    if report["rules"]:
        _section("Rules")
        _rules(report["rules"])
        _section("Actors")
        rows = [[_safe(row["actor"]), f"{row['count']:,}"] for row in report["actors"][:_ACTORS]]
        _out.table(["actor", "alerts"], rows)
        _section("Days")
        _days(report["days"])
        _section("Examples")
        _examples(report["rules"])
    if compared:
        _changes(outcome.report.changes_json())


def _remarks(outcome: Outcome) -> None:
    read, report = outcome.read, outcome.report
    for count, text in (
        (report.refused, "events that analysisd would not judge"),
        (report.given_up, "events for which the matching of a pattern was given up"),
        (read.too_long, "lines too long, left out"),
        (read.cut, "events cut at the length that analysisd takes"),
        (read.not_wrapped, "lines that are no JSON object, left out"),
        (read.without_log, "lines of alerts without the event's text, left out"),
        (read.without_time, "events without a time, taken to happen with the one before"),
        (read.out_of_order, "events older than the one before; correlation may be off"),
    ):
        if count:
            _out.line(f"  {count:,} {text}")
    if outcome.one_process:
        _out.note(f"one process: {outcome.one_process}")


def _section(title: str) -> None:
    _out.line()
    _out.line(_out.style(title, "bold"))


def _rules(rules: list[dict[str, Any]]) -> None:
    rows = [
        [
            str(row["rule"]),
            str(row["level"]),
            f"{row['count']:,}",
            (row["first"] or "unknown")[:10],
            (row["last"] or "unknown")[:10],
            _safe(row["title"], _TITLE),
        ]
        for row in rules
    ]
    _out.table(["rule", "level", "alerts", "first", "last", "title"], rows)


def _days(days: dict[str, int]) -> None:
    latest = list(days.items())[-_DAYS:]
    if len(latest) < len(days):
        _out.line(f"the last {len(latest)} of {len(days)} days")
    _out.table(["day", "alerts"], [[day, f"{count:,}"] for day, count in latest])


def _examples(rules: list[dict[str, Any]]) -> None:
    for row in rules:
        example = row["examples"][0]
        where = f"line {example['number']}, {example['time'] or 'time unknown'}"
        _out.line(f"{row['rule']}  {where}, {_safe(example['location'])}")
        _out.line(f"  {_safe(example['event'], _EXAMPLE)}")


def _changes(changes: dict[str, list[dict[str, Any]]]) -> None:
    for kind, sign, colour in (("added", "+", "green"), ("removed", "-", "red")):
        _section(f"{kind.capitalize()} by the other rules")
        for row in changes[kind]:
            text = f"{sign} {row['rule']} level {row['level']}: {row['count']:,} alerts"
            _change(row, _out.style(text, colour))
        if not changes[kind]:
            _out.line("nothing")
    _section("Replaced by the other rules")
    for row in changes["replaced"]:
        text = f"~ {row['rule']} by {row['by']} level {row['level']}: {row['count']:,} alerts"
        _change(row, _out.style(text, "yellow"))
    if not changes["replaced"]:
        _out.line("nothing")


def _change(row: dict[str, Any], text: str) -> None:
    _out.line(f"{text}  {_safe(row['title'], _TITLE)}")
    for example in row["examples"][:1]:
        _out.line(f"    line {example['number']}: {_safe(example['event'], _EXAMPLE)}")


def _safe(text: str, limit: int = 200) -> str:
    """Return text that cannot steer a terminal, cut to a length."""
    shown = _out.safe(text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."
