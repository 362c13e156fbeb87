"""Which files a ``<ruleset>`` element names, and in which order analysisd 4.14.7 loads them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_pack.engine.cdb import list_name
from wazuh_pack.engine.expression import Kind, compile_expression
from wazuh_pack.errors import ExpressionError, XmlError

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.engine.matching import Expression
    from wazuh_pack.xmlio import Node

_DEFAULT_PATTERN = b".xml$"
_INVALID_ELEMENT = "1230"
_CONFIGURATION_ERROR = "1202"


@dataclass(frozen=True, slots=True)
class RulesetFiles:
    """The files of a ruleset in load order; ``lists`` pairs the name that rules use with a file."""

    rules: tuple[Path, ...] = ()
    decoders: tuple[Path, ...] = ()
    lists: tuple[tuple[str, Path], ...] = ()


def ruleset_files(ruleset: Node, base: Path) -> RulesetFiles:
    """Return the files that a ``<ruleset>`` element names.

    The files of all folders and those named singly are sorted together by base name, byte by byte.
    Rules or decoders without a folder come from the stock folder (``ruleset/rules``,
    ``ruleset/decoders``); folders that do not exist are ignored.

    Args:
        ruleset: The element.
        base: What relative paths are relative to (the folder of the Wazuh installation).

    Raises:
        XmlError: An element that analysisd refuses (code 1230) or a pattern that does not compile
            (1202).
    """
    rules, decoders = _Source(b"ruleset/rules"), _Source(b"ruleset/decoders")
    lists: list[tuple[str, Path]] = []
    for option in ruleset.children:
        kind, _, action = option.name.partition("_")
        source = {"rule": rules, "decoder": decoders}.get(kind)
        if option.name == "list":
            name = os.fsdecode(option.content)
            lists.append((name, base / os.fsdecode(list_name(name))))
        elif source is not None and action in ("dir", "include", "exclude"):
            source.take(action, option)
        else:
            message = f"element '{option.shown}' is not allowed here"
            raise XmlError(message, at=option.at, code=_INVALID_ELEMENT)
    return RulesetFiles(rules.files(base), decoders.files(base), tuple(lists))


@dataclass(slots=True)
class _Source:
    """Where rules, or decoders, come from. Paths are as written."""

    default: bytes
    folders: list[tuple[bytes, Expression]] = field(default_factory=list)
    included: list[bytes] = field(default_factory=list)
    excluded: set[bytes] = field(default_factory=set)

    def take(self, action: str, option: Node) -> None:
        """Read one element of the configuration."""
        path = option.content
        if action == "exclude":
            self.excluded.add(path)
        elif action == "include":
            self.included.append(path if b"/" in path else self.default + b"/" + path)
        else:
            self.folders.append((path, _pattern(option)))

    def files(self, base: Path) -> tuple[Path, ...]:
        """Return the files in load order."""
        found = list(self.included)
        known = set(found)
        default = compile_expression(_DEFAULT_PATTERN, Kind.OSREGEX)
        for folder, pattern in self.folders or [(self.default, default)]:
            for name in _names(base / os.fsdecode(folder)):
                path = folder + b"/" + name
                taken = path not in known and self.excluded.isdisjoint((path, name))
                if taken and pattern.matches(path):
                    found.append(path)
                    known.add(path)
        found.sort(key=lambda path: path.rpartition(b"/")[2])
        return tuple(base / os.fsdecode(path) for path in found)


def _pattern(option: Node) -> Expression:
    """Return what a folder's files must match: without any attribute, the usual ending."""
    patterns = [value for name, value in option.attributes if name.lower() == "pattern"]
    if option.attributes and not patterns:
        raise _bad_pattern(option)
    try:
        return compile_expression(patterns[-1] if patterns else _DEFAULT_PATTERN, Kind.OSREGEX)
    except ExpressionError as error:
        raise _bad_pattern(option) from error


def _bad_pattern(option: Node) -> XmlError:
    message = f"the pattern of '{option.name}' is missing or wrong"
    return XmlError(message, at=option.at, code=_CONFIGURATION_ERROR)


def _names(folder: Path) -> list[bytes]:
    """Return the entries of a folder; a folder that cannot be read has none."""
    try:
        return sorted(os.fsencode(entry.name) for entry in folder.iterdir())
    except OSError:
        return []
