"""Reading past logs as a stream: plain lines, NDJSON, archives.json; packed with gzip or not.

Memory is constant: a line is read up to a limit, and nothing is kept but the time of the last
event. Every event gets a time; that of the virtual clock comes, in this order, from archives.json's
``timestamp``, from a member of a JSON event that usually holds it, from the time stamp that a line
begins with, else from the event before it.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wazuh_pack.limits import MAX_EVENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LINE_LIMIT = 4 * 1024 * 1024
"""Bytes of a line that are looked at; archives.json repeats an event's fields beside its text."""
JITTER = 60.0
"""Seconds by which an event may be older than the one before it; analysisd would have taken it in
the order of arrival, so the clock just stands still."""
_GZIP = b"\x1f\x8b"
_STDIN = "-"
_MANAGER = "000"
_HEAD = 200
_TIME_KEYS = (
    "timestamp",
    "@timestamp",
    "time",
    "eventTime",
    "created_at",
    "requestReceivedTimestamp",
    "stageTimestamp",
    "date",
    "ts",
)
_MILLISECONDS_FROM, _MICROSECONDS_FROM, _NANOSECONDS_FROM = 1e11, 1e14, 1e17
LATEST = 4102444800.0
"""Seconds; 2100. What is later is no time of an event."""
_EARLIEST = 1e8  # 1973; what is smaller is no time of day
_DAY = 86400.0
_ISO = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|[-+]\d\d:?\d\d)?"
)
_SYSLOG = re.compile(rb"([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)\b")
_COMMON_LOG = re.compile(rb"\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([-+]\d{4})\]")
_AUDIT = re.compile(rb"msg=audit\((\d{9,10}\.\d{3})")
_FORMS = (_ISO, _SYSLOG, _COMMON_LOG, _AUDIT)
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True, slots=True)
class Record:
    """One event.

    Attributes:
        number: The line's number over all inputs, from 1.
        event: The text that analysisd gets.
        location: Where it came from, with the agent in front as analysisd gets it.
        time: Seconds since the epoch.
        agent: The agent's id.
        zone: The time zone of the manager that judged or judges it.
    """

    number: int
    event: bytes
    location: bytes
    time: float
    agent: str = _MANAGER
    zone: tzinfo = timezone.utc


@dataclass(slots=True)
class ReadStatistics:
    """What was met while reading."""

    lines: int = 0
    events: int = 0
    too_long: int = 0
    """Lines beyond the limit; they are left out."""
    cut: int = 0
    """Events longer than analysisd takes; the rest of them is left out."""
    without_log: int = 0
    """Lines of archives or alerts that do not hold the event's text."""
    not_wrapped: int = 0
    """Lines of a vendor's JSON events that hold no JSON object."""
    without_time: int = 0
    """Events that took the time of the one before."""
    out_of_order: int = 0
    """Events clearly older than the one before."""
    unreadable: list[str] = field(default_factory=list)
    """Files that could not be read, or not to the end, with the reason."""


@dataclass(frozen=True, slots=True)
class Wrapping:
    """What is done to a vendor's event before analysisd gets it (``--source``)."""

    apply: Callable[[Any], str]
    location: str
    plain: bool
    """The events are lines of text, not JSON."""


