"""An element as Wazuh's reader sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.location import Location

if TYPE_CHECKING:
    from pathlib import Path


def shown(name: str) -> str:
    """Return the name of an element or attribute, as nodes have it, for messages."""
    return name.encode("latin-1").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Node:
    """One element.

    Attributes:
        name: The element's name as written, bytes above 127 as Latin-1.
        attributes: Names and values in the order written.
        content: The text after the last child element, or the whole text; never trimmed.
        children: The elements inside.
        line: The line of the element's start, from 1.
        path: The file.
    """

    name: str
    attributes: tuple[tuple[str, bytes], ...]
    content: bytes
    children: tuple[Node, ...]
    line: int
    path: Path

    @property
    def shown(self) -> str:
        """The name for messages."""
        return shown(self.name)

    @property
    def at(self) -> Location:
        """Where the element starts."""
        return Location(self.path, self.line)

    def attribute(self, name: str) -> bytes | None:
        """Return the value of the first attribute of exactly this name."""
        for key, value in self.attributes:
            if key == name:
                return value
        return None
