"""An open report of any tool -> memory, events and spool, in one transaction.

The memory's commit decides: before it, a crash leaves the events staged and they are dropped;
after it they are published, by this process or by the next.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Iterator, Mapping

from wazuh_pack.reports.findings import clean
from wazuh_pack.scan import state
from wazuh_pack.scan.events import Event, Source, counts_by_severity, describe, encode, iso

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.reports.findings import Artifact
    from wazuh_pack.reports.report import Head, Report
    from wazuh_pack.scan.config import Reporting
    from wazuh_pack.scan.spool import Spool

_EVERYTHING = -1
_STATES = (state.NEW, state.REOPENED, state.SEVERITY_CHANGED, state.FIXED)


class Recorder:
    """Records reports one after the other; the caller holds the lock of the memory.

    Args:
        memory: The state file.
        spool: Where events go.
        reporting: What becomes an event.
    """

    def __init__(self, memory: Path, spool: Spool, reporting: Reporting) -> None:
        self._memory = memory
        self._spool = spool
        self._reporting = reporting
        self._check = True

    def record(
        self,
        report: Report,
        source: Source,
        *,
        artifact: Artifact,
        scope: str,
        facts: Mapping[str, object],
    ) -> None:
        """Compare a report with the memory, remember it, and publish what changed.

        Args:
            report: The open report.
            source: Makes the events; names the tool. Its ``scan_id`` was never recorded before.
            artifact: What was scanned, by the name it is remembered under.
            scope: All that decides what the tool could see, as comparable text: "fixed" is said
                only between reports of the same scope.
            facts: Further fields of ``scan_finished``, such as ``tool_version`` and ``duration``.

        Raises:
            ReportError: The report changed while it was read; nothing was recorded.
            SpoolFullError: Nobody collects events; nothing was recorded.
            sqlite3.Error: The memory cannot be used for a reason outside the file.
            OSError: Memory or spool cannot be written; nothing was recorded.
        """
        one = _Record(self._reporting, source, artifact, report.head, facts)
        try:
            self._attempt(one, report, scope)
        except sqlite3.DatabaseError as error:
            if not state.is_corruption(error):
                raise
            state.set_aside(self._memory, source.scan_id)
            self._say_forgotten(f"corrupt: {error}", source)
            self._attempt(one, report, scope)
        self._spool.commit(source.scan_id)
        self._check = False

    def _attempt(self, one: _Record, report: Report, scope: str) -> None:
        source = one.source
        with closing(self._open(source)) as memory:
            staged = self._spool.stage(source.scan_id)
            try:
                with memory.scan(
                    one.artifact,
                    tool=source.tool,
                    scan_id=source.scan_id,
                    scope=scope,
                    now=iso(source.now()),
                    complete=not report.head.problems,
                ) as scan:
                    scan.take(report.findings())
                    for event in one.events(scan):
                        staged.write(encode(event))
                    staged.seal()
            except BaseException:
                staged.discard()
                raise

    def _open(self, source: Source) -> state.Memory:
        memory, problem = state.open_memory(self._memory, source.scan_id, check=self._check)
        if problem:
            self._say_forgotten(problem, source)
        return memory

    def _say_forgotten(self, problem: str, source: Source) -> None:
        self._spool.publish([encode(source.event("memory_reset", {"error": clean(problem)}))])


class _Record:
    """The events of one report."""

    def __init__(
        self,
        reporting: Reporting,
        source: Source,
        artifact: Artifact,
        head: Head,
        facts: Mapping[str, object],
    ) -> None:
        self._reporting = reporting
        self.source = source
        self.artifact = artifact
        self._head = head
        self._facts = facts

    def events(self, scan: state.Scan) -> Iterator[Event]:
        """Yield them all, a summary at the end."""
        head = self._head
        if head.problems:
            text = "; ".join(head.problems)
            yield self.source.failed(
                "partial", text, artifact=self.artifact, parts=len(head.problems)
            )
        changes = scan.count_changes(self._reporting.severity)
        limit = self._limit(baseline=scan.baseline)
        total = sum(changes.values())
        reported = total if limit == _EVERYTHING else min(limit, total)
        summary: dict[str, object] = {
            **describe(self.artifact),
            "counts": counts_by_severity(scan.counts()),
            "reported": reported,
            "unreported": total - reported,
        }
        if scan.baseline:
            yield self.source.event("baseline", summary)
        yield from self._findings(scan, limit)
        yield self.source.event(
            "scan_finished",
            {
                **summary,
                "changes": {name: changes.get(name, 0) for name in _STATES},
                "baseline": True if scan.baseline else None,
                "complete": not head.problems,
                "suppressed": head.suppressed or None,
                **self._facts,
            },
        )

    def _limit(self, *, baseline: bool) -> int:
        if self._reporting.mode == "full":
            return _EVERYTHING
        return self._reporting.worst if baseline else self._reporting.max_events

    def _findings(self, scan: state.Scan, limit: int) -> Iterator[Event]:
        for change in scan.changes(self._reporting.severity, limit):
            yield self._finding(change, baseline=scan.baseline)
        if self._reporting.mode == "full":
            for change in scan.present(self._reporting.severity):
                yield self._finding(change, baseline=scan.baseline)

    def _finding(self, change: state.Change, *, baseline: bool) -> Event:
        return self.source.finding(
            change.finding,
            self.artifact,
            state=change.state,
            first_seen=change.first_seen,
            previous_severity=change.previous_severity,
            baseline=baseline,
        )
