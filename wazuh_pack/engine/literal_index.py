"""Which of many expressions can match a text: one look at the text instead of one per expression.

Every expression names literals of which one fits each text that it matches
(:meth:`Expression.necessary`). An expression none of whose literals fits cannot match, so leaving
it out changes nothing; one that is kept is still asked itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wazuh_pack.engine.literals import Literal
    from wazuh_pack.engine.matching import Folded

_PREFIX_LENGTHS = (16, 8, 4, 2, 1)
"""Prefixes are cut down to one of these lengths, so that few looks suffice."""


class LiteralIndex:
    """Finds the expressions, known by their numbers, that a text may match."""

    __slots__ = ("_always", "_inside", "_prefixes", "_whole")

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
        self._inside = tuple((text, number) for text, found in inside.items() for number in found)

    def find(self, folded: Folded) -> Sequence[int]:
        """Return the numbers of the expressions that may match, ascending."""
        found: list[int] = []
        if self._inside:
            found = [number for text, number in self._inside if text in folded]
        for length, table in self._prefixes:
            if folded[:length] in table:
                found += table[folded[:length]]
        if folded in self._whole:
            found += self._whole[folded]
        if not found:
            return self._always
        return found if len(found) == 1 and not self._always else sorted({*self._always, *found})
