"""What earlier scans found: one SQLite file per host.

A scan is one transaction. :meth:`Memory.scan` opens it, :meth:`Scan.take` compares a report's
findings with what is remembered, and leaving the block commits; a crash or an exception leaves
the memory as it was. Findings stream through: of each, only its key stays in working memory.

"Fixed" is concluded only from a scan that was complete and looked with the same scope (scanners,
filters) as the artifact's scan before. After a change of scope, findings that are gone are
*hidden*: they are neither fixed nor, when they come back, new.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Iterator, Mapping, NamedTuple, Sequence

from wazuh_pack.reports.findings import SEVERITIES
from wazuh_pack.scan.compare import TEMPORARY, Scan
from wazuh_pack.scan.deadlines import late
from wazuh_pack.scan.marks import ACCEPTED_BIT, KEV_BIT

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.reports.findings import Artifact
    from wazuh_pack.scan.deadlines import Deadline

SCHEMA = 4
"""Kept in ``user_version``; a file of another schema is set aside, not migrated.

It counts up when tables change and when findings get another identity."""

_TABLES = """
CREATE TABLE artifact (
    id INTEGER PRIMARY KEY, tool TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    digest TEXT NOT NULL, scan_id TEXT NOT NULL, scope TEXT NOT NULL, note TEXT NOT NULL,
    body TEXT NOT NULL,    first_scan TEXT NOT NULL, last_scan TEXT NOT NULL,
    UNIQUE (tool, kind, name));
CREATE TABLE finding (
    key BLOB PRIMARY KEY, artifact INTEGER NOT NULL REFERENCES artifact, status INTEGER NOT NULL,
    severity INTEGER NOT NULL, score REAL NOT NULL, mark INTEGER NOT NULL, told INTEGER NOT NULL,
    first_seen TEXT NOT NULL, since TEXT NOT NULL, details TEXT NOT NULL);
CREATE INDEX finding_by_artifact ON finding (artifact, status, severity, first_seen);
CREATE INDEX finding_marks ON finding (artifact, key, mark);
"""
_OPEN_BY_SEVERITY = """
SELECT severity, count(*) FROM finding WHERE status = 0 AND mark & ? = 0 GROUP BY severity
"""
_TOTALS = """
SELECT (SELECT count(*) FROM artifact),
    ifnull(sum(status = 0 AND mark & :accepted != 0), 0),
    ifnull(sum(status = 0 AND mark & (:accepted | :kev) = :kev), 0),
    ifnull(sum(first_seen >= :since), 0),
    ifnull(sum(status = 1 AND since >= :since), 0),
    ifnull(min(CASE WHEN status = 0 THEN first_seen END), '')
FROM finding
"""


class OutdatedError(Exception):
    """The file has another schema than this version writes."""


class Totals(NamedTuple):
    """What is known over all artifacts; ``new`` and ``fixed`` are since the time asked for."""

    open: Mapping[str, int]
    due: int
    breached: int
    artifacts: int
    accepted: int
    exploited: int
    new: int
    fixed: int
    oldest: str


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
        self.fresh = False
        """Whether it knew nothing when it was opened."""
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
            self.fresh = True
            db.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {SCHEMA};COMMIT;")
        elif version != SCHEMA:
            raise OutdatedError(f"schema {version}, this version writes {SCHEMA}")
        if check:
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        db.executescript(TEMPORARY)

    def totals(self, found: Sequence[Deadline], *, since: str) -> Totals:
        """Return what is open now, and what came and went since a time."""
        values = {"since": since, "accepted": ACCEPTED_BIT, "kev": KEV_BIT}
        row = self._db.execute(_TOTALS, values).fetchone()
        counts = self._db.execute(_OPEN_BY_SEVERITY, (ACCEPTED_BIT,))
        by_severity = {SEVERITIES[rank]: count for rank, count in counts}
        return Totals(by_severity, *late(self._db, found), *row)

    def forget(self, before: str) -> int:
        """Drop artifacts whose last scan was before a time; return how many."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            gone = [
                row[0]
                for row in self._db.execute(
                    "SELECT id FROM artifact WHERE last_scan < ?", (before,)
                )
            ]
            for artifact in gone:
                self._db.execute("DELETE FROM finding WHERE artifact = ?", (artifact,))
                self._db.execute("DELETE FROM artifact WHERE id = ?", (artifact,))
        return len(gone)


def open_memory(path: Path, stamp: str, *, check: bool = True) -> tuple[Memory, str]:
    """Open the state file; set a corrupt or outdated one aside and begin a new one.

    A mark beside the file says that there was one, so that a lost one is noticed.

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
    mark = path.with_suffix(".begun")
    try:
        memory = Memory(path, check=check)
        problem = "lost: the file was gone or empty" if memory.fresh and mark.exists() else ""
    except (OutdatedError, sqlite3.DatabaseError) as error:
        if isinstance(error, OutdatedError):
            problem = str(error)
        elif is_corruption(error):
            problem = f"corrupt: {error}"
        else:
            raise
        set_aside(path, stamp)
        memory = Memory(path)
    with suppress(OSError):  # on a full disk the next one makes it
        mark.touch()
    return memory, problem


def is_corruption(error: sqlite3.DatabaseError) -> bool:
    """Tell a damaged file from one that cannot be used now and from faults of ours."""
    return type(error) is sqlite3.DatabaseError


def set_aside(path: Path, stamp: str) -> None:
    """Rename a state file and its journal, so that nothing of it is lost."""
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(f"{path.name}.set-aside-{stamp}{suffix}"))
