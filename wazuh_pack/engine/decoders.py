"""Decoders: the model and loading from XML, as analysisd 4.14.7 does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.errors import DiagnosticsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wazuh_pack.diagnostics import Diagnostic


class LoadError(DiagnosticsError):
    """Loading stops, as analysisd would; :attr:`diagnostics` also holds what was only warned of."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoder:
    """One decoder.

    Attributes:
        name: What output and rules call it: a child has its parent's name unless it keeps its own.
        id: The number of the name; ``<decoded_as>`` compares it.
        type: The category of its events: ``syslog``, ``firewall``, ``ids``, ``web-log`` ...
        parent: The parent that a child names.
        ftscomment: Shown in the output.
        accumulate: Whether events of one id lend each other their fields.
        fts: Whether ``<if_fts/>`` can match its events.
    """

    name: bytes
    id: int
    type: str
    parent: bytes | None
    ftscomment: bytes | None
    accumulate: bool
    fts: bool


class DecoderSet:
    """All decoders of a ruleset."""

    def id_of(self, name: bytes) -> int:
        """Return the id of a name given to any decoder (children included); 0 if there is none."""
        raise NotImplementedError


def load_decoders(paths: Sequence[Path]) -> tuple[DecoderSet, list[Diagnostic]]:
    """Load decoders from files, in this order.

    Returns:
        The decoders, and what analysisd would log; a diagnostic's code is the message number,
        empty for a message without one. Entries of severity error do not stop analysisd, but make it
        refuse a test session.

    Raises:
        LoadError: analysisd would not start.
    """
    raise NotImplementedError
