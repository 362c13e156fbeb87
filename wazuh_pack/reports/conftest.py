"""Conftest's results (``conftest test -o json``), as of 0.69.

A result has neither id nor severity unless the policy puts them into its metadata (``id``, ``code``
or ``rule``, and ``severity``). Without an id, the text of the message is it: that is all there is.
An exception names the query that made it and not what it excepts; with other exceptions nothing is
known to be fixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Iterator

from wazuh_pack.reports.findings import Artifact, Finding, clean, severity_of
from wazuh_pack.reports.reader import MAX_RECORD, RecordError, RecordReport, Top, bare_list
from wazuh_pack.reports.report import Head, ReportFile
from wazuh_pack.reports.values import Record, at, first, mapping, place, sequence, short_hash, whole

if TYPE_CHECKING:
    from wazuh_pack.reports.sketch import Sketch

NAME = "conftest"
TITLE = "Conftest JSON report"
SCANNERS = ("policy",)

_LISTS = (("failures", "fail", "medium"), ("warnings", "warn", "low"))


def recognise(sketch: Sketch) -> bool:
    """Tell Conftest's results by the file's name and what happened to it."""
    return sketch.form == "list" and sketch.has("[].filename", "[].successes")


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Report(RecordReport):
    TITLE = TITLE

    def _records(self, top: Top) -> Iterator[Any]:
        for record in bare_list(self._file.stream(max_value=MAX_RECORD)):
            for item in sequence(at(record, "exceptions")):
                top["excepted"] = top.get("excepted", 0) + 1
                top.setdefault("exceptions", set()).add(short_hash(clean(at(item, "msg"))))
            yield record

    def _read(self, record: Any) -> Iterable[Finding]:
        result = mapping(record)
        if "filename" not in result or "successes" not in result:
            raise RecordError
        path = place(result["filename"]) or "-"
        for name, status, severity in _LISTS:
            for item in sequence(result.get(name)):
                yield _finding(
                    mapping(item), path, clean(result.get("namespace")), status, severity
                )

    def _head(self, top: Top) -> Head:
        exceptions = top.get("exceptions")
        return Head(
            Artifact("", "repository"),
            suppressed=top.get("excepted", 0),
            scope=short_hash(*sorted(exceptions)) if exceptions else "",
        )


def _finding(result: Record, path: str, namespace: str, status: str, severity: str) -> Finding:
    message = clean(result.get("msg"))
    metadata = mapping(result.get("metadata"))
    named = first(clean(metadata.get(key)) for key in ("id", "code", "rule"))
    stated = severity_of(clean(metadata.get("severity")))
    return Finding(
        scanner="policy",
        finding_id=named or namespace or "main",
        severity=severity if stated == "unknown" else stated,
        path=path,
        target=path,
        title=message,
        message=message,
        status=status,
        category=namespace,
        line=whole(at(result, "loc", "line")),
        fingerprint="" if named else short_hash(message),
    )
