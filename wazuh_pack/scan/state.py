"""What earlier scans found: one SQLite file per host.

A scan is one transaction. :meth:`Memory.scan` opens it, :meth:`Scan.take` compares a report's
findings with what is remembered, and leaving the block commits; a crash or an exception leaves
the memory as it was. Findings stream through: of each, only its key stays in working memory.

"Fixed" is concluded only from a scan that was complete and looked with the same scope (scanners,
filters) as the artifact's scan before. After a change of scope, findings that are gone are
*hidden*: they are neither fixed nor, when they come back, new.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import islice
from typing import TYPE_CHECKING, Iterable, Iterator

from wazuh_pack.reports.findings import SEVERITIES, Artifact, Finding, severity_rank

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 2
"""Kept in ``user_version``; a file of another schema is set aside, not migrated."""

NEW, REOPENED, SEVERITY_CHANGED, FIXED, PRESENT = (
    "new",
    "reopened",
    "severity_changed",
    "fixed",
    "present",
)

_OPEN, _CLOSED, _HIDDEN = 0, 1, 2
_BATCH = 400  # SQLite before 3.32 allows 999 parameters
_FIELDS = frozenset(item.name for item in fields(Finding))

_TABLES = """
CREATE TABLE artifact (
    id INTEGER PRIMARY KEY, tool TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    digest TEXT NOT NULL, scan_id TEXT NOT NULL, scope TEXT NOT NULL, first_scan TEXT NOT NULL,
    last_scan TEXT NOT NULL,
    UNIQUE (tool, kind, name));
CREATE TABLE finding (
    key BLOB PRIMARY KEY, artifact INTEGER NOT NULL REFERENCES artifact, status INTEGER NOT NULL,
    severity INTEGER NOT NULL, score REAL NOT NULL, installed TEXT NOT NULL, fix TEXT NOT NULL,
    first_seen TEXT NOT NULL, since TEXT NOT NULL, details TEXT NOT NULL);
CREATE INDEX finding_by_artifact ON finding (artifact, status);
"""

_CHANGES = """
FROM changed JOIN finding USING (key)
WHERE (state != 'severity_changed' OR previous != severity)
AND max(severity, ifnull(previous, 0)) >= ?
"""


class OutdatedError(Exception):
    """The file has another schema than this version writes."""


@dataclass(frozen=True)
class Change:
    """What is different about a finding since the artifact's scan before."""

    state: str
    finding: Finding
    first_seen: str
    previous_severity: str = ""


