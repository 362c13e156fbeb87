"""Lets a worker that waits for more messages be woken, by scripts and by the shell.

The bell is a pipe with a name. Beside it lies a file with the worker's process id and the number of
its descriptor: whether the worker still waits, the shell sees by comparing
``/proc/<process>/fd/<descriptor>`` with the pipe, which no leftover of a killed worker can pass.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal itself is slow to import
import os
import select

from wazuh_pack.agentkit.files import exists, remove, write_atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType

PIPE = "wake"
WORKER = "worker"
_ALL = 65536


class Doorbell:
    """A worker's end of the bell; while it is entered, SIGTERM makes it leave after its batch."""

    __slots__ = ("_before", "_fd", "_folder", "_leave")

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._fd = -1
        self._leave = False

    def __enter__(self) -> Doorbell:  # noqa: PYI034 -- Self is not in Python 3.8
        path = f"{self._folder}/{PIPE}"
        if not exists(path):
            os.mkfifo(path, 0o600)
        # Open for writing too, so that it never ends.
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._before = _signal.signal(_signal.SIGTERM, self._on_signal)
        write_atomic(f"{self._folder}/{WORKER}", b"%d %d\n" % (os.getpid(), self._fd))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)
        _signal.signal(_signal.SIGTERM, self._before)
        remove(f"{self._folder}/{WORKER}")

    def wait(self, seconds: float) -> bool:
        """Wait until somebody rings; False when nobody does, or we are told to leave."""
        if self._leave:
            return False
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        os.read(self._fd, _ALL)
        return not self._leave

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._leave = True
        os.write(self._fd, b"\n")


def ring(folder: str) -> bool:
    """Wake the worker that waits; False when none does."""
    try:
        fd = os.open(f"{folder}/{PIPE}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(fd, b"\n")
    except BlockingIOError:
        pass  # rung more often than the worker could hear
    finally:
        os.close(fd)
    return True
