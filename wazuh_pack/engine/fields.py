"""The ``data`` object of the output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wazuh_pack.engine import cjson
from wazuh_pack.engine.cjson_print import number_text

if TYPE_CHECKING:
    from wazuh_pack.engine.cjson import Value
    from wazuh_pack.engine.event import Event

_STATIC_ORDER = (
    *("protocol", "action", "srcip", "srcport", "srcuser", "dstip", "dstport", "dstuser"),
    *("id", "status", "url", "data", "extra_data", "system_name"),
)


def output_data(event: Event) -> dict[str, object]:
    """Return ``data`` as analysisd 4.14.7 prints it: names nested at dots, JSON arrays expanded.

    Empty dynamic fields are left out. Bytes that are not UTF-8 become surrogates
    (``surrogateescape``).
    """
    data = _Object()
    for slot in _STATIC_ORDER:
        known = event.static.get(slot)
        if known is not None:
            data.put(slot.encode(), _text(known))
    places: dict[bytes, _Object | None] = {}
    for path, value in event.dynamic:
        if not value:
            continue
        above, dot, name = path.rpartition(b".")
        if not dot:
            place: _Object | None = data
        elif above in places:
            place = places[above]
        else:
            place = places[above] = _inside(data, above)
        if place is not None and not place.has(name):
            place.put(name, _field(value))
    return data.members


def _inside(data: _Object, path: bytes) -> _Object | None:
    """Return the object that a path leads to, made if need be; None if something else is there."""
    for name in path.split(b"."):
        if not data.has(name):
            data.put(name, _Object())
        inner = data.inner(name)
        if inner is None:
            return None
        data = inner
    return data


class _Object:
    """A JSON object whose names are compared without regard to ASCII case."""

    __slots__ = ("_inner", "members")

    def __init__(self) -> None:
        self.members: dict[str, object] = {}
        self._inner: dict[bytes, _Object | None] = {}

    def has(self, name: bytes) -> bool:
        return name.lower() in self._inner

    def inner(self, name: bytes) -> _Object | None:
        return self._inner[name.lower()]

    def put(self, name: bytes, value: object) -> None:
        inner = value if isinstance(value, _Object) else None
        self._inner[name.lower()] = inner
        self.members[_text(name)] = value if inner is None else inner.members


def _field(value: bytes) -> object:
    """Return a field's value: an array when the text is one, completely; otherwise the text."""
    if value.startswith(b"["):
        try:
            parsed, end = cjson.parse_exactly(value)
        except cjson.JsonError:
            return _text(value)
        if end == len(value):
            return _as_printed(parsed)
    return _text(value)


def _as_printed(value: Value) -> object:
    """Return plain Python data with numbers as cJSON would print them.

    Without recursion: cJSON's nesting limit is as high as Python's.
    """
    root: list[Any] = [value]
    work: list[tuple[Any, Any]] = [(root, 0)]
    while work:
        holder, key = work.pop()
        item = holder[key]
        if isinstance(item, list):
            holder[key] = items = list(item)
            work.extend((items, index) for index in range(len(items)))
        elif isinstance(item, tuple):
            holder[key] = members = dict(item)
            work.extend((members, name) for name in members)
        elif isinstance(item, float):
            holder[key] = json.loads(number_text(item))
    return root[0]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
