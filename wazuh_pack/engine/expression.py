"""Wazuh's expression languages behind one interface.

Everything works on ``bytes``, as analysisd 4.14.7 does: no character set is known, a text ends at its
first NUL, and only ASCII letters have case.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


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
        end: Index of the last byte consumed, as analysisd reports it: -1 for an empty match at the
            start of the text, and in osregex often less than what was looked at. osmatch and string
            comparison report no end; theirs is -1.
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
        """How many capture groups a PCRE2 pattern has; 0 for every other kind."""

    def matches(self, text: bytes, folded: bytes | None = None) -> bool:
        """Tell whether the pattern matches.

        Args:
            text: The text to look at.
            folded: ``fold(text)`` when the caller has it; saves folding the text once per pattern.
                ``text`` must then hold no NUL.
        """

    def search(self, text: bytes, folded: bytes | None = None) -> Match | None:
        """Return where the pattern matches, or None; the arguments are those of :meth:`matches`."""


def fold(text: bytes) -> bytes:
    """Return the text up to its first NUL with ASCII letters in lower case."""
    return text.partition(b"\0")[0].lower()


def compile_expression(pattern: bytes, kind: Kind, *, captures: bool = False) -> Expression:
    """Compile a pattern.

    Args:
        pattern: The pattern as the XML reader hands it over.
        kind: Its language.
        captures: True for a decoder's ``regex``; False for ``prematch`` and rule conditions. The same
            osregex pattern can match differently in the two ways.

    Raises:
        ExpressionError: Wazuh refuses the pattern.
    """
    raise NotImplementedError
