"""JSON as cJSON 1.7.18 prints it: the text of arrays in fields, and of events given as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import chain, repeat
from sys import float_info
from typing import TYPE_CHECKING

from wazuh_pack.engine.cjson import encode, integer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_pack.engine.cjson import Object, Scalar, Value


def print_value(value: Value) -> bytes:
    """Return the value as cJSON formats it for reading; dynamic fields hold arrays so."""
    return _Printer(_FORMATTED).print(value)


def print_compact(value: Value) -> bytes:
    """Return the value as cJSON prints it without formatting."""
    return _Printer(_COMPACT).print(value)


def number_text(number: float) -> str:
    """Return a number as cJSON prints it."""
    whole = integer(number)
    if whole is not None:
        return str(whole)
    number = float(number)
    if math.isinf(number):
        return "null"
    text = f"{number:.15g}"
    # cJSON compares with a tolerance: 15 digits often do where 17 would be exact.
    largest = max(abs(float(text)), abs(number))
    if abs(float(text) - number) > largest * float_info.epsilon:
        text = f"{number:.17g}"
    return text


_quote = json.JSONEncoder(ensure_ascii=False).encode


def _scalar_text(value: Scalar) -> str:
    if isinstance(value, str):
        return _quote(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value)


@dataclass(frozen=True, slots=True)
class _Style:
    """How containers are printed."""

    comma: str
    colon: str
    newline: str
    tab: str


_FORMATTED = _Style(comma=", ", colon=":\t", newline="\n", tab="\t")
_COMPACT = _Style(comma=",", colon=":", newline="", tab="")


class _Printer:
    """Prints without recursion: cJSON's nesting limit is as high as Python's."""

    def __init__(self, style: _Style) -> None:
        self._style = style
        self._out: list[str] = []
        # Of each open container: what is still to be printed, each item with the text before it,
        # and the container's end.
        self._stack: list[tuple[Iterator[tuple[str, Value]], str]] = []

    def print(self, value: Value) -> bytes:
        out, stack = self._out, self._stack
        self._value(value)
        while stack:
            items, end = stack[-1]
            for lead, item in items:
                out.append(lead)
                if isinstance(item, (list, tuple)):
                    self._value(item)
                    break
                out.append(_scalar_text(item))
            else:
                stack.pop()
                out.append(end)
        return encode("".join(out))

    def _value(self, value: Value) -> None:
        """Print a scalar or open a container."""
        if isinstance(value, list):
            leads = chain(("",), repeat(self._style.comma))
            self._out.append("[")
            self._stack.append((zip(leads, value, strict=False), "]"))
        elif isinstance(value, tuple):
            self._open_object(value)
        else:
            self._out.append(_scalar_text(value))

    def _open_object(self, members: Object) -> None:
        style = self._style
        indent = style.tab * (len(self._stack) + 1)
        leads = chain((indent,), repeat("," + style.newline + indent))
        named = (
            (lead + _quote(name) + style.colon, item)
            for lead, (name, item) in zip(leads, members, strict=False)
        )
        end = (style.newline if members else "") + style.tab * len(self._stack) + "}"
        self._out.append("{" + style.newline)
        self._stack.append((named, end))
