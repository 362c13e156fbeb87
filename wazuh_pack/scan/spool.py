"""Events that wait for Wazuh: a folder of small files, delivered once each, oldest first.

A batch becomes visible by a rename after it is on the disk, so a reader never sees half of one.
Numbers, not times, give the order; a clock that goes back changes nothing.

The events of a scan have to appear exactly when the memory of it is committed. They are first
*staged* under the scan's id; the memory's commit decides; then they are published. Whatever a crash
leaves staged is published or dropped by :meth:`Spool.recover`, which asks the memory.

Delivery writes one line, then moves the cursor, both with one system call and no waiting between:
a kill can repeat a line only if it strikes between the two, and then ``event_id`` tells. The cursor
reaches the disk at the end of a delivery. That fits Wazuh 4.14.7, which sends the output of a
command when the command has ended, killed or not: after a power cut nothing of an unfinished
delivery was sent, and all of it comes again. For the same reason a reader that goes away
(``EPIPE``) takes the whole delivery back.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Callable, Iterable

from wazuh_pack.agentkit.files import remove, write_all
from wazuh_pack.agentkit.locks import FileLock

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 256 << 20
"""A spool larger than this takes nothing more: nobody is collecting."""

_NUMBER = "{:020d}.jsonl"
_DIRECT = "direct.tmp"
_LONGEST = 1 << 16
_CURSOR = "{:<40} {:020d}\n"
_CURSOR_RECORD = re.compile(rb"(\d{20}\.jsonl) {15}(\d{20})\n")


class SpoolFullError(Exception):
    """Nobody has collected events for long; nothing was added."""


@dataclass(frozen=True)
class Delivery:
    """What one delivery did; ``interrupted`` says that the reader went away and nothing counts."""

    lines: int
    interrupted: bool = False


class Staged:
    """The events of one scan, on their way into the spool."""

    def __init__(self, path: Path) -> None:
        self._path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file: BinaryIO = os.fdopen(os.open(path, flags, 0o600), "wb")

    def write(self, line: bytes) -> None:
        """Add one line, which ends with a line feed."""
        self._file.write(line)

    def seal(self) -> None:
        """Bring the events to the disk; to be called before the memory's commit."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def discard(self) -> None:
        """Drop the events."""
        try:
            self._file.close()
        finally:  # closing writes what is buffered, which a full disk refuses
            remove(str(self._path))


