"""``<time>`` and ``<weekday>``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_DAYS = (
    (b"sunday", (0,)),
    (b"sun", (0,)),
    (b"monday", (1,)),
    (b"mon", (1,)),
    (b"tuesday", (2,)),
    (b"tue", (2,)),
    (b"wednesday", (3,)),
    (b"wed", (3,)),
    (b"thursday", (4,)),
    (b"thu", (4,)),
    (b"friday", (5,)),
    (b"fri", (5,)),
    (b"saturday", (6,)),
    (b"sat", (6,)),
    (b"weekdays", (1, 2, 3, 4, 5)),
    (b"weekends", (0, 6)),
)
_NOON = 12
_HOURS = 24
_HOUR_DIGITS = 2
_MINUTE_DIGITS = 2
_LONGEST_CLOCK = 6
_NUMBER = re.compile(rb"\s*([+-]?)0*([0-9]{0,9})")


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A range of the day, both ends (``hh:mm``) included; ``outside`` inverts it."""

    start: str
    end: str
    outside: bool

    def holds(self, clock: str) -> bool:
        """Tell whether a local time ``hh:mm`` satisfies the range."""
        return (self.start <= clock <= self.end) is not self.outside


class TimeError(ValueError):
    """An hour with which analysisd gives up; ``args[0]`` is where, empty when it says nothing."""


def parse_time(text: bytes) -> tuple[TimeRange | None, list[bytes]]:
    """Read ``[!]hh[:mm][am|pm] - hh[:mm][am|pm]``.

    A range whose start lies behind its end becomes the inverse of the swapped range, with or
    without ``!``. Where an hour should be but is none, analysisd complains and takes midnight.

    Returns:
        The range, None when analysisd refuses the text; and what it complains of by number (1240),
        which is not always a reason to refuse.
    """
    complaints: list[bytes] = []
    try:
        return _range(text, complaints), complaints
    except TimeError as error:
        return None, [*complaints, *error.args]


def _range(text: bytes, complaints: list[bytes]) -> TimeRange | None:
    rest = text.lstrip(b" ")
    outside = rest.startswith(b"!")
    start, rest = _hour(rest.removeprefix(b"!").lstrip(b" "), complaints)
    rest = rest.lstrip(b" ")
    if not rest.startswith(b"-"):
        return None
    end, rest = _hour(rest[1:].lstrip(b" "), complaints)
    if rest.strip(b" "):
        return None
    if start > end:
        return TimeRange(end, start, outside=True)
    return TimeRange(start, end, outside)


def _hour(text: bytes, complaints: list[bytes]) -> tuple[str, bytes]:
    digits = len(text) - len(text.lstrip(b"0123456789"))
    if not digits:
        complaints.append(text)
    hour, rest = _number(text), text[digits:]
    if not 0 <= hour < _HOURS:
        raise TimeError(text)
    if digits > _HOUR_DIGITS:
        raise TimeError(rest)
    minute = 0
    if rest.startswith(b":"):
        minute, rest = _minute(rest[1:])
    rest = rest.lstrip(b" ")
    half = rest[:2].lower()
    if half == b"am":
        hour, rest = 0 if hour == _NOON else hour, rest[2:]
    elif half == b"pm":
        hour = (0 if hour == _NOON else hour) + _NOON
        if hour >= _HOURS:
            raise TimeError(rest[1:])
        rest = rest[2:]
    elif half[:1] in (b"a", b"p"):
        raise TimeError(rest[1:])
    found = f"{hour:02d}:{minute:02d}"
    if len(found) > _LONGEST_CLOCK:
        raise TimeError
    return found, rest


def _minute(text: bytes) -> tuple[int, bytes]:
    """Two digits are asked for only where a third one follows; two bytes are passed in any case.

    With fewer bytes left analysisd reads past the end, and what it finds there is chance: refused.
    """
    if len(text) < _MINUTE_DIGITS or (not text[:2].isdigit() and text[2:3].isdigit()):
        raise TimeError(text)
    return _number(text), text[2:]


def _number(text: bytes) -> int:
    """Read a number as C's ``atoi`` does: blanks and a sign before it, 0 when there is none."""
    found = _NUMBER.match(text)
    return int(b"".join(found.groups())) if found and found.group(2) else 0


def parse_days(text: bytes) -> frozenset[int] | None:
    """Read day names separated by blanks or commas; None when analysisd refuses the text.

    A leading ``!`` is refused: analysisd sees it but never steps over it.
    """
    days: set[int] = set()
    rest = text.lstrip(b" ").lower()
    while rest:
        name, numbers = next((day for day in _DAYS if rest.startswith(day[0])), (b"", ()))
        if not name:
            return None
        days.update(numbers)
        rest = rest[len(name) :]
        stripped = rest.lstrip(b" ,")
        if rest and stripped == rest:
            return None
        rest = stripped
    return frozenset(days) or None
