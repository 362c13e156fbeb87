"""Checks of content that need more than one file: what Wazuh would accept but nobody wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.diagnostics import Diagnostic
from wazuh_pack.engine.mitre import attack
from wazuh_pack.limits import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_pack.model import Catalog, Detection


def lint(catalog: Catalog) -> list[Diagnostic]:
    """Return every finding, by detection."""
    known = frozenset(attack().techniques)
    seen: dict[tuple[str, str], Detection] = {}
    findings: list[Diagnostic] = []
    for detection in catalog.detections:
        findings.extend(_attack(detection, known))
        findings.extend(_text(detection))
        prefix = catalog.source(detection.source).prefix
        other = seen.setdefault((prefix, detection.title.lower()), detection)
        if other is not detection:
            findings.append(
                _finding(
                    "WP203", detection, f"{other.id} has the same title", "name the difference"
                )
            )
    return findings


def _attack(detection: Detection, known: frozenset[str]) -> Iterator[Diagnostic]:
    for technique in detection.attack:
        if technique not in known:
            yield _finding(
                "WP201",
                detection,
                f"Wazuh 4.14 does not know ATT&CK technique {technique}",
                "alerts would carry no tactic; use one of ATT&CK 13.1",
            )


def _text(detection: Detection) -> Iterator[Diagnostic]:
    if detection.response is not None and not detection.runbook:
        yield _finding("WP204", detection, "a response without a runbook", "say how to undo it")
    if not detection.references and detection.severity is not Level.SIGNAL:
        yield _finding("WP205", detection, "no reference", "link the primary documentation")


def _finding(code: str, detection: Detection, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code=code, message=message, at=detection.at, hint=hint)
