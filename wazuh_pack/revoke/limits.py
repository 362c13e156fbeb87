"""How much may be done in which time, and when a provider is left alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wazuh_pack.agentkit.files import read, write_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_FILE = 8 << 20
_FAULTS = 5
_OPEN_SECONDS = 300.0
_LONGEST_WAIT = 6 * 3600.0


class Window:
    """Counts events in a sliding window.

    Times in the future (the clock was set back) are forgotten: they would stay too long.
    """

    __slots__ = ("_limit", "_seconds", "times")

    def __init__(self, limit: int, seconds: float, times: Sequence[float] = ()) -> None:
        self._limit = limit
        self._seconds = seconds
        self.times = list(times)

    def free_at(self, now: float) -> float:
        """Return when the next event may happen: ``now`` or later."""
        self.times = [when for when in self.times if 0 <= now - when < self._seconds]
        if len(self.times) < self._limit:
            return now
        return self.times[-self._limit] + self._seconds

    def count(self, now: float) -> None:
        """Count an event."""
        self.times.append(now)


class Breaker:
    """Refuses new actions when too many began within the window, remembered in a file.

    A flood of forged log lines, or a rule that went wrong, must not revoke everything.
    """

    __slots__ = ("_path", "_window")

    def __init__(self, path: str, *, limit: int, window: int) -> None:
        self._path = path
        self._window = Window(limit, window, _numbers(_load(path).get("times")))

    def has_room(self, now: float) -> bool:
        """Return whether one more may begin."""
        return self._window.free_at(now) <= now

    def allows(self, now: float) -> bool:
        """Return whether one more may begin; count it if so."""
        if not self.has_room(now):
            return False
        self._window.count(now)
        write_atomic(self._path, json.dumps({"times": self._window.times}).encode())
        return True


class Pace:
    """When one provider may be called next; remembered in a file, so that a restart asks no sooner.

    After several faults in a row (no answer, or an error of the provider's own) it is left alone
    for a while; then one call tries whether it is back.
    """

    __slots__ = ("_faults", "_not_before", "_path", "_window")

    def __init__(self, path: str, *, count: int, seconds: int) -> None:
        self._path = path
        saved = _load(path)
        self._window = Window(count, seconds, _numbers(saved.get("times")))
        self._not_before = (_numbers([saved.get("not_before")]) or [0.0])[0]
        faults = saved.get("faults")
        self._faults = faults if isinstance(faults, int) else 0

    def ready_at(self, now: float) -> float:
        """Return when the next call may be made: ``now`` or later."""
        if self._not_before - now > _LONGEST_WAIT:  # the clock was set back
            self._not_before = now
        return max(self._window.free_at(now), self._not_before)

    def called(self, now: float) -> None:
        """Count a call that is about to be made."""
        self._window.count(now)
        self._save()

    def worked(self) -> None:
        """Note that the provider answered sensibly."""
        if self._faults:
            self._faults = 0
            self._save()

    def failed(self, now: float) -> None:
        """Note a fault of the provider."""
        self._faults += 1
        if self._faults >= _FAULTS:
            self._not_before = max(self._not_before, now + _OPEN_SECONDS)
        self._save()

    def wait(self, now: float, seconds: float) -> None:
        """Make no call for some seconds: the provider said so."""
        self._not_before = max(self._not_before, now + min(seconds, _LONGEST_WAIT))
        self._save()

    def _save(self) -> None:
        document = {
            "times": self._window.times,
            "not_before": self._not_before,
            "faults": self._faults,
        }
        write_atomic(self._path, json.dumps(document).encode())


def _load(path: str) -> dict[str, object]:
    try:
        found = json.loads(read(path, _MAX_FILE) or b"{}")
    except ValueError:
        return {}  # written by nobody but us: damaged, so count anew
    return found if isinstance(found, dict) else {}


def _numbers(value: object) -> list[float]:
    if not isinstance(value, list):
        return []
    return [float(item) for item in value if isinstance(item, (int, float))]
