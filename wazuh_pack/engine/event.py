"""An event on its way through the engine.

All text is ``bytes``: analysisd works on byte strings, knows no UTF-8 and ends every string at the
first NUL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.engine.decoders import Decoder

STATIC_FIELDS = (
    "srcip",
    "dstip",
    "srcport",
    "dstport",
    "protocol",
    "action",
    "id",
    "url",
    "data",
    "extra_data",
    "status",
    "system_name",
    "srcuser",
    "dstuser",
)
"""The slots that analysisd keeps apart from dynamic fields, by the name that decoders use."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Who sent an event. The manager itself is agent ``000``; ``ip`` is empty when unknown."""

    id: bytes = b"000"
    name: bytes = b""
    ip: bytes = b""


_MANAGER = Agent()


@dataclass(slots=True)
class Event:
    """One event: what came in, and what pre-decoding and decoding have found so far."""

    full_log: bytes
    location: bytes
    time: float
    agent: Agent = _MANAGER
    lead: bytes = b""
    """The header that was cut off, with the NULs that analysisd writes into it."""
    log: bytes = b""
    """The text after the recognised header; what decoders and ``match``/``regex`` look at."""
    timestamp: bytes | None = None
    hostname: bytes | None = None
    """What rules call the host: an agent's name (empty when the location has none), else the host
    that the header names; None stands for the manager's own name."""
    program_name: bytes | None = None
    decoder: Decoder | None = None
    category: str = "syslog"
    """The decoder's type; a few plug-ins decide it per event."""
    rule_id: bytes | None = None
    """The rule that the event itself names (OSSECAlert plug-in); no other rule is looked for."""
    static: dict[str, bytes] = field(default_factory=dict)
    dynamic: list[tuple[bytes, bytes]] = field(default_factory=list)
    """All dynamic fields in the order found, duplicates included."""
    lookup: dict[bytes, bytes] = field(default_factory=dict)
    """Lower-cased name -> value of the first dynamic field of that name."""

    def add_dynamic(self, name: bytes, value: bytes) -> None:
        """Append a dynamic field; the first of a name (in any case) is the one that rules see."""
        self.dynamic.append((name, value))
        self.lookup.setdefault(name.lower(), value)
