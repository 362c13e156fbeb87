"""Which root decoders are worth trying: the same decision as trying all of them, in less time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.engine.expression import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_pack.engine.decoder_model import DecoderSet, Root
    from wazuh_pack.engine.matching import Expression

_PROGRAMS_REMEMBERED = 4096
_DIGITS = frozenset(b"0123456789")
_CLASSES = {
    ord("d"): _DIGITS,
    ord("w"): _DIGITS | frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-@"),
}
_ESCAPED = frozenset(rb"()\$|<")
_FIRST_NON_ASCII = 0x80


@dataclass(frozen=True, slots=True)
class Candidate:
    """A root worth trying.

    Attributes:
        root: The root.
        prematch: Its prematch.
        program_name: What it expects of the program's name, when that is still to be tried.
        forgetful: Whether captured texts are forgotten by trying it: its prematch is an osregex, or
            one of the roots left out before it is.
    """

    root: Root
    prematch: Expression | None
    program_name: Expression | None
    forgetful: bool


@dataclass(frozen=True, slots=True)
class Candidates:
    """The roots worth trying, in order; ``forgetful`` is about those left out after the last."""

    roots: tuple[Candidate, ...]
    forgetful: bool


class RootIndex:
    """Finds the roots that can match an event."""

    def __init__(self, decoders: DecoderSet) -> None:
        """Look at the patterns of all roots."""
        self._with_program = decoders.with_program
        self._by_program: dict[bytes, Candidates] = {}
        self._by_first_byte: dict[bytes, Candidates] = {}
        self._without_program = [
            (root, first_bytes(root.decoder.prematch)) for root in decoders.without_program
        ]

    def for_program(self, program: bytes) -> Candidates:
        """Return the roots for a program name.

        osmatch has no side effects, so its answers are remembered; what is written in another
        language must be tried for every event.
        """
        found = self._by_program.get(program)
        if found is None:
            roots = [(root, _can_match(root, program)) for root in self._with_program]
            found = _candidates(root for root in roots if root[1] is not False)
            if len(self._by_program) >= _PROGRAMS_REMEMBERED:
                self._by_program.clear()
            self._by_program[program] = found
        return found

    def for_text(self, text: bytes) -> Candidates:
        """Return the roots for a text without program name: those that its first byte allows."""
        first = text[:1]
        found = self._by_first_byte.get(first)
        if found is None:
            found = self._by_first_byte[first] = _candidates(
                (root, allowed is None or (first != b"" and first[0] in allowed))
                for root, allowed in self._without_program
            )
        return found


def _candidates(roots: Iterable[tuple[Root, bool | None]]) -> Candidates:
    """Collect roots.

    Args:
        roots: Roots and whether they can match; None when the program's name is still to be tried.
            Those that cannot match still forget captured texts.
    """
    found: list[Candidate] = []
    forgetful = False
    for root, possible in roots:
        prematch = root.decoder.prematch
        if possible is None:
            found.append(Candidate(root, prematch, root.decoder.program_name, forgetful))
            forgetful = False
            continue
        forgetful = forgetful or (prematch is not None and prematch.kind is Kind.OSREGEX)
        if possible:
            found.append(Candidate(root, prematch, None, forgetful))
            forgetful = False
    return Candidates(tuple(found), forgetful)


def first_bytes(pattern: Expression | None) -> frozenset[int] | None:
    """Return the bytes that a text must start with to match; None when any can do."""
    if pattern is None or pattern.kind is not Kind.OSREGEX:
        return None
    found: set[int] = set()
    for alternative in _alternatives(pattern.pattern):
        allowed = _first_of(alternative)
        if allowed is None:
            return None
        found |= allowed
    return frozenset(found)


def _alternatives(pattern: bytes) -> list[bytes]:
    """Split at bars that are not escaped."""
    first, *rest = pattern.split(b"|")
    parts = [first]
    for part in rest:
        before = parts[-1]
        if (len(before) - len(before.rstrip(b"\\"))) % 2:
            parts[-1] = before + b"|" + part
        else:
            parts.append(part)
    return parts


def _first_of(alternative: bytes) -> frozenset[int] | None:
    if not alternative.startswith(b"^") or len(alternative) == 1:
        return None
    first = alternative[1]
    if first == ord("\\") and len(alternative) > 2:  # noqa: PLR2004 - anchor and backslash
        escaped, repeated = alternative[2], alternative[3:4] in (b"*", b"+")
        if repeated:
            return None
        return frozenset((escaped,)) if escaped in _ESCAPED else _CLASSES.get(escaped)
    if first in b"\\()$" or first >= _FIRST_NON_ASCII:
        return None
    return frozenset(bytes((first,)).lower() + bytes((first,)).upper())


def _can_match(root: Root, program: bytes) -> bool | None:
    expected = root.decoder.program_name
    if expected is None or expected.kind is not Kind.OSMATCH:
        return None
    return expected.matches(program)
