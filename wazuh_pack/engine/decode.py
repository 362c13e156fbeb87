"""Running the decoders over an event, as analysisd 4.14.7 does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.engine.accumulator import Accumulator
from wazuh_pack.engine.decoder_model import Offset, Plugin
from wazuh_pack.engine.expression import Kind, fold
from wazuh_pack.engine.fts import FirstTimeSeen
from wazuh_pack.engine.jsondecode import FIELD_LIMIT, decode_json
from wazuh_pack.engine.plugins import (
    ALERT_CATEGORY,
    decode_ossec_alert,
    decode_pf,
    decode_sonicwall,
    decode_symantec,
)
from wazuh_pack.engine.root_index import RootIndex

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from wazuh_pack.engine.decoder_model import Decoder, DecoderSet, Root
    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.matching import Expression, Folded, Match
    from wazuh_pack.engine.root_index import Candidate


class DecodeState:
    """What one session remembers between events. Its clock is the events' time."""

    def __init__(self, known_rules: Container[bytes] = (), *, manager: bytes = b"manager") -> None:
        """Start empty.

        Args:
            known_rules: The ids of rules that an event may name by itself.
            manager: The manager's host name.
        """
        self.known_rules = known_rules
        self.accumulator = Accumulator(manager)
        self.captures: tuple[bytes, ...] = ()
        """What the last expression captured and nobody took: see :func:`_search`."""
        self.categories: dict[Decoder, str] = {}
        """Types that plug-ins have changed; the change outlives the event."""
        self._first_seen = FirstTimeSeen()
        self._index: tuple[DecoderSet, RootIndex] | None = None

    def first_time_seen(self, event: Event) -> bool:
        """Answer ``<if_fts/>``: True once per combination of the decoder's ``fts`` fields."""
        decoder = event.decoder
        return decoder is not None and decoder.fts and self._first_seen.check(event, decoder)

    def index(self, decoders: DecoderSet) -> RootIndex:
        """Return the index of the roots; it is built once for the session's decoders."""
        if self._index is None or self._index[0] is not decoders:
            self._index = decoders, RootIndex(decoders)
        return self._index[1]


def decode(event: Event, decoders: DecoderSet, state: DecodeState) -> None:
    """Choose the event's decoder and fill its fields, the accumulator's included."""
    run = _Run(event, state)
    root = run.choose_root(state.index(decoders))
    if root is None:
        return
    if not root.children:
        run.run_chain((root.decoder,), 0)
    else:
        first = run.choose_child(root.children)
        if first is not None:
            run.run_chain(root.children, first)
    decoder = event.decoder
    if decoder is not None:
        event.category = state.categories.get(decoder, decoder.type)
        if decoder.accumulate:
            state.accumulator.share(event, decoder)