@dataclass(slots=True, eq=False)
class Reader:
    """Reads files one after the other; ``-`` is standard input.

    Attributes:
        paths: The files.
        wrapping: For a vendor's own logs.
        location: The location of events that do not bring one; the file's name by default.
        latest: Seconds since the epoch; time stamps without a year get the last one that is no more
            than a day after this.
        zone: The manager's time zone, where archives.json does not say it; that of time stamps
            without one as well.
        progress: Called now and then with the number of bytes consumed so far.
    """

    paths: Sequence[str]
    wrapping: Wrapping | None = None
    location: str | None = None
    latest: float = LATEST
    zone: tzinfo = timezone.utc
    progress: Callable[[int], None] | None = None
    statistics: ReadStatistics = field(default_factory=ReadStatistics)
    _now: float = 0.0

    def __iter__(self) -> Iterator[Record]:
        """Yield every event, in the order of the files and their lines."""
        consumed = 0
        for name in self.paths:
            file = _Input(name)
            place = (self.location or ("stdin" if name == _STDIN else name)).encode(
                "utf-8", "surrogateescape"
            )
            try:
                for line in file.lines():
                    self.statistics.lines += 1
                    if self.progress is not None and not self.statistics.lines % 1024:
                        self.progress(consumed + file.position())
                    record = self._record(line, place)
                    if record is not None:
                        yield record
            except (OSError, EOFError, zlib.error) as error:
                reason = getattr(error, "strerror", None) or str(error)
                self.statistics.unreadable.append(f"{name}: {reason}")
            finally:
                consumed += file.position()
                file.close()

    def own_time(self, event: bytes) -> float | None:
        """Return the time that an event names, in seconds since the epoch; None without any."""
        whole = _json_object(event) if event.startswith(b"{") else None
        return self._time(event, whole)

    def _record(self, line: bytes | None, place: bytes) -> Record | None:
        if line is None:
            self.statistics.too_long += 1
            return None
        if not line:
            return None
        whole = _json_object(line) if line.startswith(b"{") else None
        if whole is not None and _is_archived(whole):
            return self._archived(whole)
        return self._fresh(line, whole, place)

    def _archived(self, whole: dict[str, Any]) -> Record | None:
        log = whole.get("full_log")
        if not isinstance(log, str):
            self.statistics.without_log += 1
            return None
        agent, location = _sender(whole)
        stamp = whole.get("timestamp")
        time, zone = _time_of_value(stamp, self.zone), _zone_of_value(stamp)
        return self._new(encode(log), encode(location), time, agent, zone)

    def _fresh(self, line: bytes, whole: dict[str, Any] | None, place: bytes) -> Record | None:
        time = self._time(line, whole)
        wrapping = self.wrapping
        if wrapping is None:
            return self._new(line, place, time)
        event: Any = line.decode("utf-8", "surrogateescape") if wrapping.plain else whole
        if event is None:
            self.statistics.not_wrapped += 1
            return None
        return self._new(encode(wrapping.apply(event)), encode(wrapping.location), time)

    def _new(
        self,
        event: bytes,
        location: bytes,
        time: float | None,
        agent: str = _MANAGER,
        zone: tzinfo | None = None,
    ) -> Record:
        seen = self.statistics
        seen.events += 1
        if len(event) > MAX_EVENT_BYTES:
            seen.cut += 1
            event = event[:MAX_EVENT_BYTES]
        if time is None:
            seen.without_time += 1
        elif time >= self._now or self._now - time > JITTER:
            seen.out_of_order += time < self._now
            self._now = time
        return Record(seen.lines, event, location, self._now, agent, zone or self.zone)

    def _time(self, line: bytes, whole: dict[str, Any] | None) -> float | None:
        return self._time_of_line(line) if whole is None else _time_of_object(whole, self.zone)

    def _time_of_line(self, line: bytes) -> float | None:
        """Return the first time that a line names: later ones are part of its message."""
        head = line[:_HEAD]
        found = [match for form in _FORMS if (match := form.search(head))]
        if not found:
            return None
        first = min(found, key=re.Match.start)
        if first.re is _ISO:
            return _iso_time(first, self.zone)
        if first.re is _SYSLOG:
            return self._time_without_year(*first.groups())
        if first.re is _AUDIT:
            return float(first.group(1))
        day, month, year, *clock, zone = first.groups()
        return _moment((year, month, day, *clock), _zone(zone) or self.zone)

    def _time_without_year(self, month: bytes, day: bytes, *clock: bytes) -> float | None:
        year = datetime.fromtimestamp(self.latest, timezone.utc).year
        time = _moment((str(year).encode(), month, day, *clock), self.zone)
        if time is not None and time <= self.latest + _DAY:
            return time
        return _moment((str(year - 1).encode(), month, day, *clock), self.zone)


