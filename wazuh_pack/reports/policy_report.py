"""Kyverno's and other engines' policy reports: OpenReports and the older ``wgpolicyk8s.io``.

``openreports.io/v1alpha1`` (Report, ClusterReport) and ``wgpolicyk8s.io/v1alpha2`` (PolicyReport,
ClusterPolicyReport) have the same form. A file holds one report or a list of them, as ``kubectl get
... -o json`` writes it; what Kyverno's command line prints before the report is passed over.

What a PolicyException lets be (``skip`` with the property ``exceptions``) is accepted; other rules
that were skipped do not apply. A result's resources stand in the result or, for all of them, in the
report's ``scope``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Iterator

from wazuh_pack.reports.findings import BY_TOOL, Artifact, Finding, clean, severity_of
from wazuh_pack.reports.reader import (
    MAX_RECORD,
    Nested,
    RecordError,
    RecordReport,
    Top,
    in_object,
)
from wazuh_pack.reports.report import Head, ReportError, ReportFile
from wazuh_pack.reports.sketch import Sketch, sketch_of
from wazuh_pack.reports.values import Record, at, mapping, resource, sequence

if TYPE_CHECKING:
    from wazuh_pack.reports.jsonstream import JsonStream

NAME = "kyverno"
TITLE = "Kubernetes policy report"
SCANNERS = ("policy",)

_GROUPS = ("openreports.io/", "wgpolicyk8s.io/")
_KEPT = ("apiVersion", "kind", "metadata", "scope", "source")
_DEFAULT = {"fail": "medium", "error": "medium", "warn": "low", "skip": "medium"}


def recognise(sketch: Sketch) -> bool:
    """Tell a policy report by its API group."""
    versions = (sketch.members.get(path, "") for path in ("apiVersion", "items[].apiVersion"))
    return any(version.startswith(_GROUPS) for version in versions)


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Report(RecordReport):
    TITLE = TITLE

    def __init__(self, file: ReportFile) -> None:
        sketch = sketch_of(file)
        self._offset = len(sketch.text) if sketch.form == "object" else 0
        self._listed = sketch.has("items")
        self._nested = Nested("items", "results", _KEPT)
        super().__init__(file)

    def _records(self, top: Top) -> Iterator[Any]:
        stream = self._file.stream(after=self._offset, max_value=MAX_RECORD)
        return self._of_many(stream, top) if self._listed else self._of_one(stream, top)

    def _of_one(self, stream: JsonStream, top: Top) -> Iterator[Any]:
        for _, record in in_object(stream, ("results",), _KEPT, top):
            yield self._top, record

    def _of_many(self, stream: JsonStream, top: Top) -> Iterator[Any]:
        yield from self._nested.walk(stream, ("apiVersion", "kind"), top)

    def _read(self, record: Any) -> Iterable[Finding]:
        report, result = record[0], mapping(record[1])
        policy, verdict = clean(result.get("policy")), clean(result.get("result")).lower()
        if not policy or not verdict:
            raise RecordError
        excepted = clean(at(result, "properties", "exceptions")) if verdict == "skip" else ""
        if verdict not in _DEFAULT or (verdict == "skip" and not excepted):
            return
        if verdict == "fail" and result.get("scored") is False:
            verdict = "warn"
        rule = clean(result.get("rule"))
        severity = severity_of(clean(result.get("severity")))
        for where in _resources(report, result):
            yield Finding(
                scanner="policy",
                finding_id=f"{policy}/{rule}" if rule else policy,
                severity=_DEFAULT[verdict] if severity == "unknown" else severity,
                package_type=clean(result.get("source")) or clean(report.get("source")),
                resource=where,
                target=where,
                title=f"{policy}: {rule}" if rule else policy,
                message=clean(result.get("message")),
                status=verdict,
                category=clean(result.get("category")),
                accepted=BY_TOOL if excepted else "",
                accepted_by=excepted,
                accepted_reason="policy exception" if excepted else "",
            )

    def _head(self, top: Top) -> Head:
        reports = self._nested.places if self._listed else [top]
        for report in reports:
            if not clean(report.get("apiVersion")).startswith(_GROUPS):
                raise ReportError(
                    f"not a {TITLE}: its apiVersion is '{clean(report.get('apiVersion'))[:60]}'"
                )
        return Head(Artifact("", "kubernetes"))


def _resources(report: Record, result: Record) -> list[str]:
    named = [_name(mapping(item)) for item in sequence(result.get("resources"))]
    if not any(named):
        named = [_name(mapping(report.get("scope"))) or _owner(mapping(report.get("metadata")))]
    return sorted(set(named))


def _name(reference: Record) -> str:
    return resource(reference.get("kind"), reference.get("namespace"), reference.get("name"))


def _owner(metadata: Record) -> str:
    for owner in sequence(metadata.get("ownerReferences")):
        return resource(at(owner, "kind"), metadata.get("namespace"), at(owner, "name"))
    return clean(metadata.get("namespace"))
