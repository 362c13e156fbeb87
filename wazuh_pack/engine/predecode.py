"""Header recognition and the sender of an event, as analysisd 4.14.7 does it.

A header is recognised by the bytes at fixed columns alone; nobody looks at names of months or at
digits. analysisd cuts its copy of the event into strings by writing NULs into it, and some headers
that turn out to be none leave such a NUL behind: the text then ends there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_pack.engine.event import Agent, Event
from wazuh_pack.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Callable

_MANAGER_ID = b"000"
_LOCATION_LIMIT = 1023

_WORD = re.compile(rb"[A-Za-z0-9@().\-/_]*")
_PROCESS_ID = re.compile(rb"\[[0-9]+")
_FACILITY = re.compile(rb"\|[a-z][A-Za-z0-9]*")
_SEVERITY = re.compile(rb":[A-Za-z0-9]*")
_OUTPUT_HOST = re.compile(
    rb"[A-Z][a-z][a-z] [ 0123][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9] ([^ ]+)", re.DOTALL
)

# Each header: its bytes at fixed columns, then how many bytes must follow at least (the daemon asks
# for a minimal length of the whole event).
_SYSLOG_HEADERS = (
    (rb".{3} .{2} .{2}:.{2}:.{2} (?=.)", 16),
    (rb".{4}-.{2}-.{2} .{2}:.{2}:.{2},(?=.{4})", 24),
    (rb".{4}-.{2}-.{2}T.{2}:.{2}:.{5}:.{2} (?=.{7})", 26),
    (rb".{4}-.{2}-.{2}T.{2}:.{2}:.{2}\..{6}:(?=.{6})", 30),
    (rb".{4}-.{2}-.{2}T.{2}:.{2}:.{2}\..{9}:(?=.{3})", 33),
    (rb".{4}-.{2}-.{2}T.{2}:.{2}:.{2}\.(?=.{13})", 32),
    (rb"[0-9].{3} .{3} .{2} .{2}:.{2}:.{2} ", 21),
    (rb"[0-9].{3}-.{2}-.{2} .{2}:.{2}:.{2}\..{6}[-+].{4} (?=.)", 32),
)
_XFERLOG = rb".{3} .{3} .{2} .{2}:.{2}:.{2} .{4} . (?=.)"
_SNORT = rb".{2}/.{2}-.{2}:.{2}:.{2}\..{6} (?=.{2})"
_SURICATA = rb".{2}/.{2}/.{4}-.{2}:.{2}:.{2}\..{6} (?=.)"
_APACHE = rb"\[.{3} .{3} .{2} .{2}:.{2}:.{2} .{4}\](?=.)"
_APPLE = rb"\[T.{3} .{4}\..{2}\..{2} .{2}:(?=.{6})"
_SQUID = rb"1[0-9]{3}.{6}\..{2}[0-9] (?:.{6} (?=.{10})|.{7} (?=.{9}))"


class EventError(PackError):
    """An event that analysisd refuses."""


def predecode(message: bytes, location: bytes, time: float) -> Event:
    """Return the event with header and sender recognised.

    Args:
        message: The log line; what follows a NUL is ignored.
        location: ``<path>``, ``(<script>) <user>@<host>-><path>`` or, from an agent,
            ``[<id>] (<name>) <ip>-><path>``.
        time: Seconds since the epoch.

    Raises:
        EventError: The location starts with ``[`` but has no ``]``.
    """
    text = message.partition(b"\0")[0]
    event = Event(full_log=text, location=location.partition(b"\0")[0], time=time, log=text)
    found = _HEADER.match(_repair_umlaut(text))
    if found is not None:
        cut, recognise = _HEADER_KINDS[(found.lastindex or 1) - 1]
        recognise(_Cutter(event), cut)
    _recognise_sender(event)
    return event


def output_hostname(full_log: bytes) -> bytes | None:
    """Return ``predecoder.hostname`` of the output; it need not be the host that rules see."""
    found = _OUTPUT_HOST.match(full_log)
    return found.group(1) if found else None


def output_location(event: Event) -> bytes | None:
    """Return ``location`` of the output; None when it is left out."""
    if not event.location.startswith(b"("):
        return event.location
    _, arrow, path = event.location[:_LOCATION_LIMIT].partition(b">")
    return path if arrow else None


def output_agentless(event: Event) -> dict[str, bytes] | None:
    """Return ``agentless`` of the output (script, user, host); it replaces ``agent``."""
    if not event.location.startswith(b"(") or event.agent.id != _MANAGER_ID:
        return None
    script, _, rest = event.location[1:].partition(b") ")
    user, _, rest = rest.partition(b"@")
    host, arrow, _ = rest.partition(b"->")
    return {"script": script, "user": user, "host": host} if arrow else None


class _Cutter:
    """analysisd's copy of the event: a byte string that gets NULs where words end."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.buffer = bytearray(event.full_log)

    def at(self, position: int) -> int:
        """Return the byte at a position; 0 at and after the end."""
        return self.buffer[position] if position < len(self.buffer) else 0

    def end(self, position: int) -> None:
        """End a string here."""
        if position < len(self.buffer):
            self.buffer[position] = 0

    def string(self, position: int) -> bytes:
        """Return the string that starts here."""
        return bytes(self.buffer[position:]).partition(b"\0")[0]

    def find(self, byte: bytes, position: int) -> int:
        """Return where a byte stands from here on, -1 if nowhere; NULs only lie behind."""
        return self.buffer.find(byte, position)

    def run(self, pattern: re.Pattern[bytes], position: int) -> int:
        """Return the end of what a pattern takes at a position; the position if it takes none."""
        found = pattern.match(self.buffer, position)
        return found.end() if found else position

    def start_log(self, position: int) -> None:
        """Let the event's text start here. Call it last: it copies what the strings are now."""
        self.event.lead = bytes(self.buffer[:position])
        self.event.log = self.string(position)


