"""Findings and scans -> the events that Wazuh reads.

An event is one compact JSON object on one line, everything under the single key ``security_scan``
(``docs/reference/scan-events.md`` lists the fields). Decisions, each from a property of Wazuh
4.14.7:

* There is no top-level ``vulnerability.cve``. Stock rule 23501 claims every event that has one, and
  its children give their own levels and mails; under our own key, levels stay ours.
* Keys have no dots and no two differ only in case: the JSON decoder would split or lose them.
* Scores are text ("9.8"): numbers with a fraction are printed as "9.800000". Other numbers are
  integers below 2**31; times are ISO 8601 in UTC. Empty values are left out.
* No value is a list; a text that Wazuh would take for a JSON list is broken up.
* Lines are ASCII and far below the 65,408 bytes that an agent can send: every text has a limit, and
  ``shortened`` names the fields that lost something.
"""

from __future__ import annotations

import json
import os
import re
import traceback
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Mapping

from wazuh_pack.reports.findings import SEVERITIES, Artifact, Finding, clean

KEY = "security_scan"

MAX_LINE = 60_000
"""Bytes a line may have at most; the limits below keep real ones under 8,000."""

MARK = "..."

Event = Mapping[str, Mapping[str, Any]]
Counts = Mapping[str, int]

_LIMITS = {
    "title": 300,
    "message": 1000,
    "resolution": 500,
    "error": 1000,
    "path": 1000,
    "target": 500,
    "artifact": 500,
    "resource": 300,
    "url": 500,
    "package": 250,
    "fixed_version": 300,
    "cvss_vector": 250,
    "accepted_reason": 500,
}
_LIMIT = 200
_MAX_INT = 2**31 - 1
# cJSON reads more than Python's parser does ([{"a":01}]), so what looks like a list is one.
_LIST = re.compile(r"\[\s*(?:[\[\]{\"\d+-]|true|false|null)", re.IGNORECASE)


def utc_now() -> datetime:
    """Return the present time."""
    return datetime.now(timezone.utc)


def iso(when: datetime) -> str:
    """Return a time as ``2026-01-31T12:00:00Z``, to the second."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """Return the time that :func:`iso` wrote."""
    return datetime.strptime(text[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z")


@dataclass
class Source:
    """Makes the events of one scan, or of one thing that the wodle noticed.

    ``tool`` is the scanner or gate, a word in lower case. ``scan_id`` is random. Events are
    numbered, and ``event_id`` is unique: should a power cut make one arrive twice, it tells.
    """

    scan_id: str
    tool: str
    run_id: str = ""
    now: Callable[[], datetime] = utc_now
    made: int = field(default=0, init=False)

    def event(self, kind: str, fields: Mapping[str, object]) -> Event:
        """Return an event of ``kind``; empty fields are left out, long ones shortened."""
        self.made += 1
        shaped: dict[str, Any] = {
            "event": kind,
            "tool": self.tool,
            "time": iso(self.now()),
            "host": os.uname().nodename,
            "event_id": f"{self.scan_id}.{self.made}",
            "scan_id": self.scan_id,
            "run_id": self.run_id or None,
            **fields,
        }
        return {KEY: _shape(shaped)}

    def finding(
        self,
        finding: Finding,
        artifact: Artifact,
        *,
        state: str,
        first_seen: str = "",
        previous_severity: str = "",
        baseline: bool = False,
        more: Mapping[str, object] | None = None,
    ) -> Event:
        """Return the event of one finding; ``baseline`` marks an artifact's first scan."""
        fields: dict[str, object] = {
            "state": state,
            "scanner": finding.scanner,
            "severity": finding.severity,
            "previous_severity": previous_severity,
            "finding_id": finding.finding_id,
            "title": finding.title,
            **describe(artifact),
            "package": finding.package,
            "package_type": finding.package_type,
            "installed_version": finding.installed_version,
            "fixed_version": finding.fixed_version,
            "fix_available": bool(finding.fixed_version) if finding.scanner == "vuln" else None,
            "status": finding.status,
            "category": finding.category,
            "result_class": finding.result_class,
            "target": finding.target,
            "path": finding.path,
            "resource": finding.resource,
            "line": finding.line or None,
            "message": finding.message,
            "resolution": finding.resolution,
            "url": finding.url,
            "published": finding.published,
            "cvss": finding.cvss,
            "cvss_vector": finding.cvss_vector,
            "cwe": finding.cwe,
            "aliases": finding.aliases,
            "kev": True if finding.kev else None,
            "kev_added": finding.kev,
            "kev_due": finding.kev_due,
            "kev_ransomware": True if finding.kev_ransomware else None,
            "epss": finding.epss,
            "epss_percentile": finding.epss_percentile,
            "accepted": finding.accepted,
            "accepted_by": finding.accepted_by,
            "accepted_reason": finding.accepted_reason,
            "accepted_until": finding.accepted_until,
            "first_seen": first_seen,
            "baseline": True if baseline else None,
            **(more or {}),
        }
        return self.event("finding", fields)

    def failed(
        self, reason: str, error: str, *, artifact: Artifact | None = None, **more: object
    ) -> Event:
        """Return the event of a scan that did not happen or cannot be trusted.

        Args:
            reason: A class that rules match, such as ``timeout``.
            error: One line for people, without secrets.
            artifact: What was to be scanned; none if the whole run failed.
            more: Further fields.
        """
        about = describe(artifact) if artifact else {}
        return self.event("scan_failed", {"reason": reason, "error": error, **about, **more})

    def fault(self, error: BaseException, *, artifact: Artifact | None = None) -> Event:
        """Return the event of a fault of ours."""
        return self.failed("internal", where(error), artifact=artifact)


