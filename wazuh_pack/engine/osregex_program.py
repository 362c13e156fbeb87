"""osregex alternatives made ready for the scan."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from wazuh_pack.engine.osregex_parse import FOLDED_BYTES, Alternative, Op, Token
from wazuh_pack.engine.osregex_sets import class_source, compiled

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class End:
    """Behind the last token."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive tokens of one byte each: a text or, with several bytes for a token, a regex."""

    tokens: tuple[Token, ...]
    text: str | None
    regex: re.Pattern[str] | None

    @classmethod
    def of(cls, tokens: tuple[Token, ...]) -> Run:
        """Prepare a run."""
        if all(len(token.members) == 1 for token in tokens):
            return cls(tokens, "".join(byte for token in tokens for byte in token.members), None)
        source = "".join(class_source(token.members) for token in tokens)
        return cls(tokens, None, compiled(source))

    def fits(self, text: str, position: int) -> int:
        """Return how many of the tokens match from ``position`` on, one after the other."""
        if self.text is not None:
            if text.startswith(self.text, position):
                return len(self.tokens)
        elif self.regex is not None and self.regex.match(text, position):
            return len(self.tokens)
        count = 0
        piece = text[position : position + len(self.tokens)]
        for token, byte in zip(self.tokens, piece, strict=False):
            if byte not in token.members:
                break
            count += 1
        return count

    def find(self, text: str, start: int) -> int:
        """Return the first position from ``start`` on where the whole run fits, or -1."""
        if self.text is not None:
            return text.find(self.text, start)
        found = self.regex.search(text, start) if self.regex else None
        return found.start() if found else -1


@dataclass(frozen=True, slots=True)
class Word:
    """What an alternative begins with: an escape with ``+``, then a run that it cannot run into."""

    members: str
    run: Run

    def find(self, text: str, start: int) -> int:
        """Return the first position from ``start`` on where both fit and the scan would start.

        That is where the bytes that the escape accepts begin, for the scan cannot start among them:
        it restarts behind a byte that did not fit the escape, or that was the run's first.
        """
        while (found := self.run.find(text, start + 1)) >= 0:
            if text[found - 1] in self.members:
                return start + len(text[start:found].rstrip(self.members))
            start = found
        return -1


@dataclass(frozen=True, slots=True)
class Group:
    """A parenthesis: which one of the alternative's, and what the same turn goes on to look at."""

    number: int
    then: Step


@dataclass(frozen=True, slots=True)
class Repeat:
    """An escape with ``+`` or ``*``.

    Attributes:
        members: The bytes it accepts.
        star: Whether it may match nothing.
        stop: Finds the first byte that it does not accept or that makes it give way; None when
            there is no such byte.
        last: Whether at most one parenthesis follows; it never gives way then.
        tail: Whether nothing at all follows.
        group: Number of the parenthesis right behind it, -1 without one.
        target: The token at which matching goes on when it gives way.
        keeps: Whether the flag "has matched" stays set when it gives way.
    """

    members: frozenset[str]
    star: bool
    stop: re.Pattern[str] | None
    last: bool
    tail: bool
    group: int
    target: int
    keeps: bool


Step = End | Run | Group | Repeat
"""What stands at a token's place in a program."""


@dataclass(frozen=True, slots=True)
class Program:
    """An alternative made ready for the scan.

    Attributes:
        steps: The step at each token index that the scan can reach.
        groups: How many parentheses there are, opening and closing ones.
        tails: The indices of unrepeated escapes at which a match ends early while the flag is set.
        closes: For each token index, the parenthesis that stands at the end of the text when the
            text ends there; -1 for none. Used only with captures.
        accepting: For each token index, whether the text may end there: without and with the flag.
        at_start: Whether ``^`` was given.
        at_end: Whether ``$`` was given.
        head: What every match begins with, where that helps to skip hopeless starts.
    """

    steps: dict[int, Step]
    groups: int
    tails: frozenset[int]
    closes: tuple[int, ...]
    accepting: tuple[tuple[bool, bool], ...]
    at_start: bool
    at_end: bool
    head: Run | Word | None


def build(alternative: Alternative, *, capturing: bool) -> Program:
    """Prepare an alternative; ``capturing`` as in :func:`accepts_end`."""
    tokens = alternative.tokens
    indices = range(len(tokens) + 1)
    accepting = tuple(
        (
            accepts_end(tokens, index, repeated=False, capturing=capturing),
            accepts_end(tokens, index, repeated=True, capturing=capturing),
        )
        for index in indices
    )
    numbers = list(accumulate((token.op is Op.GROUP for token in tokens), initial=0))
    return Program(
        steps=_steps(tokens, numbers),
        groups=numbers[-1],
        tails=frozenset(index for index in indices if _ends_early(tokens, index)),
        closes=tuple(_close_at_end(tokens, index, numbers) for index in indices),
        accepting=accepting,
        at_start=alternative.at_start,
        at_end=alternative.at_end,
        head=_head(tokens, accepting),
    )


