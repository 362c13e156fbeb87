"""The osregex matcher of analysisd 4.14.7: one forward scan with at most four points of return.

It is no regular-expression engine. A repeated escape gives way as soon as the token after it fits,
and remembers where it did; that memory has four places and further ones are lost. When the text
ends, the scan neither returns to such a point nor tries a later start. One flag, "the repeated
escape has matched", outlives the escape it was set for, so that a later escape can be taken for
matched too soon. All of this shows in results, therefore the scan itself is carried out here.

What the scan does byte by byte is done here in strides, each of which leaves exactly the state that
the single steps would: over a run of one-byte tokens, over the bytes that a repeated escape takes
without giving way, and over the starts at which an alternative's first token cannot match. There
are never more strides than the byte-by-byte scan has steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.engine.osregex_memo import Marks, Memo
from wazuh_pack.engine.osregex_parse import Op
from wazuh_pack.engine.osregex_program import Group, Repeat, Run

if TYPE_CHECKING:
    from wazuh_pack.engine.osregex_program import Program

_RETURN_POINTS = 4

PATIENCE = 1000
"""After so many failures a scan takes notes, and never walks the same ground again."""
BUDGET_BASE = 100_000
BUDGET_PER_BYTE = 64
"""How many failures more a scan is allowed; analysisd has no such limit."""


def scan(  # noqa: C901, PLR0912, PLR0915 - one state machine; taking it apart hides its state
    program: Program, text: str, marks: list[int | None] | Marks | None
) -> int | None:
    """Match one alternative against a folded text.

    Args:
        program: The alternative.
        text: The text, folded, without NUL.
        marks: One None for each parenthesis, to be filled in with where it came to stand; None when
            the pattern is compiled without captures.

    Returns:
        The end that analysisd reports, or None when there is no match.

    Raises:
        Exhausted: The scan was given up after so many failures as no text brings about that was not
            made for it.
    """
    steps = program.steps
    size = len(text)
    index = 0
    repeated = False  # the flag "the repeated escape has matched"
    last: int | None = 0  # what will be reported as end
    origin = -1  # where the first unrepeated token of this attempt matched, -1 for not yet
    returns: list[tuple[int, int]] = []
    failures = 0
    memo: Memo | None = None
    position = 0 if program.at_start else _next_start(program, text, 0, repeated=False)

    while position < size:
        step = steps[index]
        if isinstance(step, Group):
            if marks is not None:
                marks[step.number] = position
            index += 1
            step = step.then

        if isinstance(step, Run):
            count = step.fits(text, position)
            if count:
                if origin < 0:
                    origin = position
                index += count
                position += count
                last = position - 1
                if count == len(step.tokens):
                    continue
                if position == size:
                    break
            if step.tokens[count].op is Op.CLASS:
                if repeated and last is not None and index in program.tails:
                    last = position
                    if not program.at_end:
                        return last
                repeated = False

        elif isinstance(step, Repeat):
            known = memo and memo.recall(
                (len(returns), index, position, origin < 0, repeated, last)
            )
            if known:
                position, repeated, last = known.position, known.repeated, known.last
                origin = known.origin if origin < 0 else origin
            elif repeated or step.star:
                if step.stop is None:
                    end = size
                elif memo is None:
                    stop = step.stop.search(text, position)
                    end = stop.start() if stop else size
                else:
                    end = memo.stop(step.stop, position)
                if end > position:
                    repeated = True
                    if not step.last:
                        last = end - 1
                    elif marks is not None and step.group >= 0:
                        marks[step.group] = end
                    position = end
                    if end == size:
                        break
                if text[position] in step.members:
                    if marks is not None and step.group >= 0:
                        marks[step.group] = position
                    if len(returns) < _RETURN_POINTS:
                        returns.append((index, position))
                    index = step.target
                    repeated = step.keeps
                    last = position
                    position += 1
                    continue
                if step.tail and repeated and last is not None:
                    last = position
                    if not program.at_end:
                        return last
                else:
                    if step.star:
                        last = position - 1
                    index += 1
                    repeated = False
                    continue
                repeated = False
            elif text[position] in step.members:
                if marks is not None and step.group >= 0:
                    marks[step.group] = position + (position + 1 == size)
                last = position
                repeated = True
                position += 1
                continue

        elif not program.at_end:
            return last

        failures += 1
        if memo is not None:
            memo.failed(len(returns), position, origin, last, repeated=repeated)
        elif failures == PATIENCE:
            budget = BUDGET_BASE + BUDGET_PER_BYTE * size
            if isinstance(marks, list):
                marks = Marks(marks)
            memo = Memo(text, marks, depth=_RETURN_POINTS, budget=budget)
        if returns:
            index, position = returns.pop()
            position += 1
        elif program.at_start:
            return None
        else:
            start = (position if origin < 0 else origin) + 1
            position = _next_start(program, text, start, repeated=repeated)
            origin = -1
            index = 0
            last = None

    if marks is not None and program.closes[index] >= 0:
        marks[program.closes[index]] = size
    return last if program.accepting[index][repeated] else None


def _next_start(program: Program, text: str, start: int, *, repeated: bool) -> int:
    """Return the first position from ``start`` on that is worth an attempt.

    At the positions left out the scan fails within the run that the alternative begins with, and
    comes back with the same state; that holds only while the flag is not set, which a mismatch may
    clear.
    """
    if program.head is None or repeated:
        return start
    found = program.head.find(text, start)
    return len(text) if found < 0 else found
