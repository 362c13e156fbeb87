"""What readers of reports share: what a report says about itself, and its file.

A reader is a class whose instances are open reports, used as context managers: ``head`` is known
once it is open, so whatever is no whole report of its tool is refused there, and ``findings()``
streams. :class:`Report` is that interface; :class:`ReportFile` guards the file beneath it.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Iterator, Protocol

from wazuh_pack.reports.jsonstream import MAX_VALUE, JsonStream

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.reports.findings import Artifact, Finding

MAX_BYTES = 1 << 30
"""A larger report is refused: no scan of one artifact makes one."""

MAX_LINE = 2 << 20
"""Characters a line may have where a report is read by lines; what is longer is cut there."""

_BLOCK = 1 << 16


class ReportError(Exception):
    """The file is no whole report of the tool; the text says why."""


@dataclass(frozen=True)
class Evidence:
    """Something that a report proves or claims about an artifact, which a gate may ask for.

    ``kind`` is ``signature``, ``provenance``, ``sbom``, ``vulnerabilities``, ``test``, ``summary``
    or ``attestation``; ``verified`` says that the report comes from what checked it. ``digest`` is
    ``sha256:`` and 64 digits, ``signer`` and ``issuer`` are the certificate's, ``source`` and
    ``builder`` the provenance's.
    """

    kind: str
    verified: bool = False
    digest: str = ""
    name: str = ""
    signer: str = ""
    issuer: str = ""
    source: str = ""
    builder: str = ""
    predicate_type: str = ""


@dataclass(frozen=True)
class Head:
    """What a report says about itself.

    ``tool`` is set where one format serves many tools; ``artifact.name`` is ``""`` where the report
    does not say what was examined.
    """

    artifact: Artifact
    created: str = ""
    tool_version: str = ""
    suppressed: int = 0
    problems: tuple[str, ...] = ()
    """What could not be scanned, one text each; the findings of such a report are incomplete."""
    tool: str = ""
    digests: tuple[str, ...] = ()
    """Every digest by which a registry knows what was examined, if it is an image."""
    evidence: tuple[Evidence, ...] = ()
    scope: str = ""
    """What the report tells of what was looked for, as comparable text: between reports that differ
    in it, nothing that is gone is known to be fixed."""
    body: str = ""
    """A digest of all that the findings are made from; ``""`` if the reader does not give one.

    Two reports with the same digest have the same findings, whatever their heads say."""


class Report(Protocol):
    """An open report of any tool."""

    head: Head

    def __enter__(self) -> Report: ...  # noqa: PYI034 - typing.Self is younger than Python 3.8

    def __exit__(self, *_: object) -> None: ...

    def findings(self) -> Iterator[Finding]:
        """Yield every finding in the report's order; may be called again.

        Raises:
            ReportError: The report turns out to be damaged, or changed while it was read.
        """


class ReportFile:
    """The file of a report: regular, not too large, and the same from opening to the end.

    Its cursors share one position: each is used up before the next one is asked for.

    Raises:
        ReportError: It cannot be a report.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        # O_NONBLOCK: opening a pipe that nobody writes to must not hang.
        self._adopt(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), max_bytes)

    @classmethod
    def of_descriptor(cls, descriptor: int, *, max_bytes: int = MAX_BYTES) -> ReportFile:
        """Return the file behind an open descriptor, which belongs to it from now on."""
        file = cls.__new__(cls)
        file._adopt(descriptor, max_bytes)  # noqa: SLF001 - its own class
        return file

    def _adopt(self, descriptor: int, max_bytes: int) -> None:
        self._file = _checked(descriptor, max_bytes)
        self._stamp = self._identity()

    def refuse_empty(self) -> None:
        """Check that there is something in it.

        Raises:
            ReportError: There is nothing.
        """
        if not self._stamp[0]:
            raise ReportError("the file is empty")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def stream(self, *, after: int = 0, max_value: int = MAX_VALUE) -> JsonStream:
        """Return a cursor at the start of the file's JSON document.

        Args:
            after: How many characters of other text stand before it.
            max_value: Characters that a member may have which is decoded whole.
        """
        text = self._text()
        text.read(after)
        return JsonStream(text, max_value=max_value)

    def lines(self) -> Iterator[str]:
        """Yield the lines without their ends, each at most :data:`MAX_LINE` characters."""
        text = self._text()
        while True:
            line = text.readline(MAX_LINE)
            if not line:
                return
            yield line.rstrip("\r\n")
            while len(line) == MAX_LINE and not line.endswith("\n"):
                line = text.readline(MAX_LINE)

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes, some at a time."""
        self._file.seek(0)
        while True:
            block = self._file.read(_BLOCK)
            if not block:
                return
            yield block

    def start(self, size: int) -> str:
        """Return the first ``size`` characters."""
        return self._text().read(size)

    def digest(self, after: bytes) -> str:
        """Return a digest of what follows the first ``after``, ``""`` if it is not there."""
        digest = None
        tail = b""
        for chunk in self.blocks():
            if digest is not None:
                digest.update(chunk)
                continue
            window = tail + chunk
            at = window.find(after)
            if at >= 0:
                digest = hashlib.blake2b(window[at:], digest_size=16)
            tail = window[-len(after) :]
        return digest.hexdigest() if digest else ""

    def check_unchanged(self) -> None:
        """Check that nobody wrote to the file since it was opened.

        Raises:
            ReportError: Somebody did.
        """
        if self._identity() != self._stamp:
            raise ReportError("the report changed while it was read")

    def _text(self) -> io.TextIOWrapper:
        self._file.seek(0)
        reader = io.BufferedReader(_Lent(self._file))
        return io.TextIOWrapper(reader, encoding="utf-8-sig", errors="replace", newline="")

    def _identity(self) -> tuple[int, int]:
        now = os.fstat(self._file.fileno())
        return now.st_size, now.st_mtime_ns


class _Lent(io.RawIOBase):
    """Lends a file to a text reader, which would close what it owns."""

    def __init__(self, file: IO[bytes]) -> None:
        self._lent = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._lent.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _checked(descriptor: int, max_bytes: int) -> IO[bytes]:
    found = os.fstat(descriptor)
    problem = ""
    if not stat.S_ISREG(found.st_mode):
        problem = "not a regular file"
    elif found.st_size > max_bytes:
        problem = f"larger than {max_bytes} bytes"
    if problem:
        os.close(descriptor)
        raise ReportError(problem)
    return os.fdopen(descriptor, "rb")
