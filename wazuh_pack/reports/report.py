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

from wazuh_pack.reports.jsonstream import JsonStream

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.reports.findings import Artifact, Finding

MAX_BYTES = 1 << 30
"""A larger report is refused: no scan of one artifact makes one."""


_CHUNK = 1 << 20


class ReportError(Exception):
    """The file is no whole report of the tool; the text says why."""


@dataclass(frozen=True)
class Head:
    """What a report says about itself."""

    artifact: Artifact
    created: str = ""
    tool_version: str = ""
    suppressed: int = 0
    problems: tuple[str, ...] = ()
    """What could not be scanned, one text each; the findings of such a report are incomplete."""
    body: str = ""
    """A digest of all that the findings are made from; ``""`` if the reader does not give one.

    Two reports with the same digest have the same findings, whatever their heads say."""


class Report(Protocol):
    """An open report of any tool."""

    head: Head

    def findings(self) -> Iterator[Finding]:
        """Yield every finding in the report's order; may be called again.

        Raises:
            ReportError: The report turns out to be damaged, or changed while it was read.
        """


class ReportFile:
    """The file of a report: regular, not too large, and the same from opening to the end.

    Raises:
        ReportError: It cannot be a report.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._file = _open(path, max_bytes)
        self._stamp = self._identity()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def stream(self) -> JsonStream:
        """Return a cursor at the start of the file's JSON document."""
        self._file.seek(0)
        reader = io.BufferedReader(_Lent(self._file))
        text = io.TextIOWrapper(reader, encoding="utf-8-sig", errors="replace", newline="")
        return JsonStream(text)

    def digest(self, after: bytes) -> str:
        """Return a digest of what follows the first ``after``, ``""`` if it is not there."""
        self._file.seek(0)
        digest = None
        tail = b""
        for chunk in iter(lambda: self._file.read(_CHUNK), b""):
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


def _open(path: Path, max_bytes: int) -> IO[bytes]:
    # O_NONBLOCK: opening a pipe that nobody writes to must not hang.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    found = os.fstat(descriptor)
    problem = ""
    if not stat.S_ISREG(found.st_mode):
        problem = "not a regular file"
    elif found.st_size > max_bytes:
        problem = f"larger than {max_bytes} bytes"
    elif not found.st_size:
        problem = "the file is empty"
    if problem:
        os.close(descriptor)
        raise ReportError(problem)
    return os.fdopen(descriptor, "rb")
