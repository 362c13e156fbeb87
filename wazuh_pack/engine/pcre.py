"""PCRE2 as analysisd 4.14.7 uses it: no options, no UTF, no just-in-time compilation."""

from __future__ import annotations

from dataclasses import dataclass

import pcre2
from pcre2 import _cy as library

from wazuh_pack.engine.matching import Folded, Kind, Match, cut
from wazuh_pack.errors import ExpressionError

# The binding always adds two compile options that Wazuh does not use and that no public argument
# takes away: PCRE2_NEVER_BACKSLASH_C, which refuses \C, and PCRE2_ALT_BSUX, which gives \x, \u and
# \U their JavaScript meaning (\x{41} would not be "A"). The numbers are fixed by PCRE2's ABI.
_UNWANTED_OPTIONS = 0x00100000 | 0x00000002


@dataclass(frozen=True, slots=True)
class Pcre2:
    """A compiled PCRE2 pattern."""

    pattern: bytes
    groups: int
    _program: pcre2.Pattern

    @classmethod
    def compile(cls, pattern: bytes) -> Pcre2:
        """Compile a pattern.

        Raises:
            ExpressionError: The library refuses it; the message is the library's.
        """
        source = cut(pattern)
        try:
            code = library.compile(source, 0, _UNWANTED_OPTIONS)
        except pcre2.PatternError as error:
            raise ExpressionError(f"PCRE2: {error}") from error
        # Without just-in-time compilation the match limit counts as it does in analysisd.
        program = pcre2.Pattern(code, source, pcre2.NOFLAG, False, None)
        return cls(pattern=pattern, groups=program.groups, _program=program)

    @property
    def kind(self) -> Kind:
        """Always :attr:`Kind.PCRE2`."""
        return Kind.PCRE2

    def matches(self, text: bytes, folded: Folded | None = None) -> bool:
        """See :meth:`Expression.matches`."""
        return self._match(text, folded) is not None

    def search(self, text: bytes, folded: Folded | None = None) -> Match | None:
        """See :meth:`Expression.search`.

        The captures go up to the highest group that took part in the match; a lower one that did
        not is empty.
        """
        found = self._match(text, folded)
        if found is None:
            return None
        captures = list(found.groups())
        while captures and captures[-1] is None:
            captures.pop()
        return Match(found.end() - 1, tuple(capture or b"" for capture in captures))

    def _match(self, text: bytes, folded: Folded | None) -> pcre2.Match | None:
        try:
            return self._program.search(cut(text) if folded is None else text)
        except pcre2.LibraryError:
            # A match that hits the library's limits is no match for analysisd.
            return None
