"""A report file -> events, without memory, spool or Trivy."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Iterable, Iterator, Mapping

from wazuh_pack.reports.findings import severity_rank
from wazuh_pack.reports.trivy import TOOL, Report
from wazuh_pack.scan import compare
from wazuh_pack.scan.events import Event, Source, counts_by_severity, describe, utc_now

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from wazuh_pack.reports.findings import Artifact, Finding
    from wazuh_pack.reports.report import Head


def events_from_report(
    path: Path,
    *,
    artifact: str = "",
    running: bool | None = None,
    severity: str = "unknown",
    finding_state: str = compare.NEW,
    scan_id: str = "",
    now: Callable[[], datetime] = utc_now,
) -> Iterator[Event]:
    """Yield the events that a scan with this report gives: each finding, then ``scan_finished``.

    Args:
        path: A Trivy JSON report.
        artifact: What to call the scanned thing; by default what the report calls it.
        running: Whether a container runs from it, if that is known.
        severity: The lowest severity that is reported.
        finding_state: What is said of every finding.
        scan_id: The scan's id; by default a random one.
        now: The clock for event times.

    Raises:
        ReportError: The file is no whole Trivy report.
        OSError: It cannot be read.
    """
    source = Source(scan_id or secrets.token_hex(8), TOOL, now=now)
    with Report(path) as report:
        what = replace(report.head.artifact, running=running)
        if artifact:
            what = replace(what, name=artifact)
        yield from events_of(
            report.head,
            report.findings(),
            source,
            what,
            severity=severity,
            finding_state=finding_state,
        )


def events_of(
    head: Head,
    findings: Iterable[Finding],
    source: Source,
    artifact: Artifact,
    *,
    severity: str = "unknown",
    finding_state: str = compare.NEW,
) -> Iterator[Event]:
    """Yield what an open report of any tool says as events.

    Args:
        head: The report's head.
        findings: Its findings.
        source: Makes the events.
        artifact: What was examined.
        severity: The lowest severity that is reported.
        finding_state: What is said of every finding; that it is accepted is said instead of new.
    """
    floor = severity_rank(severity)
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.severity] += not finding.accepted
        if severity_rank(finding.severity) >= floor:
            accepted = bool(finding.accepted) and finding_state == compare.NEW
            state = compare.ACCEPTED if accepted else finding_state
            yield source.finding(finding, artifact, state=state)
    yield source.event(
        "scan_finished",
        {
            **describe(artifact),
            "counts": counts_by_severity(counts),
            "complete": not head.problems,
            "suppressed": head.suppressed or None,
            "tool_version": head.tool_version,
        },
    )


def differences(
    earlier: Mapping[bytes, Finding],
    later: Iterable[Finding],
    source: Source,
    artifact: Artifact,
    *,
    severity: str = "unknown",
) -> Iterator[Event]:
    """Yield what has changed between two complete reports about one artifact.

    Args:
        earlier: What was found before, by :meth:`~wazuh_pack.reports.findings.Finding.key`.
        later: What is found now.
        source: Makes the events.
        artifact: What was examined.
        severity: The lowest severity that is reported and counted as a change.
    """
    floor = severity_rank(severity)
    counts: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    found: dict[bytes, Finding] = {}

    def told(finding: Finding, state: str) -> Iterator[Event]:
        if severity_rank(finding.severity) >= floor:
            changes[state] += 1
            yield source.finding(finding, artifact, state=state)

    for finding in later:
        key = finding.key(artifact, source.tool)
        # Of two records of one problem, the one that nobody accepted counts.
        if key not in found or (found[key].accepted and not finding.accepted):
            found[key] = finding
    for key, finding in found.items():
        counts[finding.severity] += not finding.accepted
        before = earlier.get(key)
        if bool(finding.accepted) != bool(before and before.accepted):
            ended = compare.NEW if before is None else compare.ACCEPTANCE_ENDED
            yield from told(finding, compare.ACCEPTED if finding.accepted else ended)
        elif before is None:
            yield from told(finding, compare.NEW)
    for key, finding in earlier.items():
        if key not in found:
            yield from told(finding, compare.FIXED)
    yield source.event(
        "scan_finished",
        {
            **describe(artifact),
            "counts": counts_by_severity(counts),
            "changes": {state: changes[state] for state in (compare.NEW, compare.FIXED)},
            "complete": True,
        },
    )
