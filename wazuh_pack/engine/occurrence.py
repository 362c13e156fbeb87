"""An event while rules judge it, and afterwards as part of the history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from wazuh_pack.engine.expression import Folded, fold

if TYPE_CHECKING:
    from datetime import tzinfo

    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.rules import Rule


@dataclass(slots=True, eq=False)
class Occurrence:
    """A decoded event with what the rules need beside it."""

    event: Event
    hostname: bytes
    """What ``<hostname>`` sees: the agent's name, else the header's host, else the manager."""
    second: int
    """When it was processed, on the session's clock."""
    zone: tzinfo
    """The manager's time zone."""
    matched: int = 0
    """The level of the composite that has used this event up; 0 when none has."""
    rule: Rule | None = None
    """The result."""
    parent: Rule | None = None
    """The rule whose child is the result."""
    fired: int = -1
    counted: list[bytes] = field(default_factory=list)
    """Texts for ``previous_output``, newest first."""
    previous: bytes | None = None
    """``previous_log``, set by ``check_diff``."""
    stored_in: list[list[Occurrence]] = field(default_factory=list)
    """The histories that hold it, once for every entry."""
    _folded: Folded | None = None

    @property
    def folded(self) -> Folded:
        """The text after the header, prepared for matching without case."""
        if self._folded is None:
            self._folded = fold(self.event.log)
        return self._folded

    @property
    def decoder_id(self) -> int:
        """The decoder's id, 0 when no decoder took the event."""
        return self.event.decoder.id if self.event.decoder else 0

    @property
    def local_time(self) -> datetime:
        """When it was processed, on the manager's wall clock; for ``<time>`` and ``<weekday>``."""
        return datetime.fromtimestamp(self.second, self.zone)

    def value(self, name: str) -> bytes | None:
        """Return a static field's value, or the location under the name ``location``."""
        event = self.event
        return event.location if name == "location" else event.static.get(name)
