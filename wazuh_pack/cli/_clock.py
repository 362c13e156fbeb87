"""The options that say when events happen, and in which time zone the manager is."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wazuh_pack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.verify.event_clock import EventClock

_F = TypeVar("_F", bound="Callable[..., Any]")

_LONGEST_GAP = 1_000_000

zone_option = click.option(
    "--tz",
    "zone",
    metavar="ZONE",
    help="The manager's time zone (Europe/Berlin), for <time>, <weekday> and times that name none; "
    "this machine's by default.",
)


def options(function: _F) -> _F:
    """Add what :func:`clock` takes, and ``--tz``."""
    for option in (
        zone_option,
        click.option(
            "--gap",
            type=click.IntRange(0, _LONGEST_GAP),
            default=0,
            metavar="SECONDS",
            help="With --at: how long after the event before it each one happens.",
        ),
        click.option(
            "--at",
            metavar="TIME",
            help="When the first event happens (2026-11-21T23:30, an offset may follow). By "
            "default each happens at the time it names, else now.",
        ),
    ):
        function = option(function)
    return function


def zone(name: str | None) -> tzinfo:
    """Return the time zone of that name, this machine's without one."""
    from wazuh_pack.engine.zone import LOCAL  # noqa: PLC0415 - keeps --help fast

    if name is None:
        return LOCAL
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - same

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"no time zone {name!r}", hint="give a name such as Europe/Berlin, or UTC"
        ) from None


def clock(at: str | None, gap: int, place: tzinfo) -> EventClock:
    """Return the clock that the options make."""
    from wazuh_pack.verify.event_clock import EventClock  # noqa: PLC0415 - keeps --help fast

    if at is None and gap:
        raise UsageError("--gap goes with --at", hint="say when the first event happens")
    return EventClock(at=None if at is None else _seconds(at, place), gap=gap, zone=place)


def _seconds(text: str, place: tzinfo) -> float:
    from wazuh_pack.verify.backtest_input import LATEST  # noqa: PLC0415 - keeps --help fast

    written = text.strip()
    if written[-1:] in {"Z", "z"}:
        written = f"{written[:-1]}+00:00"
    try:
        moment = datetime.fromisoformat(written)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=place)).timestamp()
    except (ValueError, OverflowError):
        seconds = -1.0
    if not 0 <= seconds < LATEST:
        raise UsageError(
            f"--at: {text!r} is no time", hint="write 2026-11-21T23:30 or 2026-11-21T23:30+01:00"
        )
    return seconds
