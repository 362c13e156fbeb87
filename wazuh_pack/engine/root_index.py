"""Which root decoders are worth trying: the same decision as trying all of them, in less time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.engine.expression import Kind
from wazuh_pack.engine.literal_index import LiteralIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wazuh_pack.engine.decoder_model import DecoderSet, Root
    from wazuh_pack.engine.literals import Literal
    from wazuh_pack.engine.matching import Expression, Folded

_PROGRAMS_REMEMBERED = 4096
_LONG_NAME = 256
_DIGITS = frozenset(b"0123456789")
_CLASSES = {
    ord("d"): _DIGITS,
    ord("w"): _DIGITS | frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-@"),
}
_ESCAPED = frozenset(rb"()\$|<")
_FIRST_NON_ASCII = 0x80


class RootIndex:
    """Finds the roots that can match an event, in the order of trial.

    A root that is left out has an expression that cannot match, and no effect but one: osregexes
    forget captured texts. So each root that is left comes with whether an osregex is tried before
    it.

    Attributes:
        forgetful: Whether any osregex is tried when no root without program name matches.
    """

    __slots__ = (
        "_by_first_byte",
        "_by_program",
        "_plain",
        "_with_program",
        "_without_program",
        "forgetful",
    )

    def __init__(self, decoders: DecoderSet, *, plain: bool = False) -> None:
        """Look at the patterns of all roots; if ``plain``, leave out none for its prematch."""
        self._with_program = decoders.with_program
        self._by_program: dict[bytes, Sequence[tuple[Root, bool]]] = {}
        self.forgetful = False
        roots: list[tuple[Root, bool]] = []
        for root in decoders.without_program:
            roots.append((root, self.forgetful))
            prematch = root.decoder.prematch
            self.forgetful |= prematch is not None and prematch.kind is Kind.OSREGEX
        self._without_program = tuple(roots)
        self._plain = plain
        self._by_first_byte: dict[str, LiteralIndex] = {}

    def for_program(self, program: bytes) -> Iterable[tuple[Root, bool]]:
        """Return the roots for a program name.

        osmatch has no side effects, so its answers are remembered; what is written in another
        language must be tried for every event.
        """
        found = self._by_program.get(program)
        if found is None:
            found = [(root, False) for root in self._with_program if _can_match(root, program)]
            if len(self._by_program) >= _PROGRAMS_REMEMBERED:
                self._by_program.clear()
            if len(program) < _LONG_NAME:
                self._by_program[program] = found
        return found

    def for_text(self, folded: Folded) -> Iterable[tuple[Root, bool]]:
        """Return the roots for a text without program name."""
        roots = self._without_program
        if self._plain:
            return roots
        first = folded[:1]
        index = self._by_first_byte.get(first)
        if index is None:
            index = self._by_first_byte[first] = LiteralIndex(self._starting_with(first))
        return map(roots.__getitem__, index.each(folded))

    def _starting_with(self, first: str) -> Iterator[tuple[int, Sequence[Literal] | None]]:
        """Yield the roots that can match texts with this first byte, and their literals."""
        for number, (root, _) in enumerate(self._without_program):
            prematch = root.decoder.prematch
            allowed = first_bytes(prematch)
            if allowed is None or (first and ord(first) in allowed):
                yield number, None if prematch is None else prematch.necessary()


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


def _can_match(root: Root, program: bytes) -> bool:
    expected = root.decoder.program_name
    if expected is None:
        return False
    return expected.kind is not Kind.OSMATCH or expected.matches(program)
