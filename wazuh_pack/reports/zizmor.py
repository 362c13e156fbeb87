"""zizmor's JSON report (``zizmor --format json``), form v1.

``feature``, the workflow's own text, is never read. Identity is the audit, the file and the way to
the weak spot by names (``jobs/build/steps``): a step's number and the line move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Iterator

from wazuh_pack.reports.findings import BY_TOOL, Artifact, Finding, clean, severity_of
from wazuh_pack.reports.reader import (
    MAX_RECORD,
    RecordError,
    RecordReport,
    Top,
    bare_list,
)
from wazuh_pack.reports.report import Head, ReportFile
from wazuh_pack.reports.values import Record, address, at, mapping, place, sequence, whole

if TYPE_CHECKING:
    from wazuh_pack.reports.sketch import Sketch

NAME = "zizmor"
TITLE = "zizmor JSON report"
SCANNERS = ("sast",)


def recognise(sketch: Sketch) -> bool:
    """Tell a zizmor report by its audit and what it determined."""
    return sketch.form == "list" and sketch.has("[].ident", "[].determinations")


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Report(RecordReport):
    TITLE = TITLE

    def _records(self, top: Top) -> Iterator[Any]:
        del top
        return bare_list(self._file.stream(max_value=MAX_RECORD))

    def _read(self, record: Any) -> Iterable[Finding]:
        finding = mapping(record)
        audit = clean(finding.get("ident"))
        if not audit or "determinations" not in finding:
            raise RecordError
        ignored = finding.get("ignored") is True
        where = _primary(finding)
        key = mapping(at(where, "symbolic", "key"))
        yield Finding(
            scanner="sast",
            finding_id=audit,
            severity=severity_of(clean(at(finding, "determinations", "severity"))),
            path=_file(key),
            resource=_route(where),
            target=_file(key),
            title=clean(finding.get("desc")),
            message=clean(at(where, "symbolic", "annotation")),
            status=clean(at(finding, "determinations", "confidence")).lower(),
            category="pipeline",
            url=address(finding.get("url")),
            line=_line(where),
            accepted=BY_TOOL if ignored else "",
            accepted_by=NAME if ignored else "",
            accepted_reason="ignored" if ignored else "",
        )

    def _head(self, top: Top) -> Head:
        del top
        return Head(Artifact("", "repository"))


def _primary(finding: Record) -> Record:
    locations = [mapping(item) for item in sequence(finding.get("locations"))]
    for location in locations:
        if at(location, "symbolic", "kind") == "Primary":
            return location
    return locations[0] if locations else {}


def _file(key: Record) -> str:
    local = mapping(key.get("Local"))
    remote = mapping(key.get("Remote"))
    return place(local.get("verbatim_path") or local.get("given_path") or remote.get("path"))


def _route(where: Record) -> str:
    names: list[str] = [
        clean(at(step, "Key")) for step in sequence(at(where, "symbolic", "route", "route"))
    ]
    return "/".join(name for name in names if name)


def _line(where: Record) -> int:
    row = at(where, "concrete", "location", "start_point", "row")
    return whole(row + 1) if type(row) is int else 0
