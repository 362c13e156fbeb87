"""A source system: how its events reach Wazuh and which of its fields matter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.location import Location
    from wazuh_pack.model.condition import Matcher
    from wazuh_pack.model.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Delivery:
    """How events reach Wazuh: the ossec.conf fragment (Jinja2) and its default parameters."""

    summary: str
    location: str
    """What analysisd gets as the event's location."""
    config: str = ""
    parameters: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """The rule that all of a source's detections hang from.

    ``parents`` are ids of stock rules; without any, the rule stands under the root of its decoder's
    category and ``decoded_as`` names the decoder.
    """

    matcher: Matcher
    parents: tuple[int, ...] = ()
    decoded_as: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A source system; a folder of the content."""

    id: str
    title: str
    prefix: str
    """What rule descriptions begin with."""
    order: int
    """Three digits of the rendered files' names; correlations over several sources come last."""
    first_id: int
    last_id: int
    delivery: Delivery
    envelope: Envelope
    gate: Gate | None
    actor: str = ""
    address: str = ""
    object: str = ""
    groups: tuple[str, ...] = ()
    full_log: bool = False
    """Whether alerts carry the raw line; JSON events stand in the alert's data already."""
    decoders: Path | None = None
    lists: tuple[tuple[str, Path], ...] = ()
    """Name in ``etc/lists`` and the file it is made from."""
    at: Location | None = field(default=None, compare=False)
