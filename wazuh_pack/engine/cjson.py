"""JSON as cJSON 1.7.18 reads it: the library that analysisd 4.14.7 is built with.

It differs from the standard where it matters to rules: numbers are doubles, any byte up to 0x20 is
a blank, duplicates are kept, bytes are not checked to be UTF-8, text after the value is ignored,
and a string ends at an escaped NUL.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeAlias

Scalar: TypeAlias = bool | int | float | str | None
Value: TypeAlias = Scalar | list["Value"] | tuple[tuple[str, "Value"], ...]
"""A parsed value; an object is a tuple of its members, so that duplicates and order are kept.

Bytes of a string that are not UTF-8 are surrogates, as ``surrogateescape`` makes them.
"""

Object: TypeAlias = tuple[tuple[str, Value], ...]

INT_MIN = -(2**31)
INT_MAX = 2**31 - 1
_DEPTH_LIMIT = 1000
_NUMBER_LIMIT = 63

_BLANKS = re.compile(rb"[\x01-\x20]*")
_NUMBER_BYTES = re.compile(rb"[-0-9][-+.0-9eE]*")
_NUMBER = re.compile(rb"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_STRING = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_HEX = re.compile(rb"[0-9A-Fa-f]{4}")
_WORDS: tuple[tuple[bytes, bool | None], ...] = (
    (b"null", None),
    (b"false", False),
    (b"true", True),
)
_ESCAPES = {
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b'"': b'"',
    b"\\": b"\\",
    b"/": b"/",
}
_UNICODE_ESCAPE = 6
_HIGH_SURROGATES = range(0xD800, 0xDC00)
_LOW_SURROGATES = range(0xDC00, 0xE000)

# The standard library's scanner is many times faster. It is only asked where both agree.
_FAST_NESTING = 900
_UNCOMMON_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class JsonError(ValueError):
    """The text is not what cJSON takes for JSON."""


def parse(data: bytes) -> Value:
    """Return the first value of a text that holds no NUL.

    Raises:
        JsonError: There is none.
    """
    try:
        return _parse_common(data)
    except (ValueError, RecursionError):
        return parse_exactly(data)[0]


def parse_exactly(data: bytes) -> tuple[Value, int]:
    """Return the first value of a text and where it ends, byte by byte as cJSON does.

    Raises:
        JsonError: There is no value.
    """
    return _Parser(data).parse()


def integer(number: float) -> int | None:
    """Return a number as the C ``int`` that equals it; None if there is none."""
    if INT_MIN <= number <= INT_MAX and number == int(number):
        return int(number)
    return None


def encode(text: str) -> bytes:
    """Return the bytes that a string stands for."""
    return text.encode("utf-8", "surrogateescape")


def _parse_common(data: bytes) -> Value:
    """Parse with the standard library.

    What it accepts under these conditions cJSON accepts with the same result: valid UTF-8, numbers
    of no more than 63 bytes, no escape that gives a NUL or half a character, nesting below the
    limit. Any refusal is left to :func:`parse_exactly`.
    """
    if data.count(b"{") + data.count(b"[") > _FAST_NESTING:
        raise JsonError("perhaps nested too deeply")
    if b"\\u" in data and _UNCOMMON_ESCAPE.search(data):
        raise JsonError("perhaps a string that is cut")
    value: Value = _COMMON.raw_decode(data.decode())[0]
    if not isinstance(value, (list, tuple)):
        raise JsonError("perhaps a number that cJSON reads further: 01")
    return value


def _common_int(text: str) -> int:
    if len(text) > _NUMBER_LIMIT:
        raise JsonError("number too long")
    return int(text)


def _common_float(text: str) -> float:
    if len(text) > _NUMBER_LIMIT:
        raise JsonError("number too long")
    return float(text)


def _refuse(text: str) -> NoReturn:
    raise JsonError(f"{text} is no number")


_COMMON = json.JSONDecoder(
    object_pairs_hook=tuple,
    parse_int=_common_int,
    parse_float=_common_float,
    parse_constant=_refuse,
    strict=False,
)


class _Open:
    """A container whose end has not been seen yet."""

    __slots__ = ("items", "key", "members")

    def __init__(self, *, is_object: bool) -> None:
        self.items: list[Value] = []
        self.members: list[tuple[str, Value]] | None = [] if is_object else None
        self.key = ""

    def add(self, value: Value) -> None:
        if self.members is None:
            self.items.append(value)
        else:
            self.members.append((self.key, value))

    @property
    def closing(self) -> bytes:
        return b"]" if self.members is None else b"}"

    def value(self) -> Value:
        return self.items if self.members is None else tuple(self.members)


class _Parser:
    """Parses without recursion: cJSON's nesting limit is as high as Python's."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 3 if data.startswith(b"\xef\xbb\xbf") and len(data) > 3 else 0  # noqa: PLR2004
        self._stack: list[_Open] = []

    def parse(self) -> tuple[Value, int]:
        self._skip_blanks()
        while True:
            if self._enter():
                continue
            value = self._scalar()
            while self._stack:
                container = self._stack[-1]
                container.add(value)
                self._skip_blanks()
                if self._next() == b",":
                    self._pos += 1
                    self._to_item()
                    break
                value = self._leave()
            else:
                return value, self._pos

    def _enter(self) -> bool:
        """Open a container that has items; an empty one is a scalar to the caller."""
        opening = self._next()
        if opening not in (b"{", b"["):
            return False
        if len(self._stack) >= _DEPTH_LIMIT:
            raise JsonError("nested too deeply")
        start = self._pos
        container = _Open(is_object=opening == b"{")
        self._pos += 1
        self._skip_blanks()
        if self._next() == container.closing:
            self._pos = start
            return False
        self._stack.append(container)
        self._to_item()
        return True

    def _leave(self) -> Value:
        container = self._stack.pop()
        if self._next() != container.closing:
            raise JsonError("container not closed")
        self._pos += 1
        return container.value()

    def _to_item(self) -> None:
        """Go to an item's value, past the name that a member has."""
        self._skip_blanks()
        container = self._stack[-1]
        if container.members is not None:
            container.key = self._string()
            self._skip_blanks()
            if self._next() != b":":
                raise JsonError("member without a value")
            self._pos += 1
            self._skip_blanks()

    def _scalar(self) -> Value:
        first = self._next()
        if first == b'"':
            return self._string()
        if first in (b"{", b"["):
            self._pos += 1
            self._skip_blanks()
            self._pos += 1
            return () if first == b"{" else []
        for word, value in _WORDS:
            if self._data.startswith(word, self._pos):
                self._pos += len(word)
                return value
        return self._number()

    def _number(self) -> float:
        found = _NUMBER_BYTES.match(self._data, self._pos, self._pos + _NUMBER_LIMIT)
        number = found and _NUMBER.match(found.group())
        if not number:
            raise JsonError("no value")
        self._pos += number.end()
        value = float(number.group())
        whole = integer(value)
        return value if whole is None else whole

    def _string(self) -> str:
        found = _STRING.match(self._data, self._pos)
        if found is None:
            raise JsonError("no string")
        self._pos = found.end()
        raw = found.group(1)
        if b"\\" in raw:
            raw = _unescape(raw).partition(b"\0")[0]
        return raw.decode("utf-8", "surrogateescape")

    def _skip_blanks(self) -> None:
        found = _BLANKS.match(self._data, self._pos)
        if found:
            self._pos = found.end()

    def _next(self) -> bytes:
        return self._data[self._pos : self._pos + 1]


