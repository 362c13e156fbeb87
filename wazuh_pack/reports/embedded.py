"""A scanner's own report within an attestation.

cosign's ``vuln/v1`` (``specs/COSIGN_VULN_ATTESTATION_SPEC.md``) says only that ``scanner.result``
is an object: it is whatever the scanner wrote.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Mapping

from wazuh_pack.reports import grype, sarif, trivy
from wazuh_pack.reports.report import ReportError, ReportFile

if TYPE_CHECKING:
    from wazuh_pack.reports.findings import Finding

_READERS = (("SchemaVersion", trivy), ("matches", grype), ("runs", sarif))
"""What tells a report, and who reads it."""


def read(result: Mapping[str, Any]) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Return the findings of a report, and what keeps them from being all there are."""
    reader = next((found for key, found in _READERS if key in result), None)
    if reader is None:
        return (), ("nobody here can read the scan result in an attestation",)
    try:
        with reader.open(_file(result)) as report:
            found = tuple(replace(item, category="attestation") for item in report.findings())
            return found, report.head.problems
    except ReportError as error:
        return (), (f"the scan result in an attestation: {error}",)


def _file(result: Mapping[str, Any]) -> ReportFile:
    """Return a file that is gone as soon as it is closed."""
    with tempfile.TemporaryFile() as file:
        file.write(json.dumps(result).encode("ascii"))
        file.flush()
        return ReportFile.of_descriptor(os.dup(file.fileno()))
