"""osregex patterns, from bytes to tokens; every number and rule here is analysisd 4.14.7's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from string import ascii_lowercase, ascii_uppercase, digits
from typing import TYPE_CHECKING

from wazuh_pack.engine.literals import PATTERN_LIMIT
from wazuh_pack.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DIGITS = frozenset(digits)
_WORD = _DIGITS | frozenset(ascii_lowercase + "_@-")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-.:;<=>?[]{|}")

FOLDED_BYTES = frozenset(map(chr, range(1, 256))) - frozenset(ascii_uppercase)
"""The bytes that a folded text can hold. No class tells a letter's cases apart, hence all matching
can be done on folded text."""

_CLASSES = {
    "w": _WORD,
    "W": FOLDED_BYTES - _WORD,
    "d": _DIGITS,
    "D": FOLDED_BYTES - _DIGITS,
    "s": frozenset(" "),
    "S": FOLDED_BYTES - frozenset(" "),
    "p": _PUNCTUATION,
    "t": frozenset("\t"),
    ".": FOLDED_BYTES,
    **{byte: frozenset(byte) for byte in "()\\$|<"},
}


class Op(Enum):
    """What a token asks for."""

    BYTE = "byte"  # a literal byte
    CLASS = "class"  # one byte of an escape's class
    PLUS = "plus"  # an escape with +
    STAR = "star"  # an escape with *
    GROUP = "group"  # a parenthesis; opening and closing ones are treated alike


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an alternative, with the bytes of a folded text that it accepts.

    A group's member is the parenthesis: of two adjacent ones analysisd takes the second literally.
    """

    op: Op
    members: frozenset[str]

    @property
    def repeats(self) -> bool:
        """Whether the token is an escape with ``+`` or ``*``."""
        return self.op is Op.PLUS or self.op is Op.STAR

    @property
    def advances(self) -> bool:
        """Whether the token stands for exactly one byte."""
        return self.op is Op.BYTE or self.op is Op.CLASS


@dataclass(frozen=True, slots=True)
class Alternative:
    """The tokens between two ``|`` and the anchors around them."""

    tokens: tuple[Token, ...]
    at_start: bool
    at_end: bool


_GROUP = Token(Op.GROUP, frozenset("("))
_CARET = Token(Op.BYTE, frozenset("^"))
_DOLLAR = Token(Op.BYTE, frozenset("$"))


def parse(source: str) -> tuple[Alternative, ...]:
    """Split a pattern, one character a byte, into alternatives.

    Raises:
        ExpressionError: It is too long, has an unknown escape or a trailing backslash, or its
            parentheses are nested, unbalanced or hold a ``|``.
    """
    if len(source) > PATTERN_LIMIT:
        raise ExpressionError(f"osregex pattern longer than {PATTERN_LIMIT} bytes")
    return tuple(_anchored(tokens) for tokens in _split(_tokens(source)))


def _tokens(source: str) -> Iterator[Token | None]:
    """Yield the pattern's tokens, None for a ``|``."""
    position = 0
    inside = False
    while position < len(source):
        byte = source[position]
        position += 1
        if byte == "\\":
            token, position = _escape(source, position)
            yield token
        elif byte in "()":
            if inside is (byte == "("):
                problem = "nested '('" if inside else "')' without '('"
                raise ExpressionError(f"osregex: {problem} at byte {position}")
            inside = not inside
            yield _GROUP
        elif byte == "|":
            if inside:
                raise ExpressionError(f"osregex: '|' inside a group at byte {position}")
            yield None
        else:
            yield Token(Op.BYTE, _literal_members(byte))
    if inside:
        raise ExpressionError("osregex: '(' is never closed")


def _escape(source: str, position: int) -> tuple[Token, int]:
    """Return the token of the escape whose letter is at ``position``, and where the next begins."""
    letter = source[position : position + 1]
    members = _CLASSES.get(letter)
    if members is None:
        raise ExpressionError(f"osregex: unknown escape '\\{letter}' at byte {position}")
    suffix = source[position + 1 : position + 2]
    if suffix == "+":
        return Token(Op.PLUS, members), position + 2
    if suffix == "*":
        return Token(Op.STAR, members), position + 2
    return Token(Op.CLASS, members), position + 1


def _literal_members(byte: str) -> frozenset[str]:
    """Return what a literal accepts: nothing from 0x80 on, where analysisd's signedness differs."""
    return frozenset(byte.lower() if byte.isascii() else "")


def _split(tokens: Iterable[Token | None]) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in tokens:
        if token is None:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _anchored(tokens: list[Token]) -> Alternative:
    at_start = bool(tokens) and tokens[0] == _CARET
    rest = tokens[at_start:]
    at_end = bool(rest) and rest[-1] == _DOLLAR
    return Alternative(tuple(rest[: len(rest) - at_end]), at_start, at_end)
