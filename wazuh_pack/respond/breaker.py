"""Stops blocking when too many addresses are blocked in too short a time.

A flood of forged log lines, or a rule that went wrong, must not be able to block half the world.
"""

from __future__ import annotations

from wazuh_pack.agentkit.files import read, write_atomic
from wazuh_pack.agentkit.jsontext import dumps, loads

_MAX_FILE = 32 << 20


class Breaker:
    """Counts new blocks in a sliding window, remembered in a file.

    Entries from the future (the clock was set back) are forgotten: they would stay too long.
    """

    __slots__ = ("_limit", "_path", "_times", "_window")

    def __init__(self, path: str, *, limit: int, window: int) -> None:
        self._path = path
        self._limit = limit
        self._window = window
        self._times = _load(path)

    def allows(self, now: float) -> bool:
        """Return whether one more may be blocked at this moment."""
        self._times = [when for when in self._times if 0 <= now - when < self._window]
        return len(self._times) < self._limit

    def count(self, now: float) -> None:
        """Count one new block; :meth:`save` makes it last."""
        self._times.append(now)

    def discount(self) -> None:
        """Take back the block counted last: it could not be done."""
        self._times.pop()

    def save(self) -> None:
        """Write what was counted."""
        write_atomic(self._path, dumps(self._times).encode())


def _load(path: str) -> list[float]:
    try:
        return [float(when) for when in loads((read(path, _MAX_FILE) or b"[]").decode("ascii"))]
    except (ValueError, TypeError):
        return []  # written by nobody but us: damaged, so count anew