class Spool:
    """The spool in ``folder``, which exists and belongs to us alone."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._order = FileLock(str(folder / "order.lock"))
        self._reader = FileLock(str(folder / "reader.lock"))

    def publish(self, lines: Iterable[bytes]) -> None:
        """Add events that depend on no scan's memory.

        Raises:
            SpoolFullError: The spool is full.
            OSError: They could not be written; nothing was added.
        """
        with self._order:
            if self.size() > self._max_bytes:
                raise SpoolFullError(f"{self._folder} holds more than {self._max_bytes} bytes")
            path = self._folder / _DIRECT
            remove(str(path))  # of one that was killed: nobody else has the lock
            staged = Staged(path)
            try:
                for line in lines:
                    staged.write(line)
                staged.seal()
                path.rename(self._next())
            except BaseException:
                staged.discard()
                raise
            self._sync()

    def stage(self, scan_id: str) -> Staged:
        """Begin the batch of a scan; its id has letters, digits and dashes only.

        Raises:
            SpoolFullError: The spool is full.
        """
        if self.size() > self._max_bytes:
            raise SpoolFullError(f"{self._folder} holds more than {self._max_bytes} bytes")
        return Staged(self._staged(scan_id))

    def commit(self, scan_id: str) -> None:
        """Publish what was staged under ``scan_id``."""
        with self._order:
            self._staged(scan_id).rename(self._next())
            self._sync()

    def recover(self, committed: Callable[[str], bool]) -> None:
        """Finish what a crash interrupted; only for the holder of the scan lock.

        Args:
            committed: Tells whether a scan's memory was committed.
        """
        for path in sorted(self._folder.glob("staged-*.tmp")):
            scan_id = path.name[len("staged-") : -len(".tmp")]
            if committed(scan_id):
                self.commit(scan_id)
            else:
                remove(str(path))

    def size(self) -> int:
        """Return how many bytes wait."""
        return sum(path.stat().st_size for path in self._batches())

    def deliver(
        self,
        descriptor: int,
        *,
        max_lines: int,
        max_bytes: int = 32 << 20,
        stopped: Callable[[], bool] = bool,
    ) -> Delivery:
        """Write waiting events to ``descriptor``, oldest first.

        Args:
            descriptor: Where to; the pipe to Wazuh.
            max_lines: How many at most. Wazuh takes 100 a second.
            max_bytes: How many bytes at most; Wazuh keeps 64 MiB of a command's output.
            stopped: Asked before every line; ends the delivery early.
        """
        if not self._reader.try_acquire():
            return Delivery(0)
        try:
            return _Reader(self._folder, self._batches()).run(
                descriptor, max_lines, max_bytes, stopped
            )
        finally:
            self._reader.release()

    def _staged(self, scan_id: str) -> Path:
        return self._folder / f"staged-{scan_id}.tmp"

    def _batches(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*.jsonl"))

    def _next(self) -> Path:
        batches = self._batches()
        last = int(batches[-1].stem) if batches else 0
        number = max(last, _Cursor(self._folder).number()) + 1
        return self._folder / _NUMBER.format(number)

    def _sync(self) -> None:
        _sync_folder(self._folder)


class _Cursor:
    """How far delivery has come: a batch's name and a byte offset in it, in one fixed record."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "cursor"

    def read(self) -> tuple[str, int]:
        """Return name and offset; ``("", 0)`` if the record is absent or damaged."""
        try:
            found = _CURSOR_RECORD.fullmatch(self._path.read_bytes())
        except FileNotFoundError:
            found = None
        return (found[1].decode(), int(found[2])) if found else ("", 0)

    def number(self) -> int:
        """Return the number of the batch at the cursor, 0 if there is none."""
        return int(self.read()[0].partition(".")[0] or 0)

    def open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


class _Reader:
    """One delivery."""

    def __init__(self, folder: Path, batches: list[Path]) -> None:
        self._folder = folder
        self._start = _Cursor(folder).read()
        self._batches = [path for path in batches if path.name >= self._start[0]]
        for path in batches:
            if path.name < self._start[0]:
                remove(str(path))
        self._cursor = _Cursor(folder).open()
        self._lines = 0
        self._bytes = 0

    def run(
        self, descriptor: int, max_lines: int, max_bytes: int, stopped: Callable[[], bool]
    ) -> Delivery:
        def go_on() -> bool:
            return self._lines < max_lines and self._bytes < max_bytes and not stopped()

        done = []
        try:
            for path in self._batches:
                if not go_on():
                    break
                if self._batch(path, descriptor, go_on):
                    done.append(path)
        except BrokenPipeError:
            self._move(*self._start)
            return Delivery(0, interrupted=True)
        finally:
            os.fsync(self._cursor)
            os.close(self._cursor)
        # The cursor is on the disk: from here on a finished batch is not looked at again.
        for path in done:
            remove(str(path))
        return Delivery(self._lines)

    def _batch(self, path: Path, descriptor: int, go_on: Callable[[], bool]) -> bool:
        """Deliver one batch from the cursor on; return whether it is finished."""
        offset = self._start[1] if path.name == self._start[0] else 0
        with path.open("rb") as batch:
            if not _is_line_start(batch, offset):
                offset = 0  # repeat rather than lose
            batch.seek(offset)
            while go_on():
                line = batch.readline(_LONGEST)
                if not line.endswith(b"\n"):
                    self._move(path.name, offset + len(line))
                    return True
                write_all(descriptor, line)
                offset += len(line)
                self._move(path.name, offset)
                self._lines += 1
                self._bytes += len(line)
            return offset == path.stat().st_size

    def _move(self, name: str, offset: int) -> None:
        os.pwrite(self._cursor, _CURSOR.format(name, offset).encode("ascii"), 0)


def _is_line_start(batch: BinaryIO, offset: int) -> bool:
    if not offset:
        return True
    batch.seek(offset - 1)
    return batch.read(1) == b"\n"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
