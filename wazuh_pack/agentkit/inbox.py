"""Keeps accepted messages until they are dealt with, and lets one worker at a time do that.

A script puts its message here, starts a worker and exits. Whoever gets the worker's lock takes all
messages in the order they came; the others find the lock taken and end. A message leaves only when
it is dealt with, so a worker that is killed loses nothing: the next one takes the message again.
Handling must therefore come to the same when it is done twice.
"""

from __future__ import annotations

from wazuh_pack.agentkit.errors import InboxError, LockTimeoutError
from wazuh_pack.agentkit.files import names, read, remove, write_atomic
from wazuh_pack.agentkit.locks import FileLock
from wazuh_pack.agentkit.stdin import MAX_LINE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SUFFIX = ".message"
_DIGITS = 12


class Inbox:
    """The waiting messages in one folder that only root can enter."""

    __slots__ = ("_capacity", "_folder")

    def __init__(self, folder: str, capacity: int = 10_000) -> None:
        self._folder = folder
        self._capacity = capacity

    def put(self, message: bytes) -> None:
        """Keep a message, behind all that are there.

        Raises:
            InboxError: The folder is full or cannot be written.
        """
        try:
            with FileLock(f"{self._folder}/order.lock", seconds=2.0):
                waiting = self._waiting()
                if len(waiting) >= self._capacity:
                    raise InboxError(f"{len(waiting)} messages are waiting already")
                number = int(waiting[-1][:_DIGITS]) + 1 if waiting else 1
                write_atomic(f"{self._folder}/{number:0{_DIGITS}}{_SUFFIX}", message)
        except (OSError, LockTimeoutError) as error:
            raise InboxError(f"{self._folder}: {error}") from error

    def drain(
        self,
        handle: Callable[[Sequence[bytes]], None],
        finish: Callable[[], None],
        batch: int = 256,
    ) -> None:
        """Let ``handle`` deal with all messages, unless another process is doing so.

        ``handle`` gets up to ``batch`` messages at a time, oldest first; ``finish`` is called once
        none is left, while nobody else is at work. Neither may raise.
        """
        lock = FileLock(f"{self._folder}/worker.lock")
        # Looked at again after the lock is released: a message may have come in between, from a
        # script whose own worker found the lock taken.
        while self._waiting() and lock.try_acquire():
            try:
                self._work(handle, batch)
                finish()
            finally:
                lock.release()

    def _work(self, handle: Callable[[Sequence[bytes]], None], batch: int) -> None:
        while True:
            taken = self._waiting()[:batch]
            if not taken:
                return
            messages = [read(f"{self._folder}/{name}", MAX_LINE) or b"" for name in taken]
            handle(messages)
            # In ascending order: put() counts on from the last name it sees.
            for name in taken:
                remove(f"{self._folder}/{name}")

    def _waiting(self) -> list[str]:
        return [
            name
            for name in names(self._folder)
            if name.endswith(_SUFFIX) and name[:_DIGITS].isdigit()
        ]
