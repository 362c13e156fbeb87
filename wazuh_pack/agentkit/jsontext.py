"""Reads and writes JSON without importing ``json``.

``json`` imports ``re``, which takes longer than a firewall change. What ``json`` itself uses to be
fast, the extension module ``_json``, needs neither; where an interpreter has none, ``json`` steps
in. The results are the same (a test compares them).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BLANK = " \t\n\r"


class _Context:
    """What the scanner of ``_json`` wants to know; its names are those of ``json.JSONDecoder``."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(name: str) -> float:
        """Refuse ``NaN`` and the infinities, which JSON does not have."""
        raise ValueError(name)


try:
    from _json import encode_basestring_ascii as _quote
    from _json import make_scanner

    _scan: Any = make_scanner(_Context())  # type: ignore[arg-type]  # any object with these names does
except (ImportError, AttributeError):
    import json

    _quote = json.dumps
    _scan = None


def loads(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It is nested too deeply.
    """
    body = text.strip(_BLANK)
    if _scan is not None:
        try:
            value, end = _scan(body, 0)
            if end == len(body):
                return value
        except (StopIteration, SystemError, ValueError):
            pass  # it cannot raise json's own error, which is not imported
    import json  # noqa: PLC0415 -- only to say properly what is wrong

    return json.loads(body, parse_constant=_Context.parse_constant)


def dumps(value: object) -> str:
    """Return a value as compact JSON in ASCII.

    Raises:
        TypeError: It holds something else than dict (with text as keys), list, tuple, str, bool,
            int, finite float and None.
    """
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, dict):
        pairs = [f"{_quote(key)}:{dumps(item)}" for key, item in value.items()]
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join([dumps(item) for item in value])}]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float) and value - value == 0:
        return float.__repr__(value)
    raise TypeError(f"no JSON: {type(value).__name__}")
