"""What a text must hold for a PCRE2 pattern to match: read off the pattern, never guessed.

Only a part of the language is understood. An item that is not understood but whose extent is clear
stands for any text; a pattern whose extent is unclear says nothing. Assertions count as empty, and
possessive quantifiers and atomic groups as plain ones, of which they match a part: that only makes
the answer weaker, and is noted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

from wazuh_pack.engine.literals import Literal, shortest
from wazuh_pack.engine.matching import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_TEXTS = 64
_DEEPEST = 50

_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d+)(?:,\d*)?\})[+?]?")
_LIKE_QUANTIFIER = re.compile(r"\{[\d, ]")
_CLASS = re.compile(r"\[\^?\]?(?:[^\[\]\\]|\\[^QEc]|\[:\^?[a-z]+:\]|\[(?![:.=]))*\]", re.DOTALL)
_FEW = re.compile(r"\[([^\^\-\\\[\]]{1,4})\]")
_GROUP = re.compile(r"\((?:\?(?:[is]+:|[is]+(?=\))|[:>=!]|<[=!]|P?<[A-Za-z_]\w*>|'[A-Za-z_]\w*'))?")
_FLAGS = re.compile(r"\(\?[is]+\)")
_PLAIN_GROUPS = ("(", "(?:")
_ASSERTIONS = ("(?=", "(?!", "(?<=", "(?<!")
_ANY_BYTE = frozenset("dDwWsShHvVNRX")
_EMPTY = frozenset("bBAzZG")
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "e": "\x1b", "a": "\a"}


class _UnclearError(Exception):
    """The pattern has something whose extent or effect is not understood."""


@dataclass(frozen=True, slots=True)
class _Item:
    """A part of a pattern: all texts that it can match, or texts one of which is in each of them.

    Both are None when nothing is known.
    """

    exact: frozenset[str] | None = None
    inside: frozenset[str] | None = None


_ANYTHING = _Item()
_NOTHING_TAKEN = _Item(exact=frozenset(("",)))


@dataclass(slots=True)
class _Sequence:
    """Items one after the other: the texts of the last exact ones, and what is certain so far."""

    at_start: bool = False
    at_end: bool = False
    texts: frozenset[str] = frozenset(("",))
    unbroken: bool = True
    first: frozenset[str] | None = None
    """The texts that stand at the very beginning, once something inexact has followed."""
    needs: list[frozenset[str]] = field(default_factory=list)

    def add(self, item: _Item) -> None:
        if item.exact is not None and len(item.exact) * len(self.texts) <= _MOST_TEXTS:
            self.texts = frozenset(a + b for a, b in product(self.texts, item.exact))
            return
        self._break()
        inside = item.inside if item.exact is None else item.exact
        if inside is not None:
            self.needs.append(inside)

    def _break(self) -> None:
        if self.unbroken:
            self.first = self.texts
        self.unbroken = False
        self.needs.append(self.texts)
        self.texts = frozenset(("",))

    def item(self) -> _Item:
        if self.unbroken:
            return _Item(exact=self.texts)
        return _Item(inside=_best([*self.needs, self.texts]))

    def with_newline(self) -> set[str]:
        """Return the texts that end at the ``$``, which also holds before a last newline."""
        return {text + end for text in self.texts for end in ("", "\n")}

    def literals(self) -> tuple[Literal, ...] | None:
        """Return literals for a whole alternative, with its anchors."""
        if self.unbroken:
            if self.at_start and self.at_end:
                return _literals(self.with_newline(), at_start=True, at_end=True)
            self._break()
        if self.at_start and self.first is not None and "" not in self.first:
            return _literals(self.first, at_start=True)
        best = _best([*self.needs, self.texts])
        return None if best is None else _literals(best)


def _literals(
    texts: Iterable[str], *, at_start: bool = False, at_end: bool = False
) -> tuple[Literal, ...]:
    folded = sorted({fold(text.encode("latin-1")) for text in texts})
    return tuple(Literal(text, at_start=at_start, at_end=at_end) for text in folded)


def _best(needs: Iterable[frozenset[str]]) -> frozenset[str] | None:
    """Return the texts that say most: without short ones, then few."""
    useful = (texts for texts in needs if "" not in texts)
    return max(useful, key=lambda texts: (shortest(texts), -len(texts)), default=None)


def all_texts(pattern: bytes) -> frozenset[bytes] | None:
    """Return the only texts that the pattern matches; None when they are others or not known."""
    try:
        parser = _Parser(pattern.decode("latin-1"))
        alternatives = parser.alternatives()
    except _UnclearError:
        return None
    if parser.is_weak or not parser.done():
        return None
    found: set[str] = set()
    for alternative in alternatives:
        if not (alternative.unbroken and alternative.at_start and alternative.at_end):
            return None
        found |= alternative.with_newline()
    return frozenset(text.encode("latin-1") for text in found)


def necessary(pattern: bytes) -> tuple[Literal, ...] | None:
    """Return literals one of which fits every folded text that the pattern matches.

    None when there is no telling.
    """
    try:
        parser = _Parser(pattern.decode("latin-1"))
        found: list[Literal] = []
        for alternative in parser.alternatives():
            literals = alternative.literals()
            if literals is None:
                return None
            found += literals
    except _UnclearError:
        return None
    return tuple(found) if parser.done() and len(found) <= _MOST_TEXTS else None


class _Parser:
    """Reads a pattern from left to right."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._depth = 0
        self.is_weak = False
        """Something was read as more than it is."""

    def done(self) -> bool:
        """The whole pattern is read."""
        return self._position == len(self._source)

    def alternatives(self) -> list[_Sequence]:
        """Read up to the end of the pattern or of the group."""
        found = [self._sequence()]
        while self._take("|"):
            found.append(self._sequence())
        return found

    def _sequence(self) -> _Sequence:
        flags = _FLAGS.match(self._source, self._position)
        if flags:
            self._position = flags.end()
            self.is_weak = True
        sequence = _Sequence()
        sequence.at_start = self._take("^")
        self.is_weak |= sequence.at_start and self._depth > 0
        while not self.done() and self._source[self._position] not in "|)":
            if self._take("$"):
                # An item behind it would make it an assertion like any other.
                sequence.at_end = self.done() or self._source[self._position] in "|)"
                self._refuse_quantifier()
                self.is_weak |= self._depth > 0 or not sequence.at_end
                continue
            sequence.add(self._quantified(self._atom()))
        return sequence

    def _take(self, text: str) -> bool:
        found = self._source.startswith(text, self._position)
        self._position += len(text) * found
        return found

    def _refuse_quantifier(self) -> None:
        if _QUANTIFIER.match(self._source, self._position):
            raise _UnclearError

    def _quantified(self, item: _Item) -> _Item:
        found = _QUANTIFIER.match(self._source, self._position)
        if found is None:
            return item
        self._position = found.end()
        self._refuse_quantifier()
        self.is_weak |= found[0].endswith("+")
        if found[0][0] == "?":
            texts = item.exact
            return _ANYTHING if texts is None else _Item(exact=texts | {""})
        if found[0][0] == "*" or (found[1] and not int(found[1])):
            return _ANYTHING
        return _Item(inside=item.inside if item.exact is None else item.exact)

    def _atom(self) -> _Item:
        byte = self._source[self._position]
        if byte == "\\":
            return self._escape()
        if byte == "[":
            return self._class()
        if byte == "(":
            return self._group()
        if byte in "*+?" or _LIKE_QUANTIFIER.match(self._source, self._position):
            raise _UnclearError
        self._position += 1
        if byte == "^":
            return self._assertion()
        return _ANYTHING if byte == "." else _byte(byte)

    def _escape(self) -> _Item:
        letter = self._source[self._position + 1 : self._position + 2]
        self._position += 2
        if letter in _CONTROLS:
            return _byte(_CONTROLS[letter])
        if letter in _EMPTY:
            return self._assertion()
        if letter in _ANY_BYTE:
            return _ANYTHING
        if not letter or letter.isalnum():
            raise _UnclearError
        return _byte(letter)

    def _class(self) -> _Item:
        found = _CLASS.match(self._source, self._position)
        if found is None:
            raise _UnclearError
        self._position = found.end()
        few = _FEW.fullmatch(found[0])
        return _Item(exact=frozenset(few[1])) if few else _ANYTHING

    def _group(self) -> _Item:
        start = self._position
        found = _GROUP.match(self._source, start)
        self._depth += 1
        if found is None or self._depth > _DEEPEST:
            raise _UnclearError
        self._position = found.end()
        if self._source.startswith(("?", "*"), self._position):
            raise _UnclearError
        inner = [sequence.item() for sequence in self.alternatives()]
        if not self._take(")"):
            raise _UnclearError
        self._depth -= 1
        if found[0] in _ASSERTIONS:
            return self._assertion()
        self.is_weak |= found[0] not in _PLAIN_GROUPS
        return _either(inner)

    def _assertion(self) -> _Item:
        self._refuse_quantifier()
        self.is_weak = True
        return _NOTHING_TAKEN


def _either(items: list[_Item]) -> _Item:
    exact: set[str] = set()
    inside: set[str] = set()
    all_exact = all_known = True
    for item in items:
        known = item.inside if item.exact is None else item.exact
        all_exact = all_exact and item.exact is not None
        all_known = all_known and known is not None
        (exact if item.exact is not None else inside).update(known or ())
    texts = frozenset(exact | inside)
    if len(texts) > _MOST_TEXTS or not all_known:
        return _ANYTHING
    return _Item(exact=texts) if all_exact else _Item(inside=texts)


def _byte(byte: str) -> _Item:
    return _Item(exact=frozenset((byte,)))
