"""Faster ways to match osregex alternatives, each for a shape where it provably equals the scan."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from wazuh_pack.engine.literals import Literal
from wazuh_pack.engine.osregex_parse import FOLDED_BYTES, Alternative, Op, Token
from wazuh_pack.engine.osregex_program import accepts_end, build
from wazuh_pack.engine.osregex_scan import scan
from wazuh_pack.engine.osregex_sets import class_source, compiled

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Sequence

    from wazuh_pack.engine.osregex_program import Program

    Attempt = Callable[[str], re.Match[str] | None]


@dataclass(frozen=True, slots=True)
class Found:
    """Where an alternative matched: the end to report and the place of each parenthesis reached."""

    end: int
    marks: Sequence[int | None] = ()


class Matcher(Protocol):
    """An alternative ready to be matched against folded text."""

    def test(self, text: str) -> bool:
        """Tell whether it matches; the answer is that of a scan without captures."""

    def find(self, text: str, *, capturing: bool) -> Found | None:
        """Return where it matches."""


def necessary(alternative: Alternative) -> tuple[Literal, ...] | None:
    """Return a literal that fits every folded text that the alternative matches.

    None when there is no telling; no literal when nothing matches.
    """
    tokens = alternative.tokens
    certain = tokens[: _certain(tokens)]
    if any(not token.members for token in certain):
        return ()
    if _is_of_fixed_length(tokens) and all(len(token.members) == 1 for token in tokens):
        text = "".join(byte for token in tokens if token.advances for byte in token.members)
        return (Literal(text, at_start=alternative.at_start, at_end=alternative.at_end),)
    if alternative.at_start:
        opening = "".join(byte for token in _fixed_opening(certain) for byte in token.members)
        if opening:
            return (Literal(opening, at_start=True),)
    return tuple(map(Literal, _needles(certain)[:1])) or None


def _is_of_fixed_length(tokens: Sequence[Token]) -> bool:
    """Tell whether no token is repeated and no two parentheses are adjacent."""
    spaced = not any(left.op is Op.GROUP is right.op for left, right in pairwise(tokens))
    return spaced and not any(token.repeats for token in tokens)


def _fixed_opening(certain: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens of one certain byte that an anchored alternative begins with."""
    previous: Op | None = None
    for token in certain:
        if token.op is Op.GROUP is not previous:
            previous = token.op
        elif token.advances and len(token.members) == 1:
            previous = token.op
            yield token
        else:
            return


@dataclass(frozen=True, slots=True)
class Nothing:
    """An alternative that no text matches."""

    def test(self, text: str) -> bool:  # noqa: ARG002 - the protocol's
        """Return False."""
        return False

    def find(self, text: str, *, capturing: bool) -> Found | None:  # noqa: ARG002 - the protocol's
        """Return None."""
        return None


@dataclass(frozen=True, slots=True)
class Verbatim:
    """An alternative without variable parts: a search for bytes.

    Attributes:
        literal: The text and its anchors.
        groups: Where in the text each parenthesis stands.
    """

    literal: Literal
    groups: tuple[int, ...]

    def test(self, text: str) -> bool:
        """See :meth:`Matcher.test`."""
        return self.literal.find(text) >= 0

    def find(self, text: str, *, capturing: bool) -> Found | None:
        """See :meth:`Matcher.find`."""
        start = self.literal.find(text)
        if start < 0:
            return None
        if not self.literal.text:
            return Found(0)
        marks = tuple(start + offset for offset in self.groups) if capturing else ()
        return Found(start + len(self.literal.text) - 1, marks)


@dataclass(frozen=True, slots=True)
class Translated:
    """An alternative that Python's ``re`` matches exactly as the scan does."""

    attempt: Attempt
    groups: int

    def test(self, text: str) -> bool:
        """See :meth:`Matcher.test`."""
        return self.attempt(text) is not None

    def find(self, text: str, *, capturing: bool) -> Found | None:
        """See :meth:`Matcher.find`."""
        found = self.attempt(text)
        if found is None:
            return None
        groups = range(1, self.groups + 1) if capturing else ()
        return Found(found.end() - 1, [mark for group in groups for mark in found.span(group)])


@dataclass(frozen=True)  # cached_property needs a __dict__, hence no slots
class Scanned:
    """An alternative that needs the scan.

    Attributes:
        alternative: What is scanned for.
        capturing: Whether the pattern has groups and is compiled for their captures.
        needles: Texts that every matching text contains.
        gate: What every matching text passes.
        gate_decides: Whether passing the gate means matching, only the end and captures being open.
    """

    alternative: Alternative
    capturing: bool
    needles: tuple[str, ...]
    gate: Attempt | None
    gate_decides: bool

    @cached_property
    def program(self) -> Program:
        """The alternative made ready; most alternatives of a ruleset never get past their gate."""
        return build(self.alternative, capturing=self.capturing)

    def test(self, text: str) -> bool:
        """See :meth:`Matcher.test`."""
        if not self._worth_scanning(text):
            return False
        return self.gate_decides or scan(self.program, text, None) is not None

    def find(self, text: str, *, capturing: bool) -> Found | None:
        """See :meth:`Matcher.find`."""
        if not self._worth_scanning(text):
            return None
        marks: list[int | None] | None = [None] * self.program.groups if capturing else None
        end = scan(self.program, text, marks)
        return None if end is None else Found(end, marks or ())

    def _worth_scanning(self, text: str) -> bool:
        """Ask the gate first where it looks at the beginning only, else last."""
        anchored = self.alternative.at_start
        if anchored and self.gate is not None and self.gate(text) is None:
            return False
        for needle in self.needles:
            if needle not in text:
                return False
        return anchored or self.gate is None or self.gate(text) is not None


