"""The accumulator of analysisd 4.14.7: events of one sender, decoder and id share fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.engine.decoder_model import Decoder
    from wazuh_pack.engine.event import Event

_SHARED = ("dstuser", "srcuser", "dstip", "srcip", "dstport", "srcport", "data")
_VALUE_LIMIT = 80
_KEY_LIMIT = 255
_LIFETIME = 120
_PURGE_EVERY = 200


class Accumulator:
    """What a session's events have lent, each for 120 seconds after the last event of its id."""

    def __init__(self, manager: bytes) -> None:
        """Start empty; ``manager`` is the host of events whose header names none."""
        self._manager = manager
        self._stored: dict[bytes, tuple[int, dict[str, bytes]]] = {}
        self._lookups = 0

    def share(self, event: Event, decoder: Decoder) -> None:
        """Complete the event from what is stored and store what it adds.

        What is known stays: the event's own values, and the first value stored.
        """
        identifier = event.static.get("id")
        if identifier is None:
            return
        now = int(event.time)
        self._purge(now)
        host = self._manager if event.hostname is None else event.hostname
        key = b" ".join((host, decoder.name, identifier))
        if len(key) > _KEY_LIMIT:
            return
        since, values = self._stored.get(key, (now, {}))
        if 0 < since < now - _LIFETIME:
            values = {}
        for name in _SHARED:
            _fill(event.static, name, values.get(name))
        for name in _SHARED:
            _fill(values, name, event.static.get(name))
        self._stored[key] = (now, values)

    def _purge(self, now: int) -> None:
        self._lookups += 1
        if self._lookups < _PURGE_EVERY:
            return
        self._lookups = 0
        self._stored = {
            key: entry for key, entry in self._stored.items() if entry[0] >= now - _LIFETIME
        }


def _fill(values: dict[str, bytes], name: str, value: bytes | None) -> None:
    if value and len(value) <= _VALUE_LIMIT and not values.get(name):
        values[name] = value
