"""What a reader of one tool's reports offers, and what readers share.

A reader is a module with :class:`Reader`'s members, listed in ``registry.py``. Most of them have a
class derived from :class:`RecordReport`, which only says where the records are and how one is read.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Collection, Dict, Iterable, Iterator, Protocol

from wazuh_pack.reports.jsonstream import JsonError, JsonStream
from wazuh_pack.reports.report import Head, Report, ReportError, ReportFile

if TYPE_CHECKING:
    from wazuh_pack.reports.findings import Finding
    from wazuh_pack.reports.sketch import Sketch

MAX_RECORD = 2 << 20
"""Characters that one record may have; real ones have some thousands."""

MAX_PLACES = 200_000
"""Groups of records (sites, reports, runs) that one report may have."""

MAX_KEPT = 64 << 20
"""Characters of what stands beside the records of all groups that may be kept in memory."""

MAX_MEMBERS = 10_000
"""Members that the outermost object of a report may have."""

_ENOUGH = 1000  # records of something else, after which a report is refused at once
_MAX_TEXT = 4000
_LONG_FIELDS = ("title", "message", "resolution", "aliases")

Top = Dict[str, Any]
"""The members of a document's outermost object: those that are wanted, with their values."""


class Reader(Protocol):
    """Reads the reports of one tool."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a module's constant
        """What ``--tool`` and ``security_scan.tool`` say."""

    @property
    def TITLE(self) -> str:  # noqa: N802 - a module's constant
        """What people call the report."""

    @property
    def SCANNERS(self) -> tuple[str, ...]:  # noqa: N802 - a module's constant
        """The kinds of finding that it may hold."""

    def recognise(self, sketch: Sketch) -> bool:
        """Tell from a report's start whether it is one of this tool's."""

    def open(self, file: ReportFile) -> Report:
        """Open a report; the file belongs to it from now on, whatever happens.

        Raises:
            ReportError: It is no whole report of this tool.
        """


class RecordError(Exception):
    """A record is not what the tool writes; the report cannot be trusted to be complete."""


class RecordReport:
    """An open report that is a sequence of records.

    It is walked once when it is opened, so that what is cut off or foreign is refused before
    anything is concluded from it, and once by every :meth:`findings`.
    """

    TITLE = "report"

    def __init__(self, file: ReportFile) -> None:
        self._file = file
        self._top: Top = {}
        try:
            self.head = self._survey()
        except BaseException:
            file.close()
            raise

    def __enter__(self) -> Report:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def findings(self) -> Iterator[Finding]:
        """Yield every finding in the report's order.

        Raises:
            ReportError: It changed while it was read.
        """
        try:
            for record in self._records({}):
                with suppress(RecordError):
                    for finding in self._read(record):
                        yield _clipped(finding)
        except JsonError as error:
            raise ReportError(f"the report changed while it was read: {error}") from error
        self._file.check_unchanged()

    def _survey(self) -> Head:
        records = unreadable = suppressed = 0
        try:
            for record in self._records(self._top):
                records += 1
                try:
                    suppressed += self._accepted(record)
                except RecordError:
                    unreadable += 1
                if unreadable == records == _ENOUGH:
                    break
        except JsonError as error:
            raise ReportError(f"not a whole {self.TITLE}: {error}") from error
        self._file.check_unchanged()
        if unreadable and unreadable == records:
            raise ReportError(f"not a {self.TITLE}: none of its first {records} records is one")
        head = self._head(self._top)
        problems = head.problems
        if unreadable:
            problems = (
                *problems,
                f"{unreadable} of {records} records are not {self.TITLE} records",
            )
        return replace(head, problems=problems, suppressed=head.suppressed + suppressed)

    def _accepted(self, record: object) -> bool:
        """Read a record, and tell whether the tool was told to put up with what is in it."""
        accepted = [bool(finding.accepted) for finding in self._read(record)]
        return any(accepted)

    def _records(self, top: Top) -> Iterator[Any]:
        """Walk the document from its start; fill ``top`` with what stands beside the records."""
        raise NotImplementedError

    def _read(self, record: Any) -> Iterable[Finding]:
        """Return the findings in a record.

        Raises:
            RecordError: It is none of the tool's.
        """
        raise NotImplementedError

    def _head(self, top: Top) -> Head:
        raise NotImplementedError

    def _require(self, top: Top, *names: str) -> None:
        missing = [name for name in names if name not in top]
        if missing:
            raise ReportError(f"not a {self.TITLE}: it has no '{missing[0]}'")


def _clipped(finding: Finding) -> Finding:
    """Return a finding whose texts are not much longer than what an event shows of them."""
    long = {
        name: getattr(finding, name)[:_MAX_TEXT]
        for name in _LONG_FIELDS
        if len(getattr(finding, name)) > _MAX_TEXT
    }
    return replace(finding, **long) if long else finding


def _note(top: Top, key: str) -> None:
    if len(top) >= MAX_MEMBERS:
        raise JsonError(f"the document has more than {MAX_MEMBERS} members")
    top.setdefault(key, None)


def bare_list(stream: JsonStream) -> Iterator[Any]:
    """Yield the elements of a document that is a list; ``null`` is an empty one."""
    if stream.peek() == "[":
        for _ in stream.elements():
            yield stream.value()
    elif stream.value() is not None:
        raise JsonError("the document is no list")
    stream.finish()


def in_object(
    stream: JsonStream, lists: Collection[str], keep: Collection[str], top: Top
) -> Iterator[tuple[str, Any]]:
    """Yield name and element of the lists in a document that is an object.

    ``top`` gets every member's name, and the value of those in ``keep``.
    """
    for key in stream.members():
        _note(top, key)
        if key in lists:
            for _ in _elements(stream, key):
                yield key, stream.value()
        elif key in keep:
            top[key] = stream.value()
        else:
            stream.skip()
    stream.finish()


class Nested:
    """Records in a list within the elements of a list: ``{"site": [{"alerts": [...]}]}``.

    What stands beside the inner list may come before or after it, so the first walk collects it.
    """

    def __init__(
        self,
        outer: str,
        inner: str,
        keep: Collection[str],
        read: Callable[[str, JsonStream], Any] | None = None,
    ) -> None:
        self._outer = outer
        self._inner = inner
        self._keep = keep
        self._read = read
        self.places: list[Top] = []
        self._known = False
        self._kept = 0

    def walk(
        self, stream: JsonStream, keep: Collection[str], top: Top
    ) -> Iterator[tuple[Top, Any]]:
        """Yield every record with what stands beside its list; all of that on later walks only."""
        number = 0
        for key in stream.members():
            _note(top, key)
            if key == self._outer:
                for _ in _elements(stream, key):
                    yield from self._element(stream, number)
                    number += 1
            elif key in keep:
                top[key] = stream.value()
            else:
                stream.skip()
        stream.finish()
        if self._known and number != len(self.places):
            raise JsonError("parts came or went")
        self._known = True

    def _element(self, stream: JsonStream, number: int) -> Iterator[tuple[Top, Any]]:
        if not self._known:
            if number >= MAX_PLACES:
                raise JsonError(f"'{self._outer}' has more than {MAX_PLACES} elements")
            self.places.append({})
        elif number >= len(self.places):
            raise JsonError("parts came or went")
        place = self.places[number]
        for key in stream.members():
            if key == self._inner:
                place.setdefault(key, None)
                for _ in _elements(stream, key):
                    yield place, stream.value()
            elif key in self._keep and not self._known:
                place[key] = self._read(key, stream) if self._read else stream.value()
                self._kept += len(str(place[key]))
                if self._kept > MAX_KEPT:
                    raise JsonError(f"more than {MAX_KEPT} characters beside the records")
            else:
                stream.skip()


def _elements(stream: JsonStream, name: str) -> Iterator[None]:
    if stream.peek() == "[":
        yield from stream.elements()
    elif stream.value() is not None:
        raise JsonError(f"'{name}' is no list")


def json_lines(file: ReportFile, *, text_between: bool = False) -> Iterator[Any]:
    """Yield the value of every line; ``None`` for a line that is no JSON.

    With ``text_between``, lines that do not begin like an object are passed over.
    """
    for line in file.lines():
        content = line.strip()
        if not content or (text_between and not content.startswith("{")):
            continue
        try:
            yield json.loads(content)
        except (ValueError, RecursionError):
            yield None