def scanner(alternative: Alternative, *, capturing: bool) -> Matcher:
    """Return the matcher that scans, whatever the alternative."""
    return Scanned(alternative, capturing, (), None, gate_decides=False)


def matcher(alternative: Alternative, *, capturing: bool) -> Matcher:
    """Return the fastest matcher that is exact for the alternative.

    Args:
        alternative: What to match.
        capturing: Whether the pattern has groups and is compiled for their captures.
    """
    tokens = alternative.tokens
    certain = tokens[: _certain(tokens)]
    if any(not token.members for token in certain):
        return Nothing()
    spaced = not any(left.op is Op.GROUP is right.op for left, right in pairwise(tokens))
    if spaced and not any(token.repeats for token in tokens):
        return _of_fixed_length(alternative)
    scanned = partial(Scanned, alternative, capturing)
    if not alternative.at_start:
        return scanned(_needles(certain), _block(certain, at_start=False), gate_decides=False)
    if spaced and _is_determined(tokens, capturing=capturing):
        attempt = _translated(alternative)
        if _ends_in_one_byte(tokens):
            return attempt
        return scanned((), attempt.attempt, gate_decides=True)
    gate = _opening(tokens, certain) or _block(certain, at_start=True)
    return scanned(_needles(certain), gate, gate_decides=False)


def _certain(tokens: Sequence[Token]) -> int:
    """Return how many tokens, from the first on, no match can leave out.

    The scan gets past a literal byte only by matching it, and past what stands before it only in
    the regular ways. The exceptions concern the end of an alternative: escapes can be skipped
    there, and so can a last literal byte right behind an unrepeated escape (``Program.tails``).
    """
    for index in range(len(tokens) - 1, -1, -1):
        is_skippable = index == len(tokens) - 1 > 0 and tokens[index - 1].op is Op.CLASS
        if tokens[index].op is Op.BYTE and not is_skippable:
            return index + 1
    return 0


def _blocks(tokens: Sequence[Token], width: int) -> list[list[Token]]:
    """Return the one-byte tokens with at most ``width`` members that stand together.

    Of tokens that no match leaves out, such a block matches consecutive bytes. A parenthesis takes
    no byte, but the second of two adjacent ones is taken literally at times.
    """
    blocks: list[list[Token]] = [[]]
    previous: Op | None = None
    for token in tokens:
        if token.advances and len(token.members) <= width:
            blocks[-1].append(token)
        elif token.op is not Op.GROUP or previous is Op.GROUP:
            blocks.append([])
        previous = token.op
    return [block for block in blocks if block]


_NEEDLES = 2
_MINIMUM_BLOCK = 3


def _needles(tokens: Sequence[Token]) -> tuple[str, ...]:
    """Return the texts most worth looking for: long ones, and of single bytes the rarest."""
    texts = {
        "".join(byte for token in block for byte in token.members) for block in _blocks(tokens, 1)
    }
    ranked = sorted(texts, key=lambda text: (-len(text), text.isalnum(), text in " :", text))
    return tuple(ranked[:_NEEDLES])


def _block(tokens: Sequence[Token], *, at_start: bool) -> Attempt | None:
    """Return a search for the longest block, unless that is about what the needles find.

    A block consists of tokens that match consecutive bytes: of one byte, or repeated escapes with
    ``+`` that share no byte with their neighbours. Of an escape at its ends one byte is enough. So
    there is nothing to go back to, and of all attempts only one can reach a run of bytes as the
    first, the second ... repeated escape of the block: the search is linear.
    """
    longest: list[str] = []
    block: list[Token] = []
    for index, token in enumerate(tokens):
        if token.op is Op.GROUP and not (index and tokens[index - 1].op is Op.GROUP):
            continue
        if not _has_place(tokens, index, at_start=at_start):
            block = []
            continue
        overlaps = bool(block) and bool(block[-1].members & token.members)
        if overlaps and block[-1].repeats:
            block = block[-1:]
        block.append(token)
        longest = max(longest, _block_source(block), key=len)
        if overlaps and token.repeats:
            block = [token]
    if len(longest) < _MINIMUM_BLOCK or not any(source.startswith("[") for source in longest):
        return None
    return compiled("".join(longest)).search


def _block_source(block: Sequence[Token]) -> list[str]:
    inner = [_source(token) for token in block[1:-1]]
    ends = [class_source(token.members) for token in (block[0], block[-1])]
    return [ends[0], *inner, ends[1]] if len(block) > 1 else ends[:1]


