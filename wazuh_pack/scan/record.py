"""An open report of any tool -> memory, events and spool, in one transaction.

The memory's commit decides: before it, a crash leaves the events staged and they are dropped;
after it they are published, by this process or by the next.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Iterator, Mapping

from wazuh_pack.reports.findings import clean
from wazuh_pack.scan import bases, compare, deadlines, state
from wazuh_pack.scan.config import Sla
from wazuh_pack.scan.events import Event, Source, counts_by_severity, describe, encode, iso
from wazuh_pack.scan.judge import Judge

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.reports.findings import Artifact
    from wazuh_pack.reports.report import Head, Report
    from wazuh_pack.scan.config import Reporting
    from wazuh_pack.scan.spool import Spool

_EVERYTHING = -1
_STATES = (
    *(compare.NEW, compare.REOPENED, compare.SEVERITY_CHANGED, compare.FIXED),
    *(compare.EXPLOITED, compare.FIX_AVAILABLE, compare.ACCEPTED, compare.ACCEPTANCE_ENDED),
)


class Recorder:
    """Records reports one after the other; the caller holds the lock of the memory.

    Args:
        memory: The state file.
        spool: Where events go.
        reporting: What becomes an event.
        sla: How long findings may stay open.
        judge: What is known beside the reports.
    """

    def __init__(
        self,
        memory: Path,
        spool: Spool,
        reporting: Reporting,
        *,
        sla: Sla | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._memory = memory
        self._spool = spool
        self.reporting = reporting
        self.sla = sla or Sla()
        self.judge = judge or Judge()
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
        one = _Record(self, source, artifact, report.head, facts)
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

    def digest(self, source: Source, since: str) -> Event:
        """Return the summary of everything that is remembered, and of what changed since a time."""
        with closing(self._open(source)) as memory:
            found = deadlines.deadlines(self.sla, source.now())
            totals = memory.totals(found, since=since)
        return source.event(
            "digest",
            {
                "artifacts": totals.artifacts,
                "counts": counts_by_severity(totals.open),
                "accepted": totals.accepted,
                "exploited": totals.exploited,
                "sla": {"due": totals.due, "breached": totals.breached},
                "changes": {"new": totals.new, "fixed": totals.fixed},
                "since": since,
                "oldest": totals.oldest,
            },
        )

    def forget(self, source: Source, before: str) -> int:
        """Drop what was not scanned since a time; return how many artifacts that were."""
        with closing(self._open(source)) as memory:
            return memory.forget(before)

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
                    if not scan.same_as_before(self._body(report.head, one)):
                        findings = report.findings()
                        scan.take(self.judge.findings(findings, one.artifact, one.now))
                    for event in one.events(scan):
                        staged.write(encode(event))
                    staged.seal()
            except BaseException:
                staged.discard()
                raise

    def _body(self, head: Head, one: _Record) -> str:
        """Return a digest of all that decides about a whole report's findings."""
        if head.problems or not head.body:
            return ""
        return f"{head.body} {self.judge.digest(one.artifact, one.now)}"

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
        recorder: Recorder,
        source: Source,
        artifact: Artifact,
        head: Head,
        facts: Mapping[str, object],
    ) -> None:
        self._reporting = recorder.reporting
        self._sla = recorder.sla
        self._judge = recorder.judge
        self._head = head
        self._facts = facts
        self.source = source
        self.artifact = artifact
        self.now = source.now()

    def events(self, scan: compare.Scan) -> Iterator[Event]:
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
            "accepted": scan.accepted or None,
            "reported": reported,
            "unreported": total - reported,
        }
        if scan.baseline:
            yield self.source.event("baseline", summary)
        yield from self._base(scan)
        yield from self._findings(scan, limit)
        yield from self._late(scan)
        yield self.source.event(
            "scan_finished",
            {
                **summary,
                "changes": {name: changes.get(name, 0) for name in _STATES},
                **self._overdue(scan),
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

    def _base(self, scan: compare.Scan) -> Iterator[Event]:
        """Say once what is wrong with an image's base, and again when that changes."""
        objections = bases.objections(self.artifact, self._judge.approved_bases)
        if scan.note(",".join(objections)):
            for objection in objections:
                about = describe(self.artifact)
                yield self.source.event("base_image", {"state": objection, **about})

    def _findings(self, scan: compare.Scan, limit: int) -> Iterator[Event]:
        for change in scan.changes(self._reporting.severity, limit):
            yield self._finding(change, baseline=scan.baseline)
        if self._reporting.mode == "full":
            for change in scan.present(self._reporting.severity):
                yield self._finding(change, baseline=scan.baseline)

    def _late(self, scan: compare.Scan) -> Iterator[Event]:
        found = deadlines.deadlines(self._sla, self.now)
        for change in scan.newly_late(found, self._reporting.severity, self._reporting.max_events):
            yield self._finding(change, baseline=False)

    def _overdue(self, scan: compare.Scan) -> dict[str, object]:
        due, breached = scan.late(deadlines.deadlines(self._sla, self.now))
        return {"sla": {"due": due, "breached": breached}} if due or breached else {}

    def _finding(self, change: compare.Change, *, baseline: bool) -> Event:
        severity = change.finding.severity
        return self.source.finding(
            self._judge.described(change.finding),
            self.artifact,
            state=change.state,
            first_seen=change.first_seen,
            previous_severity=change.previous_severity,
            baseline=baseline,
            more=deadlines.fields(self._sla, severity, change.first_seen, self.now),
        )
