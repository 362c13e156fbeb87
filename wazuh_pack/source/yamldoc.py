"""YAML with positions: nodes that know their line, and readers that collect problems.

Scalars follow the YAML 1.2 core schema, so ``no``, ``012`` and ``12:30`` are strings and not
False, 10 and 750 as in YAML 1.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from wazuh_pack.diagnostics import Diagnostic
from wazuh_pack.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DURATION = re.compile(r"([0-9]+)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass
class Problems:
    """The problems found so far in a load."""

    found: list[Diagnostic] = field(default_factory=list)

    def add(self, code: str, message: str, at: Location | None, hint: str = "") -> None:
        """Record a problem of severity error."""
        self.found.append(Diagnostic(code=code, message=message, at=at, hint=hint))


@dataclass(frozen=True)
class Doc:
    """A YAML node with its file, and typed access that records problems instead of raising."""

    node: yaml.Node
    path: Path
    problems: Problems

    @property
    def at(self) -> Location:
        """Where the node begins."""
        mark = self.node.start_mark
        return Location(self.path, mark.line + 1, mark.column + 1)

    def fail(self, message: str, hint: str = "", code: str = "WP101") -> None:
        """Record a problem at this node."""
        self.problems.add(code, message, self.at, hint)

    def child(self, node: yaml.Node) -> Doc:
        """Return the same view of another node of this file."""
        return Doc(node, self.path, self.problems)

    def items(self) -> list[tuple[str, Doc, Doc]]:
        """Return (key, key node, value node) of a mapping; duplicate keys are problems."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fail("expected a mapping", "write `key: value` lines here")
            return []
        seen: set[str] = set()
        result = []
        for key_node, value_node in self.node.value:
            key = self.child(key_node)
            name = str(key_node.value)
            if name in seen:
                key.fail(f"the key {name!r} stands here twice", "keep one of them")
                continue
            seen.add(name)
            result.append((name, key, self.child(value_node)))
        return result

    def mapping(
        self, *, required: Iterable[str] = (), optional: Iterable[str] = ()
    ) -> dict[str, Doc]:
        """Return the members of a mapping; unknown and missing keys are problems."""
        required = tuple(required)
        known = {*required, *optional}
        result = {}
        for name, key, value in self.items():
            if name not in known:
                key.fail(f"unknown key {name!r}", f"known here: {', '.join(sorted(known))}")
                continue
            result[name] = value
        missing = [name for name in required if name not in result]
        if missing and isinstance(self.node, yaml.MappingNode):
            self.fail(f"missing: {', '.join(missing)}")
        return result

    def sequence(self) -> list[Doc]:
        """Return the items of a sequence."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.fail("expected a list", "write `- item` lines here")
            return []
        return [self.child(item) for item in self.node.value]

    def one_or_more(self) -> list[Doc]:
        """Return the items of a sequence, or the node itself as the only item."""
        return self.sequence() if isinstance(self.node, yaml.SequenceNode) else [self]

    def text(self) -> str:
        """Return a scalar's text, trimmed."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.fail("expected a text")
            return ""
        value = str(self.node.value).strip()
        if not value:
            self.fail("this text is empty")
        return value

    def line(self) -> str:
        """Return a scalar's text with line breaks folded into blanks."""
        return " ".join(self.text().split())

    def texts(self) -> tuple[str, ...]:
        """Return a list of texts; a single text counts as a list of one."""
        return tuple(item.line() for item in self.one_or_more())

    def integer(self, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high``; ``low`` after a problem."""
        value = self.scalar()
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.fail(f"expected a whole number from {low} to {high}")
            return low
        return value

    def boolean(self) -> bool:
        """Return true or false."""
        value = self.scalar()
        if not isinstance(value, bool):
            self.fail("expected true or false")
            return False
        return value

    def seconds(self) -> int:
        """Return a duration written as a number and s, m, h or d."""
        match = _DURATION.fullmatch(self.text())
        if match is None:
            self.fail("expected a duration", "a number and s, m, h or d, such as 5m")
            return 0
        return int(match[1]) * _SECONDS[match[2]]

    def choice(self, known: Iterable[str]) -> str:
        """Return one of the known words."""
        value = self.text()
        known = tuple(known)
        if value not in known:
            self.fail(f"{value!r} is not known here", f"one of: {', '.join(known)}")
        return value

    def scalar(self) -> Any:
        """Return a scalar by the core schema: None, bool, int, float or str."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.fail("expected a single value")
            return None
        text = str(self.node.value)
        if self.node.style:
            return text
        return _plain(text)

    def value(self) -> Any:
        """Return the node as plain data (for events)."""
        if isinstance(self.node, yaml.MappingNode):
            return {name: item.value() for name, _, item in self.items()}
        if isinstance(self.node, yaml.SequenceNode):
            return [item.value() for item in self.sequence()]
        return self.scalar()


def _plain(text: str) -> Any:
    if text in _NULLS:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and (text.lstrip("+-") == "0" or not text.lstrip("+-").startswith("0")):
        return int(text)
    if _FLOAT.fullmatch(text) and not _INT.fullmatch(text):
        return float(text)
    return text


def read(path: Path, problems: Problems) -> Doc | None:
    """Return the document in a file; None (and a problem) when it cannot be read as YAML."""
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=_LOADER)
    except UnicodeDecodeError:
        problems.add("WP100", "not UTF-8 text", Location(path), "save the file as UTF-8")
        return None
    except OSError as error:
        problems.add("WP100", f"cannot be read: {error.strerror}", Location(path))
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
        problems.add("WP100", f"not valid YAML: {error.problem}", at)
        return None
    except yaml.YAMLError as error:
        problems.add("WP100", f"not valid YAML: {error}", Location(path))
        return None
    if node is None:
        problems.add("WP100", "the file is empty", Location(path))
        return None
    return Doc(node, path, problems)
