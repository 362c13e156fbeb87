"""Every reader there is, and the way from a file to an open report.

A new tool is one module with :class:`~wazuh_pack.reports.reader.Reader`'s members and one line
here; the tests then ask for a sample and a row in ``docs/reference/reports.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from wazuh_pack.reports import (
    conftest,
    cosign,
    dependency_track,
    gatekeeper,
    gitleaks,
    grype,
    in_toto,
    nuclei,
    policy_report,
    sarif,
    sbom,
    slsa_verifier,
    trivy,
    trufflehog,
    zap,
    zizmor,
)
from wazuh_pack.reports.report import Report, ReportError, ReportFile
from wazuh_pack.reports.sketch import Sketch, sketch_of

if TYPE_CHECKING:
    from wazuh_pack.reports.reader import Reader

AUTO = "auto"
"""The name that stands for "see what it is"."""

# The order counts for what several would recognise: the more particular first.
ALL: tuple[Reader, ...] = (
    trivy,
    sarif,
    grype,
    cosign,
    slsa_verifier,
    in_toto,
    policy_report,
    gatekeeper,
    conftest,
    zap,
    nuclei,
    gitleaks,
    trufflehog,
    zizmor,
    dependency_track,
    sbom,
)

_NOTHING_WHEN_CLEAN = (nuclei.NAME, trufflehog.NAME)
"""Tools that write a line a finding, so that an empty file of theirs is a clean report."""

BY_NAME: Mapping[str, Reader] = {reader.NAME: reader for reader in ALL}


def recognise(sketch: Sketch) -> Reader | None:
    """Return the reader of a report that begins so; none if nobody knows it."""
    return next((reader for reader in ALL if reader.recognise(sketch)), None)


def open_report(file: ReportFile, tool: str = AUTO) -> tuple[Reader, Report]:
    """Open a report of a tool, or of whatever tool it is from.

    Args:
        file: The file; it belongs to the report from now on, whatever happens.
        tool: A reader's name or :data:`AUTO`.

    Raises:
        ReportError: It is no whole report of that tool; the text says what it looks like.
        KeyError: There is no such reader.
    """
    try:
        if tool not in _NOTHING_WHEN_CLEAN:
            file.refuse_empty()
        sketch = sketch_of(file)
        reader = _reader_of(sketch) if tool == AUTO else BY_NAME[tool]
    except BaseException:
        file.close()
        raise
    try:
        return reader, reader.open(file)
    except ReportError as error:
        other = recognise(sketch)
        if other is None or other is reader:
            raise
        hint = f"it looks like a {other.TITLE}: use --tool {other.NAME}"
        raise ReportError(f"{error}; {hint}") from error


def _reader_of(sketch: Sketch) -> Reader:
    reader = recognise(sketch)
    if reader is None:
        raise ReportError(_unknown(sketch))
    return reader


def _unknown(sketch: Sketch) -> str:
    if sketch.form == "null" or (sketch.form == "list" and not sketch.members):
        return "an empty list tells nothing of its tool; name it with --tool"
    if sketch.form == "text" and sketch.text.lstrip().startswith(("apiVersion:", "---")):
        return "this is YAML; write the report as JSON (kubectl: -o json)"
    return f"no known report but {sketch.describe()}; name the tool with --tool"
