"""The attributes of a ``<rule>`` element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.xmlio import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.engine.loadlog import LoadLog
    from wazuh_pack.xmlio import Node

DEFAULT_TIMEFRAME = 360
_ID_DIGITS = 6
_MAX_LEVEL = 16
_MIN_FREQUENCY = 2
_MAX_FREQUENCY = 9999
_LONGEST = 0x7FFF_FFFF_FFFF_FFFF
_ENOUGH_DIGITS = 20
"""So many without leading zeros are more than the longest; Python reads no number of any length."""
_MASK = 0xFFFF_FFFF


@dataclass(slots=True)
class Attributes:
    """The values, with analysisd's defaults; -1 stands for a missing id or level."""

    id: int = -1
    level: int = -1
    maxsize: int = 0
    timeframe: int = DEFAULT_TIMEFRAME
    frequency: int = 0
    accuracy: int = 1
    noalert: bool = False
    ignore: int = 0
    overwrite: bool = False


def read_attributes(node: Node, notes: LoadLog) -> Attributes:
    """Read a rule's attributes; names in any case, the last of a name counts.

    Raises:
        RefuseFile: analysisd would not start.
    """
    found = Attributes()
    for name, value in node.attributes:
        if name.lower() == "noalert":
            _noalert(found, value, node, notes)
            continue
        reader = _READERS.get(name.lower())
        problem = reader(found, value) if reader else f"a rule has no attribute '{shown(name)}'"
        if problem is not None:
            notes.error(problem, node.at)
            raise notes.refuse("the rule's attributes are invalid", node.at)
    return found


def is_number(value: bytes) -> bool:
    """Tell what analysisd takes for a number: digits only; nothing at all counts too."""
    return not value.strip(b"0123456789")


def as_int(digits: bytes) -> int:
    """Return a number of digits only as analysisd has it: the lower 32 bits, with a sign."""
    value = min(int(digits.lstrip(b"0")[:_ENOUGH_DIGITS] or b"0"), _LONGEST) & _MASK
    return value - (_MASK + 1) if value > _MASK // 2 else value


def _digits(value: bytes, limit: int, default: int) -> int:
    return int(value[:limit]) if value else default


def _id(found: Attributes, value: bytes) -> str | None:
    if not is_number(value) or len(value) > _ID_DIGITS:
        return "the rule id is not a number (at most 6 digits)"
    found.id = _digits(value, _ID_DIGITS, found.id)
    return None


def _level(found: Attributes, value: bytes) -> str | None:
    if is_number(value):
        found.level = as_int(value)
        if not 0 <= found.level <= _MAX_LEVEL:
            return "the level is not a number from 0 to 16."
    return None


def _maxsize(found: Attributes, value: bytes) -> str | None:
    if not is_number(value):
        return "maxsize is not a number"
    found.maxsize = _digits(value, 4, found.maxsize)
    return None


def _timeframe(found: Attributes, value: bytes) -> str | None:
    if not is_number(value):
        return "timeframe is not a number (at most 5 digits)"
    found.timeframe = _digits(value, 5, found.timeframe)
    return None


def _frequency(found: Attributes, value: bytes) -> str | None:
    if not is_number(value):
        return "frequency is not a number"
    frequency = as_int(value)
    if not _MIN_FREQUENCY <= frequency <= _MAX_FREQUENCY:
        return "frequency does not lie above 1 and below 10000."
    found.frequency = frequency - _MIN_FREQUENCY
    return None


def _accuracy(found: Attributes, value: bytes) -> str | None:
    if not is_number(value):
        return "accuracy is not a number"
    found.accuracy = _digits(value, 4, found.accuracy)
    return None


def _ignore(found: Attributes, value: bytes) -> str | None:
    if not is_number(value):
        return "ignore is not a number (at most 6 digits)"
    found.ignore = _digits(value, 6, found.ignore)
    return None


def _overwrite(found: Attributes, value: bytes) -> str | None:
    if value not in (b"yes", b"no"):
        return "overwrite is neither 'yes' nor 'no'"
    found.overwrite = value == b"yes"
    return None


def _noalert(found: Attributes, value: bytes, node: Node, notes: LoadLog) -> None:
    if value in (b"0", b"1"):
        found.noalert = value == b"1"
    else:
        notes.warn("invalid value of the attribute 'noalert'", node.at)


_READERS: dict[str, Callable[[Attributes, bytes], str | None]] = {
    "id": _id,
    "level": _level,
    "maxsize": _maxsize,
    "timeframe": _timeframe,
    "frequency": _frequency,
    "accuracy": _accuracy,
    "ignore": _ignore,
    "overwrite": _overwrite,
}
