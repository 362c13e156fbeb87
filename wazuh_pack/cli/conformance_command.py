"""``wazuh-pack conformance``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wazuh_pack.cli import _exit, _out

if TYPE_CHECKING:
    from wazuh_pack.verify.conformance import Failure, SuiteResult

_NAME_WIDTH = 44


@click.command(
    help="Replay what was recorded from a real analysisd 4.14.7 and compare every field. PATH is a "
    "suite's folder, a file of vectors, or a folder of these. A suite's events count "
    "once for logtest and once for the daemon, and what loading logs counts as one vector. What "
    "cannot be judged has failed. The exit code is 1 if anything failed."
)
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH...",
)
@click.option(
    "--stock",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The stock ruleset (rules, decoders, lists), for suites recorded over it. Wazuh's own "
    "testing rules are expected beside it, in testing-ruleset.",
)
@click.option("--diff", "show", is_flag=True, help="Show every difference: expected, actual.")
def command(paths: tuple[Path, ...], stock: Path | None, show: bool) -> int:
    """Replay, print a line per suite, sum up."""
    from wazuh_pack.verify.choice import checked_stock  # noqa: PLC0415 - keeps --help fast
    from wazuh_pack.verify.find_vectors import Layout, find, replay  # noqa: PLC0415 - keeps --help fast

    if stock is not None:
        checked_stock(stock)
    passed = failed = 0
    for vectors in list(find(paths)):
        if vectors.layout is Layout.OTHER:
            _out.note(f"{vectors.name}: no vectors, left out")
        for result in replay(vectors, stock):
            passed += result.passed
            failed += result.failed
            _print(result)
            for failure in result.failures if show else ():
                _print_difference(failure)
    _out.line(f"{passed} passed, {failed} failed")
    return _exit.ERROR if failed else _exit.OK


def _print(result: SuiteResult) -> None:
    line = f"{result.name:<{_NAME_WIDTH}} {result.passed:>6} passed"
    if result.failed:
        line += _out.style(f", {result.failed} failed", "red")
    _out.line(line)
    if result.problem:
        _out.note(f"{result.name}: {result.problem}")


def _print_difference(failure: Failure) -> None:
    place = "loading" if failure.index < 0 else f"vector {failure.index + 1}"
    _out.line(f"  {place}: {failure.field}")
    if failure.expected == failure.actual:
        return
    _out.line(_out.style(f"    - {_shown(failure.expected)}", "red"))
    _out.line(_out.style(f"    + {_shown(failure.actual)}", "green"))


def _shown(value: object) -> str:
    return json.dumps(value, default=str)