def _has_place(tokens: Sequence[Token], index: int, *, at_start: bool) -> bool:
    """Tell whether a token matches bytes of its own in every match, and few enough to look for.

    A repeated escape with ``+`` does when the flag is not set as the scan comes to it. It is not
    behind an escape that leaves it cleared: one that never gives way, or gives way to a literal
    byte or a parenthesis; nor, in the one attempt of an anchored alternative, before any escape.
    """
    token = tokens[index]
    if len(token.members) > len(FOLDED_BYTES) // 2:
        return False
    if token.op is not Op.PLUS:
        return token.advances
    before = next((other for other in range(index - 1, -1, -1) if tokens[other].repeats), None)
    if before is None:
        return at_start
    following = tokens[before + 1]
    clears = following.op in (Op.BYTE, Op.GROUP)
    return clears or not tokens[before].members & following.members


def _opening(tokens: Sequence[Token], certain: Sequence[Token]) -> Attempt | None:
    """Return an attempt at the tokens behind ``^`` up to the first that can give way.

    Until there the scan has nothing to return to, so it gets past these tokens in one way only,
    which is also what ``re`` does (see :func:`_is_determined`).
    """
    opening: list[Token] = []
    previous: Op | None = None
    for index, token in enumerate(certain):
        if token.repeats and not _differs_from_next(tokens, index):
            break
        if token.op is Op.GROUP and previous is Op.GROUP:
            break
        previous = token.op
        opening.append(token)
    sources = [_source(token) for token in opening if token.op is not Op.GROUP]
    return compiled("".join(sources)).match if sources else None


def _of_fixed_length(alternative: Alternative) -> Matcher:
    """Return a matcher for an alternative of one-byte tokens without adjacent parentheses.

    Without repeated escapes nothing is ever remembered and no flag is set: the scan compares token
    by token and on a mismatch starts again one byte behind its last start. When the text ends
    within an attempt, every later start has less text left than tokens. So this is the leftmost
    search.
    """
    tokens = alternative.tokens
    fixed = [token for token in tokens if token.advances]
    if any(not token.members for token in fixed):
        return Nothing()
    if any(len(token.members) > 1 for token in fixed):
        return _translated(alternative)
    groups = (index for index, token in enumerate(tokens) if token.op is Op.GROUP)
    literal = Literal(
        "".join(byte for token in fixed for byte in token.members),
        # A lone "$" never matches behind the first byte: any restart loses the end to report.
        at_start=alternative.at_start or (not fixed and alternative.at_end),
        at_end=alternative.at_end,
    )
    return Verbatim(literal, tuple(index - number for number, index in enumerate(groups)))


def _is_determined(tokens: Sequence[Token], *, capturing: bool) -> bool:
    """Tell whether an alternative anchored with ``^`` has one way at most to match a text.

    It has when no byte that a repeated escape accepts can begin what follows it. The scan then
    never gives way early, so it remembers nothing, and it leaves each repeated escape with the flag
    cleared; ``re`` takes as much as it can and finds nothing to give back, in time linear in the
    text. What is left to compare is whether the text may end at each token.
    """
    return all(
        (not token.repeats or _differs_from_next(tokens, index))
        and _ends_as_expected(tokens, index, capturing=capturing)
        for index, token in enumerate(tokens)
    )


def _differs_from_next(tokens: Sequence[Token], index: int) -> bool:
    members = tokens[index].members
    for token in tokens[index + 1 :]:
        if token.op is Op.GROUP:
            continue
        if members & token.members:
            return False
        if token.op is not Op.STAR:
            break
    return True


def _ends_as_expected(tokens: Sequence[Token], index: int, *, capturing: bool) -> bool:
    may_end = _may_be_empty(tokens[index:])
    if accepts_end(tokens, index, repeated=False, capturing=capturing) is not may_end:
        return False
    if not tokens[index].repeats:
        return True
    may_end = _may_be_empty(tokens[index + 1 :])
    return accepts_end(tokens, index, repeated=True, capturing=capturing) is may_end


def _may_be_empty(tokens: Sequence[Token]) -> bool:
    return all(token.op in (Op.GROUP, Op.STAR) for token in tokens)


def _ends_in_one_byte(tokens: Sequence[Token]) -> bool:
    """Tell whether the end reported is the last byte matched, which a repeated escape prevents."""
    return next(token for token in reversed(tokens) if token.op is not Op.GROUP).advances


def _translated(alternative: Alternative) -> Translated:
    source: list[str] = []
    inside = False
    for token in alternative.tokens:
        if token.op is Op.GROUP:
            source.append(")" if inside else "(")
            inside = not inside
        else:
            source.append(_source(token))
    if alternative.at_end:
        source.append(r"\Z")
    regex = compiled("".join(source))
    return Translated(regex.match if alternative.at_start else regex.search, regex.groups)


def _source(token: Token) -> str:
    return class_source(token.members) + {Op.PLUS: "+", Op.STAR: "*"}.get(token.op, "")
