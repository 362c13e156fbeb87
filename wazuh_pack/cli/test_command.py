"""``wazuh-pack test``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wazuh_pack import resources
from wazuh_pack.cli import _exit, _load, _out, _ruleset
from wazuh_pack.verify.cases import run

if TYPE_CHECKING:
    from wazuh_pack.verify.cases import Outcome


@click.command(help="Prove every detection with its own events, through the rendered XML.")
@click.argument("names", nargs=-1, metavar="[DETECTION|SOURCE]...")
@click.option(
    "--stock",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A real stock ruleset (default: our minimal equivalents).",
)
@_ruleset.no_cache
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(names: tuple[str, ...], stock: Path | None, form: str, *, no_cache: bool) -> int:
    """Run the cases."""
    loaded = _load.catalog()
    ids = _load.lock().ids()
    ruleset = _load.ruleset(
        loaded, resources.tree(), stock, cache=_ruleset.cache(no_cache=no_cache)
    )
    passed = failed = 0
    for outcome in run(loaded, _load.select(loaded, names), ids, ruleset):
        passed += outcome.passed
        failed += not outcome.passed
        if form == "json":
            _out.json_line(_row(outcome))
        elif not outcome.passed:
            _report(outcome)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{passed + failed} cases")
    if sys.stderr.isatty():
        sys.stderr.write("\r")
    if form == "text":
        _out.line(f"{passed} passed, {failed} failed")
    return _exit.FAILED if failed else _exit.OK


def _row(outcome: Outcome) -> dict[str, object]:
    return {
        "detection": outcome.detection.id,
        "case": outcome.case.name,
        "kind": "fires" if outcome.case.fires else "quiet",
        "passed": outcome.passed,
        "problem": outcome.problem,
        "at": str(outcome.case.at),
    }


def _report(outcome: Outcome) -> None:
    kind = "fires" if outcome.case.fires else "quiet"
    _out.line(f"{outcome.case.at}: {outcome.detection.id} ({kind}: {outcome.case.name})")
    _out.line(f"  {outcome.problem}")