def _syslog(cutter: _Cutter, cut: int) -> None:
    cutter.end(cut - 1)
    cutter.event.timestamp = cutter.string(0)
    start = cut + (cutter.at(cut) == ord(" "))
    end = cutter.run(_WORD, start)
    after: int | None = None
    if cutter.at(end) == ord(":") and cutter.at(end + 1) == ord(" "):
        cutter.end(end)
        cutter.event.program_name = cutter.string(start)
        start = after = end + 2
    elif cutter.at(end) == ord(" "):
        cutter.end(end)
        cutter.event.hostname = cutter.string(start)
        start = end + 1
        after = _program_name(cutter, start)
    if after is not None:
        start = _skip_solaris_id(cutter, after)
    cutter.start_log(start)


def _program_name(cutter: _Cutter, start: int) -> int | None:
    """Recognise ``name:``, ``name[pid]:``, ``name[pid] `` or AIX's form; return the text start."""
    end = cutter.run(_WORD, start)
    after: int | None = None
    if cutter.at(end) == ord(":"):
        after = _skip_blank(cutter, end + 1)
    elif (closing := cutter.run(_PROCESS_ID, end)) > end:
        if cutter.at(closing) == ord("]"):
            if cutter.at(closing + 1) == ord(":"):
                after = _skip_blank(cutter, closing + 2)
            elif cutter.at(closing + 1) == ord(" "):
                after = closing + 2
    elif (colon := cutter.run(_FACILITY, end)) > end:
        return _aix_program_name(cutter, colon)
    if after is not None:
        cutter.end(end)
        cutter.event.program_name = cutter.string(start)
    return after


def _aix_program_name(cutter: _Cutter, colon: int) -> int | None:
    """Recognise ``:severity name: `` and ``:severity name[pid]: ``.

    Without ``: `` the name reaches to the end of the event; a broken ``[pid]`` ends both the name
    and, further left, the text.
    """
    blank = cutter.run(_SEVERITY, colon)
    if blank == colon or cutter.at(blank) != ord(" "):
        return None
    start = blank + 1
    end = cutter.run(_WORD, start)
    after: int | None = end
    if cutter.at(end) == ord(":") and cutter.at(end + 1) == ord(" "):
        cutter.end(end)
        after = end + 2
    elif (closing := cutter.run(_PROCESS_ID, end)) > end:
        cutter.end(end)
        complete = cutter.buffer[closing : closing + 3] == b"]: "
        after = closing + 3 if complete else None
    cutter.event.program_name = cutter.string(start)
    return after


def _skip_blank(cutter: _Cutter, position: int) -> int:
    return position + (cutter.at(position) == ord(" "))