class _Run:
    """Decoding one event.

    Positions count from the start of the text after the header. A position can be negative: after
    an empty match at the start analysisd looks at the byte before, which belongs to the header.
    """

    def __init__(self, event: Event, state: DecodeState) -> None:
        self._event = event
        self._state = state
        self._folded: Folded | None = None
        self._after_parent = 0
        self._after_prematch = 0
        self._after_regex: int | None = None
        self._child_matched = False

    def choose_root(self, index: RootIndex) -> Root | None:
        """Return the first root that matches; it becomes the event's decoder."""
        event = self._event
        program = event.program_name
        if program is not None:
            candidates = index.for_program(program)
        else:
            candidates = index.for_text(event.log)
        state, text, folded = self._state, event.log, self._fold()
        for candidate in candidates.roots:
            if candidate.forgetful:
                state.captures = ()
            if candidate.program_name is not None:
                if not self._tried(candidate):
                    continue
            elif candidate.prematch is not None:
                found = candidate.prematch.search(text, folded)
                if found is None:
                    continue
                if found.captures:
                    state.captures = found.captures
                self._after_parent = self._next(found.end)
            event.decoder = candidate.root.decoder
            return candidate.root
        if candidates.forgetful:
            state.captures = ()
        return None

    def _tried(self, candidate: Candidate) -> bool:
        """Try a root whose program name is not written in osmatch."""
        expected, prematch = candidate.program_name, candidate.prematch
        program = self._event.program_name
        if expected is None or program is None:
            return True
        if _search(expected, program, None, self._state) is None:
            return False
        if prematch is not None:
            found = self._search(prematch, 0)
            if found is None:
                return False
            self._after_parent = self._next(found.end)
        return True

    def choose_child(self, children: Sequence[Decoder]) -> int | None:
        """Return the first child that is taken; only one with a prematch becomes the decoder."""
        index = 0
        while index < len(children):
            child = children[index]
            if child.prematch is None:
                self._after_prematch = self._after_parent
                return index
            start = self._after_parent if child.prematch_offset is Offset.PARENT else 0
            found = self._search(child.prematch, start)
            if found is not None:
                self._after_prematch = self._next(start + found.end)
                self._event.decoder = child
                self._child_matched = True
                return index
            while children[index].chained and index + 1 < len(children):
                index += 1
            index += 1
        return None

    def run_chain(self, decoders: Sequence[Decoder], index: int) -> None:
        """Run a decoder and those that continue it; one that fails is skipped."""
        while True:
            decoder = decoders[index]
            if decoder.plugin is not None:
                self._run_plugin(decoder.plugin)
            elif decoder.regex is None or not self._run_regex(decoder, decoder.regex):
                return
            if not decoder.chained:
                return
            index += 1

    def _run_regex(self, decoder: Decoder, regex: Expression) -> bool:
        """Fill fields; False when the chain ends for want of room."""
        start = self._regex_start(decoder.regex_offset)
        found = self._search(regex, start)
        if found is None:
            return True
        self._after_regex = self._next(start + found.end)
        event, state = self._event, self._state
        if len(event.dynamic) >= FIELD_LIMIT:
            return False
        for target, value in zip(decoder.order, state.captures, strict=False):
            if isinstance(target, str):
                event.static[target] = value
            else:
                event.add_dynamic(target, value)
        state.captures = ()
        return True

    def _regex_start(self, offset: Offset) -> int:
        if offset is Offset.WHOLE:
            return 0
        if offset is Offset.PARENT:
            return self._after_parent
        if offset is Offset.REGEX and self._after_regex is not None:
            return self._after_regex
        return self._after_prematch

    def _run_plugin(self, plugin: Plugin) -> None:
        """Run a plug-in with the options of the event's decoder, which need not be its own."""
        event, state = self._event, self._state
        decoder = event.decoder
        if decoder is None:
            return
        if plugin is Plugin.JSON:
            start = self._plugin_start(decoder.plugin_offset)
            if start is not None:
                decode_json(
                    event,
                    self._text(start),
                    keep_null=decoder.keep_null,
                    arrays_as_csv=decoder.arrays_as_csv,
                )
        elif plugin is Plugin.PF:
            decode_pf(event)
        elif plugin is Plugin.SYMANTEC:
            decode_symantec(event)
        elif plugin is Plugin.SONICWALL:
            state.categories[decoder] = decode_sonicwall(event)
            state.captures = ()
        else:
            state.categories[decoder] = ALERT_CATEGORY
            decode_ossec_alert(event, state.known_rules)

    def _plugin_start(self, offset: Offset) -> int | None:
        """Return where a plug-in starts; None when that place is not known."""
        if offset is Offset.WHOLE:
            return 0
        if offset is Offset.PREMATCH:
            return self._after_prematch if self._child_matched else self._after_parent
        return self._after_parent if offset is Offset.PARENT and self._child_matched else None

    def _search(self, expression: Expression, start: int) -> Match | None:
        if start:
            return _search(expression, self._text(start), None, self._state)
        return _search(expression, self._event.log, self._fold(), self._state)

    def _fold(self) -> Folded:
        if self._folded is None:
            self._folded = fold(self._event.log)
        return self._folded

    def _text(self, start: int) -> bytes:
        """Return the text from a position on."""
        event = self._event
        if start >= 0:
            return event.log[start:]
        return _buffer(event)[start - len(event.log) :].partition(b"\0")[0]

    def _next(self, position: int) -> int:
        """Return the position after a consumed byte; a NUL there is not passed."""
        log = self._event.log
        if position >= 0:
            return min(position + 1, len(log))
        return position if _buffer(self._event)[position - len(log)] == 0 else position + 1


def _buffer(event: Event) -> bytes:
    """Return what lies in memory up to the end of the text: the whole event and the header."""
    return event.full_log + b"\0" + event.lead + event.log


def _search(
    expression: Expression, text: bytes, folded: Folded | None, state: DecodeState
) -> Match | None:
    """Match, and keep what was captured where analysisd keeps it.

    An osregex forgets the captures before it starts; a PCRE2 pattern only replaces them when it
    captured something itself.
    """
    found = expression.search(text, folded)
    if expression.kind is Kind.OSREGEX:
        state.captures = found.captures if found else ()
    elif found is not None and found.captures:
        state.captures = found.captures
    return found
