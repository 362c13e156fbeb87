"""``wazuh-pack explain``."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from wazuh_pack.cli import _clock, _events, _load, _out, _ruleset
from wazuh_pack.errors import PackError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from wazuh_pack.verify.explain import Section

_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_TIME = "%A %Y-%m-%d %H:%M:%S %z"


@click.command(
    help="Show how an event became, or did not become, an alert: what the decoders made of it, the "
    "rules on its way with what they asked, and what came near. EVENT is the event itself, a file "
    "of events, or - for standard input; of several events the last one is explained, those before "
    "it fill the history."
)
@click.argument("event", default="-")
@click.option("--rule", help="Say why this rule (or detection) is not the result.")
@click.option("--source", "source_id", help="Put this source's envelope around the events.")
@click.option("--location", default="stdin", show_default=True)
@_clock.options
@_ruleset.options
def command(
    event: str,
    rule: str | None,
    source_id: str | None,
    location: str,
    at: str | None,
    gap: int,
    zone: str | None,
    **ruleset: Any,
) -> None:
    """Explain."""
    from wazuh_pack.verify.explain import Section, explain  # noqa: PLC0415 - keeps --help fast

    source = _load.source(_load.catalog(), source_id) if source_id else None
    place = _clock.zone(zone)
    clock = _clock.clock(at, gap, place)
    loaded = _ruleset.for_logtest(_ruleset.choice(**ruleset))
    session = loaded.session(trace=True, tz=place)
    location = source.delivery.location if source else location
    result = moment = None
    count = 0
    with _opened(event) as file:
        for line in _events.events(file, source, printed=True):
            count += 1
            moment = clock.moment(line)
            result = session.process(line, location=location, time=moment.seconds)
    if result is None or moment is None:
        raise UsageError("no event to explain", hint="give an event or a file, or pipe events in")
    if count > 1 and isinstance(file, io.BytesIO):
        _out.note(f"the argument has {count} lines; the last is explained, the others came before")
    when = f"{datetime.fromtimestamp(moment.seconds, place):{_TIME}} ({moment.reason})"
    rule_id = _rule_id(rule) if rule is not None else None
    _print([Section("Time", (when,)), *explain(loaded, result, rule_id)])


def _opened(event: str) -> AbstractContextManager[IO[bytes]]:
    """Open the events: standard input, the file of that name, or the text itself.

    Raises:
        PackError: There is something of that name that cannot be read.
    """
    if event == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        if event:
            return Path(event).open("rb")
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise PackError(
                f"cannot read {event}: {error.strerror}",
                hint="if it is not the name of a file but an event, pipe it in",
            ) from error
    except ValueError:  # a NUL is part of no file's name
        pass
    return io.BytesIO(os.fsencode(event))


def _rule_id(rule: str) -> int:
    if rule.isascii() and rule.isdecimal():
        return int(rule)
    ids = _load.lock().ids()
    if rule not in ids:
        raise UsageError(f"no rule {rule!r}", hint="`wazuh-pack list` names them all")
    return ids[rule]


def _print(sections: Iterable[Section]) -> None:
    for section in sections:
        _out.line(_out.style(section.title, "bold"))
        for line in section.lines:
            _out.line(f"  {_coloured(line)}")


def _coloured(line: str) -> str:
    colour = {"+": "green", "-": "red", "?": "yellow", ">": "cyan"}.get(line.lstrip()[:1], "")
    return _out.style(line, colour) if colour else line
