"""Reads lines from execd, which never closes the pipe."""

from __future__ import annotations

import os
import select
import time

from wazuh_pack.agentkit.errors import MessageError

MAX_LINE = 128 * 1024
"""Largest line taken, in bytes: execd's own limit is 64 KiB before it adds the program's name."""

_CHUNK = 65536


class LineReader:
    """Reads one line at a time from a descriptor that stays open.

    Reading to the end of the stream would never return (execd waits for the script to exit), so
    this stops at the line feed, at ``limit`` bytes and after ``seconds`` without a whole line.
    """

    __slots__ = ("_fd", "_limit", "_pending", "_seconds")

    def __init__(self, fd: int, limit: int = MAX_LINE, seconds: float = 5.0) -> None:
        self._fd = fd
        self._limit = limit
        self._seconds = seconds
        self._pending = b""

    def read(self) -> bytes:
        """Return the next line without its line feed.

        Text that ends with the stream instead of a line feed counts as a line.

        Raises:
            MessageError: No line came in time, there is none, or it is too long.
        """
        deadline = time.monotonic() + self._seconds
        while b"\n" not in self._pending:
            if len(self._pending) > self._limit:
                break
            part = self._more(deadline)
            if not part:
                self._pending += b"\n"
                break
            self._pending += part
        line, _, self._pending = self._pending.partition(b"\n")
        if len(line) > self._limit:
            raise MessageError(f"the message is longer than {self._limit} bytes")
        if not line.strip():
            raise MessageError("no message on standard input")
        return line

    def _more(self, deadline: float) -> bytes:
        left = max(0.0, deadline - time.monotonic())
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        if not poll.poll(left * 1000):
            raise MessageError(f"no whole line within {self._seconds:g} seconds")
        return os.read(self._fd, _CHUNK)