class Memory:
    """An open state file.

    Args:
        path: The file; it is created if absent, with its journal beside it.
        check: Whether to read all of it for damage first.

    Raises:
        OutdatedError: It was written by another version.
        sqlite3.DatabaseError: It is corrupt, or (``OperationalError``) cannot be used now.
    """

    def __init__(self, path: Path, *, check: bool = True) -> None:
        self._db = sqlite3.connect(str(path), isolation_level=None, timeout=10)
        try:
            self._prepare(check=check)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file and fold its journal in."""
        self._db.close()

    def committed(self, scan_id: str) -> bool:
        """Tell whether the scan's transaction is in the file."""
        found = self._db.execute("SELECT 1 FROM artifact WHERE scan_id = ?", (scan_id,))
        return found.fetchone() is not None

    @contextmanager
    def scan(
        self,
        artifact: Artifact,
        *,
        tool: str,
        scan_id: str,
        scope: str,
        now: str,
        complete: bool,
    ) -> Iterator[Scan]:
        """Open the transaction of one artifact's scan.

        Args:
            artifact: What was scanned.
            tool: What scanned it; what other tools found there stays as it is.
            scan_id: What :meth:`committed` is asked with.
            scope: All that decides what the scanner could see, as comparable text.
            now: The time that new findings get, ISO 8601.
            complete: Whether the scanner saw everything in its scope.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield Scan(
                self._db,
                artifact,
                tool=tool,
                scan_id=scan_id,
                scope=scope,
                now=now,
                complete=complete,
            )
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _prepare(self, *, check: bool) -> None:
        db = self._db
        # FULL: an event may only be published when the commit survives a power cut.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA temp_store = MEMORY")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables and not version:
            db.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {SCHEMA};COMMIT;")
        elif version != SCHEMA:
            raise OutdatedError(f"schema {version}, this version writes {SCHEMA}")
        if check:
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        db.execute(
            "CREATE TEMP TABLE changed"
            " (key BLOB PRIMARY KEY, state TEXT NOT NULL, previous INTEGER)"
        )


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
        self._seen: dict[bytes, int] = {}
        db.execute("DELETE FROM temp.changed")
        before = db.execute(
            "SELECT id, scope FROM artifact WHERE tool = ? AND kind = ? AND name = ?",
            (tool, artifact.kind, artifact.name),
        ).fetchone()
        self.baseline = before is None
        """Whether this is the artifact's first scan."""
        self._gone = _CLOSED if before and before[1] == scope else _HIDDEN
        self._complete = complete
        self._row = before[0] if before else self._add_artifact(now)
        # An incomplete scan leaves the scope alone: it says nothing about what it did not see.
        db.execute(
            "UPDATE artifact SET digest = ?, scan_id = ?, last_scan = ?,"
            " scope = CASE WHEN ? THEN ? ELSE scope END WHERE id = ?",
            (artifact.digest, scan_id, now, complete or before is None, scope, self._row),
        )

    def take(self, findings: Iterable[Finding]) -> None:
        """Compare a whole report's findings, in any order, and remember them."""
        stream = iter(findings)
        while True:
            batch = [
                (finding.key(self._artifact, self._tool), finding)
                for finding in islice(stream, _BATCH)
            ]
            if not batch:
                break
            known = self._known([key for key, _ in batch])
            for key, finding in batch:
                self._take(key, finding, known.get(key))
        if self._complete:
            self._settle_absent()

    def counts(self) -> dict[str, int]:
        """Return how many distinct findings this scan saw, by severity."""
        return {SEVERITIES[rank]: count for rank, count in Counter(self._seen.values()).items()}

    def count_changes(self, floor: str) -> dict[str, int]:
        """Return how many changes there are at or above a severity, by state."""
        query = "SELECT state, count(*)" + _CHANGES + "GROUP BY state"
        return dict(self._db.execute(query, (severity_rank(floor),)))

    def changes(self, floor: str, limit: int) -> Iterator[Change]:
        """Yield the changes at or above a severity, the worst first, up to ``limit`` (-1: all)."""
        rows = self._db.execute(
            "SELECT state, previous, severity, first_seen, details"
            + _CHANGES
            + "ORDER BY severity DESC, score DESC, state DESC, finding.rowid LIMIT ?",
            (severity_rank(floor), limit),
        )
        for state, previous, severity, first_seen, details in rows:
            before = SEVERITIES[previous] if previous is not None else ""
            yield Change(state, _finding(details, severity), first_seen, before)

    def present(self, floor: str) -> Iterator[Change]:
        """Yield what was there before and still is, at or above a severity, the worst first."""
        rows = self._db.execute(
            "SELECT severity, first_seen, details FROM finding WHERE artifact = ? AND status = ?"
            " AND severity >= ? AND key NOT IN (SELECT key FROM temp.changed)"
            " ORDER BY severity DESC, score DESC, rowid",
            (self._row, _OPEN, severity_rank(floor)),
        )
        for severity, first_seen, details in rows:
            yield Change(PRESENT, _finding(details, severity), first_seen)

    def _add_artifact(self, now: str) -> int:
        added = self._db.execute(
            "INSERT INTO artifact (tool, kind, name, digest, scan_id, scope, first_scan, last_scan)"
            " VALUES (?, ?, ?, '', '', '', ?, ?)",
            (self._tool, self._artifact.kind, self._artifact.name, now, now),
        )
        return int(added.lastrowid or 0)

    def _known(self, keys: list[bytes]) -> dict[bytes, tuple[int, int, str, str]]:
        places = ",".join("?" * len(keys))
        rows = self._db.execute(
            f"SELECT key, status, severity, installed, fix FROM finding WHERE key IN ({places})",  # noqa: S608 - only question marks
            keys,
        )
        return {row[0]: row[1:] for row in rows}

    def _take(self, key: bytes, finding: Finding, known: tuple[int, int, str, str] | None) -> None:
        rank = severity_rank(finding.severity)
        earlier = self._seen.get(key)
        if earlier is not None:
            # A report may list a problem twice; the worse one counts, whatever the order.
            if rank > earlier:
                self._seen[key] = rank
                self._update(key, finding, rank)
            return
        self._seen[key] = rank
        if known is None:
            self._insert(key, finding, rank)
            self._changed(key, NEW)
            return
        status, severity, installed, fix = known
        if status == _CLOSED:
            self._update(key, finding, rank)
            self._changed(key, REOPENED)
        elif severity != rank:
            self._update(key, finding, rank)
            self._changed(key, SEVERITY_CHANGED, severity)
        elif status == _HIDDEN or (installed, fix) != (
            finding.installed_version,
            finding.fixed_version,
        ):
            self._update(key, finding, rank)

    def _insert(self, key: bytes, finding: Finding, rank: int) -> None:
        self._db.execute(
            "INSERT INTO finding VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                self._row,
                _OPEN,
                rank,
                float(finding.cvss or 0),
                finding.installed_version,
                finding.fixed_version,
                self._now,
                self._now,
                _details(finding),
            ),
        )

    def _update(self, key: bytes, finding: Finding, rank: int) -> None:
        self._db.execute(
            "UPDATE finding SET since = CASE WHEN status = ? THEN since ELSE ? END, status = ?,"
            " severity = ?, score = ?, installed = ?, fix = ?, details = ? WHERE key = ?",
            (
                _OPEN,
                self._now,
                _OPEN,
                rank,
                float(finding.cvss or 0),
                finding.installed_version,
                finding.fixed_version,
                _details(finding),
                key,
            ),
        )

    def _changed(self, key: bytes, state: str, previous: int | None = None) -> None:
        self._db.execute("INSERT INTO temp.changed VALUES (?, ?, ?)", (key, state, previous))

    def _settle_absent(self) -> None:
        rows = self._db.execute(
            "SELECT key FROM finding WHERE artifact = ? AND status = ?", (self._row, _OPEN)
        )
        absent = [key for (key,) in rows if key not in self._seen]
        self._db.executemany(
            "UPDATE finding SET status = ?, since = ? WHERE key = ?",
            ((self._gone, self._now, key) for key in absent),
        )
        if self._gone == _CLOSED:
            for key in absent:
                self._changed(key, FIXED)


