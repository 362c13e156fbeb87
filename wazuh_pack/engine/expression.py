"""Wazuh's expression languages behind one interface.

Everything works on ``bytes``, as analysisd 4.14.7 does: no character set is known, a text ends at
its first NUL, and only ASCII letters have case.
"""

from __future__ import annotations

from dataclasses import dataclass

from wazuh_pack.engine.matching import Expression, Folded, Kind, Match, cut, fold
from wazuh_pack.engine.osmatch import OsMatch
from wazuh_pack.engine.osregex import OsRegex

__all__ = ["Expression", "Folded", "Kind", "Match", "compile_expression", "fold"]


@dataclass(frozen=True, slots=True)
class ExactString:
    """A comparison byte for byte: no anchors, no negation, case matters."""

    pattern: bytes
    _value: bytes

    @property
    def kind(self) -> Kind:
        """Always :attr:`Kind.STRING`."""
        return Kind.STRING

    @property
    def groups(self) -> int:
        """Always 0."""
        return 0

    def matches(self, text: bytes, folded: Folded | None = None) -> bool:
        """See :meth:`Expression.matches`."""
        return (cut(text) if folded is None else text) == self._value

    def search(self, text: bytes, folded: Folded | None = None) -> Match | None:
        """See :meth:`Expression.search`."""
        return Match(-1) if self.matches(text, folded) else None


def compile_expression(pattern: bytes, kind: Kind, *, captures: bool = False) -> Expression:
    """Compile a pattern.

    Args:
        pattern: The pattern as the XML reader hands it over.
        kind: Its language.
        captures: True for a decoder's ``regex``; False for ``prematch`` and rule conditions. The
            same osregex pattern can match differently in the two ways (analysisd 4.14.7).

    Raises:
        ExpressionError: Wazuh refuses the pattern.
    """
    if kind is Kind.OSMATCH:
        return OsMatch.compile(pattern)
    if kind is Kind.OSREGEX:
        return OsRegex.compile(pattern, captures=captures)
    if kind is Kind.PCRE2:
        # The library costs start-up time, and only rulesets that use PCRE2 need it.
        from wazuh_pack.engine.pcre import Pcre2  # noqa: PLC0415

        return Pcre2.compile(pattern)
    return ExactString(pattern, cut(pattern))
