"""One artifact's scan, compared with the memory of earlier ones.

Of every finding only its key and a number, its mark, are held in working memory. A finding with the
mark of last time costs no query.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Iterable, Iterator, NamedTuple, Sequence

from wazuh_pack.reports.findings import SEVERITIES, Artifact, Finding, severity_rank
from wazuh_pack.scan.deadlines import TOLD_BREACHED, TOLD_DUE, Deadline, late
from wazuh_pack.scan.marks import ACCEPTED_BIT, STATUS_BITS, mark_of, rank_of, seen, unseen

if TYPE_CHECKING:
    import sqlite3

NEW, REOPENED, FIXED, PRESENT = "new", "reopened", "fixed", "present"
SEVERITY_CHANGED, FIX_AVAILABLE, EXPLOITED = "severity_changed", "fix_available", "exploited"
ACCEPTED, ACCEPTANCE_ENDED = "accepted", "acceptance_ended"
SLA_DUE, SLA_BREACHED = "sla_due", "sla_breached"

OPEN, CLOSED, HIDDEN = 0, 1, 2
_BATCH = 400
_CHANGES = """
SELECT changed.state, previous, finding.severity, first_seen, details
FROM changed JOIN finding USING (key)
WHERE changed.state != '' AND max(finding.severity, ifnull(previous, 0)) >= ?
ORDER BY score >= 100 DESC, finding.severity DESC, score DESC, changed.state DESC, finding.rowid
LIMIT ?
"""
_COUNT_CHANGES = """
SELECT changed.state, count(*)
FROM changed JOIN finding USING (key)
WHERE changed.state != '' AND max(finding.severity, ifnull(previous, 0)) >= ?
GROUP BY changed.state
"""
_PRESENT = """
SELECT severity, first_seen, details
FROM finding
WHERE artifact = ? AND status = 0 AND severity >= ?
AND key NOT IN (SELECT key FROM changed WHERE state != '')
ORDER BY score >= 100 DESC, severity DESC, score DESC, rowid
"""
_NOTE_LATE = """
INSERT OR IGNORE INTO late
SELECT key, :stage FROM finding
WHERE artifact = :artifact AND status = 0 AND severity = :rank AND first_seen <= :cutoff
AND told < :stage AND mark & :accepted = 0
"""
_LATE = """
SELECT key, stage, finding.severity, first_seen, details
FROM late JOIN finding USING (key)
ORDER BY score >= 100 DESC, finding.severity DESC, stage DESC, score DESC, finding.rowid
LIMIT ?
"""
_FIELDS = frozenset(item.name for item in fields(Finding))
_KNOWN_EXPLOITED = 100.0  # added to the score: those come first, whatever their CVSS

TEMPORARY = """
CREATE TEMP TABLE changed (
    key BLOB PRIMARY KEY, state TEXT NOT NULL, status INTEGER, previous INTEGER, before TEXT);
CREATE TEMP TABLE late (key BLOB PRIMARY KEY, stage INTEGER NOT NULL);
"""
"""What :class:`Scan` needs beside the tables of the memory."""


@dataclass(frozen=True)
class Change:
    """What is different about a finding since the artifact's scan before."""

    state: str
    finding: Finding
    first_seen: str
    previous_severity: str = ""


class _Before(NamedTuple):
    """How a finding was remembered."""

    status: int
    severity: int
    details: str