def _unescape(raw: bytes) -> bytes:
    parts: list[bytes] = []
    start = 0
    while (backslash := raw.find(b"\\", start)) >= 0:
        parts.append(raw[start:backslash])
        kind = raw[backslash + 1 : backslash + 2]
        if kind == b"u":
            code, start = _code_point(raw, backslash)
            parts.append(chr(code).encode())
        elif kind in _ESCAPES:
            parts.append(_ESCAPES[kind])
            start = backslash + 2
        else:
            raise JsonError("unknown escape")
    parts.append(raw[start:])
    return b"".join(parts)


def _code_point(raw: bytes, at: int) -> tuple[int, int]:
    """Return what an escape in hexadecimal stands for and where the text goes on."""
    first = _code_unit(raw, at)
    after = at + _UNICODE_ESCAPE
    if first in _LOW_SURROGATES:
        raise JsonError("second half of a character without the first")
    if first not in _HIGH_SURROGATES:
        return first, after
    if raw[after : after + 2] != b"\\u":
        raise JsonError("first half of a character without the second")
    second = _code_unit(raw, after)
    if second not in _LOW_SURROGATES:
        raise JsonError("first half of a character without the second")
    code = 0x10000 + ((first & 0x3FF) << 10) + (second & 0x3FF)
    return code, after + _UNICODE_ESCAPE


def _code_unit(raw: bytes, at: int) -> int:
    """Return the value of four digits; anything but four hexadecimal digits counts as 0."""
    if len(raw) - at < _UNICODE_ESCAPE:
        raise JsonError("escape too short")
    digits = raw[at + 2 : at + _UNICODE_ESCAPE]
    return int(digits, 16) if _HEX.fullmatch(digits) else 0
