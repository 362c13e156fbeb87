"""Which files a ``<ruleset>`` element names, and in which order analysisd 4.14.7 loads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.xmlio import Node


@dataclass(frozen=True, slots=True)
class RulesetFiles:
    """The files of a ruleset in load order; ``lists`` pairs the name that rules use with a file."""

    rules: tuple[Path, ...] = ()
    decoders: tuple[Path, ...] = ()
    lists: tuple[tuple[str, Path], ...] = ()


def ruleset_files(ruleset: Node, base: Path) -> RulesetFiles:
    """Return the files that a ``<ruleset>`` element names.

    Args:
        ruleset: The element.
        base: What relative paths are relative to (the folder of the Wazuh installation).

    Raises:
        XmlError: An element that analysisd refuses (code 1230) or a pattern that does not compile
            (1202).
    """
    raise NotImplementedError
