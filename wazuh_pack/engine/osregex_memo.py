"""What a scan learns in vain: keeps hostile texts from being looked at again and again.

The scan of analysisd goes back to at most four points and then starts anew one byte further. A text
made for it lets it walk the same ground from thousands of starts: work that grows with the square
of the text's length, or a higher power. Once a scan has failed often, what became of each state is
noted, and a state met again is left as it was left before. The answer stays that of the scan: how
an attempt goes on depends only on what the state is made of, up to the failure that takes away the
point of return below it.
"""

from __future__ import annotations

from array import array
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import re

State = tuple[int, int, int, bool, bool, "int | None"]
"""Points of return, token, position, whether the attempt has an origin, the flag, the end."""


class Exhausted(Exception):  # noqa: N818 - it is no error: the bound of a hostile match
    """The scan was given up."""


class Failure(NamedTuple):
    """How the scan stood when what it had begun at a state failed.

    Attributes:
        position: Where it failed.
        origin: The origin of the attempt; counts only if the state had none.
        repeated: The flag.
        last: The end that would have been reported.
        marks: The parentheses that it has moved meanwhile.
    """

    position: int
    origin: int
    repeated: bool
    last: int | None
    marks: dict[int, int | None]


class Marks:
    """Writes places of parentheses into a list and remembers what it wrote."""

    __slots__ = ("_target", "moved")

    def __init__(self, target: list[int | None]) -> None:
        self._target = target
        self.moved: list[tuple[int, int | None]] = []

    def __setitem__(self, number: int, place: int | None) -> None:
        self._target[number] = place
        self.moved.append((number, place))


class Memo:
    """What became of the states of one scan."""

    __slots__ = ("_budget", "_failures", "_marks", "_open", "_stops", "_text")

    def __init__(self, text: str, marks: Marks | None, *, depth: int, budget: int) -> None:
        """Begin to take notes.

        Args:
            text: The text of the scan.
            marks: The places of its parentheses, if it keeps them.
            depth: How many points of return there can be.
            budget: How many failures are borne.
        """
        self._text = text
        self._marks = marks
        self._budget = budget
        self._failures: dict[State, Failure] = {}
        self._open: list[list[tuple[State, int]]] = [[] for _ in range(depth + 1)]
        self._stops: dict[re.Pattern[str], array[int]] = {}

    def recall(self, state: State) -> Failure | None:
        """Return how a state ended, its parentheses moved; None, and take a note, if it is new."""
        known = self._failures.get(state)
        if known is None:
            moved = len(self._marks.moved) if self._marks is not None else 0
            self._open[state[0]].append((state, moved))
        elif self._marks is not None:
            for number, place in known.marks.items():
                self._marks[number] = place
        return known

    def failed(
        self, depth: int, position: int, origin: int, last: int | None, *, repeated: bool
    ) -> None:
        """Note the end of all states that have been met with so many points of return.

        Raises:
            Exhausted: There were too many failures.
        """
        self._budget -= 1
        if self._budget < 0:
            raise Exhausted
        states = self._open[depth]
        moved = self._marks.moved if self._marks is not None else []
        marks: dict[int, int | None] = {}
        end = len(moved)
        for state, begin in reversed(states):
            new = {number: place for number, place in moved[begin:end] if number not in marks}
            marks = marks | new if new else marks
            end = begin
            self._failures[state] = Failure(position, origin, repeated, last, marks)
        states.clear()
        if not depth:
            moved.clear()

    def stop(self, stops: re.Pattern[str], position: int) -> int:
        """Return where the first byte is that ``stops`` finds; the text's length without one."""
        found = self._stops.get(stops)
        if found is None:
            found = self._stops[stops] = _stops(stops, self._text)
        return found[position]


def _stops(stops: re.Pattern[str], text: str) -> array[int]:
    """Return the place of the next stop for every position."""
    found = array("Q")
    for match in stops.finditer(text):
        place = match.start()
        found.extend(repeat(place, place + 1 - len(found)))
    found.extend(repeat(len(text), len(text) + 1 - len(found)))
    return found
