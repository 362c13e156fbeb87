"""The path of an event through the decoders, for people.

It is found by trying the decoders' expressions once more, after the event has been decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.engine.conditions import text
from wazuh_pack.engine.decoder_model import Offset
from wazuh_pack.verify.explain_hints import about_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wazuh_pack.engine.decoder_model import Decoder, DecoderSet, Root
    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.matching import Expression

_NEAR_ROOTS = 5


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing that was tried.

    Attributes:
        decoder: The decoder's name.
        part: ``program_name``, ``prematch``, ``regex`` or ``plugin_decoder``.
        wanted: The expression, or the plug-in's name.
        matched: It matched.
        note: What came of it.
    """

    decoder: str
    part: str
    wanted: str
    matched: bool
    note: str = ""

    def __str__(self) -> str:
        """Return it as a line."""
        verb = "matches" if self.matched else "does not match"
        if self.part == "plugin_decoder":
            verb = "is run"
        note = f": {self.note}" if self.note else ""
        return f"{self.decoder}: {self.part} {self.wanted} {verb}{note}"


def decoding(event: Event, decoders: DecoderSet) -> Iterator[Attempt]:
    """Yield what decided about the event's decoder and its fields, in the order of trial.

    Of the roots, those are left out whose program name does not match, and those without program
    name that do not match; of the rest that fail, the last few are kept.
    """
    program = event.program_name
    roots = decoders.without_program if program is None else decoders.with_program
    failed: list[Attempt] = []
    for root in roots:
        attempts = list(_root(root.decoder, event, program))
        if not attempts:
            continue
        if all(attempt.matched for attempt in attempts):
            yield from failed[-_NEAR_ROOTS:]
            yield from attempts
            yield from _Below(event, root).attempts()
            return
        failed += attempts if program is not None else []
    yield from failed[-_NEAR_ROOTS:]


def _root(decoder: Decoder, event: Event, program: bytes | None) -> Iterator[Attempt]:
    """Yield what a root is asked, up to its first failure; nothing for one of other programs."""
    if program is not None:
        expected = decoder.program_name
        if expected is None or not expected.matches(program):
            return
        yield _attempt(decoder, "program_name", expected, matched=True)
    if decoder.prematch is not None:
        matched = decoder.prematch.matches(event.log)
        yield _attempt(decoder, "prematch", decoder.prematch, matched=matched)


class _Below:
    """What happens below the root that was chosen."""

    def __init__(self, event: Event, root: Root) -> None:
        self._event = event
        self._root = root
        prematch = root.decoder.prematch
        self._after_parent = 0 if prematch is None else self._after(prematch, 0)
        self._after_prematch = self._after_parent
        self._after_regex: int | None = None

    def attempts(self) -> Iterator[Attempt]:
        if not self._root.children:
            yield from self._chain((self._root.decoder,), 0)
            return
        index = 0
        children = self._root.children
        while index < len(children):
            child = children[index]
            if child.prematch is None:
                yield from self._chain(children, index)
                return
            start = self._after_parent if child.prematch_offset is Offset.PARENT else 0
            found = child.prematch.search(self._event.log[start:])
            yield _attempt(child, "prematch", child.prematch, matched=found is not None)
            if found is not None:
                self._after_prematch = self._after(child.prematch, start)
                yield from self._chain(children, index)
                return
            while children[index].chained and index + 1 < len(children):
                index += 1
            index += 1

    def _chain(self, decoders: Sequence[Decoder], index: int) -> Iterator[Attempt]:
        while index < len(decoders):
            decoder = decoders[index]
            if decoder.plugin is not None:
                yield Attempt(text(decoder.name), "plugin_decoder", decoder.plugin.value, True)
            elif decoder.regex is None:
                return
            else:
                yield self._regex(decoder, decoder.regex)
            if not decoder.chained:
                return
            index += 1

    def _regex(self, decoder: Decoder, regex: Expression) -> Attempt:
        start = self._start(decoder.regex_offset)
        found = regex.search(self._event.log[start:])
        if found is None:
            looked_at = self._event.log[start:]
            notes = [f"looked at {text(looked_at[:80])!r}", *about_pattern(regex, looked_at)]
            return _attempt(decoder, "regex", regex, matched=False, note="; ".join(notes))
        self._after_regex = self._after(regex, start)
        pairs = zip(decoder.order, found.captures, strict=False)
        fields = ", ".join(
            f"{target if isinstance(target, str) else text(target)} = {text(value)!r}"
            for target, value in pairs
        )
        return _attempt(decoder, "regex", regex, matched=True, note=fields)

    def _start(self, offset: Offset) -> int:
        if offset is Offset.WHOLE:
            return 0
        if offset is Offset.PARENT:
            return self._after_parent
        if offset is Offset.REGEX and self._after_regex is not None:
            return self._after_regex
        return self._after_prematch

    def _after(self, expression: Expression, start: int) -> int:
        found = expression.search(self._event.log[start:])
        end = start if found is None else max(start + found.end + 1, 0)
        return min(end, len(self._event.log))


def _attempt(
    decoder: Decoder, part: str, expression: Expression, *, matched: bool, note: str = ""
) -> Attempt:
    wanted = f"{text(expression.pattern)!r}"
    return Attempt(text(decoder.name), part, wanted, matched, note)
