"""This machine's time zone, for a manager that runs, or would run, here."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo


class _Local(tzinfo):
    """Local time as C's ``localtime`` has it, summer time of any year included."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """Return the local offset at a local time."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:  # noqa: ARG002 - tzinfo's signature
        """Return None: how much of the offset is summer time is not known."""
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        """Return the zone's name at a local time."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, moment: datetime) -> datetime:
        """Return the local time; ``fold`` tells the two hours apart that have the same name."""
        fixed = moment.replace(tzinfo=timezone.utc).astimezone()
        local = fixed.replace(tzinfo=self)
        return local if local.utcoffset() == fixed.utcoffset() else local.replace(fold=1)


LOCAL = _Local()
"""The time zone of this machine, or that of the variable ``TZ``."""
