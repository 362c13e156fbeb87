"""Which root decoders are worth trying: the same decision as trying all of them, in less time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.engine.expression import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Candidates:
    """Roots in the order of trial.

    Attributes:
        roots: Each with whether an osregex is tried before it; osregexes forget captured texts.
        forgetful: Whether any osregex is tried when no root matches.
    """

    __slots__ = ("forgetful", "roots")

    def __init__(self, roots: Sequence[tuple[Root, bool]], *, forgetful: bool) -> None:
        """Keep the roots."""
        self.roots = tuple(roots)
        self.forgetful = forgetful


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
            roots = [root for root in self._with_program if _can_match(root, program)]
            found = Candidates([(root, False) for root in roots], forgetful=False)
            if len(self._by_program) >= _PROGRAMS_REMEMBERED:
                self._by_program.clear()
            self._by_program[program] = found
        return found

    def for_text(self, text: bytes) -> Candidates:
        """Return the roots for a text without program name: those that its first byte allows."""
        first = text[:1]
        found = self._by_first_byte.get(first)
        if found is None:
            roots: list[tuple[Root, bool]] = []
            forgetful = False
            for root, allowed in self._without_program:
                if allowed is None or (first and first[0] in allowed):
                    roots.append((root, forgetful))
                prematch = root.decoder.prematch
                forgetful = forgetful or (prematch is not None and prematch.kind is Kind.OSREGEX)
            found = self._by_first_byte[first] = Candidates(roots, forgetful=forgetful)
        return found


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
