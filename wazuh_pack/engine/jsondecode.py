"""The JSON plug-in decoder: a JSON object becomes fields, as analysisd 4.14.7 does it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from wazuh_pack.engine import cjson
from wazuh_pack.engine.cjson_print import print_value

if TYPE_CHECKING:
    from wazuh_pack.engine.cjson import Object, Scalar, Value
    from wazuh_pack.engine.event import Event

FIELD_LIMIT = 256
"""How many dynamic fields an event can have (``analysisd.decoder_order_size``)."""

_CSV_LIMIT = 65536
_LONG_NAME = 256
_NUMBER_TEXT_LIMIT = 63

_SLOTS = {
    "srcip": "srcip",
    "dstip": "dstip",
    "srcport": "srcport",
    "dstport": "dstport",
    "protocol": "protocol",
    "action": "action",
    "srcuser": "srcuser",
    "dstuser": "dstuser",
    "user": "dstuser",
    "id": "id",
    "status": "status",
    "url": "url",
    "data": "data",
    "extra_data": "extra_data",
    "systemname": "system_name",
}


def decode_json(event: Event, text: bytes, *, keep_null: bool, arrays_as_csv: bool) -> None:
    """Add the members of the JSON object that a text starts with to the event's fields.

    A text that is no JSON object adds nothing; what follows the object does not matter.

    Args:
        event: The event.
        text: The text, without NUL.
        keep_null: Give null members the value ``null``; otherwise drop them.
        arrays_as_csv: Join an array's scalars with commas; otherwise print the array as JSON.
    """
    try:
        root = cjson.parse(text)
    except cjson.JsonError:
        return
    if not isinstance(root, tuple):
        return
    _flatten(event, root, keep_null=keep_null, arrays_as_csv=arrays_as_csv)


def _flatten(event: Event, root: Object, *, keep_null: bool, arrays_as_csv: bool) -> None:
    dynamic, lookup = event.dynamic, event.lookup
    stack = [(iter(root), "")]
    while stack:
        members, prefix = stack[-1]
        for key, value in members:
            if type(value) is str:
                text = value.encode() if value.isascii() else cjson.encode(value)
            elif isinstance(value, tuple):
                stack.append((iter(value), f"{prefix}{key}."))
                break
            else:
                other = _text(value, keep_null=keep_null, arrays_as_csv=arrays_as_csv)
                if other is None:
                    continue
                text = other
            if not prefix and key in _SLOTS and _set_static(event, key, text):
                continue
            if len(dynamic) < FIELD_LIMIT:
                path = prefix + key
                name, folded = _known_names(path) if len(path) < _LONG_NAME else _names(path)
                dynamic.append((name, text))
                if folded not in lookup:
                    lookup[folded] = text
        else:
            stack.pop()


def _names(path: str) -> tuple[bytes, bytes]:
    """Return a field's name and what it is looked up by."""
    name = cjson.encode(path)
    return name, name.lower()


_known_names = lru_cache(maxsize=4096)(_names)
"""Sources use the same names all the time."""


def _set_static(event: Event, key: str, text: bytes) -> bool:
    """Fill a slot; False when ``user`` finds its slot taken and is an ordinary field."""
    if key == "user" and event.static.get("dstuser"):
        return False
    event.static[_SLOTS[key]] = text
    return True


def _text(value: Scalar | list[Value], *, keep_null: bool, arrays_as_csv: bool) -> bytes | None:
    """Return a field's value; None when there is to be no field."""
    if isinstance(value, list):
        return (_csv(value) or None) if arrays_as_csv else print_value(value)
    if value is None and not keep_null:
        return None
    return _scalar(value)[:_NUMBER_TEXT_LIMIT]


def _scalar(value: Scalar) -> bytes:
    if isinstance(value, str):
        return cjson.encode(value)
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    whole = cjson.integer(value)
    return b"%f" % value if whole is None else b"%d" % whole


def _csv(items: list[Value]) -> bytes:
    """Join scalars; containers are left out, but a comma follows every scalar before them.

    A text of 64 KiB or more becomes empty. A number that does not fit its buffer ends the text:
    Wazuh writes on where the whole number would have ended, beyond the NUL.
    """
    parts: list[bytes] = []
    size = 0
    ended = False
    last = len(items) - 1
    for index, item in enumerate(items):
        if isinstance(item, (list, tuple)):
            continue
        text = _scalar(item)
        if size + len(text) + 1 >= _CSV_LIMIT:
            return b""
        size += len(text)
        fits = isinstance(item, str) or len(text) <= _NUMBER_TEXT_LIMIT
        if not ended:
            parts.append(text if fits else text[:_NUMBER_TEXT_LIMIT])
        ended = ended or not fits
        if index < last:
            size += 1
            if not ended:
                parts.append(b",")
    return b"".join(parts)
