"""When events happen that are judged as they come: at their own times, if they name one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timezone, tzinfo
from typing import TYPE_CHECKING

from wazuh_pack.verify.backtest_input import JITTER, LATEST, Reader

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Moment:
    """When an event happens.

    Attributes:
        seconds: Since the epoch.
        reason: Where that comes from, in words.
    """

    seconds: float
    reason: str


class EventClock:
    """Tells when each of a row of events happens.

    An event that names a time happens then, or with the event before it when it is a little older:
    analysisd would have taken it in the order of arrival. One that names none happens as long after
    the event before it as it came, the first one now.
    """

    def __init__(
        self,
        *,
        at: float | None = None,
        gap: float = 0.0,
        zone: tzinfo = timezone.utc,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Begin.

        Args:
            at: Seconds since the epoch at which the first event happens, whatever events say.
            gap: Seconds from each event to the next, if ``at`` is given.
            zone: The time zone of times that name none.
            wall: This machine's clock.
        """
        self._next = at
        self._gap = gap
        self._wall = wall
        self._reader = Reader((), latest=wall(), zone=zone)
        self._last: tuple[float, float] | None = None

    def moment(self, event: bytes) -> Moment:
        """Return when the next event happens."""
        if self._next is not None:
            found = Moment(self._next, "as asked for")
            self._next = min(self._next + self._gap, LATEST)
            return found
        now = self._wall()
        found = self._own(event) or self._following(now)
        self._last = found.seconds, now
        return found

    def _own(self, event: bytes) -> Moment | None:
        own = self._reader.own_time(event)
        if own is None:
            return None
        if self._last is not None and 0 < self._last[0] - own <= JITTER:
            return Moment(self._last[0], "that of the event before, which is a little later")
        return Moment(own, "the event's own")

    def _following(self, now: float) -> Moment:
        if self._last is None:
            return Moment(now, "now; the event names none")
        last, read = self._last
        return Moment(last + max(now - read, 0.0), "after the event before; the event names none")
