"""TruffleHog's findings (``trufflehog ... --json``), version 3: one JSON object a line.

``Raw``, ``RawV2``, ``Redacted``, ``SecretParts``, ``ExtraData`` and ``StructuredData`` hold the
secret or parts of it and are never read, nor are names and addresses of committers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Iterator

from wazuh_pack.reports.findings import Artifact, Finding, clean
from wazuh_pack.reports.reader import RecordError, RecordReport, Top, json_lines
from wazuh_pack.reports.report import Head, ReportFile
from wazuh_pack.reports.values import Record, at, mapping, place, whole

if TYPE_CHECKING:
    from wazuh_pack.reports.sketch import Sketch

NAME = "trufflehog"
TITLE = "TruffleHog JSON lines report"
SCANNERS = ("secret",)

_STATES = {
    "verified": "critical",
    "unverified": "medium",
    "unknown": "high",
}


def recognise(sketch: Sketch) -> bool:
    """Tell a TruffleHog report by its detector."""
    return sketch.form == "object" and sketch.has("DetectorName", "SourceMetadata")


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Report(RecordReport):
    TITLE = TITLE

    def _records(self, top: Top) -> Iterator[Any]:
        for record in json_lines(self._file):
            if "DetectorName" not in mapping(record) and "msg" in mapping(record):
                continue  # what it logs, when both streams went into the file
            if "repository" not in top:
                top["repository"] = place(_source(mapping(record))[1].get("repository"))
            yield record

    def _read(self, record: Any) -> Iterable[Finding]:
        leak = mapping(record)
        detector = clean(leak.get("DetectorName"))
        if not detector:
            raise RecordError
        kind, source = _source(leak)
        state = _state(leak)
        path = place(source.get("file")) or place(source.get("link"))
        yield Finding(
            scanner="secret",
            finding_id=detector,
            severity=_STATES[state],
            path=path,
            resource=place(source.get("repository")) or clean(source.get("image")),
            target=path,
            title=clean(leak.get("DetectorDescription")),
            status=state,
            category=kind.lower(),
            line=whole(source.get("line")),
        )

    def _head(self, top: Top) -> Head:
        return Head(Artifact(Artifact.plain_name(top.get("repository", "")), "repository"))


def _source(leak: Record) -> tuple[str, Record]:
    for kind, source in mapping(at(leak, "SourceMetadata", "Data")).items():
        return clean(kind), mapping(source)
    return "", {}


def _state(leak: Record) -> str:
    if leak.get("Verified") is True:
        return "verified"
    return "unknown" if clean(leak.get("VerificationError")) else "unverified"