def open_memory(path: Path, stamp: str, *, check: bool = True) -> tuple[Memory, str]:
    """Open the state file; set a corrupt or outdated one aside and begin a new one.

    Args:
        path: The state file.
        stamp: What is put into the name of a file that is set aside.
        check: Whether to read all of it for damage first.

    Returns:
        The memory, and what was wrong with the file before (``""`` if nothing).

    Raises:
        sqlite3.OperationalError: It cannot be used for a reason outside the file.
        OSError: The same.
    """
    try:
        return Memory(path, check=check), ""
    except OutdatedError as error:
        problem = str(error)
    except sqlite3.DatabaseError as error:
        if not is_corruption(error):
            raise
        problem = f"corrupt: {error}"
    set_aside(path, stamp)
    return Memory(path), problem


def is_corruption(error: sqlite3.DatabaseError) -> bool:
    """Tell a damaged file from one that cannot be used now and from faults of ours."""
    return type(error) is sqlite3.DatabaseError


def set_aside(path: Path, stamp: str) -> None:
    """Rename a state file and its journal, so that nothing of it is lost."""
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(f"{path.name}.set-aside-{stamp}{suffix}"))


def _details(finding: Finding) -> str:
    return json.dumps({name: value for name, value in vars(finding).items() if value})


def _finding(details: str, severity: int) -> Finding:
    known = {name: value for name, value in json.loads(details).items() if name in _FIELDS}
    return Finding(**{**known, "severity": SEVERITIES[severity]})