def where(error: BaseException) -> str:
    """Return what and where a fault of ours was; not its text, which could hold anything."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def describe(artifact: Artifact) -> dict[str, object]:
    """Return the fields that say what was scanned."""
    return {
        "artifact": artifact.name,
        "artifact_type": artifact.kind,
        "artifact_digest": artifact.digest,
        "os": artifact.os,
        "os_end_of_life": True if artifact.end_of_life else None,
        "running": artifact.running,
        "base": artifact.base,
    }


def counts_by_severity(counts: Mapping[str, int]) -> dict[str, int]:
    """Return a count for every severity, and their sum as ``total``."""
    complete = {severity: counts.get(severity, 0) for severity in reversed(SEVERITIES)}
    return {**complete, "total": sum(complete.values())}


def encode(event: Event) -> bytes:
    """Return an event as the line that goes to Wazuh.

    Raises:
        ValueError: It would be longer than :data:`MAX_LINE`; events made here never are.
    """
    line = json.dumps(event, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    if len(line) >= MAX_LINE:
        raise ValueError(f"an event of {len(line)} bytes")
    return line.encode("ascii") + b"\n"


def _shape(fields: Mapping[str, object]) -> dict[str, Any]:
    shaped: dict[str, Any] = {}
    shortened = []
    for name, value in fields.items():
        if isinstance(value, str):
            text, cut = _fit(_defuse(clean(value)), _LIMITS.get(name, _LIMIT))
            if text:
                shaped[name] = text
            if cut:
                shortened.append(name)
        elif isinstance(value, int):
            shaped[name] = value if isinstance(value, bool) else min(value, _MAX_INT)
        elif value is not None:
            shaped[name] = value
    if shortened:
        shaped["shortened"] = ",".join(shortened)
    return shaped


def _defuse(text: str) -> str:
    """Keep analysisd from writing a text as a list into the alert, where text is mapped."""
    return "'" + text if _LIST.match(text) else text


def _fit(text: str, limit: int) -> tuple[str, bool]:
    """Return ``text`` in about ``limit`` bytes of the encoded line, and whether it was cut."""
    if text.isascii():
        if len(text) <= limit:
            return text, False
        return text[: limit - len(MARK)] + MARK, True
    kept: list[str] = []
    used = 0
    for character in text:
        used += len(json.dumps(character)) - 2
        if used > limit:
            return "".join(kept[: -len(MARK)]) + MARK, True
        kept.append(character)
    return text, False
