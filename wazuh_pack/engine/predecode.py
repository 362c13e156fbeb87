"""Header recognition and the sender of an event, as analysisd 4.14.7 does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.errors import PackError

if TYPE_CHECKING:
    from wazuh_pack.engine.event import Event


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
    raise NotImplementedError


def output_hostname(full_log: bytes) -> bytes | None:
    """Return ``predecoder.hostname`` of the output; it need not be the host that rules see."""
    raise NotImplementedError


def output_location(event: Event) -> bytes | None:
    """Return ``location`` of the output; None when it is left out."""
    raise NotImplementedError


def output_agentless(event: Event) -> dict[str, bytes] | None:
    """Return ``agentless`` of the output (script, user, host); it replaces ``agent``."""
    raise NotImplementedError
