"""What the options of a rule refer to while it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.engine import conditions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_pack.engine.cdb import CdbList
    from wazuh_pack.engine.decoders import DecoderSet
    from wazuh_pack.engine.loadlog import LoadLog
    from wazuh_pack.xmlio import Node


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What options refer to."""

    decoders: DecoderSet
    lists: Sequence[CdbList]
    notes: LoadLog


def invalid_value(node: Node, around: Surroundings) -> Exception:
    """Note that an option cannot have its value (1274) and return what ends the loading."""
    message = f"invalid value of '{node.name}': {conditions.text(node.content)}."
    return around.notes.refuse(message, node.at, "1274")
