"""A loaded ruleset as JSON and back.

Only data is written, and only the classes listed here are ever built from it: reading a snapshot
runs nothing that is in it. Patterns are stored as texts; their validity is not checked again.

Rules and their places in the tree are filled in when they are first looked at: an event meets few
of them, and building all takes longer than everything else about a start.

Layout: ``shells`` are these rules and places, which refer to each other in circles; ``objects`` are
all others. Each is a row: its shape (the class, and the fields that have not their default), then
the values of these fields. Texts begin with a letter: ``s`` text, ``b`` bytes (as Latin-1), ``p``
path.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields
from enum import Enum
from functools import cache
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from wazuh_pack.diagnostics import Diagnostic, Severity
from wazuh_pack.engine import (
    addresses,
    cdb,
    conditions,
    decoder_model,
    rule_loader,
    rules,
    schedule,
)
from wazuh_pack.engine.compiled import PREDICATES
from wazuh_pack.engine.expression import ExactString
from wazuh_pack.engine.osmatch import OsMatch
from wazuh_pack.engine.osregex import OsRegex
from wazuh_pack.engine.pcre import Pcre2
from wazuh_pack.engine.tree import RuleNode
from wazuh_pack.errors import PackError
from wazuh_pack.location import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SHELLS: tuple[type, ...] = (rules.Rule, RuleNode)
_CLASSES: tuple[type, ...] = (
    *(Diagnostic, Location, ExactString, OsMatch, OsRegex, Pcre2, rule_loader.Levels),
    *(rules.Options, rules.Correlation, rules.Mitre, rules.Definition),
    *(decoder_model.Decoder, decoder_model.Root, decoder_model.DecoderSet),
    *(cdb.CdbList, addresses.Network, schedule.TimeRange, conditions.DecodedAs),
    *(conditions.ValueCondition, conditions.LogCondition, conditions.AddressCondition),
    *(conditions.CompiledRule, conditions.MaxSize, conditions.TimeCondition),
    *(conditions.WeekdayCondition, conditions.CheckDiff, conditions.FirstTimeSeen),
    *(conditions.ListCondition, conditions.HistorySearch),
)
_ENUMS: tuple[type[Enum], ...] = (
    *(Severity, cdb.Lookup, decoder_model.Offset, decoder_model.Plugin, rules.Search),
)
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{
        read.__name__: read
        for read in (
            *(conditions.program_name, conditions.hostname, conditions.location),
            *(conditions.user, conditions.list_user, conditions.absent),
        )
    },
    **{name.decode(): predicate for name, predicate in PREDICATES.items()},
}
_NAMES = {function: name for name, function in _FUNCTIONS.items()}

_NOT_STORED = "_by_decoder"
_FIELDS = {
    cls: tuple(field for field in fields(cls) if field.name != _NOT_STORED)
    for cls in (*_SHELLS, *_CLASSES)
}
_NUMBERS = {cls: number for number, cls in enumerate((*_SHELLS, *_CLASSES))}


class SnapshotError(PackError):
    """The data is no snapshot, or something cannot be stored."""


def dump(root: object) -> str:
    """Return the JSON for an object and all that it refers to."""
    return _Writer().dump(root)


def restore(text: str) -> Any:
    """Return the object that :func:`dump` has written.

    Raises:
        SnapshotError: The text is something else.
    """
    try:
        return _Reader(json.loads(text)).root()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise SnapshotError("not a snapshot of a ruleset") from error


class _Writer:
    def __init__(self) -> None:
        self._shells: list[object] = []
        self._objects: list[list[Any]] = []
        self._shapes: dict[tuple[int | str, ...], int] = {}
        self._known: dict[object, list[Any]] = {}
        self._kept: list[object] = []

    def dump(self, root: object) -> str:
        written = self._value(root)
        filled: list[list[Any]] = []
        while len(filled) < len(self._shells):
            filled.append(self._row(self._shells[len(filled)]))
        shapes = list(self._shapes)
        data = {"shapes": shapes, "shells": filled, "objects": self._objects, "root": written}
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"))

    def _row(self, value: object) -> list[Any]:
        names: list[str] = []
        values: list[Any] = []
        for field in _FIELDS[type(value)]:
            found = getattr(value, field.name)
            if not _is_default(field, found):
                names.append(field.name)
                values.append(self._value(found))
        shape: tuple[int | str, ...] = (_NUMBERS[type(value)], *names)
        return [self._shapes.setdefault(shape, len(self._shapes)), *values]

    def _value(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int)):
            return value
        if isinstance(value, str):
            return "s" + value
        if isinstance(value, bytes):
            return "b" + value.decode("latin-1")
        if isinstance(value, Path):
            return f"p{value}"
        if type(value) in _NUMBERS:
            return self._reference(value)
        return self._collection(value)

    def _collection(self, value: Any) -> list[Any]:
        if isinstance(value, dict):
            parts = [part for pair in value.items() for part in pair]
            return ["d", *map(self._value, parts)]
        if isinstance(value, frozenset):
            return ["f", *map(self._value, sorted(value))]
        if isinstance(value, (tuple, list)):
            kind = "t" if isinstance(value, tuple) else "l"
            return [kind, *map(self._value, value)]
        return (
            ["e", _ENUMS.index(type(value)), value.value]
            if isinstance(value, Enum)
            else (_function(value))
        )

    def _reference(self, value: Any) -> list[Any]:
        """Return what stands for an object; equal objects that never change become one."""
        try:
            key = (type(value), value)
            known = self._known.get(key)
        except TypeError:
            # Holds something that cannot be hashed: only itself is the same.
            key = (type(value), id(value))
            known = self._known.get(key)
            self._kept.append(value)
        if known is None:
            if isinstance(value, _SHELLS):
                known = ["x", len(self._shells)]
                self._known[key] = known
                self._shells.append(value)
            else:
                row = self._row(value)
                known = ["o", len(self._objects)]
                self._known[key] = known
                self._objects.append(row)
        return known


def _is_default(field: Field[Any], value: object) -> bool:
    if field.default is not MISSING:
        return type(value) is type(field.default) and value == field.default
    return field.default_factory is not MISSING and not value


def _function(value: Any) -> list[Any]:
    if isinstance(value, conditions.StaticField):
        return ["static", value.name]
    if isinstance(value, conditions.DynamicField):
        return ["dynamic", value.key.decode("latin-1")]
    return ["function", _NAMES[value]]


class _Late:
    """Fills a shell when something is asked of it that is not there yet."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        source = object.__getattribute__(self, "_source")
        if source is not None:
            reader, row = source
            reader.fill(self, row)
        return object.__getattribute__(self, name)


