"""Keeps accepted messages until they are dealt with, and lets one worker at a time do that.

A script puts its message here, starts a worker and exits. Whoever gets the worker's lock takes all
messages in the order they came; the others find the lock taken and end. A message leaves only when
it is dealt with, so a worker that is killed loses nothing: the next one takes the message again.
Handling must therefore come to the same when it is done twice.

A worker may wait for more messages. While it does, the shell lines at a script's head
(``wazuh_pack.bundle.launcher``) put messages here themselves and ring, and no further Python is
started. A message is a file whose name is twelve digits, the first a 1, and which ends with a line
feed; one that does not is still being written.
"""

from __future__ import annotations

import time

from wazuh_pack.agentkit.doorbell import Doorbell, dismiss, ring
from wazuh_pack.agentkit.errors import InboxError, LockTimeoutError, PostponedError
from wazuh_pack.agentkit.files import is_young, names, read, remove, remove_leftovers, write_new
from wazuh_pack.agentkit.locks import FileLock
from wazuh_pack.agentkit.stdin import MAX_LINE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SUFFIX = ".message"
_DIGITS = 12
_BEFORE_FIRST = 10 ** (_DIGITS - 1)
_ABANDONED = 2.0
_PAUSE = 0.005


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
                while not self._put(message + b"\n"):
                    continue  # the shell took the number; it does not know the lock
        except (OSError, LockTimeoutError) as error:
            raise InboxError(f"{self._folder}: {error}") from error

    def ring(self) -> bool:
        """Tell the worker that waits for messages that there is one; False when none waits.

        After True the message will be dealt with: a worker looks once more after its bell is gone.
        """
        return ring(self._folder)

    def drain(
        self,
        handle: Callable[[Sequence[bytes]], object],
        finish: Callable[[], object],
        batch: int = 256,
        linger: Callable[[], float] | None = None,
    ) -> None:
        """Let ``handle`` deal with all messages, unless another process is doing so.

        ``handle`` gets up to ``batch`` messages at a time, oldest first; ``finish`` is called once
        none is left, while nobody else is at work. Then ``linger`` says for how many seconds to
        wait for more; 0 ends the work, as does its absence. None of them may raise anything but the
        one below.

        Raises:
            PostponedError: ``handle`` said so; the work has ended, and the messages are still here.
        """
        lock = FileLock(f"{self._folder}/worker.lock")
        # Looked at again after the lock is released: a message may have come in between, from a
        # script whose own worker found the lock taken.
        while self._waiting() and lock.try_acquire():
            try:
                if linger is None:
                    self._work(handle, batch)
                    finish()
                else:
                    self._stay(handle, finish, batch, linger)
            finally:
                lock.release()
        remove_leftovers(self._folder)  # now that nobody waits for it

    def attend(
        self,
        handle: Callable[[Sequence[bytes]], object],
        finish: Callable[[], object],
        batch: int = 256,
        seconds: float = 30.0,
    ) -> None:
        """Do the same even if no message waits; a worker that lingers is sent away.

        Raises:
            LockTimeoutError: Another worker is busy for longer than ``seconds``.
        """
        dismiss(self._folder)
        with FileLock(f"{self._folder}/worker.lock", seconds=seconds):
            self._work(handle, batch)
            finish()
        self.drain(handle, finish, batch)

    def _put(self, content: bytes) -> bool:
        waiting = self._waiting()
        if len(waiting) >= self._capacity:
            raise InboxError(f"{len(waiting)} messages are waiting already")
        number = int(waiting[-1][:_DIGITS]) if waiting else _BEFORE_FIRST
        try:
            write_new(f"{self._folder}/{number + 1}{_SUFFIX}", content)
        except FileExistsError:
            return False
        return True

    def _stay(
        self,
        handle: Callable[[Sequence[bytes]], object],
        finish: Callable[[], object],
        batch: int,
        linger: Callable[[], float],
    ) -> None:
        with Doorbell(self._folder) as bell:
            while True:
                self._work(handle, batch)
                finish()
                seconds = linger()
                if not (seconds and bell.wait(seconds)):
                    return

    def _work(self, handle: Callable[[Sequence[bytes]], object], batch: int) -> None:
        while True:
            waiting = self._waiting()[:batch]
            if not waiting:
                return
            messages = self._complete(waiting)
            if not messages:
                time.sleep(_PAUSE)
                continue
            done = 0
            try:
                handle(messages)
                done = len(messages)
            except PostponedError as error:
                done = error.done
                raise
            finally:
                # In ascending order: put() counts on from the last name it sees.
                for name in waiting[:done]:
                    remove(f"{self._folder}/{name}")

    def _complete(self, waiting: Sequence[str]) -> list[bytes]:
        """Return the messages up to the first that is still being written."""
        messages = []
        for name in waiting:
            path = f"{self._folder}/{name}"
            content = read(path, MAX_LINE + 2) or b""
            if content.endswith(b"\n"):
                content = content[:-1]
            elif len(content) <= MAX_LINE and is_young(path, _ABANDONED):  # a killed shell's half
                break
            messages.append(content)
        return messages

    def _waiting(self) -> list[str]:
        return [
            name
            for name in names(self._folder)
            if name.endswith(_SUFFIX) and name[:_DIGITS].isdigit()
        ]
