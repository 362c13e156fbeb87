"""How long findings may stay open, and which have been open for too long.

The clock of a finding starts when this host first sees it in an artifact. It does not start again
when a fixed finding comes back: whoever brings back an old flaw is late at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Sequence

from wazuh_pack.reports.findings import SEVERITIES, severity_rank
from wazuh_pack.scan.events import iso, moment
from wazuh_pack.scan.marks import ACCEPTED_BIT

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from wazuh_pack.scan.config import Sla

TOLD_DUE, TOLD_BREACHED = 1, 2
"""What has been told of a finding already."""

_DAY = 86_400
_LATE = """
SELECT ifnull(sum(first_seen > :breached), 0), ifnull(sum(first_seen <= :breached), 0)
FROM finding
WHERE status = 0 AND severity = :rank AND first_seen <= :due AND mark & :accepted = 0
"""
_LATE_IN_ARTIFACT = f"{_LATE} AND artifact = :artifact"


class Deadline(NamedTuple):
    """When findings of one severity are late: those first seen at or before these times."""

    rank: int
    due: str
    breached: str


def deadlines(sla: Sla, now: datetime) -> list[Deadline]:
    """Return the deadlines of all severities that have one."""
    found = []
    for severity in SEVERITIES:
        limit = sla.limit(severity)
        if limit:
            breached = now - timedelta(seconds=limit)
            due = breached + timedelta(seconds=min(sla.warn, limit))
            found.append(Deadline(severity_rank(severity), iso(due), iso(breached)))
    return found


def fields(sla: Sla, severity: str, first_seen: str, now: datetime) -> dict[str, object]:
    """Return what an event says about a finding's deadline; nothing if it has none."""
    limit = sla.limit(severity)
    if not limit or not first_seen:
        return {}
    due = moment(first_seen) + timedelta(seconds=limit)
    return {
        "sla_due": iso(due),
        "sla_days_left": int((due - now).total_seconds() // _DAY),
    }


def late(
    db: sqlite3.Connection, found: Sequence[Deadline], artifact: int | None = None
) -> tuple[int, int]:
    """Return how many open findings are due soon, and how many are overdue.

    Args:
        db: The memory.
        found: What :func:`deadlines` gave.
        artifact: The artifact's row; none for all artifacts.
    """
    soon = overdue = 0
    for deadline in found:
        about: dict[str, object] = {**deadline._asdict(), "artifact": artifact}
        about["accepted"] = ACCEPTED_BIT
        row = db.execute(_LATE if artifact is None else _LATE_IN_ARTIFACT, about).fetchone()
        soon += row[0]
        overdue += row[1]
    return soon, overdue
