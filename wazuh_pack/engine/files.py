"""Which files a ``<ruleset>`` element names, and in which order analysisd 4.14.7 loads them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_pack.diagnostics import Diagnostic
from wazuh_pack.engine.cdb import list_name
from wazuh_pack.engine.expression import Kind, compile_expression
from wazuh_pack.errors import DiagnosticsError, ExpressionError
from wazuh_pack.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterable
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
    fell_back: bool = False
    """Whether stock files stand in for rules or decoders of which none was found. analysisd does
    that when it starts, but not when it opens a session of logtest."""


def ruleset_files(elements: Iterable[Node], base: Path) -> RulesetFiles:
    """Return the files that the ``<ruleset>`` elements of a configuration name.

    The files of all folders and those named singly are sorted together by base name, byte by byte.
    Rules or decoders without a folder come from the stock folder (``ruleset/rules``,
    ``ruleset/decoders``); folders that do not exist are ignored. Of several elements the last one
    that finds any rules, decoders or lists counts for these. Without any file of rules or decoders
    the stock folders are read, where missing decoders bring the stock rules with them.

    Args:
        elements: The elements.
        base: What relative paths are relative to (the folder of the Wazuh installation).

    Raises:
        DiagnosticsError: analysisd refuses an element (code 1230) or a pattern (1202).
    """
    rules: tuple[Path, ...] = ()
    decoders: tuple[Path, ...] = ()
    lists: tuple[tuple[str, Path], ...] = ()
    for element in elements:
        found = _named(element, base)
        rules, decoders = found.rules or rules, found.decoders or decoders
        lists = found.lists or lists
    if rules and decoders:
        return RulesetFiles(rules, decoders, lists)
    stock = RulesetFiles(_rules().files(base), _decoders().files(base))
    if not decoders:
        rules = stock.rules or rules
    return RulesetFiles(rules or stock.rules, decoders or stock.decoders, lists, fell_back=True)


def _named(ruleset: Node, base: Path) -> RulesetFiles:
    """Return the files that one element names, without standing in for any."""
    rules, decoders = _rules(), _decoders()
    lists: list[tuple[str, Path]] = []
    if not ruleset.children:
        raise _refusal(_invalid(ruleset, "is empty"))
    for option in ruleset.children:
        kind, _, action = option.name.partition("_")
        source = {"rule": rules, "decoder": decoders}.get(kind)
        if option.name == "list":
            name = os.fsdecode(option.content)
            lists.append((name, base / os.fsdecode(list_name(name))))
        elif source is not None and action in ("dir", "include", "exclude"):
            source.take(action, option)
        else:
            raise _refusal(_invalid(option, "is not allowed here"))
    found = decoders.files(base)
    return RulesetFiles(rules.files(base), found, tuple(lists))


def _rules() -> _Source:
    return _Source(b"ruleset/rules", "rules_dir")


def _decoders() -> _Source:
    return _Source(b"ruleset/decoders", "decoder_dir")


@dataclass(slots=True)
class _Source:
    """Where rules, or decoders, come from. Paths are as written."""

    default: bytes
    shown: str
    """What analysisd calls the setting of a folder."""
    folders: list[Node] = field(default_factory=list)
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
            self.folders.append(option)

    def files(self, base: Path) -> tuple[Path, ...]:
        """Return the files in load order.

        Raises:
            DiagnosticsError: A pattern does not compile.
        """
        found = list(self.included)
        known = set(found)
        usual = compile_expression(_DEFAULT_PATTERN, Kind.OSREGEX)
        folders = [(option.content, self._pattern(option)) for option in self.folders]
        for folder, pattern in folders or [(self.default, usual)]:
            for name in _names(base / os.fsdecode(folder)):
                path = folder + b"/" + name
                taken = path not in known and self.excluded.isdisjoint((path, name))
                if taken and pattern.matches(path):
                    found.append(path)
                    known.add(path)
        found.sort(key=lambda path: path.rpartition(b"/")[2])
        return tuple(base / os.fsdecode(path) for path in found)

    def _pattern(self, option: Node) -> Expression:
        """Return what a folder's files must match: without any attribute, the usual ending."""
        patterns = [value for name, value in option.attributes if name.lower() == "pattern"]
        if option.attributes and not patterns:
            raise self._bad_pattern(option)
        try:
            return compile_expression(patterns[-1] if patterns else _DEFAULT_PATTERN, Kind.OSREGEX)
        except ExpressionError as error:
            raise self._bad_pattern(option) from error

    def _bad_pattern(self, option: Node) -> DiagnosticsError:
        message = f"configuration error: 'pattern in {self.shown} does not compile'"
        detail = f"the pattern of {option.name} is missing or no OS_Regex"
        return _refusal(
            Diagnostic(_CONFIGURATION_ERROR, message, option.at), Diagnostic("", detail, option.at)
        )


def _invalid(element: Node, problem: str) -> Diagnostic:
    return Diagnostic(_INVALID_ELEMENT, f"element '{element.shown}' {problem}", element.at)


def _refusal(*found: Diagnostic) -> DiagnosticsError:
    """Return what analysisd says to an error in ``<ruleset>``: that, and twice what file it is."""
    at = found[0].at
    file = Location(at.path) if at else None
    last = Diagnostic(_CONFIGURATION_ERROR, "the configuration cannot be used", file)
    return DiagnosticsError([*found, last, last])


def _names(folder: Path) -> list[bytes]:
    """Return the entries of a folder; a folder that cannot be read has none."""
    try:
        return sorted(os.fsencode(entry.name) for entry in folder.iterdir())
    except OSError:
        return []
