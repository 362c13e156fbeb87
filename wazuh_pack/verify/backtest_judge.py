"""What is judged, and how one record is: the same for one process and for several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

from wazuh_pack.engine import Mode
from wazuh_pack.verify.backtest_input import LATEST, Reader, Wrapping
from wazuh_pack.verify.backtest_report import Alert, Example, Report, shown_text

if TYPE_CHECKING:
    from wazuh_pack.engine import Result, Ruleset
    from wazuh_pack.engine.memory import Watch
    from wazuh_pack.verify.backtest_input import Record

ACTOR_FIELDS = ("srcuser", "actor", "username", "user.name", "dstuser", "srcip")
"""Where the actor stands, for events that no source of the pack knows; the first that is there."""
_ACTOR_BYTES = 200

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What to judge, and how.

    Attributes:
        paths: Files, ``-`` for standard input.
        ruleset: What judges.
        other: Another ruleset to compare with.
        actor_fields: Names of fields; the first that an event has names its actor.
        wrapping: For a vendor's own logs.
        location: The location of events that bring none.
        latest: See :class:`~wazuh_pack.verify.backtest_input.Reader`.
        zone: Likewise.
    """

    paths: tuple[str, ...]
    ruleset: Ruleset
    other: Ruleset | None = None
    actor_fields: tuple[str, ...] = ACTOR_FIELDS
    wrapping: Wrapping | None = None
    location: str | None = None
    latest: float = LATEST
    zone: tzinfo = timezone.utc

    @property
    def rulesets(self) -> tuple[Ruleset, ...]:
        """The ruleset, and the other one if there is one."""
        return (self.ruleset,) if self.other is None else (self.ruleset, self.other)

    def reader(self, progress: Progress | None = None) -> Reader:
        """Return what reads the logs, from their beginning."""
        return Reader(self.paths, self.wrapping, self.location, self.latest, self.zone, progress)


def judge_record(record: Record, judges: Sequence[Judge], report: Report) -> None:
    """Let one or two rulesets judge a record and count what they say."""
    alerts = [judge.alert(record) for judge in judges]
    report.judged += 1
    report.refused += judges[0].refused
    report.given_up += judges[0].given_up
    if alerts[0] is not None:
        report.add(alerts[0])
    if len(alerts) > 1:
        report.compare(alerts[0], alerts[1])


class _ZoneOfRecord(tzinfo):
    """The time zone of the record that is judged: a log goes through summer and winter time."""

    current: tzinfo = timezone.utc

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return self.current.utcoffset(moment)

    def dst(self, moment: datetime | None) -> timedelta | None:
        return self.current.dst(moment)

    def tzname(self, moment: datetime | None) -> str | None:
        return self.current.tzname(moment)

    def fromutc(self, moment: datetime) -> datetime:
        return self.current.fromutc(moment.replace(tzinfo=self.current)).replace(tzinfo=self)


class Judge:
    """One ruleset's session over a stream of records."""

    def __init__(
        self, ruleset: Ruleset, actor_fields: tuple[str, ...], watch: Watch | None = None
    ) -> None:
        """Open a session; see :meth:`~wazuh_pack.engine.Ruleset.session` for ``watch``.

        After each record, :attr:`refused`, :attr:`given_up` and :attr:`stored` say whether it was
        not judged at all, whether the matching of a pattern was given up, and whether it went into
        the histories.
        """
        self.refused = False
        self.given_up = False
        self.stored = False
        self._zone = _ZoneOfRecord()
        self.session = ruleset.session(mode=Mode.DAEMON, watch=watch, tz=self._zone)
        self._actor_fields = [(name, name.lower().encode()) for name in actor_fields]

    def alert(self, record: Record) -> Alert | None:
        """Return the alert that a record gives."""
        self._zone.current = record.zone
        result = self.session.process(record.event, location=record.location, time=record.time)
        self.refused = bool(result.refused)
        self.given_up = bool(result.exhausted)
        rule = result.matched
        self.stored = rule is not None
        if rule is None:
            return None
        if not result.alert or result.occurrence is None:
            return None
        return Alert(
            rule.id,
            rule.level,
            rule.definition.description.decode("utf-8", "replace"),
            Example(
                number=record.number,
                time=record.time,
                location=record.location.decode("utf-8", "replace"),
                actor=self._actor(result),
                event=shown_text(record.event),
            ),
        )

    def _actor(self, result: Result) -> str:
        if result.occurrence is None:
            return ""
        event = result.occurrence.event
        for name, key in self._actor_fields:
            value = event.static.get(name) or event.lookup.get(key)
            if value:
                return value[:_ACTOR_BYTES].decode("utf-8", "replace")
        return ""
