"""osmatch: alternatives of fixed text, the language of most rule conditions.

Measured on analysisd 4.14.7: a leading ``!`` negates the whole result; ``|`` separates
alternatives; a ``^`` at the start and a ``$`` at the end of an alternative are anchors; everything
else is literal and ASCII letters match in either case.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from wazuh_pack.engine.literals import PATTERN_LIMIT, Literal, LiteralSet
from wazuh_pack.engine.matching import Folded, Kind, Match, cut, fold
from wazuh_pack.errors import ExpressionError


@dataclass(frozen=True)  # cached_property needs a __dict__, hence no slots
class OsMatch:
    """A valid osmatch pattern, made ready when first used. It reports no end and no captures."""

    pattern: bytes

    @classmethod
    def compile(cls, pattern: bytes) -> OsMatch:
        """Compile a pattern.

        Raises:
            ExpressionError: It is longer than 20480 bytes; nothing else is invalid.
        """
        if len(cut(pattern)) > PATTERN_LIMIT:
            raise ExpressionError(f"osmatch pattern longer than {PATTERN_LIMIT} bytes")
        return cls(pattern)

    @cached_property
    def _negated(self) -> bool:
        return self.pattern.startswith(b"!")

    @cached_property
    def _parts(self) -> tuple[Literal, ...]:
        source = cut(self.pattern)
        return tuple(_literal(part) for part in fold(source[self._negated :]).split("|"))

    @cached_property
    def _always(self) -> bool:
        return any(not literal.text and _loose(literal) for literal in self._parts)

    @cached_property
    def _literals(self) -> LiteralSet:
        return LiteralSet.of(filter(_can_match, self._parts))

    @property
    def kind(self) -> Kind:
        """Always :attr:`Kind.OSMATCH`."""
        return Kind.OSMATCH

    @property
    def groups(self) -> int:
        """Always 0."""
        return 0

    def necessary(self) -> tuple[Literal, ...] | None:
        """See :meth:`Expression.necessary`."""
        return None if self._always or self._negated else self._literals.literals()

    def plain(self) -> OsMatch:
        """See :meth:`Expression.plain`."""
        return self

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
