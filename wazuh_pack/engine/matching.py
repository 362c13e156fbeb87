"""What every expression language of Wazuh has in common."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from threading import local
from typing import TYPE_CHECKING, NewType, Protocol

if TYPE_CHECKING:
    from wazuh_pack.engine.literals import Literal

Folded = NewType("Folded", str)
"""A text as :func:`fold` returns it; one character a byte, for ``str`` searches twice as fast."""


class Kind(Enum):
    """An expression language; the value is the name that the XML attribute ``type`` uses."""

    OSMATCH = "osmatch"
    OSREGEX = "osregex"
    PCRE2 = "pcre2"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Match:
    """Where an expression matched and what it captured.

    Attributes:
        end: Index of the last byte consumed, as analysisd 4.14.7 reports it: -1 for an empty PCRE2
            match at the start of the text, and in osregex often less than what was looked at.
            osmatch and string comparison report no end; theirs is -1.
        captures: The texts of the groups.
    """

    end: int
    captures: tuple[bytes, ...] = ()


class Expression(Protocol):
    """A compiled pattern."""

    @property
    def kind(self) -> Kind:
        """The language that the pattern is written in."""

    @property
    def pattern(self) -> bytes:
        """The pattern as given."""

    @property
    def groups(self) -> int:
        """How many capture groups a PCRE2 pattern has; 0 for every other kind.

        When a PCRE2 match captured nothing, analysisd leaves the captures of an earlier PCRE2 match
        in place; that is state of the decoding, so :attr:`Match.captures` is simply empty then.
        """

    def necessary(self) -> tuple[Literal, ...] | None:
        """Return literals of which at least one fits every folded text that matches.

        None when nothing is known; no literals when nothing can match. Costs time: not for every
        event.
        """

    def plain(self) -> Expression:
        """Return the same expression without faster ways to match."""

    def matches(self, text: bytes, folded: Folded | None = None) -> bool:
        """Tell whether the pattern matches.

        Args:
            text: The text to look at.
            folded: ``fold(text)`` when the caller has it; saves folding the text once per pattern.
                ``text`` must then hold no NUL.
        """

    def search(self, text: bytes, folded: Folded | None = None) -> Match | None:
        """Return where the pattern matches, or None; the arguments are those of :meth:`matches`."""


class _Exhausted(local):
    """Patterns whose matching was given up since somebody looked; per thread."""

    def __init__(self) -> None:
        self.patterns: list[bytes] = []


exhausted = _Exhausted()
"""Such a match is taken for none. analysisd does not say so; sessions tell."""


def prepare(text: bytes) -> tuple[bytes, Folded]:
    """Return the text up to its first NUL, as it is and folded."""
    text = text.partition(b"\0")[0] if b"\0" in text else text
    return text, Folded(text.lower().decode("latin-1"))


def cut(text: bytes) -> bytes:
    """Return the text up to its first NUL, which is where analysisd takes every text to end."""
    return text.partition(b"\0")[0] if b"\0" in text else text


def fold(text: bytes) -> Folded:
    """Return the text up to its first NUL with ASCII letters in lower case."""
    return prepare(text)[1]
