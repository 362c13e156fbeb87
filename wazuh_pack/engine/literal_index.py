"""Which of many expressions can match a text: one look at the text instead of one per expression.

Every expression names literals of which one fits each text that it matches
(:meth:`Expression.necessary`). An expression none of whose literals fits cannot match, so leaving
it out changes nothing; one that is kept is still asked itself.
"""

from __future__ import annotations

import sys
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wazuh_pack.engine.literals import Literal
    from wazuh_pack.engine.matching import Folded

_NO_NUMBER = sys.maxsize

_PREFIX_LENGTHS = (16, 8, 4, 2, 1)
"""Prefixes are cut down to one of these lengths, so that few looks suffice."""


class LiteralIndex:
    """Finds the expressions, known by their numbers, that a text may match."""

    __slots__ = ("_always", "_complete", "_inside", "_prefixes", "_whole")

    def __init__(self, entries: Iterable[tuple[int, Sequence[Literal] | None]]) -> None:
        """Sort literals by where they have to stand.

        Args:
            entries: Ascending numbers with the literals of each; None for "may always match".
        """
        always: list[int] = []
        whole: dict[str, list[int]] = {}
        prefixes: dict[int, dict[str, list[int]]] = {}
        inside: dict[str, list[int]] = {}
        for number, literals in entries:
            if literals is None or any(not literal.text for literal in literals):
                always.append(number)
                continue
            for literal in literals:
                table, text = inside, literal.text
                if literal.at_start and literal.at_end:
                    table = whole
                elif literal.at_start:
                    length = next(size for size in _PREFIX_LENGTHS if size <= len(text))
                    table, text = prefixes.setdefault(length, {}), text[:length]
                table.setdefault(text, []).append(number)
        self._always = tuple(always)
        self._whole = whole
        self._prefixes = tuple(sorted(prefixes.items()))
        self._complete: dict[str, tuple[int, ...]] | None = None
        if not inside and not prefixes:
            self._complete = {
                text: tuple(sorted({*always, *found})) for text, found in whole.items()
            }
        self._inside = tuple(
            sorted(
                ((text, number) for text, found in inside.items() for number in found),
                key=itemgetter(1),
            )
        )

    def find(self, folded: Folded) -> Sequence[int]:
        """Return the numbers of the expressions that may match, ascending."""
        if self._complete is not None:
            return self._complete.get(folded, self._always)
        found = self._anchored(folded)
        if self._inside:
            found += [number for text, number in self._inside if text in folded]
        if not found:
            return self._always
        return sorted({*self._always, *found})

    def each(self, folded: Folded) -> Iterator[int]:
        """Yield what :meth:`find` returns, looking no further than is asked for."""
        inside = self._inside
        done = 0
        for number in (*sorted({*self._always, *self._anchored(folded)}), _NO_NUMBER):
            last = -1
            while done < len(inside) and inside[done][1] <= number:
                text, other = inside[done]
                done += 1
                if last < other < number and text in folded:
                    last = other
                    yield other
            if number != _NO_NUMBER:
                yield number

    def _anchored(self, folded: Folded) -> list[int]:
        found: list[int] = []
        for length, table in self._prefixes:
            if folded[:length] in table:
                found += table[folded[:length]]
        if folded in self._whole:
            found += self._whole[folded]
        return found