class _LateRule(_Late, rules.Rule):
    __slots__ = ("_source",)


class _LateNode(_Late, RuleNode):
    __slots__ = ("_source",)


_LATE: dict[type, type] = {rules.Rule: _LateRule, RuleNode: _LateNode}
_NUMBERS |= {late: _NUMBERS[cls] for cls, late in _LATE.items()}
_FIELDS |= {late: _FIELDS[cls] for cls, late in _LATE.items()}


class _Reader:
    def __init__(self, data: dict[str, Any]) -> None:
        classes = (*_SHELLS, *_CLASSES)
        self._root = data["root"]
        self._path = cache(Path)
        self._filling = RLock()
        self._shapes = [(classes[number], names) for number, *names in data["shapes"]]
        self._rows = data["objects"]
        self._objects: list[Any] = [None] * len(self._rows)
        self._shells: list[Any] = []
        for row in data["shells"]:
            shell: Any = object.__new__(_LATE[self._shapes[row[0]][0]])
            shell._source = (self, row)  # noqa: SLF001 - its own class
            self._shells.append(shell)

    def root(self) -> Any:
        return self._value(self._root)

    def fill(self, shell: Any, row: list[Any]) -> None:
        with self._filling:
            if shell._source is not None:  # noqa: SLF001 - another thread may have come first
                cls, names = self._shapes[row[0]]
                cls.__init__(shell, **dict(zip(names, self._values(row), strict=True)))
                shell._source = None  # noqa: SLF001 - its own class

    def _object(self, number: int) -> Any:
        found = self._objects[number]
        if found is None:
            row = self._rows[number]
            cls, names = self._shapes[row[0]]
            found = cls(**dict(zip(names, self._values(row), strict=True)))
            self._objects[number] = found
        return found

    def _value(self, part: Any) -> Any:
        return self._values((0, part))[0]

    def _values(self, row: Sequence[Any]) -> list[Any]:
        """Return what the parts behind the first stand for; all in one place, it is the hot one."""
        found: list[Any] = []
        for part in row[1:]:
            if type(part) is str:
                kind = part[0]
                value: Any = part[1:]
                if kind == "b":
                    value = value.encode("latin-1")
                elif kind == "p":
                    value = self._path(value)
            elif type(part) is not list:
                value = part
            elif part[0] == "o":
                value = self._object(part[1])
            elif part[0] == "x":
                value = self._shells[part[1]]
            else:
                value = _COLLECTIONS[part[0]](self, part)
            found.append(value)
        return found

    def _dict(self, part: list[Any]) -> dict[Any, Any]:
        found = self._values(part)
        return dict(zip(found[::2], found[1::2], strict=True))


_COLLECTIONS: dict[str, Callable[[_Reader, list[Any]], Any]] = {
    "t": lambda reader, part: tuple(reader._values(part)),  # noqa: SLF001 - its own table
    "l": lambda reader, part: reader._values(part),  # noqa: SLF001 - its own table
    "f": lambda reader, part: frozenset(reader._values(part)),  # noqa: SLF001 - its own table
    "d": lambda reader, part: reader._dict(part),  # noqa: SLF001 - its own table
    "e": lambda _, part: _ENUMS[part[1]](part[2]),
    "static": lambda _, part: conditions.static_field(part[1]),
    "dynamic": lambda _, part: conditions.dynamic_field(part[1].encode("latin-1")),
    "function": lambda _, part: _FUNCTIONS[part[1]],
}
