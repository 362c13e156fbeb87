"""Alternatives of fixed text, tried together in as few operations as possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PATTERN_LIMIT = 20480
"""The longest pattern that osmatch and osregex compile, in bytes (analysisd 4.14.7)."""


@dataclass(frozen=True, slots=True)
class Literal:
    """One alternative without any variable part: lower-case text and where it has to stand."""

    text: str
    at_start: bool = False
    at_end: bool = False

    def find(self, folded: str) -> int:
        """Return where the text begins in ``folded``, or -1."""
        if self.at_start:
            fits = folded == self.text if self.at_end else folded.startswith(self.text)
            return 0 if fits else -1
        if self.at_end:
            return len(folded) - len(self.text) if folded.endswith(self.text) else -1
        return folded.find(self.text)


@dataclass(frozen=True, slots=True)
class LiteralSet:
    """Literals of which any may match; which one it was is not asked."""

    parts: tuple[str, ...]
    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]
    whole: frozenset[str]

    @classmethod
    def of(cls, literals: Iterable[Literal]) -> LiteralSet:
        """Sort literals by where they have to stand."""
        by_place: dict[tuple[bool, bool], list[str]] = {}
        for literal in literals:
            by_place.setdefault((literal.at_start, literal.at_end), []).append(literal.text)
        return cls(
            parts=tuple(by_place.get((False, False), ())),
            prefixes=tuple(by_place.get((True, False), ())),
            suffixes=tuple(by_place.get((False, True), ())),
            whole=frozenset(by_place.get((True, True), ())),
        )

    def match(self, folded: str) -> bool:
        """Tell whether any of them matches."""
        for part in self.parts:
            if part in folded:
                return True
        # The emptiness tests are what makes a miss cheap: most patterns use one place only.
        if self.prefixes and folded.startswith(self.prefixes):
            return True
        if self.suffixes and folded.endswith(self.suffixes):
            return True
        return folded in self.whole
