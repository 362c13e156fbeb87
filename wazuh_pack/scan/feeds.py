"""What is known about the exploitation of vulnerabilities, from files that somebody put here.

* CISA's Known Exploited Vulnerabilities, the JSON feed as it is published:
  ``{"vulnerabilities": [{"cveID", "dateAdded", "dueDate", "knownRansomwareCampaignUse"}]}``.
* FIRST's EPSS, the daily CSV as it is published, plain or as ``.gz``: a line with
  ``#model_version:``, a line ``cve,epss,percentile``, then one line a vulnerability.

EPSS has about 300,000 lines and few are asked for; they are kept in a small database beside the
memory, which is built anew whenever the file changes.
"""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Iterable, Iterator

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.reports.findings import Finding

_LARGEST = 64 << 20
_GZIP = b"\x1f\x8b"
_CVE = re.compile(r"CVE-\d{4}-\d{4,19}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ROW = re.compile(r"(CVE-\d{4}-\d{4,19}),(0(?:\.\d+)?|1(?:\.0+)?),(0(?:\.\d+)?|1(?:\.0+)?)\r?\n?")


class FeedError(Exception):
    """A feed cannot be used; the text names the file and says why."""


class Exploited:
    """The vulnerabilities that CISA knows to be exploited."""

    def __init__(self, entries: dict[str, tuple[str, str, bool]]) -> None:
        self._entries = entries

    @classmethod
    def load(cls, path: Path) -> Exploited:
        """Read the feed.

        Raises:
            FeedError: The file is no such feed.
            OSError: It cannot be read.
        """
        try:
            listed = json.loads(_content(path))["vulnerabilities"]
            entries = dict(filter(None, map(_entry, listed)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            entries = {}
        if not entries:
            raise FeedError(f"{path} is not CISA's known_exploited_vulnerabilities.json")
        return cls(entries)

    @classmethod
    def restore(cls, document: object) -> Exploited:
        """Return what :meth:`document` was made of; nothing if it is something else."""
        listed = document.items() if isinstance(document, dict) else ()
        return cls(
            {str(cve): (str(entry[0]), str(entry[1]), bool(entry[2])) for cve, entry in listed}
        )

    def document(self) -> object:
        """Return the entries in JSON's types."""
        return {cve: list(entry) for cve, entry in self._entries.items()}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries)

    def digest(self) -> str:
        """Return a text that is another one for another list."""
        return repr(sorted(self._entries.items()))

    def apply(self, finding: Finding) -> Finding:
        """Return the finding with what is known about it."""
        for finding_id in _ids(finding):
            entry = self._entries.get(finding_id)
            if entry:
                added, due, ransomware = entry
                return replace(finding, kev=added, kev_due=due, kev_ransomware=ransomware)
        return finding


class Estimates:
    """FIRST's estimates, in a database that :meth:`refresh` builds from their file."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._db: sqlite3.Connection | None = None

    def refresh(self, path: Path) -> None:
        """Take over the file's content if it is another than before.

        Raises:
            FeedError: The file is no such feed; what was known before stays.
            OSError: It cannot be read.
            sqlite3.Error: The database cannot be written.
        """
        found = path.stat()
        stamp = f"{path} {found.st_size} {found.st_mtime_ns}"
        if self._stamp() == stamp:
            return
        fresh = self._database.with_name(self._database.name + ".new")
        fresh.unlink(missing_ok=True)
        with closing(sqlite3.connect(str(fresh), isolation_level=None)) as db:
            db.executescript(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                "CREATE TABLE stamp (text TEXT);"
                "CREATE TABLE epss (cve TEXT PRIMARY KEY, score TEXT, percentile TEXT)"
                " WITHOUT ROWID; BEGIN;"
            )
            db.execute("INSERT INTO stamp VALUES (?)", (stamp,))
            db.executemany("INSERT OR REPLACE INTO epss VALUES (?, ?, ?)", _rows(path))
            (count,) = db.execute("SELECT count(*) FROM epss").fetchone()
            db.execute("COMMIT")
        if not count:
            fresh.unlink()
            raise FeedError(f"{path} is not FIRST's epss_scores CSV")
        self.close()
        fresh.replace(self._database)

    def apply(self, finding: Finding) -> Finding:
        """Return the finding with its estimate, or as it is if there is none to be had."""
        if finding.epss:
            return finding
        for finding_id in _ids(finding):
            found = self._look_up(finding_id)
            if found:
                return replace(finding, epss=found[0], epss_percentile=found[1])
        return finding

    def _look_up(self, cve: str) -> tuple[str, str] | None:
        try:
            db = self._open()
            query = "SELECT score, percentile FROM epss WHERE cve = ?"
            return db.execute(query, (cve,)).fetchone() if db else None
        except sqlite3.Error:
            return None  # damaged; nothing else depends on it, and refresh() builds it anew

    def close(self) -> None:
        """Close the database."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> sqlite3.Connection | None:
        if self._db is None and self._database.is_file():
            self._db = sqlite3.connect(str(self._database))
        return self._db

    def _stamp(self) -> str:
        try:
            db = self._open()
            row = db.execute("SELECT text FROM stamp").fetchone() if db else None
        except sqlite3.DatabaseError:
            self.close()
            return ""
        return row[0] if row else ""


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise FeedError(f"{path} is larger than {_LARGEST} bytes")
    return content


def _entry(listed: dict[str, object]) -> tuple[str, tuple[str, str, bool]] | None:
    cve = listed.get("cveID")
    if not isinstance(cve, str) or not _CVE.fullmatch(cve):
        return None
    ransomware = listed.get("knownRansomwareCampaignUse") == "Known"
    return cve, (_day(listed.get("dateAdded")), _day(listed.get("dueDate")), ransomware)


def _day(value: object) -> str:
    return value if isinstance(value, str) and _DAY.fullmatch(value) else "unknown"


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    with path.open("rb") as raw:
        compressed = raw.read(2) == _GZIP
        raw.seek(0)
        try:
            yield from _parsed(gzip.GzipFile(fileobj=raw) if compressed else raw)
        except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
            raise FeedError(f"{path} is damaged: {error}") from error


def _parsed(lines: Iterable[bytes]) -> Iterator[tuple[str, str, str]]:
    for line in lines:
        found = _ROW.fullmatch(line.decode("ascii"))
        if found:
            yield found[1], found[2], found[3]


def _ids(finding: Finding) -> Iterator[str]:
    if finding.scanner == "vuln":
        yield finding.finding_id
        if finding.aliases:
            yield from finding.aliases.split(",")
