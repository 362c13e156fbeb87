"""``wazuh-pack explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wazuh_pack import resources
from wazuh_pack.cli import _load, _out
from wazuh_pack.cli.logtest_command import events
from wazuh_pack.errors import UsageError
from wazuh_pack.limits import FIRST_RULE_ID, LAST_RULE_ID

if TYPE_CHECKING:
    from typing import IO

    from wazuh_pack.engine.result import Result
    from wazuh_pack.engine.trace import Failure, RuleStep, Trace

_NEAR_MISSES = 5
_SHOWN = 100


@click.command(
    help="Show how an event became, or did not become, an alert. Events come from FILE or standard "
    "input as for logtest; the last one is explained, those before it fill the history."
)
@click.argument("file", type=click.File("r", errors="surrogateescape"), default="-")
@click.option("--rule", help="Say why this rule (or detection) did not fire.")
@click.option("--source", "source_id", help="Put this source's envelope around the events.")
@click.option("--location", default="stdin", show_default=True)
@click.option("--stock", type=click.Path(exists=True, file_okay=False, path_type=Path))
def command(
    file: IO[str], rule: str | None, source_id: str | None, location: str, stock: Path | None
) -> None:
    """Explain."""
    loaded = _load.catalog()
    source = _load.source(loaded, source_id) if source_id else None
    session = _load.ruleset(loaded, resources.tree(), stock).session(trace=True)
    place = source.delivery.location if source else location
    result = None
    for event in events(file, source):
        result = session.process(event.encode("utf-8", "surrogateescape"), location=place)
    if result is None or result.trace is None:
        raise UsageError("no event to explain", hint="give a file, or pipe events in")
    _explain(result, result.trace)
    if rule is not None:
        _explain_rule(_rule_id(rule), result.trace)
    else:
        _near_misses(result.trace)


def _rule_id(rule: str) -> int:
    if rule.isdigit():
        return int(rule)
    ids = _load.lock().ids()
    if rule not in ids:
        raise UsageError(f"no rule {rule!r}", hint="`wazuh-pack list` names them all")
    return ids[rule]


def _explain(result: Result, trace: Trace) -> None:
    _out.line(_out.style("Decoding", "bold"))
    _out.line(f"  decoder   {result.decoder or 'none matched'}")
    for name, value in result.data.items():
        _out.line(f"  field     {name} = {_short(str(value))}")
    _out.line(_out.style("Rules", "bold"))
    matched = [step for step in trace.steps if step.matched]
    for step in matched:
        definition = step.rule.definition
        note = " (never a result itself)" if definition.noalert else ""
        _out.line(f"  {step.rule.id:<9} level {step.rule.level:<3} matched{note}")
    _out.line(f"  {len(trace.steps)} rules tried, {len(matched)} matched")
    _out.line(_out.style("Result", "bold"))
    if result.rule is None:
        _out.line("  no rule")
        return
    _out.line(f"  rule {result.rule_id} level {result.level}: {result.rule['description']}")
    _out.line(f"  {'an alert' if result.alert else 'no alert: below level 3, or silenced'}")


def _explain_rule(rule_id: int, trace: Trace) -> None:
    _out.line(_out.style(f"Rule {rule_id}", "bold"))
    steps = trace.of(rule_id)
    if not steps:
        _out.line("  never tried: none of its parents matched, or a rule tried before it won")
        return
    for step in steps:
        if step.failure is None:
            _out.line("  its own conditions hold; a child or an earlier rule may be the result")
        else:
            _out.line(f"  {_why(step.failure)}")


def _near_misses(trace: Trace) -> None:
    ours = [step for step in trace.steps if FIRST_RULE_ID <= step.rule.id <= LAST_RULE_ID]
    failed = [step for step in ours if step.failure is not None]
    if not failed:
        return
    _out.line(_out.style("Near misses", "bold"))
    for step in sorted(failed, key=_distance)[:_NEAR_MISSES]:
        if step.failure is not None:
            _out.line(f"  {step.rule.id:<9} {_why(step.failure)}")


def _distance(step: RuleStep) -> tuple[bool, int]:
    """Rules that fail late, on a field that the event has, are nearest."""
    failure = step.failure
    return (failure is None or failure.seen is None, step.rule.id)


def _why(failure: Failure) -> str:
    name = f" {failure.name.decode(errors='replace')}" if failure.name else ""
    if failure.seen is None:
        return f"{failure.option}{name}: wanted {_short(failure.wanted)}, the event has none"
    seen = failure.seen.decode(errors="replace")
    return f"{failure.option}{name}: wanted {_short(failure.wanted)}, saw {_short(seen)}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
