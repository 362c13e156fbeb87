"""Dependency-Track's findings: the export of a project's findings and the API's list of them.

``GET /api/v1/finding/project/{uuid}/export`` gives an object with ``findings``, ``GET
/api/v1/finding/project/{uuid}`` the bare list. What an analyst suppressed or closed is accepted;
the analyst's own words are never read.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator

from wazuh_pack.reports.findings import BY_TOOL, Artifact, Finding, clean, severity_of
from wazuh_pack.reports.reader import (
    MAX_RECORD,
    RecordError,
    RecordReport,
    Top,
    bare_list,
    in_object,
)
from wazuh_pack.reports.report import Head, ReportFile
from wazuh_pack.reports.sketch import Sketch, sketch_of
from wazuh_pack.reports.values import (
    Record,
    address,
    at,
    cwes,
    mapping,
    purl_parts,
    score,
    sequence,
    time,
)

NAME = "dependency-track"
TITLE = "Dependency-Track findings report"
SCANNERS = ("vuln",)

_SCORES = (
    ("cvssV4Score", "cvssV4Vector"),
    ("cvssV3BaseScore", "cvssV3Vector"),
    ("cvssV2BaseScore", "cvssV2Vector"),
)
_CLOSED = ("FALSE_POSITIVE", "NOT_AFFECTED", "RESOLVED")


def recognise(sketch: Sketch) -> bool:
    """Tell the findings by component, vulnerability and analysis."""
    return sketch.has("findings[].component", "findings[].vulnerability") or (
        sketch.has("[].component", "[].vulnerability")
        or (sketch.has("findings") and sketch.members.get("meta.application") == "Dependency-Track")
    )


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Report(RecordReport):
    TITLE = TITLE

    def __init__(self, file: ReportFile) -> None:
        self._listed = sketch_of(file).form != "object"
        super().__init__(file)

    def _records(self, top: Top) -> Iterator[Any]:
        stream = self._file.stream(max_value=MAX_RECORD)
        if self._listed:
            top["findings"] = None
            yield from bare_list(stream)
            return
        for _, record in in_object(stream, ("findings",), ("project", "meta"), top):
            yield record

    def _read(self, record: Any) -> Iterable[Finding]:
        flaw, component = mapping(at(record, "vulnerability")), mapping(at(record, "component"))
        finding_id = clean(flaw.get("vulnId"))
        if not finding_id or not component:
            raise RecordError
        state = clean(at(record, "analysis", "state"))
        closed = state in _CLOSED
        accepted = closed or at(record, "analysis", "isSuppressed") is True
        kind, purl_name, purl_version = purl_parts(clean(component.get("purl")))
        group, name = clean(component.get("group")), clean(component.get("name"))
        number, vector = _cvss(flaw)
        yield Finding(
            scanner="vuln",
            finding_id=finding_id,
            severity=severity_of(clean(flaw.get("severity"))),
            package_type=kind,
            package=purl_name or "/".join(part for part in (group, name) if part),
            title=clean(flaw.get("title")),
            message=clean(flaw.get("description")),
            resolution=clean(flaw.get("recommendation")),
            installed_version=clean(component.get("version")) or purl_version,
            status=state.lower(),
            url=address(at(record, "attribution", "referenceUrl")),
            published=time(flaw.get("published")),
            cvss=number,
            cvss_vector=vector,
            cwe=_cwe(flaw),
            aliases=_aliases(flaw, finding_id),
            accepted=BY_TOOL if accepted else "",
            accepted_by=NAME if accepted else "",
            accepted_reason=(state.lower() if closed else "suppressed") if accepted else "",
        )

    def _head(self, top: Top) -> Head:
        self._require(top, "findings")
        project = mapping(top.get("project"))
        return Head(
            artifact=Artifact(Artifact.plain_name(clean(project.get("name"))), "application"),
            created=time(at(top.get("meta"), "timestamp")),
            tool_version=clean(at(top.get("meta"), "version")),
        )


def _cvss(flaw: Record) -> tuple[str, str]:
    for score_key, vector_key in _SCORES:
        number = score(flaw.get(score_key))
        if number:
            return number, clean(flaw.get(vector_key))
    return "", ""


def _cwe(flaw: Record) -> str:
    listed = [at(item, "cweId") for item in sequence(flaw.get("cwes"))]
    return cwes(listed or flaw.get("cweId"))


def _aliases(flaw: Record, finding_id: str) -> str:
    names = {
        clean(name)
        for alias in sequence(flaw.get("aliases"))
        for key, name in mapping(alias).items()
        if key.endswith("Id")
    }
    return ",".join(sorted(names - {finding_id, ""}))
