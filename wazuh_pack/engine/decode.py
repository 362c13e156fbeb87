"""Running the decoders over an event, as analysisd 4.14.7 does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from wazuh_pack.engine.decoders import DecoderSet
    from wazuh_pack.engine.event import Event


class DecodeState:
    """What one session remembers between events. Its clock is the events' time."""

    def __init__(self, known_rules: Container[bytes] = ()) -> None:
        """Start empty; ``known_rules`` are the ids that an event may name by itself."""
        self.known_rules = known_rules

    def first_time_seen(self, event: Event) -> bool:
        """Answer ``<if_fts/>``: True once per combination of the decoder's ``fts`` fields."""
        raise NotImplementedError


def decode(event: Event, decoders: DecoderSet, state: DecodeState) -> None:
    """Choose the event's decoder and fill its fields, the accumulator's included."""
    raise NotImplementedError
