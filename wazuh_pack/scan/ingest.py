"""A report file of any tool -> the memory, the events and the spool that Trivy's scans have.

"Fixed" is said between two complete reports of one tool about one artifact. What a tool reports
incompletely, or about something without a name, closes nothing.
"""

from __future__ import annotations

import secrets
from contextlib import closing
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Callable, Iterator

from wazuh_pack.reports.findings import Artifact, Finding
from wazuh_pack.reports.malicious import Malicious
from wazuh_pack.reports.registry import AUTO, open_report
from wazuh_pack.reports.report import Report, ReportError, ReportFile
from wazuh_pack.scan.events import Event, Source, utc_now
from wazuh_pack.scan.replay import differences, events_of

if TYPE_CHECKING:
    from datetime import datetime

    from wazuh_pack.reports.reader import Reader
    from wazuh_pack.scan.record import Recorder


@dataclass(frozen=True)
class Order:
    """What the caller knows of a report.

    ``artifact`` is what the examined thing is called whatever the report says, ``fallback`` where
    the report says nothing; ``kind`` and ``digest`` likewise overrule the report.
    """

    tool: str = AUTO
    artifact: str = ""
    fallback: str = ""
    kind: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Ingested:
    """What a report was about."""

    tool: str
    artifact: Artifact
    scan_id: str


class Ingester:
    """Takes reports one after the other.

    Args:
        malicious: Components that are known to be bad.
        now: The clock for event times.
    """

    def __init__(
        self, malicious: Malicious | None = None, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._malicious = malicious or Malicious()
        self._now = now

    def record(self, file: ReportFile, order: Order, recorder: Recorder) -> Ingested:
        """Compare a report with the memory and publish what changed.

        Args:
            file: The report; it is closed in the end, whatever happens.
            order: What is known of it.
            recorder: Memory and spool; the caller holds their lock.

        Raises:
            ReportError: It is no whole report of the tool, or does not say what was examined.
            SpoolFullError: Nobody collects events; nothing was recorded.
            sqlite3.Error: The memory cannot be used.
            OSError: Memory or spool cannot be written; nothing was recorded.
        """
        reader, report = open_report(file, order.tool)
        with report:
            source, artifact = self._about(reader, report, order)
            _for(reader, recorder).record(
                _Marked(report, self._malicious),
                source,
                artifact=artifact,
                # The form counts: the same tool's SARIF and JSON know findings by other marks.
                scope=f"report {reader.NAME} {report.head.scope}".rstrip(),
                facts={"tool_version": report.head.tool_version, "report": reader.NAME},
            )
        return Ingested(source.tool, artifact, source.scan_id)

    def show(self, file: ReportFile, order: Order, severity: str = "unknown") -> Iterator[Event]:
        """Yield what a report says, without a memory: every finding is new.

        Raises:
            ReportError: As :meth:`record`.
        """
        reader, report = open_report(file, order.tool)
        with report:
            source, artifact = self._about(reader, report, order)
            findings = self._malicious.apply(report.findings())
            yield from events_of(report.head, findings, source, artifact, severity=severity)

    def compare(
        self, before: ReportFile, after: ReportFile, order: Order, severity: str = "unknown"
    ) -> Iterator[Event]:
        """Yield what two reports of one tool say differently, without a memory.

        What only the later one has is ``new``, what only the earlier one has ``fixed``; for SBOMs
        that is a component added or removed. A malicious component of the later one is always told:
        without a memory nobody knows whether it was told before.

        Args:
            before: The earlier report. Both are closed in the end, whatever happens.
            after: The later one; it says what was examined.
            order: What is known of them.
            severity: The lowest severity that is reported.

        Raises:
            ReportError: As :meth:`record`, or one is incomplete, or the tools differ.
        """
        with closing(after):
            old_reader, old = open_report(before, order.tool)
            with old:
                reader, new = open_report(after, order.tool)
                with new:
                    _check_comparable(old_reader, old, reader, new)
                    source, artifact = self._about(reader, new, order)
                    earlier = {
                        finding.key(artifact, source.tool): finding for finding in old.findings()
                    }
                    later = self._malicious.apply(new.findings())
                    yield from differences(earlier, later, source, artifact, severity=severity)

    def _about(self, reader: Reader, report: Report, order: Order) -> tuple[Source, Artifact]:
        head = report.head
        name = order.artifact or head.artifact.name or order.fallback
        if not name:
            raise ReportError(
                f"a {reader.TITLE} does not say what was examined; name it with --artifact"
            )
        artifact = replace(
            head.artifact,
            name=Artifact.plain_name(name),
            kind=order.kind or head.artifact.kind,
            digest=order.digest or head.artifact.digest,
        )
        return Source(secrets.token_hex(8), head.tool or reader.NAME, now=self._now), artifact


def _check_comparable(old_reader: Reader, old: Report, reader: Reader, new: Report) -> None:
    if old_reader is not reader or old.head.tool != new.head.tool:
        first, second = (
            report.head.tool or which.NAME for which, report in ((old_reader, old), (reader, new))
        )
        raise ReportError(f"a report of {first} and one of {second}: compare two of one tool")
    for name, report in (("earlier", old), ("later", new)):
        if report.head.problems:
            raise ReportError(f"the {name} report is incomplete: {report.head.problems[0]}")


def _for(reader: Reader, recorder: Recorder) -> Recorder:
    """Let an inventory tell of everything: its components are of no severity."""
    if reader.SCANNERS != ("component",):
        return recorder
    other = copy(recorder)
    other.reporting = replace(recorder.reporting, severity="info")
    return other


class _Marked:
    """An open report whose findings are compared with the list of malicious components."""

    def __init__(self, report: Report, malicious: Malicious) -> None:
        self._report = report
        self._malicious = malicious
        # The digest of the report's own findings knows nothing of the list.
        self.head = replace(report.head, body="")

    def __enter__(self) -> Report:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the report to its owner."""

    def findings(self) -> Iterator[Finding]:
        """Yield the findings, marked."""
        return self._malicious.apply(self._report.findings())