class _Input:
    """A file or standard input, unpacked if need be."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._raw: Any = None
        self._unpacked: Any = None

    def lines(self) -> Iterator[bytes | None]:
        """Yield every line without its end; None for one that is longer than the limit."""
        is_stdin = self._name == _STDIN
        self._raw = sys.stdin.buffer if is_stdin else open(self._name, "rb")  # noqa: SIM115, PTH123 - closed by close(); names are as given
        packed = self._raw.peek(2)[:2] == _GZIP
        source: Any = gzip.GzipFile(fileobj=self._raw) if packed else self._raw
        self._unpacked = source
        while line := source.readline(LINE_LIMIT):
            if not line.endswith(b"\n") and len(line) == LINE_LIMIT:
                while (rest := source.readline(LINE_LIMIT)) and not rest.endswith(b"\n"):
                    pass
                yield None
            else:
                yield line.rstrip(b"\r\n")

    def position(self) -> int:
        """Return how many bytes of the file are consumed; 0 for what has no position."""
        try:
            return int(self._raw.tell()) if self._raw is not None else 0
        except (OSError, ValueError):
            return 0

    def close(self) -> None:
        """Close the file; standard input stays open."""
        for held in (self._unpacked, self._raw):
            if held is not None and held is not sys.stdin.buffer:
                held.close()


def _json_object(line: bytes) -> dict[str, Any] | None:
    try:
        whole = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    return whole if isinstance(whole, dict) else None


def _is_archived(whole: dict[str, Any]) -> bool:
    """Tell a line of archives.json or alerts.json from a vendor's event."""
    return isinstance(whole.get("manager"), dict) and ("decoder" in whole or "full_log" in whole)


def _sender(whole: dict[str, Any]) -> tuple[str, str]:
    """Return the agent's id and the location as analysisd got it."""
    path = whole.get("location")
    location = path if isinstance(path, str) else ""
    agentless = whole.get("agentless")
    if isinstance(agentless, dict):
        script, user, host = (agentless.get(key, "") for key in ("script", "user", "host"))
        return _MANAGER, f"({script}) {user}@{host}->{location}"
    agent = whole.get("agent")
    number = agent.get("id") if isinstance(agent, dict) else None
    if not isinstance(agent, dict) or not isinstance(number, str) or number == _MANAGER:
        return _MANAGER, location
    if not isinstance(agent.get("name"), str):
        return number, f"[{number}] {location}"
    return number, f"[{number}] ({agent['name']}) {agent.get('ip', 'any')}->{location}"


def _time_of_object(whole: dict[str, Any], zone: tzinfo) -> float | None:
    """Return the time that an event names, itself or in what is wrapped in it."""
    for members in (whole, *(value for value in whole.values() if isinstance(value, dict))):
        for key in _TIME_KEYS:
            if key in members:
                time = _time_of_value(members[key], zone)
                if time is not None:
                    return time
    return None


def _time_of_value(value: object, zone: tzinfo) -> float | None:
    if isinstance(value, str):
        found = _ISO.match(value.encode("utf-8", "replace"))
        return _iso_time(found, zone) if found else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not _EARLIEST <= value < _NANOSECONDS_FROM * 100:
        return None
    for least, unit in (
        (_NANOSECONDS_FROM, 1e9),
        (_MICROSECONDS_FROM, 1e6),
        (_MILLISECONDS_FROM, 1e3),
    ):
        if value >= least:
            value = value / unit
            break
    return float(value) if value < LATEST else None


def _zone_of_value(value: object) -> tzinfo | None:
    found = _ISO.match(value.encode("utf-8", "replace")) if isinstance(value, str) else None
    return _zone(found.groups()[-1]) if found else None


def _iso_time(found: re.Match[bytes], zone: tzinfo) -> float | None:
    *moment, fraction, named = found.groups()
    time = _moment(tuple(moment), _zone(named) or zone)
    return time if time is None or fraction is None else time + float(b"0." + fraction)


@lru_cache(maxsize=64)
def _zone(text: bytes | None) -> tzinfo | None:
    """Return the time zone that a time names; None without one, or for an impossible one."""
    if text is None:
        return None
    if text == b"Z":
        return timezone.utc
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    try:
        return timezone(-offset if text[:1] == b"-" else offset)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _moment(parts: tuple[bytes, ...], zone: tzinfo) -> float | None:
    """Return a time; None for what is none or out of bounds."""
    year, month, day, hour, minute, second = parts
    number = _MONTHS.index(month) + 1 if month in _MONTHS else month
    try:
        date = datetime(int(year), int(number), int(day), int(hour), int(minute), tzinfo=zone)
        time = date.replace(second=min(int(second), 59)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return time if _EARLIEST <= time < LATEST else None


def encode(text: str) -> bytes:
    """Return the text of an event as bytes: those that were read as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b"".join(map(_encode_character, text))


def _encode_character(char: str) -> bytes:
    """Return a raw byte as itself and half a character, which JSON can name, as cJSON would not."""
    return char.encode(
        "utf-8", "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass"
    )
