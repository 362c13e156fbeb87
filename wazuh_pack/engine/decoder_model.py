"""What decoders are once they are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.engine.matching import Expression

Target = str | bytes
"""Where a captured text goes: a static slot (``str``) or a dynamic field (``bytes``)."""


class Offset(Enum):
    """What part of the text after the header an expression or plug-in looks at."""

    WHOLE = "whole"
    PARENT = "after_parent"
    PREMATCH = "after_prematch"
    REGEX = "after_regex"
    INVALID = "invalid"


class Plugin(Enum):
    """The built-in decoders; the value is the name that ``<plugin_decoder>`` uses."""

    JSON = "JSON_Decoder"
    PF = "PF_Decoder"
    SYMANTEC = "SymantecWS_Decoder"
    SONICWALL = "SonicWall_Decoder"
    OSSEC_ALERT = "OSSECAlert_Decoder"


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """One decoder.

    Attributes:
        name: What output and rules call it: a child has its parent's name unless it keeps its own.
        id: The number of the name; ``<decoded_as>`` compares it.
        type: The category of its events: ``syslog``, ``firewall``, ``ids``, ``web-log`` ...
        parent: The parent that a child names.
        keeps_name: ``<use_own_name>``.
        chained: When this child was run, the next one in the list is run as well.
        program_name: What a root decoder expects of the program's name.
        prematch: What decides whether the decoder is taken.
        prematch_offset: Where ``prematch`` starts.
        regex: What captures the fields.
        regex_offset: Where ``regex`` starts; on a root, after its own prematch is ``PARENT``.
        order: Where the captured texts go.
        plugin: The built-in decoder to run in place of ``regex``.
        plugin_offset: Where it starts.
        keep_null: JSON's null becomes the text ``null``; otherwise it is dropped.
        arrays_as_csv: JSON arrays become text with commas; otherwise they stay JSON.
        accumulate: Whether events of one id lend each other their fields.
        fts: Whether ``<if_fts/>`` can match its events.
        fts_slots: The static slots, and ``location``, that make up the event's key then.
        fts_fields: The dynamic fields that do.
        ftscomment: Shown in the output.
    """

    name: bytes
    id: int = 0
    type: str = "syslog"
    parent: bytes | None = None
    keeps_name: bool = False
    chained: bool = False
    program_name: Expression | None = None
    prematch: Expression | None = None
    prematch_offset: Offset = Offset.WHOLE
    regex: Expression | None = None
    regex_offset: Offset = Offset.WHOLE
    order: tuple[Target, ...] = ()
    plugin: Plugin | None = None
    plugin_offset: Offset = Offset.WHOLE
    keep_null: bool = True
    arrays_as_csv: bool = False
    accumulate: bool = False
    fts: bool = False
    fts_slots: frozenset[str] = frozenset()
    fts_fields: tuple[bytes, ...] = ()
    ftscomment: bytes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """A root decoder with its children in load order; roots of one name share children."""

    decoder: Decoder
    children: tuple[Decoder, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class DecoderSet:
    """All decoders of a ruleset.

    Attributes:
        with_program: Roots for events with a program name, in the order tried.
        without_program: Roots for all other events.
        ids: Every name given to a decoder, built-in ones included, and its id.
    """

    with_program: tuple[Root, ...]
    without_program: tuple[Root, ...]
    ids: Mapping[bytes, int]

    def id_of(self, name: bytes) -> int:
        """Return the id of a name given to any decoder (children included); 0 if there is none."""
        return self.ids.get(name, 0)
