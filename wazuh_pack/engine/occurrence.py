"""An event while rules judge it, and afterwards as part of the history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from wazuh_pack.engine.matching import Folded, fold, prepare

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.history_index import Key
    from wazuh_pack.engine.rules import Rule

    Read = Callable[["Occurrence"], bytes | None]


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
    described: bool = True
    """The result's description is shown."""
    parent: Rule | None = None
    """The rule whose child is the result."""
    fired: int = -1
    counted: list[bytes] = field(default_factory=list)
    """Texts for ``previous_output``, newest first."""
    previous: bytes | None = None
    """``previous_log``, set by ``check_diff``."""
    stored_in: list[list[Occurrence]] = field(default_factory=list)
    """The histories that hold it, once for every entry."""
    keys: list[tuple[int, Key]] = field(default_factory=list)
    """Where the index of the histories has it: a rule's index and the key there."""
    _folded: Folded | None = None
    _texts: dict[Read, tuple[bytes, Folded] | None] = field(default_factory=dict)

    @property
    def folded(self) -> Folded:
        """The text after the header, prepared for matching without case."""
        if self._folded is None:
            self._folded = fold(self.event.log)
        return self._folded

    def release(self) -> None:
        """Forget what was prepared for matching; histories hold thousands of events."""
        self._folded = None
        self._texts = {}

    def text(self, read: Read) -> tuple[bytes, Folded] | None:
        """Return a value up to its first NUL and prepared for matching; None when it is absent."""
        try:
            return self._texts[read]
        except KeyError:
            value = read(self)
            found = None if value is None else prepare(value)
            self._texts[read] = found
            return found

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
