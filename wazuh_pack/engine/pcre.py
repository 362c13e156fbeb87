r"""PCRE2 as analysisd 4.14.7 uses it: no options, no UTF, no just-in-time compilation.

One escape is out of reach: the library that the ``pcre2`` package brings is built without ``\C``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

# What the package exports always adds a compile option that Wazuh does not use: PCRE2_ALT_BSUX
# gives \x, \u and \U their JavaScript meaning (\x{41} would not be "A"). Only the layer below can
# leave it out; matching through that layer also takes a third of the time.
from pcre2 import PatternError
from pcre2 import _cy as library

from wazuh_pack.engine.matching import Folded, Kind, Match, cut, exhausted, fold
from wazuh_pack.engine.pcre_literals import all_texts, necessary
from wazuh_pack.errors import ExpressionError

if TYPE_CHECKING:
    from wazuh_pack.engine.literals import Literal

_ALT_BSUX = 0x00000002
"""The number that PCRE2's ABI gives to the option."""

_LONG = 1024
"""Texts above this length, in bytes, are worth a look before they are matched."""

_CONTEXT = library.create_match_context()


@dataclass(frozen=True)  # cached_property needs a __dict__, hence no slots
class Pcre2:
    """A valid PCRE2 pattern, made ready when it is first used."""

    pattern: bytes
    translated: bool = True
    """False to ask the library even where the answer is known without."""

    @classmethod
    def compile(cls, pattern: bytes) -> Pcre2:
        """Compile a pattern.

        Raises:
            ExpressionError: The library refuses it; the message is the library's.
        """
        found = cls(pattern)
        try:
            found._code  # noqa: B018 - compiles
        except PatternError as error:
            raise ExpressionError(f"PCRE2: {error}") from error
        return found

    @cached_property
    def groups(self) -> int:
        """How many capture groups the pattern has."""
        return int(library.pattern_capture_count(self._code))

    @cached_property
    def _code(self) -> library.PCRE2Code:
        return library.compile(cut(self.pattern), 0, _ALT_BSUX)

    @cached_property
    def _texts(self) -> frozenset[bytes] | None:
        """The only texts that match, when that is all there is to it."""
        return all_texts(cut(self.pattern)) if self.translated else None

    @property
    def kind(self) -> Kind:
        """Always :attr:`Kind.PCRE2`."""
        return Kind.PCRE2

    def necessary(self) -> tuple[Literal, ...] | None:
        """See :meth:`Expression.necessary`."""
        return necessary(cut(self.pattern))

    def plain(self) -> Pcre2:
        """See :meth:`Expression.plain`."""
        return replace(self, translated=False)

    def matches(self, text: bytes, folded: Folded | None = None) -> bool:
        """See :meth:`Expression.matches`."""
        text = cut(text) if folded is None else text
        texts = self._texts
        return self._match(text, folded) is not None if texts is None else text in texts

    def search(self, text: bytes, folded: Folded | None = None) -> Match | None:
        """See :meth:`Expression.search`.

        The captures go up to the highest group that took part in the match; a lower one that did
        not is empty.
        """
        if folded is None:
            text = cut(text)
        found = self._match(text, folded)
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

    def _match(self, text: bytes, folded: Folded | None) -> library.PCRE2MatchData | None:
        if len(text) > _LONG and self.translated and not self._can_match(text, folded):
            return None
        try:
            return library.match(self._code, text, len(text), 0, _CONTEXT)[0]
        except library.LibraryError:
            # A match that hits one of the library's limits is no match for analysisd.
            exhausted.patterns.append(self.pattern)
            return None

    def _can_match(self, text: bytes, folded: Folded | None) -> bool:
        """Look for what a match needs: the library can take seconds to find that out."""
        literals = self._necessary
        if literals is None:
            return True
        folded = fold(text) if folded is None else folded
        return any(literal.find(folded) >= 0 for literal in literals)

    @cached_property
    def _necessary(self) -> tuple[Literal, ...] | None:
        return self.necessary()
