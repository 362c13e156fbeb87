"""A lock between processes that ends with its holder, however the holder ends."""

from __future__ import annotations

import fcntl
import os
import time

from wazuh_pack.agentkit.errors import LockTimeoutError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05


class FileLock:
    """An exclusive ``flock`` on a file of its own.

    The kernel releases it when the holder exits or is killed, so no stale lock can stay behind. The
    descriptor is not inherited: a program that the holder starts cannot keep the lock.
    """

    __slots__ = ("_fd", "_path", "_seconds")

    def __init__(self, path: str, seconds: float = 5.0) -> None:
        self._path = path
        self._seconds = seconds
        self._fd = -1

    def try_acquire(self) -> bool:
        """Take the lock if it is free; return whether it is ours now."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return True

    def acquire(self) -> None:
        """Take the lock, waiting no longer than ``seconds``.

        Raises:
            LockTimeoutError: Somebody else kept it.
        """
        deadline = time.monotonic() + self._seconds
        pause = _FIRST_PAUSE
        while not self.try_acquire():
            left = deadline - time.monotonic()
            if left <= 0:
                raise LockTimeoutError(f"{self._path}: held by another process for too long")
            time.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def release(self) -> None:
        """Give the lock back."""
        fd, self._fd = self._fd, -1
        # A child that was forked meanwhile has the descriptor too, and would keep the lock.
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
