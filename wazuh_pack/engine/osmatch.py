"""osmatch: alternatives of fixed text, the language of most rule conditions.

Measured on analysisd 4.14.7: a leading ``!`` negates the whole result; ``|`` separates
alternatives; a ``^`` at the start and a ``$`` at the end of an alternative are anchors; everything
else is literal and ASCII letters match in either case.
"""

from __future__ import annotations

from dataclasses import dataclass

from wazuh_pack.engine.literals import PATTERN_LIMIT, Literal, LiteralSet
from wazuh_pack.engine.matching import Folded, Kind, Match, cut, fold
from wazuh_pack.errors import ExpressionError


@dataclass(frozen=True, slots=True)
class OsMatch:
    """A compiled osmatch pattern. It reports neither an end nor captures."""

    pattern: bytes
    _negated: bool
    _always: bool
    _literals: LiteralSet

    @classmethod
    def compile(cls, pattern: bytes) -> OsMatch:
        """Compile a pattern.

        Raises:
            ExpressionError: It is longer than 20480 bytes; nothing else is invalid.
        """
        source = cut(pattern)
        if len(source) > PATTERN_LIMIT:
            raise ExpressionError(f"osmatch pattern longer than {PATTERN_LIMIT} bytes")
        negated = source.startswith(b"!")
        literals = [_literal(part) for part in fold(source[negated:]).split("|")]
        return cls(
            pattern=pattern,
            _negated=negated,
            _always=any(not literal.text and _loose(literal) for literal in literals),
            _literals=LiteralSet.of(filter(_can_match, literals)),
        )

    @property
    def kind(self) -> Kind:
        """Always :attr:`Kind.OSMATCH`."""
        return Kind.OSMATCH

    @property
    def groups(self) -> int:
        """Always 0."""
        return 0

    def matches(self, text: bytes, folded: Folded | None = None) -> bool:
        """See :meth:`Expression.matches`."""
        if self._always:
            return not self._negated
        return self._literals.match(fold(text) if folded is None else folded) is not self._negated

    def search(self, text: bytes, folded: Folded | None = None) -> Match | None:
        """See :meth:`Expression.search`."""
        return Match(-1) if self.matches(text, folded) else None


def _literal(part: str) -> Literal:
    at_start = part.startswith("^")
    rest = part[at_start:]
    at_end = rest.endswith("$")
    return Literal(rest[: len(rest) - at_end], at_start=at_start, at_end=at_end)


def _loose(literal: Literal) -> bool:
    """Tell whether an empty text of this kind is in every text; only ``^$`` asks for more."""
    return not (literal.at_start and literal.at_end)


def _can_match(literal: Literal) -> bool:
    """Tell whether the alternative can match at all.

    analysisd compares signed with unsigned characters where an alternative has no anchor; there a
    byte of 0x80 or above equals nothing, not even itself.
    """
    return literal.at_start or literal.at_end or literal.text.isascii()
