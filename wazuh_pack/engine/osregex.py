"""osregex: the language of decoders and of the rule conditions ``regex`` and ``field``.

An alternative is matched by string operations or by Python's ``re`` where that is provably the
same, and by the scan otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from wazuh_pack.engine.literals import Literal, LiteralSet
from wazuh_pack.engine.matching import Folded, Kind, Match, cut, exhausted, fold
from wazuh_pack.engine.osregex_memo import Exhausted
from wazuh_pack.engine.osregex_parse import Op, check, parse
from wazuh_pack.engine.osregex_shapes import Verbatim, matcher, necessary, scanner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_pack.engine.osregex_parse import Alternative
    from wazuh_pack.engine.osregex_shapes import Found, Matcher


@dataclass(frozen=True)  # cached_property needs a __dict__, hence no slots
class OsRegex:
    """An osregex pattern that is valid; it is made ready when it is first used.

    Attributes:
        pattern: The pattern as given.
        captures: Whether its groups are to be captured.
        translated: False to have every alternative scanned for, however simple it is.
    """

    pattern: bytes
    captures: bool
    translated: bool = True

    @classmethod
    def compile(cls, pattern: bytes, *, captures: bool) -> OsRegex:
        """Compile a pattern.

        Args:
            pattern: The pattern.
            captures: Whether its groups are to be captured.

        Raises:
            ExpressionError: analysisd 4.14.7 refuses it.
        """
        check(cut(pattern).decode("latin-1"))
        return cls(pattern, captures)

    def plain(self) -> OsRegex:
        """See :meth:`Expression.plain`."""
        return replace(self, translated=False)

    @cached_property
    def capturing(self) -> bool:
        """Whether it has groups and is compiled for their captures."""
        return self.captures and any(
            token.op is Op.GROUP for part in self._alternatives for token in part.tokens
        )

    @cached_property
    def _alternatives(self) -> tuple[Alternative, ...]:
        return parse(cut(self.pattern).decode("latin-1"))

    @cached_property
    def _matchers(self) -> tuple[Matcher, ...]:
        make = matcher if self.translated else scanner
        return tuple(make(part, capturing=self.capturing) for part in self._alternatives)

    @cached_property
    def _literals(self) -> LiteralSet:
        return LiteralSet.of(
            found.literal for found in self._matchers if isinstance(found, Verbatim)
        )

    @cached_property
    def _others(self) -> tuple[Matcher, ...]:
        return tuple(found for found in self._matchers if not isinstance(found, Verbatim))

    @property
    def kind(self) -> Kind:
        """Always :attr:`Kind.OSREGEX`."""
        return Kind.OSREGEX

    @property
    def groups(self) -> int:
        """Always 0."""
        return 0

    def necessary(self) -> tuple[Literal, ...] | None:
        """See :meth:`Expression.necessary`."""
        found: list[Literal] = []
        for alternative in self._alternatives:
            literals = necessary(alternative)
            if literals is None:
                return None
            found += literals
        return tuple(found)

    def matches(self, text: bytes, folded: Folded | None = None) -> bool:
        """See :meth:`Expression.matches`."""
        if self.capturing:
            return self.search(text, folded) is not None
        if folded is None:
            folded = fold(text)
        if self._literals.match(folded):
            return True
        if not self._others:
            return False
        try:
            return any(other.test(folded) for other in self._others)
        except Exhausted:
            exhausted.patterns.append(self.pattern)
            return False

    def search(self, text: bytes, folded: Folded | None = None) -> Match | None:
        """See :meth:`Expression.search`.

        The captures are those of the alternative that matched, from index 0 on. Where analysisd
        would record a group's end before its start it crashes or gives up; here that is no match.
        """
        if folded is None:
            folded = fold(text)
        try:
            found = self._find(folded)
        except Exhausted:
            exhausted.patterns.append(self.pattern)
            return None
        captures = _captures(text, found.marks) if found else None
        return None if found is None or captures is None else Match(found.end, captures)

    def _find(self, folded: Folded) -> Found | None:
        for alternative in self._matchers:
            found = alternative.find(folded, capturing=self.capturing)
            if found is not None:
                return found
        return None


def _captures(text: bytes, marks: Sequence[int | None]) -> tuple[bytes, ...] | None:
    """Return the groups' texts up to the first that was not reached, None if one ends too early."""
    captures = []
    for start, end in zip(marks[::2], marks[1::2], strict=True):
        if start is None or end is None:
            break
        if end < start:
            return None
        captures.append(text[start:end])
    return tuple(captures)