def _skip_solaris_id(cutter: _Cutter, position: int) -> int:
    """Skip ``[ID <n> <facility>.<severity>] ``, whatever the byte after the bracket is."""
    if cutter.buffer[position : position + 4] == b"[ID ":
        bracket = cutter.find(b"]", position + 4)
        if bracket >= 0:
            return bracket + 2
    return position


def _stamp(cutter: _Cutter, cut: int) -> None:
    cutter.end(cut - 1)
    cutter.event.timestamp = cutter.string(0)
    cutter.start_log(cut)


def _stamp_and_more(cutter: _Cutter, cut: int) -> None:
    """One byte more than the stamp and its blank is cut."""
    cutter.end(cut - 2)
    cutter.event.timestamp = cutter.string(0)
    cutter.start_log(cut)


def _bracketed_stamp(cutter: _Cutter, cut: int) -> None:
    cutter.end(cut - 2)
    cutter.event.timestamp = cutter.string(1)
    cutter.start_log(cut)


def _squid_stamp(cutter: _Cutter, cut: int) -> None:
    while cutter.at(cut) == ord(" "):
        cut += 1
    _stamp(cutter, cut)


def _apple(cutter: _Cutter, cut: int) -> None:
    """Read ``[Sender ...]``, ``[Message ...]`` and ``[Host ...]``; the last one ends it."""
    event = cutter.event
    log = cut
    position = cutter.find(b"[", cut)
    has_message = False
    while position >= 0:
        position += 1
        field = bytes(cutter.buffer[position : position + 8])
        if field.startswith(b"Sender ") and event.program_name is None:
            position += 7
            value = _until_bracket(cutter, position)
            if value is None:
                break
            event.program_name = value
            position += len(value) + 1
        elif field == b"Message " and not has_message:
            has_message = True
            log = position = position + 8
            value = _until_bracket(cutter, position)
            if value is None:
                break
            position += len(value) + 1
        elif field.startswith(b"Host "):
            event.hostname = _until_bracket(cutter, position + 5)
            break
        position = cutter.find(b"[", position)
    cutter.start_log(log)


def _until_bracket(cutter: _Cutter, start: int) -> bytes | None:
    """End a value at its bracket and return it; None when no bracket follows."""
    bracket = cutter.find(b"]", start)
    if bracket < 0:
        return None
    cutter.end(bracket)
    return cutter.string(start)


def _repair_umlaut(text: bytes) -> bytes:
    """Return the text as the recognition of headers sees it: ``Mär`` has three bytes.

    The length stays: it is taken before the repair.
    """
    return b"Ma" + text[3:] + b"\0" if text[1:3] == b"\xc3\xa4" else text


def _recognise_sender(event: Event) -> None:
    if not event.location.startswith(b"["):
        return
    agent, bracket, rest = event.location[1:].partition(b"]")
    if not bracket:
        raise EventError("the location opens an agent's id with '[' but does not close it")
    event.location = rest[1:]
    event.hostname = b""
    if event.location.startswith(b"("):
        name, closed, _ = event.location[1:].partition(b")")
        event.hostname = name if closed else b""
    ip = _ip(event.location)
    event.agent = Agent(id=agent, name=event.hostname, ip=b"" if ip is None else ip)


def _ip(location: bytes) -> bytes | None:
    """Return what stands where ``(<name>) <ip>-><path>`` has the address."""
    if not location.startswith(b"("):
        return None
    _, bracket, rest = location.partition(b")")
    return rest[1:].partition(b"-")[0] if bracket else None


_HEADER_TABLE: tuple[tuple[bytes, int, Callable[[_Cutter, int], None]], ...] = (
    *((pattern, cut, _syslog) for pattern, cut in _SYSLOG_HEADERS),
    (_XFERLOG, 25, _stamp),
    (_SNORT, 23, _stamp_and_more),
    (_SURICATA, 28, _stamp_and_more),
    (_APACHE, 27, _bracketed_stamp),
    (_APPLE, 25, _apple),
    (_SQUID, 14, _squid_stamp),
)
_HEADER = re.compile(b"|".join(b"(" + pattern + b")" for pattern, _, _ in _HEADER_TABLE), re.DOTALL)
_HEADER_KINDS = tuple((cut, recognise) for _, cut, recognise in _HEADER_TABLE)
