"""What processes that judge one stream of events tell one another: how far each is, what it stored.

Memory that all of them share: one byte for each of the latest events, whose bits say by which
rulesets it was stored, and two numbers of each process. Only the process that judges an event
writes its byte, only the process itself its numbers, and all under one lock.

Nobody waits for ever, provided that who waits goes on reading. Of the process that has told least,
up to event ``q``, the others have read that much; it has told of all its events but at most the
last, so there is room for that one; and it waits for nobody to come beyond ``q``.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkContext

EVENTS = 1 << 16
"""How far the fastest process can be ahead of what the slowest has read from the board."""
_END = 1 << 62
_WORD = 8


class Board:
    """Made before the processes are, and inherited by them.

    Events are numbered from 1. :meth:`done` and :meth:`read` only grow.
    """

    def __init__(self, context: ForkContext, parts: int) -> None:
        """Begin with nothing done."""
        self._changed = context.Condition()
        self._stored = mmap.mmap(-1, EVENTS)
        words = memoryview(mmap.mmap(-1, (2 * parts + 1) * _WORD)).cast("Q")
        self._done, self._read = words[:parts], words[parts : 2 * parts]
        self._waiting = words[2 * parts :]

    def stored(self, number: int) -> int:
        """Return by which rulesets an event was stored, as bits; all must have done it."""
        return self._stored[number % EVENTS]

    def tell(self, part: int, done: int, number: int, bits: int) -> None:
        """Say that a part has done all events up to one, and what stored an event of its own.

        That event's number is 0 when there is none to tell of. All parts must have read what stood
        there: the event :data:`EVENTS` before that one.
        """
        with self._changed:
            if number:
                self._stored[number % EVENTS] = bits
            self._done[part] = done
            self._wake()

    def has_read(self, part: int, number: int) -> None:
        """Say that a part knows of all events up to one."""
        with self._changed:
            self._read[part] = number
            self._wake()

    def end(self, part: int) -> None:
        """Say that a part has done everything, and that nobody need wait for it to read."""
        with self._changed:
            self._done[part] = self._read[part] = _END
            self._wake()

    def done(self) -> int:
        """Return up to which event all parts are done."""
        with self._changed:
            return min(self._done)

    def read(self) -> int:
        """Return up to which event all parts know of all."""
        with self._changed:
            return min(self._read)

    def wait(self, done: int, read: int = _END) -> None:
        """Wait until more is done or read than that."""
        with self._changed:
            self._waiting[0] += 1
            self._changed.wait_for(lambda: self.done() > done or self.read() > read)
            self._waiting[0] -= 1

    def _wake(self) -> None:
        if self._waiting[0]:
            self._changed.notify_all()
