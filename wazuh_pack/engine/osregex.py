"""osregex: the language of decoders and of the rule conditions ``regex`` and ``field``.

An alternative is matched by string operations or by Python's ``re`` where that is provably the
same, and by the scan otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.engine.literals import LiteralSet
from wazuh_pack.engine.matching import Folded, Kind, Match, cut, fold
from wazuh_pack.engine.osregex_parse import Op, parse
from wazuh_pack.engine.osregex_shapes import Verbatim, matcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_pack.engine.osregex_shapes import Matcher


@dataclass(frozen=True, slots=True)
class OsRegex:
    """A compiled osregex pattern.

    Attributes:
        pattern: The pattern as given.
        capturing: Whether it has groups and was compiled for their captures.
    """

    pattern: bytes
    capturing: bool
    _matchers: tuple[Matcher, ...]
    _literals: LiteralSet
    _others: tuple[Matcher, ...]

    @classmethod
    def compile(cls, pattern: bytes, *, captures: bool) -> OsRegex:
        """Compile a pattern.

        Args:
            pattern: The pattern.
            captures: Whether its groups are to be captured.

        Raises:
            ExpressionError: analysisd 4.14.7 refuses it.
        """
        alternatives = parse(cut(pattern).decode("latin-1"))
        capturing = captures and any(
            token.op is Op.GROUP for part in alternatives for token in part.tokens
        )
        matchers = tuple(matcher(part, capturing=capturing) for part in alternatives)
        verbatim = [found for found in matchers if isinstance(found, Verbatim)]
        return cls(
            pattern=pattern,
            capturing=capturing,
            _matchers=matchers,
            _literals=LiteralSet.of(found.literal for found in verbatim),
            _others=tuple(found for found in matchers if not isinstance(found, Verbatim)),
        )

    @property
    def kind(self) -> Kind:
        """Always :attr:`Kind.OSREGEX`."""
        return Kind.OSREGEX

    @property
    def groups(self) -> int:
        """Always 0."""
        return 0

    def matches(self, text: bytes, folded: Folded | None = None) -> bool:
        """See :meth:`Expression.matches`."""
        if self.capturing:
            return self.search(text, folded) is not None
        if folded is None:
            folded = fold(text)
        if self._literals.match(folded):
            return True
        return any(other.test(folded) for other in self._others) if self._others else False

    def search(self, text: bytes, folded: Folded | None = None) -> Match | None:
        """See :meth:`Expression.search`.

        The captures are those of the alternative that matched, from index 0 on. Where analysisd
        would record a group's end before its start it crashes or gives up; here that is no match.
        """
        if folded is None:
            folded = fold(text)
        for alternative in self._matchers:
            found = alternative.find(folded, capturing=self.capturing)
            if found is not None:
                captures = _captures(text, found.marks)
                return None if captures is None else Match(found.end, captures)
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
