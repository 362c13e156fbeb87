"""A report file -> events, without memory, spool or Trivy."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Iterator

from wazuh_pack.reports.findings import severity_rank
from wazuh_pack.reports.trivy import TOOL, Report
from wazuh_pack.scan import compare
from wazuh_pack.scan.events import Event, Source, counts_by_severity, describe, utc_now

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


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
    floor = severity_rank(severity)
    counts: Counter[str] = Counter()
    with Report(path) as report:
        what = replace(report.head.artifact, running=running)
        if artifact:
            what = replace(what, name=artifact)
        for finding in report.findings():
            counts[finding.severity] += 1
            if severity_rank(finding.severity) >= floor:
                yield source.finding(finding, what, state=finding_state)
        head = report.head
    yield source.event(
        "scan_finished",
        {
            **describe(what),
            "counts": counts_by_severity(counts),
            "complete": not head.problems,
            "suppressed": head.suppressed or None,
            "tool_version": head.tool_version,
        },
    )
