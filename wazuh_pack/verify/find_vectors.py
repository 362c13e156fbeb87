"""Finds what was recorded from a real analysisd below folders, by its layout, and replays it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from wazuh_pack.engine import Mode
from wazuh_pack.errors import UsageError
from wazuh_pack.verify.conformance import (
    EXPECTED,
    Failure,
    SuiteResult,
    run_byte_classes,
    run_expressions,
    run_suite,
)
from wazuh_pack.verify.expression_vectors import is_expression
from wazuh_pack.verify.vectors import needs_stock, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FIRST_LINE_LIMIT = 1 << 20


class Layout(Enum):
    """What vectors look like."""

    SUITE = "a folder with events and answers, with what loading logs, or with both"
    EVENTS = "a file of events over the stock ruleset, each with its answer"
    EXPRESSIONS = "a file of patterns and strings"
    BYTE_CLASSES = "a file of the bytes that escapes and literals accept"


@dataclass(frozen=True, slots=True)
class Vectors:
    """A suite that was found; the name is its path below the folder that was asked for."""

    path: Path
    layout: Layout
    name: str


def find(paths: Iterable[Path]) -> Iterator[Vectors]:
    """Yield what lies at or below the paths, sorted by path.

    Raises:
        UsageError: A file that was named has none of the layouts, or a folder holds nothing.
    """
    for path in paths:
        layout = _layout(path)
        if layout is not None:
            yield Vectors(path, layout, path.resolve().name)
            continue
        found = False
        for vectors in _below(path, path) if path.is_dir() else ():
            found = True
            yield vectors
        if not found:
            raise UsageError(
                f"{path}: no conformance vectors",
                hint="give a folder with events.ndjson or load.json, or an .ndjson of vectors",
            )


def _below(folder: Path, top: Path) -> Iterator[Vectors]:
    for path in sorted(folder.iterdir()):
        layout = _layout(path)
        if layout is not None:
            yield Vectors(path, layout, str(path.relative_to(top)))
        elif path.is_dir():
            yield from _below(path, top)


def _layout(path: Path) -> Layout | None:
    if path.is_dir():
        is_suite = any((path / name).is_file() for name in ("events.ndjson", "load.json"))
        return Layout.SUITE if is_suite else None
    if path.suffix == ".ndjson":
        return _layout_of_row(_first_row(path))
    if path.name == "byte_classes.json":
        return Layout.BYTE_CLASSES
    return None


def _layout_of_row(row: dict[str, Any]) -> Layout | None:
    if is_expression(row):
        return Layout.EXPRESSIONS
    if ("actual" in row and "log" in row) or "events" in row:
        return Layout.EVENTS
    return None


def _first_row(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        line = file.readline(_FIRST_LINE_LIMIT)
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def replay(vectors: Vectors, stock: Path | None) -> Iterator[SuiteResult]:
    """Yield how the vectors went: for a suite once for logtest and once for the daemon.

    A suite that cannot be judged (no stock ruleset, no answers) has failed with all its events.
    """
    for result in _results(vectors, stock):
        result.name = result.name.replace(vectors.path.name, vectors.name, 1)
        yield result


def _results(vectors: Vectors, stock: Path | None) -> Iterator[SuiteResult]:
    path = vectors.path
    if vectors.layout is Layout.EXPRESSIONS:
        yield run_expressions(path)
    elif vectors.layout is Layout.BYTE_CLASSES:
        yield run_byte_classes(path)
    elif vectors.layout is Layout.EVENTS:
        known = stock or path.parent / "ruleset"
        yield run_suite(path, stock=known) if known.is_dir() else _unjudged(path, _NO_STOCK)
    else:
        yield from _suite_results(path, stock)


_NO_STOCK = "needs the stock ruleset: give --stock"
_NO_ANSWERS = "has events but no expected.ndjson or expected_daemon.ndjson"


def _suite_results(path: Path, stock: Path | None) -> Iterator[SuiteResult]:
    recorded = [mode for mode, name in EXPECTED.items() if (path / name).is_file()]
    loads = (path / "load.json").is_file()
    if needs_stock(path) and stock is None:
        yield _unjudged(path / "events.ndjson", _NO_STOCK)
        return
    if not recorded and (path / "events.ndjson").is_file():
        yield _unjudged(path / "events.ndjson", _NO_ANSWERS)
    used = stock if needs_stock(path) else None
    if Mode.LOGTEST in recorded or loads:
        yield run_suite(path, stock=used)
    if Mode.DAEMON in recorded:
        result = run_suite(path, stock=used, mode=Mode.DAEMON)
        result.name += " (daemon)"
        yield result


def _unjudged(path: Path, why: str) -> SuiteResult:
    count = len(read_lines(path))
    name = path.name if path.name != "events.ndjson" else path.parent.name
    return SuiteResult(name, failed=max(count, 1), failures=[Failure(-1, why, "", "")])
