"""gitleaks' JSON report (``gitleaks ... --report-format json``), version 8.

``Match``, ``Secret``, ``Message``, ``Author`` and ``Email`` are never read. ``Fingerprint`` is no
identity: it names commit and line. All findings of one rule in one file are therefore one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Iterator

from wazuh_pack.reports.findings import Artifact, Finding, clean
from wazuh_pack.reports.reader import MAX_RECORD, RecordError, RecordReport, Top, bare_list
from wazuh_pack.reports.report import Head, ReportFile
from wazuh_pack.reports.values import mapping, place, texts, whole

if TYPE_CHECKING:
    from wazuh_pack.reports.sketch import Sketch

NAME = "gitleaks"
TITLE = "gitleaks JSON report"
SCANNERS = ("secret",)


def recognise(sketch: Sketch) -> bool:
    """Tell a gitleaks report by its rule and its secret."""
    return sketch.form == "list" and sketch.has("[].RuleID", "[].File")


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Report(RecordReport):
    TITLE = TITLE

    def _records(self, top: Top) -> Iterator[Any]:
        del top
        return bare_list(self._file.stream(max_value=MAX_RECORD))

    def _read(self, record: Any) -> Iterable[Finding]:
        leak = mapping(record)
        rule, path = clean(leak.get("RuleID")), place(leak.get("File"))
        if not rule or not path:
            raise RecordError
        yield Finding(
            scanner="secret",
            finding_id=rule,
            severity="high",
            path=path,
            target=path,
            title=clean(leak.get("Description")),
            status="unverified",
            category=",".join(texts(leak.get("Tags"))),
            line=whole(leak.get("StartLine")),
        )

    def _head(self, top: Top) -> Head:
        del top
        return Head(Artifact("", "repository"))
