"""``<time>`` and ``<weekday>``."""

from __future__ import annotations

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
    """An hour that analysisd complains about by number (1240); ``args[0]`` is where it stopped."""


def parse_time(text: bytes) -> TimeRange | None:
    """Read ``[!]hh[:mm][am|pm] - hh[:mm][am|pm]``; None when analysisd refuses it without more ado.

    A range whose start lies behind its end becomes the inverse of the swapped range, with or
    without ``!``.

    Raises:
        TimeError: An hour is out of its range.
    """
    rest = text.lstrip(b" ")
    outside = rest.startswith(b"!")
    start, rest = _hour(rest.removeprefix(b"!").lstrip(b" "))
    rest = rest.lstrip(b" ")
    if not rest.startswith(b"-"):
        return None
    end, rest = _hour(rest[1:].lstrip(b" "))
    if rest.strip(b" "):
        return None
    if start > end:
        return TimeRange(end, start, outside=True)
    return TimeRange(start, end, outside)


def _hour(text: bytes) -> tuple[str, bytes]:
    digits = len(text) - len(text.lstrip(b"0123456789"))
    hour, rest = int(text[:digits].lstrip(b"0")[: _HOUR_DIGITS + 1] or b"0"), text[digits:]
    if not digits or hour >= _HOURS:
        raise TimeError(text)
    if digits > _HOUR_DIGITS:
        raise TimeError(rest)
    minute = 0
    if rest.startswith(b":"):
        if not rest[1:3].isdigit() or len(rest) < 3:  # noqa: PLR2004 - a colon and two digits
            raise TimeError(rest[1:])
        minute, rest = int(rest[1:3]), rest[3:]
    rest = rest.lstrip(b" ")
    half = rest[:2].lower()
    if half in (b"am", b"pm"):
        hour, rest = hour % _NOON if hour == _NOON else hour, rest[2:]
        if half == b"pm":
            hour += _NOON
        if hour >= _HOURS:
            raise TimeError(rest)
    elif half[:1] in (b"a", b"p"):
        raise TimeError(rest[1:])
    return f"{hour:02d}:{minute:02d}", rest


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
