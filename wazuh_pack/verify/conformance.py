"""Replays vectors that were recorded from a real analysisd, and compares every field.

Suites: a folder with rules, decoders, lists and ``events.ndjson`` (``expected.ndjson`` is logtest's
answer, ``expected_daemon.ndjson`` the daemon's, ``load.json`` what loading logs), or a file of
single vectors over the stock ruleset.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_pack.engine import DiffStore, Mode, Ruleset
from wazuh_pack.engine.loadlog import BAD_CATEGORY, BAD_TIME
from wazuh_pack.errors import DiagnosticsError, PackError
from wazuh_pack.location import Location
from wazuh_pack.verify.expression_vectors import (
    accepted_by_class,
    accepted_by_literal,
    answer,
    are_byte_classes,
    checked,
    expected_of,
    kind_of,
)
from wazuh_pack.verify.vectors import (
    read_lines,
    read_object,
    read_rows,
    read_steps,
    read_stock_vectors,
    stage_stock,
    stage_suite,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wazuh_pack.diagnostics import Diagnostic
    from wazuh_pack.engine import Session
    from wazuh_pack.verify.vectors import Step, StockVector

_START = 1_790_000_000.0
_BETWEEN_EVENTS = 0.001
_MANAGER = "<manager>"
_ARGUMENT = re.compile(r"""'([^']*)'|"([^"]*)"|(?<![\w.])(\d+)(?![\w.])""")
_NAMES_FILE = ("1103", "1226", "1227")
_NAMES_FILE_ONLY = ("1202", "1220")
_ABSENT = "<absent>"
_KEPT_OF_A_FILE = 50
_NOT_KEPT = (BAD_TIME, BAD_CATEGORY, "1220")

EXPECTED = {Mode.LOGTEST: "expected.ndjson", Mode.DAEMON: "expected_daemon.ndjson"}
"""The file of a suite that holds a mode's answers."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A field that differs.

    Attributes:
        index: The vector's number in its suite from 0; -1 for what loading logs.
        field: The field's path, ``rule.level``; for single vectors of a file as well.
        expected: What the vector says.
        actual: What the engine says.
    """

    index: int
    field: str
    expected: object
    actual: object


@dataclass(slots=True)
class SuiteResult:
    """How a suite went.

    Events and expressions count, and ``load.json`` counts as one more. An event without an
    expectation, or the other way round, has failed.
    """

    name: str
    passed: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    problem: str = ""
    """Why it could not be judged at all, empty if it was."""

    def add(self, index: int, differences: Iterable[tuple[str, object, object]]) -> None:
        """Count one vector with what differs in it."""
        found = [Failure(index, *difference) for difference in differences]
        self.failures += found
        if found:
            self.failed += 1
        else:
            self.passed += 1

    @property
    def total(self) -> int:
        """How many vectors were compared."""
        return self.passed + self.failed


def run_suite(path: Path, *, stock: Path | None = None, mode: Mode = Mode.LOGTEST) -> SuiteResult:
    """Replay a suite folder or a file of vectors.

    Args:
        path: The folder or file.
        stock: The stock ruleset (``rules``, ``decoders``, ``lists``), for suites that use it.
        mode: Whose answers are compared; ``load.json`` is compared with logtest's.

    Raises:
        PackError: The vectors are not as they should be.
    """
    if path.is_file():
        return _run_file(path, stock)
    result = SuiteResult(path.name)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ruleset: Ruleset | None
        try:
            ruleset = Ruleset.from_files(stage_suite(path, home, stock))
            logged = ruleset.diagnostics
        except DiagnosticsError as error:
            ruleset, logged = None, error.diagnostics
        if mode is Mode.LOGTEST and (path / "load.json").is_file():
            expected = read_object(path / "load.json")
            result.add(-1, differences(expected, _loading(ruleset, logged, home)))
        _run_events(path, ruleset, mode, result)
    return result


def _run_events(path: Path, ruleset: Ruleset | None, mode: Mode, result: SuiteResult) -> None:
    if not (path / EXPECTED[mode]).is_file():
        return
    expected = read_lines(path / EXPECTED[mode])
    steps = read_steps(path / "events.ndjson")
    replay = _Replay(ruleset, mode)
    for index, (step, wanted) in enumerate(zip_longest(steps, expected)):
        if step is None:
            result.add(index, [("event", wanted, _ABSENT)])
            continue
        actual = replay.answer(step)
        if wanted is None:
            result.add(index, [("event", _ABSENT, actual)])
        elif actual is None:
            result.add(index, [("loading", "events", "refused")])
        else:
            result.add(index, differences(wanted, actual))


class _Replay:
    """The sessions of a suite, on one clock."""

    def __init__(self, ruleset: Ruleset | None, mode: Mode) -> None:
        self._ruleset = ruleset
        self._mode = mode
        self._sessions: dict[str, Session] = {}
        self._diffs = DiffStore()
        self._now = _START

    def answer(self, step: Step) -> dict[str, Any] | None:
        """Return what the engine says to an event; None without a ruleset."""
        if self._ruleset is None:
            return None
        if step.session not in self._sessions:
            self._sessions[step.session] = self._ruleset.session(
                mode=self._mode, manager=_MANAGER, diffs=self._diffs
            )
        self._now += step.sleep + _BETWEEN_EVENTS
        session = self._sessions[step.session]
        result = session.process(step.event, location=step.location, time=self._now)
        return result.as_logtest()