def accepts_end(tokens: Sequence[Token], index: int, *, repeated: bool, capturing: bool) -> bool:
    """Tell whether the text may end when the scan has come to token ``index``.

    Args:
        tokens: The alternative's tokens.
        index: The token that would be looked at next.
        repeated: The flag "the repeated escape has matched".
        capturing: Whether the pattern has groups and is compiled for their captures; any number of
            starred escapes is then passed over, else at most three and never all that could be.
    """
    if _op(tokens, index) is Op.BYTE:
        return False
    index = _behind_group(tokens, _behind_stars(tokens, index) if capturing else index)
    if index == len(tokens):
        return True
    if repeated and tokens[index].repeats:
        index = _behind_group(tokens, index + 1)
        following = _op(tokens, index)
        if following is Op.PLUS:
            return False
        if following is Op.STAR:
            index = _behind_group(tokens, index + 1)
        elif following is Op.CLASS:
            index += 1
            return _is_last_star(tokens, index)
        return index == len(tokens) or _is_last_star(tokens, index)
    if repeated and tokens[index].op is Op.CLASS:
        index += 1
    return _is_last_star(tokens, index)


def _is_last_star(tokens: Sequence[Token], index: int) -> bool:
    return _op(tokens, index) is Op.STAR and _behind_group(tokens, index + 1) == len(tokens)


def _op(tokens: Sequence[Token], index: int) -> Op | None:
    return tokens[index].op if index < len(tokens) else None


def _behind_group(tokens: Sequence[Token], index: int) -> int:
    return index + (_op(tokens, index) is Op.GROUP)


def _behind_stars(tokens: Sequence[Token], index: int) -> int:
    while _op(tokens, index) is Op.STAR:
        index += 1
    return index


def _close_at_end(tokens: Sequence[Token], index: int, numbers: Sequence[int]) -> int:
    index = _behind_stars(tokens, index)
    return numbers[index] if _op(tokens, index) is Op.GROUP else -1


def _ends_early(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether at most one byte of the pattern follows an unrepeated escape."""
    if _op(tokens, index) is not Op.CLASS:
        return False
    following = _op(tokens, index + 1)
    return following is None or (
        following in (Op.BYTE, Op.GROUP) and _op(tokens, index + 2) is None
    )


def _steps(tokens: Sequence[Token], numbers: Sequence[int]) -> dict[int, Step]:
    steps: dict[int, Step] = {len(tokens): End()}
    entries = {0}
    for index, token in enumerate(tokens):
        if token.repeats:
            repeat = _repeat(tokens, index, numbers)
            steps[index] = repeat
            entries.add(repeat.target)
        if not token.advances:
            entries.add(index + 1)
    for index in sorted(entries):
        if index < len(tokens) and tokens[index].advances:
            steps[index] = _run(tokens, index)
    for index, token in enumerate(tokens):
        if token.op is Op.GROUP:
            # The scan passes over one parenthesis a turn; a second one it compares with the text.
            doubled = _op(tokens, index + 1) is Op.GROUP
            then = Run.of((tokens[index + 1],)) if doubled else steps[index + 1]
            steps[index] = Group(numbers[index], then)
    return steps


def _run(tokens: Sequence[Token], index: int) -> Run:
    end = index
    while end < len(tokens) and tokens[end].advances:
        end += 1
    return Run.of(tuple(tokens[index:end]))


def _repeat(tokens: Sequence[Token], index: int, numbers: Sequence[int]) -> Repeat:
    token = tokens[index]
    behind = _behind_group(tokens, index + 1)
    grouped = behind > index + 1
    last = behind == len(tokens)
    exits = frozenset() if last else tokens[behind].members
    stops = (FOLDED_BYTES - token.members) | exits
    return Repeat(
        members=token.members,
        star=token.op is Op.STAR,
        stop=compiled(class_source(stops)) if stops else None,
        last=last,
        tail=last and not grouped,
        group=numbers[index] if grouped else -1,
        target=behind + (not last and not tokens[behind].repeats),
        keeps=_op(tokens, behind) not in (Op.BYTE, Op.GROUP),
    )


def _head(tokens: Sequence[Token], accepting: Sequence[tuple[bool, bool]]) -> Run | Word | None:
    index = _behind_group(tokens, 0)
    if index == len(tokens):
        return None
    if tokens[index].advances:
        return _run(tokens, index)
    if tokens[index].op is not Op.PLUS:
        return None
    members = tokens[index].members
    behind = _behind_group(tokens, index + 1)
    run = _run(tokens, behind)
    # Where the text may end before the run has matched, the absence of the run decides nothing.
    undecided = any(any(accepting[early]) for early in range(behind + len(run.tokens)))
    if not run.tokens or undecided or members & run.tokens[0].members:
        return Run.of((tokens[index],))
    return Word("".join(members), run)
