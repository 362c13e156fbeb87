"""When the next scan is due, and whether scans have stayed away.

Times are seconds since the epoch, kept in a file: intervals go on over reboots. A clock that went
back makes a scan due early, never late.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Callable

from wazuh_pack.agentkit.files import read, write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.scan.config import Schedule

_LIMIT = 1 << 16
_FAR = 1e12
_FORGOTTEN = 90 * 86_400


@dataclass(frozen=True)
class Record:
    """What is known about earlier runs; 0 means never."""

    begun: float = 0.0
    """When the wodle ran for the first time."""
    due: float = 0.0
    succeeded: float = 0.0
    running: float = 0.0
    """When the run began that has not ended yet."""

    @classmethod
    def load(cls, path: Path) -> Record:
        """Read the record; one that is lost or damaged counts as never run."""
        names = [item.name for item in fields(cls)]
        return cls(**{name: value for name, value in _load(path).items() if name in names})

    def save(self, path: Path) -> None:
        """Write the record."""
        write_atomic(str(path), json.dumps(asdict(self)).encode())


def begin(record: Record, now: float, schedule: Schedule, spread: Callable[[], float]) -> Record:
    """Return the record of a wodle that runs for the first time: due within the jitter.

    ``spread`` gives random numbers from 0 to 1.
    """
    return replace(record, begun=now, due=now + spread() * schedule.jitter)


def settled(record: Record, now: float) -> Record:
    """Return the record without times that are still to come.

    The clock was ahead when they were written; silence is counted from now on.
    """
    return replace(record, begun=min(record.begun, now), succeeded=min(record.succeeded, now))


def is_due(record: Record, now: float, schedule: Schedule) -> bool:
    """Tell whether a scan is due."""
    # Farther away than any start can be put off: the clock was ahead when it was written.
    return not now < record.due <= now + schedule.interval + schedule.jitter


def before_run(
    record: Record, now: float, schedule: Schedule, spread: Callable[[], float]
) -> Record:
    """Return the record of a run that begins, as it is to stay if the run never ends.

    The next one is due as after a failure: what kills the host must not come every few minutes.
    """
    record = after_run(record, now, schedule, succeeded=False, spread=spread)
    return replace(record, running=now)


def after_run(
    record: Record,
    now: float,
    schedule: Schedule,
    *,
    succeeded: bool,
    spread: Callable[[], float] = random.random,
) -> Record:
    """Return the record after a run."""
    record = settled(record, now)
    wait = schedule.interval if succeeded else min(schedule.retry, schedule.interval)
    due = now + wait + spread() * schedule.jitter
    return Record(
        begun=record.begun or now, due=due, succeeded=now if succeeded else record.succeeded
    )


def overdue(record: Record, now: float, schedule: Schedule) -> float:
    """Return for how many seconds there was no successful run, 0 while that is in order."""
    if not record.begun:
        return 0.0
    silent = now - max(record.succeeded, record.begun)
    return silent if silent > 2 * schedule.interval + schedule.jitter else 0.0


class Notices:
    """Keeps a lasting problem from making an event at every run of the wodle."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._given = _load(path)

    def known(self, key: str) -> bool:
        """Tell whether a notice was ever given."""
        return key in self._given

    def wanted(self, key: str, now: float, period: float) -> bool:
        """Tell whether a notice is to be given now, and note that it was."""
        given = self._given.get(key, 0.0)
        if 0 <= now - given < period:
            return False
        self._given[key] = now
        self._given = {key: given for key, given in self._given.items() if now - given < _FORGOTTEN}
        write_atomic(str(self._path), json.dumps(self._given).encode())
        return True


class Arrivals:
    """When something last came from where it is expected."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._came = _load(path)

    def note(self, key: str, now: float) -> None:
        """Note that something came."""
        self._came[key] = now
        write_atomic(str(self._path), json.dumps(self._came).encode())

    def silent(self, key: str, now: float) -> float:
        """Return for how many seconds nothing came, from the first time of asking on."""
        # A time that is still to come: the clock was ahead.
        if not 0 <= self._came.get(key, -1.0) <= now:
            self.note(key, now)
        return now - self._came[key]


def _load(path: Path) -> dict[str, float]:
    try:
        found = json.loads(read(str(path), _LIMIT) or b"{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        str(name): float(value)
        for name, value in found.items()
        if isinstance(value, (int, float)) and 0 <= value < _FAR
    }
