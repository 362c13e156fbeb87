r"""PCRE2 as analysisd 4.14.7 uses it: no options, no UTF, no just-in-time compilation.

One escape is out of reach: the library that the ``pcre2`` package brings is built without ``\C``.
"""

from __future__ import annotations

from dataclasses import dataclass

# What the package exports always adds a compile option that Wazuh does not use: PCRE2_ALT_BSUX
# gives \x, \u and \U their JavaScript meaning (\x{41} would not be "A"). Only the layer below can
# leave it out; matching through that layer also takes a third of the time.
from pcre2 import PatternError
from pcre2 import _cy as library

from wazuh_pack.engine.matching import Folded, Kind, Match, cut
from wazuh_pack.errors import ExpressionError

_ALT_BSUX = 0x00000002
"""The number that PCRE2's ABI gives to the option."""

_CONTEXT = library.create_match_context()


@dataclass(frozen=True, slots=True)
class Pcre2:
    """A compiled PCRE2 pattern."""

    pattern: bytes
    groups: int
    _code: library.PCRE2Code

    @classmethod
    def compile(cls, pattern: bytes) -> Pcre2:
        """Compile a pattern.

        Raises:
            ExpressionError: The library refuses it; the message is the library's.
        """
        try:
            code = library.compile(cut(pattern), 0, _ALT_BSUX)
        except PatternError as error:
            raise ExpressionError(f"PCRE2: {error}") from error
        return cls(pattern=pattern, groups=library.pattern_capture_count(code), _code=code)

    @property
    def kind(self) -> Kind:
        """Always :attr:`Kind.PCRE2`."""
        return Kind.PCRE2

    def matches(self, text: bytes, folded: Folded | None = None) -> bool:
        """See :meth:`Expression.matches`."""
        return self._match(cut(text) if folded is None else text) is not None

    def search(self, text: bytes, folded: Folded | None = None) -> Match | None:
        """See :meth:`Expression.search`.

        The captures go up to the highest group that took part in the match; a lower one that did
        not is empty.
        """
        if folded is None:
            text = cut(text)
        found = self._match(text)
        if found is None:
            return None
        (_, end), *spans = (
            library.match_substring_span_bynumber(found, text, group)
            for group in range(self.groups + 1)
        )
        while spans and spans[-1][0] < 0:
            spans.pop()
        captures = tuple(text[start:stop] if start >= 0 else b"" for start, stop in spans)
        return Match(end - 1, captures)

    def _match(self, text: bytes) -> library.PCRE2MatchData | None:
        try:
            return library.match(self._code, text, len(text), 0, _CONTEXT)[0]
        except library.LibraryError:
            # A match that hits one of the library's limits is no match for analysisd.
            return None
