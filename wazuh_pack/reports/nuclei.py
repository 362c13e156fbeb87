"""Nuclei's results: ``-jsonl`` (an object a line) and ``-json-export`` (a list), version 3.

``request``, ``response``, ``curl-command``, ``extracted-results``, ``interaction`` and ``meta`` are
never read; of ``matched-at`` only what stands before the query is. Identity is template, matcher
and host.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator

from wazuh_pack.reports.findings import Artifact, Finding, clean, severity_of
from wazuh_pack.reports.reader import (
    MAX_RECORD,
    RecordError,
    RecordReport,
    Top,
    bare_list,
    json_lines,
)
from wazuh_pack.reports.report import Head, ReportFile
from wazuh_pack.reports.sketch import Sketch, sketch_of
from wazuh_pack.reports.values import (
    address,
    cves,
    cwes,
    first,
    mapping,
    origin,
    place,
    plain,
    score,
    texts,
)

NAME = "nuclei"
TITLE = "Nuclei report"
SCANNERS = ("dast",)


def recognise(sketch: Sketch) -> bool:
    """Tell Nuclei's results by the template."""
    prefix = "[]." if sketch.form == "list" else ""
    return sketch.has(f"{prefix}template-id", f"{prefix}info")


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Report(RecordReport):
    TITLE = TITLE

    def __init__(self, file: ReportFile) -> None:
        self._listed = sketch_of(file).form in ("list", "null")
        super().__init__(file)

    def _records(self, top: Top) -> Iterator[Any]:
        del top
        if self._listed:
            return bare_list(self._file.stream(max_value=MAX_RECORD))
        return json_lines(self._file)

    def _read(self, record: Any) -> Iterable[Finding]:
        result = mapping(record)
        template, info = clean(result.get("template-id")), mapping(result.get("info"))
        if not template or not info:
            raise RecordError
        if result.get("matcher-status") is False:
            return
        found = mapping(info.get("classification"))
        matched = place(result.get("matched-at"))
        yield Finding(
            scanner="dast",
            finding_id=template,
            severity=severity_of(clean(info.get("severity"))),
            package_type=clean(result.get("type")),
            resource=origin(result.get("host") or result.get("url") or result.get("matched-at")),
            target=matched,
            title=clean(info.get("name")),
            message=plain(info.get("description")),
            resolution=plain(info.get("remediation")),
            category=clean(result.get("matcher-name")) or clean(result.get("extractor-name")),
            url=first(address(text) for text in texts(info.get("reference"))),
            cvss=score(found.get("cvss-score")),
            cvss_vector=clean(found.get("cvss-metrics")),
            cwe=cwes(found.get("cwe-id")),
            aliases=cves(found.get("cve-id")),
            fingerprint=clean(result.get("matcher-name")),
        )

    def _head(self, top: Top) -> Head:
        del top
        return Head(Artifact("", "web_application"))