def run_expressions(path: Path) -> SuiteResult:
    """Compare a file of expression vectors."""
    result = SuiteResult(path.name)
    rows = [checked(row.data, row.at) for row in read_rows(path)]
    kind = kind_of(path.name, rows)
    for index, row in enumerate(rows):
        result.add(index, differences(expected_of(row), answer(row, kind)))
    return result


def run_byte_classes(path: Path) -> SuiteResult:
    """Compare which bytes every escape and every literal accepts."""
    result = SuiteResult(path.name)
    tables = read_object(path)
    if not are_byte_classes(tables):
        raise PackError("not the tables of classes and literals", at=Location(path))
    index = 0
    for escape, expected in tables.get("classes", {}).items():
        result.add(index, differences(expected, accepted_by_class(escape), escape))
        index += 1
    for language, rows in tables.get("literals_matching_other_bytes", {}).items():
        for literal, expected in rows:
            actual = accepted_by_literal(literal, language)
            result.add(index, differences(expected, actual, f"{language} {literal}"))
            index += 1
    return result


def _run_file(path: Path, stock: Path | None) -> SuiteResult:
    """Each line is a session of its own; a line of several events passes when all of them do."""
    result = SuiteResult(path.name)
    stock = stock or path.parent / "ruleset"
    with tempfile.TemporaryDirectory() as folder:
        extra = _testing_rules(path, stock) if "runtests" in path.name else None
        ruleset = Ruleset.from_files(stage_stock(stock, Path(folder), extra))
    for index, vector in enumerate(read_stock_vectors(path)):
        result.add(index, _vector_differences(vector, ruleset.session(manager=_MANAGER)))
    return result


def _testing_rules(vectors: Path, stock: Path) -> Path:
    """Return Wazuh's own testing rules: beside the stock ruleset, else beside the vectors."""
    beside = stock.resolve().parent / "testing-ruleset"
    return beside if beside.is_dir() else vectors.resolve().parent / "testing-ruleset"


def _vector_differences(
    vector: StockVector, session: Session
) -> Iterator[tuple[str, object, object]]:
    for number, step in enumerate(vector.steps):
        now = _START + number * _BETWEEN_EVENTS
        result = session.process(step.event, location=vector.location, time=now)
        prefix = f"events.{number}" if len(vector.steps) > 1 else ""
        yield from differences(step.answer, _as_vector(result.as_logtest()), prefix)


def _as_vector(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with the keys of the stock vectors."""
    rule = answer["rule"]
    found = {
        key: answer.get(key)
        for key in ("alert", "decoder", "full_log", "parent", "predecoder", "rule")
    }
    found["data"] = answer["data"] or None
    found["groups"] = rule["groups"] if rule else None
    found["level"] = rule["level"] if rule else None
    found["rule_id"] = rule.get("id") if rule else None
    if "previous_output" in answer:
        found["previous_output"] = answer["previous_output"]
    return found


def _loading(ruleset: Ruleset | None, logged: Sequence[Diagnostic], home: Path) -> dict[str, Any]:
    messages = [
        {
            "level": found.severity.value.upper(),
            "code": int(found.code) if found.code else None,
            "args": _arguments(found, home),
        }
        for found in _printed(logged)
    ]
    if ruleset is None and messages:
        messages[-1]["level"] = "CRITICAL"
    return {"exit": 0 if ruleset else 1, "messages": messages}


def _printed(logged: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield what analysisd prints: while it reads a file it keeps the last 50 messages of it."""
    for _, group in groupby(logged, key=lambda found: found.at.path if found.at else None):
        of_file = list(group)
        surplus = sum(found.code not in _NOT_KEPT for found in of_file) - _KEPT_OF_A_FILE
        for found in of_file:
            if found.code not in _NOT_KEPT:
                surplus -= 1
                if surplus >= 0:
                    continue
            yield found


def _arguments(found: Diagnostic, home: Path) -> list[str]:
    """Return what a message names in quotes or as a number, as the vectors have it."""
    named = ["".join(parts) for parts in _ARGUMENT.findall(found.message)]
    if found.at is None or found.code not in _NAMES_FILE + _NAMES_FILE_ONLY:
        return named
    path = found.at.path
    file = str(path.relative_to(home)) if path.is_relative_to(home) else str(path)
    if found.code in _NAMES_FILE_ONLY:
        return named or [file]
    line = [str(found.at.line)] if found.code == "1226" else []
    return [file, *named, *line]


def differences(
    expected: object, actual: object, path: str = ""
) -> Iterator[tuple[str, object, object]]:
    """Yield what differs: the path of the field, the expected value and the actual one."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in [*expected, *(key for key in actual if key not in expected)]:
            here = f"{path}.{key}" if path else str(key)
            yield from differences(expected.get(key, _ABSENT), actual.get(key, _ABSENT), here)
    elif not _equal(expected, actual):
        yield path, expected, actual


def _equal(expected: object, actual: object) -> bool:
    """Compare as JSON does: 1 is 1.0 but not true, however deep in arrays they stand."""
    work = [(expected, actual)]
    while work:
        one, other = work.pop()
        if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            work += zip(one, other, strict=True)
        elif isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
            work += ((value, other[key]) for key, value in one.items())
        elif one != other or isinstance(one, bool) is not isinstance(other, bool):
            return False
    return True
