"""First time seen: what ``<fts>`` of decoders and ``<if_fts/>`` of rules do in analysisd 4.14.7."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.engine.decoder_model import Decoder
    from wazuh_pack.engine.event import Event

_KEY_SLOTS = ("id", "dstuser", "srcuser", "srcip", "dstip", "data", "system_name")
_FIXED_PART_LIMIT = 255
_KEY_LIMIT = 256
_SIMILAR_PREFIX = 14
_SIMILAR_ALLOWED = 2
_REMEMBERED_FOR_SIMILARITY = 32


class FirstTimeSeen:
    """The keys that a session has seen."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._seen: set[bytes] = set()
        self._latest: deque[bytes] = deque(maxlen=_REMEMBERED_FOR_SIMILARITY)

    def check(self, event: Event, decoder: Decoder) -> bool:
        """Note the event's key; True when it is new.

        Keys of intrusion detection events are also compared with the latest ones: from the third
        that shares more than 14 bytes with earlier ones, only these bytes are kept.
        """
        key = fts_key(event, decoder)
        if key in self._seen:
            return False
        if event.category == "ids":
            similar = (known for known in self._latest if _is_similar(known, key))
            if sum(1 for _ in similar) > _SIMILAR_ALLOWED:
                key = key[:_SIMILAR_PREFIX]
            self._latest.append(key)
            if key in self._seen:
                self._latest.pop()
                return False
        self._seen.add(key)
        return True


def _is_similar(known: bytes, key: bytes) -> bool:
    more = _SIMILAR_PREFIX + 1
    return len(known) >= more and known[:more] == key[:more]


def fts_key(event: Event, decoder: Decoder) -> bytes:
    """Return what is remembered of an event."""
    values = [
        event.static.get(slot, b"") if slot in decoder.fts_slots else b"" for slot in _KEY_SLOTS
    ]
    location = event.location if "location" in decoder.fts_slots else b""
    key = b" ".join((decoder.name, *values, location))[:_FIXED_PART_LIMIT]
    for name in decoder.fts_fields:
        value = event.lookup.get(name.lower())
        if value is not None:
            key = (key + b" " + value)[:_KEY_LIMIT]
    return key