class Scan:
    """One artifact's scan, compared with the memory."""

    def __init__(
        self,
        db: sqlite3.Connection,
        artifact: Artifact,
        *,
        tool: str,
        scan_id: str,
        scope: str,
        now: str,
        complete: bool,
    ) -> None:
        self._db = db
        self._artifact = artifact
        self._tool = tool
        self._now = now
        self._complete = complete
        self._counts = [0] * len(SEVERITIES)
        self.accepted = 0
        """How many findings this scan saw that somebody accepted; :meth:`counts` has the others."""
        self._fresh: list[tuple[bytes, Finding, int, int]] = []
        db.execute("DELETE FROM temp.changed")
        before = db.execute(
            "SELECT id, scope, body FROM artifact WHERE tool = ? AND kind = ? AND name = ?",
            (tool, artifact.kind, artifact.name),
        ).fetchone()
        self.baseline = before is None
        """Whether this is the artifact's first scan."""
        self._gone = CLOSED if before and before[1] == scope else HIDDEN
        self._row = before[0] if before else self._add_artifact(now)
        self._body = before[2] if before and before[1] == scope else ""
        # An incomplete scan leaves the scope alone: it says nothing about what it did not see.
        db.execute(
            "UPDATE artifact SET digest = ?, scan_id = ?, last_scan = ?,"
            " body = '', scope = CASE WHEN ? THEN ? ELSE scope END WHERE id = ?",
            (artifact.digest, scan_id, now, complete or before is None, scope, self._row),
        )
        # What is seen gets a negative number in place of its mark.
        self._marks: dict[bytes, int] = {}

    def same_as_before(self, body: str) -> bool:
        """Tell whether a report has the findings of the artifact's last one, and count them if so.

        Args:
            body: A digest of all that its findings are made from; ``""``: unknown.
        """
        if not body:
            return False
        self._db.execute("UPDATE artifact SET body = ? WHERE id = ?", (body, self._row))
        if body != self._body:
            return False
        for rank, accepted, count in self._db.execute(
            "SELECT severity, mark & ? != 0, count(*) FROM finding"
            " WHERE artifact = ? AND status = 0 GROUP BY 1, 2",
            (ACCEPTED_BIT, self._row),
        ):
            if accepted:
                self.accepted += count
            else:
                self._counts[rank] += count
        return True

    def take(self, findings: Iterable[Finding]) -> None:
        """Compare a whole report's findings, in any order, and remember them."""
        marks = self._marks = dict(
            self._db.execute("SELECT key, mark FROM finding WHERE artifact = ?", (self._row,))
        )
        for finding in findings:
            key = finding.key(self._artifact, self._tool)
            mark = mark_of(finding)
            before = marks.get(key)
            if before == mark:
                self._count(finding, 1)
            elif before is None:
                self._count(finding, 1)
                self._fresh.append((key, finding, severity_rank(finding.severity), mark))
                if len(self._fresh) == _BATCH:
                    self._flush()
            elif before >= 0:
                self._count(finding, 1)
                self._change(key, finding, mark)
            elif not self._supersede(key, finding, mark, before):
                continue
            marks[key] = seen(mark)
        self._flush()
        if self._complete:
            self._settle_absent()

    def counts(self) -> dict[str, int]:
        """Return how many distinct findings this scan saw, by severity."""
        return {name: count for name, count in zip(SEVERITIES, self._counts) if count}

    def count_changes(self, floor: str) -> dict[str, int]:
        """Return how many changes there are at or above a severity, by state."""
        return dict(self._db.execute(_COUNT_CHANGES, (severity_rank(floor),)))

    def changes(self, floor: str, limit: int) -> Iterator[Change]:
        """Yield the changes at or above a severity, the worst first, up to ``limit`` (-1: all)."""
        rows = self._db.execute(_CHANGES, (severity_rank(floor), limit))
        for state, previous, severity, first_seen, details in rows:
            before = SEVERITIES[previous] if previous not in (None, severity) else ""
            yield Change(state, _finding(details, severity), first_seen, before)

    def present(self, floor: str) -> Iterator[Change]:
        """Yield what was there before and still is, at or above a severity, the worst first."""
        rows = self._db.execute(_PRESENT, (self._row, severity_rank(floor)))
        for severity, first_seen, details in rows:
            yield Change(PRESENT, _finding(details, severity), first_seen)

    def late(self, deadlines: Sequence[Deadline]) -> tuple[int, int]:
        """Return how many findings are due soon, and how many are overdue."""
        return late(self._db, deadlines, self._row)

    def newly_late(self, deadlines: Sequence[Deadline], floor: str, limit: int) -> list[Change]:
        """Return what became due or breached and was not told yet, and note that it is told.

        What is beyond ``limit`` stays for the next scan.
        """
        db = self._db
        db.execute("DELETE FROM temp.late")
        about: dict[str, object] = {"artifact": self._row, "accepted": ACCEPTED_BIT}
        for rank, due, breached in deadlines:
            if rank >= severity_rank(floor):
                about.update(rank=rank)
                db.execute(_NOTE_LATE, {**about, "stage": TOLD_BREACHED, "cutoff": breached})
                db.execute(_NOTE_LATE, {**about, "stage": TOLD_DUE, "cutoff": due})
        rows = db.execute(_LATE, (limit,)).fetchall()
        db.executemany(
            "UPDATE finding SET told = ? WHERE key = ?", ((row[1], row[0]) for row in rows)
        )
        return [
            Change(
                SLA_BREACHED if stage == TOLD_BREACHED else SLA_DUE,
                _finding(details, severity),
                first_seen,
            )
            for _, stage, severity, first_seen, details in rows
        ]

    def note(self, text: str) -> bool:
        """Remember a remark about the artifact; return whether it is another than before."""
        (before,) = self._db.execute(
            "SELECT note FROM artifact WHERE id = ?", (self._row,)
        ).fetchone()
        self._db.execute("UPDATE artifact SET note = ? WHERE id = ?", (text, self._row))
        return bool(before != text)

    def _add_artifact(self, now: str) -> int:
        added = self._db.execute(
            "INSERT INTO artifact"
            " (tool, kind, name, digest, scan_id, scope, note, body, first_scan, last_scan)"
            " VALUES (?, ?, ?, '', '', '', '', '', ?, ?)",
            (self._tool, self._artifact.kind, self._artifact.name, now, now),
        )
        return int(added.lastrowid or 0)

    def _count(self, finding: Finding, number: int) -> None:
        if finding.accepted:
            self.accepted += number
        else:
            self._counts[severity_rank(finding.severity)] += number

    def _flush(self) -> None:
        """Insert the new findings that were collected."""
        fresh, self._fresh = self._fresh, []
        self._db.executemany(
            "INSERT INTO finding VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
            (
                (
                    key,
                    self._row,
                    OPEN,
                    rank,
                    _score(finding),
                    mark,
                    self._now,
                    self._now,
                    _details(finding),
                )
                for key, finding, rank, mark in fresh
            ),
        )
        self._db.executemany(
            "INSERT INTO temp.changed VALUES (?, ?, NULL, NULL, NULL)",
            ((key, _state(None, finding)) for key, finding, _, _ in fresh),
        )

    def _change(self, key: bytes, finding: Finding, mark: int) -> None:
        """Remember how a known finding looks now, and what that means."""
        row = self._db.execute(
            "SELECT status, severity, details FROM finding WHERE key = ?", (key,)
        )
        before = _Before(*row.fetchone())
        self._update(key, finding, mark)
        self._db.execute(
            "INSERT INTO temp.changed VALUES (?, ?, ?, ?, ?)",
            (key, _state(before, finding), *before),
        )

    def _supersede(self, key: bytes, finding: Finding, mark: int, number: int) -> bool:
        """Let the worse of two records of one problem count, whatever their order."""
        if seen(mark) >= number:
            return False
        self._flush()
        earlier = unseen(number)
        if earlier & ACCEPTED_BIT:
            self.accepted -= 1
        else:
            self._counts[rank_of(earlier)] -= 1
        self._count(finding, 1)
        row = self._db.execute(
            "SELECT status, previous, before FROM temp.changed WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            self._change(key, finding, mark)
            return True
        self._update(key, finding, mark)
        before = _Before(*row) if row[0] is not None else None
        self._db.execute(
            "UPDATE temp.changed SET state = ? WHERE key = ?", (_state(before, finding), key)
        )
        return True

    def _update(self, key: bytes, finding: Finding, mark: int) -> None:
        rank = severity_rank(finding.severity)
        # Another severity has another deadline, and so has what came back.
        self._db.execute(
            "UPDATE finding SET told = CASE WHEN severity = ? AND status != ? THEN told ELSE 0 END,"
            " since = CASE WHEN status = ? THEN since ELSE ? END, status = ?, severity = ?,"
            " score = ?, mark = ?, details = ? WHERE key = ?",
            (
                *(rank, CLOSED, OPEN, self._now, OPEN, rank),
                *(_score(finding), mark, _details(finding), key),
            ),
        )

    def _settle_absent(self) -> None:
        absent = [
            key for key, mark in self._marks.items() if mark >= 0 and mark & STATUS_BITS == OPEN
        ]
        self._db.executemany(
            "UPDATE finding SET status = ?, since = ?, mark = mark - (mark & ?) + ? WHERE key = ?",
            ((self._gone, self._now, STATUS_BITS, self._gone, key) for key in absent),
        )
        if self._gone == CLOSED:
            self._db.executemany(
                "INSERT INTO temp.changed VALUES (?, ?, NULL, NULL, NULL)",
                ((key, FIXED) for key in absent),
            )


def _state(before: _Before | None, finding: Finding) -> str:
    """Return what is to be said of a finding, ``""`` if nothing."""
    if before is None or before.status == CLOSED:
        return ACCEPTED if finding.accepted else REOPENED if before else NEW
    earlier = _finding(before.details, before.severity)
    if bool(finding.accepted) != bool(earlier.accepted):
        return ACCEPTED if finding.accepted else ACCEPTANCE_ENDED
    if finding.kev and not earlier.kev and not finding.accepted:
        return EXPLOITED
    if finding.severity != earlier.severity:
        return SEVERITY_CHANGED
    fix_came = finding.fixed_version and not earlier.fixed_version and not finding.accepted
    return FIX_AVAILABLE if fix_came else ""


def _score(finding: Finding) -> float:
    return float(finding.cvss or 0) + (_KNOWN_EXPLOITED if finding.kev else 0)


def _details(finding: Finding) -> str:
    return json.dumps({name: value for name, value in vars(finding).items() if value})


def _finding(details: str, severity: int) -> Finding:
    known = {name: value for name, value in json.loads(details).items() if name in _FIELDS}
    return Finding(**{**known, "severity": SEVERITIES[severity]})
