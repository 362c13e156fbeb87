"""Test cases: events that must fire a detection and events that must not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wazuh_pack.location import Location


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a case, sent ``repeat`` times, each ``every`` seconds after the one before.

    ``event`` is what the vendor writes: a mapping for JSON sources, a string for text. ``source``
    is empty for the detection's own source. ``after`` is a pause in seconds before the first.
    ``vary`` gives, for a dotted path of the event, a value for each repetition.
    """

    event: Any
    source: str = ""
    repeat: int = 1
    every: float = 1.0
    after: float = 0.0
    vary: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    at: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Case:
    """Events in order, whether the last of them must fire, and where they come from.

    A firing case fires at its last event and at none before; a quiet one never fires.
    """

    name: str
    origin: str
    steps: tuple[Step, ...]
    fires: bool
    message: str = ""
    """What the alert's description must be; empty: not checked."""
    at: Location | None = field(default=None, compare=False)
