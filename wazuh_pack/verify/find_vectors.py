"""Finds what was recorded from a real analysisd below folders, by its layout, and replays it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any

from wazuh_pack.engine import Mode
from wazuh_pack.errors import DiagnosticsError, PackError, UsageError
from wazuh_pack.verify.conformance import (
    EXPECTED,
    SuiteResult,
    run_byte_classes,
    run_expressions,
    run_suite,
)
from wazuh_pack.verify.expression_vectors import is_expression
from wazuh_pack.verify.vectors import needs_stock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_LINE_LIMIT = 1 << 20
_LINES_LOOKED_AT = 100


class Layout(Enum):
    """What vectors look like."""

    SUITE = "a folder with events and answers, with what loading logs, or with both"
    EVENTS = "a file of events over the stock ruleset, each with its answer"
    EXPRESSIONS = "a file of patterns and strings"
    BYTE_CLASSES = "a file of the bytes that escapes and literals accept"
    OTHER = "a file of other JSON objects, which are no vectors"
    BROKEN = "what cannot be read, or holds no JSON, and might have been vectors"


@dataclass(frozen=True, slots=True)
class Vectors:
    """A suite that was found; the name is its path below the folder that was asked for."""

    path: Path
    layout: Layout
    name: str
    problem: str = ""
    """What is wrong with a broken one."""


def find(paths: Iterable[Path]) -> Iterator[Vectors]:
    """Yield what lies at or below the paths, sorted by path.

    Below a folder an ``.ndjson`` of other things is yielded as well, so that it can be named, and
    so is what cannot be read.

    Raises:
        UsageError: A file that was named has none of the layouts, or a folder holds nothing.
    """
    for path in paths:
        one = _one(path, path.resolve().name)
        if one is None:
            found = list(_below(path, path)) if path.is_dir() else []
        else:
            found = [] if one.problem else [one]
        if all(vectors.layout is Layout.OTHER for vectors in found):
            raise UsageError(
                f"{path}: no conformance vectors",
                hint="give a folder with events.ndjson or load.json, or an .ndjson of vectors",
            )
        yield from found


def _below(folder: Path, top: Path) -> Iterator[Vectors]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        name = str(folder.relative_to(top))
        yield Vectors(folder, Layout.BROKEN, name, _unreadable(error))
        return
    for path in paths:
        one = _one(path, str(path.relative_to(top)))
        if one is not None:
            yield one
        elif path.is_dir():
            yield from _below(path, top)


def _one(path: Path, name: str) -> Vectors | None:
    """Return what a path itself is; None for a folder of others, and what is no concern of ours."""
    try:
        layout = _layout(path)
    except OSError as error:
        return Vectors(path, Layout.BROKEN, name, _unreadable(error))
    if layout is None:
        return None
    return Vectors(path, layout, name, _NO_OBJECT if layout is Layout.BROKEN else "")


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror}"


def _layout(path: Path) -> Layout | None:
    if path.is_dir():
        is_suite = any((path / name).is_file() for name in ("events.ndjson", "load.json"))
        return Layout.SUITE if is_suite else None
    if path.suffix == ".ndjson":
        return _layout_of_rows(_first_rows(path))
    if path.name == "byte_classes.json":
        return Layout.BYTE_CLASSES
    return None


def _layout_of_rows(rows: Iterable[dict[str, Any]]) -> Layout:
    """Return the layout of the first object that has one: others may be what is broken."""
    layout = Layout.BROKEN
    for row in rows:
        if is_expression(row):
            return Layout.EXPRESSIONS
        if ("actual" in row and "log" in row) or "events" in row:
            return Layout.EVENTS
        layout = Layout.OTHER
    return layout


def _first_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in islice(iter(lambda: file.readline(_LINE_LIMIT), b""), _LINES_LOOKED_AT):
            with suppress(ValueError, RecursionError):
                row = json.loads(line)
                if isinstance(row, dict):
                    yield row


def replay(vectors: Vectors, stock: Path | None) -> Iterator[SuiteResult]:
    """Yield how the vectors went: for a suite once for logtest and once for the daemon.

    What cannot be judged (no stock ruleset, no answers, a broken line) has failed with all its
    events, and its result says why.
    """
    for result in _results(vectors, stock):
        result.name = result.name.replace(vectors.path.name, vectors.name, 1)
        yield result


def _results(vectors: Vectors, stock: Path | None) -> Iterator[SuiteResult]:
    path = vectors.path
    if vectors.layout is Layout.BROKEN:
        yield SuiteResult(path.name, failed=1, problem=vectors.problem)
    elif vectors.layout is Layout.EXPRESSIONS:
        yield _judged(path, lambda: run_expressions(path))
    elif vectors.layout is Layout.BYTE_CLASSES:
        yield _judged(path, lambda: run_byte_classes(path))
    elif vectors.layout is Layout.EVENTS:
        known = stock or path.parent / "ruleset"
        if known.is_dir():
            yield _judged(path, lambda: run_suite(path, stock=known))
        else:
            yield _unjudged(path, _NO_STOCK)
    elif vectors.layout is Layout.SUITE:
        yield from _suite_results(path, stock)


def _judged(path: Path, run: Callable[[], SuiteResult]) -> SuiteResult:
    """Return how vectors went; what keeps them from being judged is theirs alone."""
    try:
        return run()
    except DiagnosticsError as error:
        return _unjudged(path, str(error.diagnostics[-1]))
    except PackError as error:
        return _unjudged(path, str(error))
    except OSError as error:
        return _unjudged(path, f"{error.filename or path} {_unreadable(error)}")
    except RecursionError:
        return _unjudged(path, "something in it nests too deeply")


_NO_OBJECT = "no line of it is a JSON object"
_NO_STOCK = "needs the stock ruleset: give --stock"
_NO_ANSWERS = "has events but no expected.ndjson or expected_daemon.ndjson"


def _suite_results(path: Path, stock: Path | None) -> Iterator[SuiteResult]:
    recorded = [mode for mode, name in EXPECTED.items() if (path / name).is_file()]
    loads = (path / "load.json").is_file()
    try:
        stocked = needs_stock(path)
    except OSError as error:
        yield _unjudged(path, f"{error.filename} {_unreadable(error)}")
        return
    if stocked and stock is None:
        yield _unjudged(path, _NO_STOCK)
        return
    if not recorded and (path / "events.ndjson").is_file():
        yield _unjudged(path, _NO_ANSWERS)
    used = stock if stocked else None
    if Mode.LOGTEST in recorded or loads:
        yield _judged(path, lambda: run_suite(path, stock=used))
    if Mode.DAEMON in recorded:
        result = _judged(path, lambda: run_suite(path, stock=used, mode=Mode.DAEMON))
        result.name += " (daemon)"
        yield result


def _unjudged(path: Path, why: str) -> SuiteResult:
    events = path / "events.ndjson" if path.is_dir() else path
    return SuiteResult(path.name, failed=max(_lines(events), 1), problem=why)


def _lines(path: Path) -> int:
    """Count the lines that are not blank; none of a file that cannot be read."""
    try:
        return sum(bool(line.strip()) for line in path.read_bytes().split(b"\n"))
    except OSError:
        return 0
