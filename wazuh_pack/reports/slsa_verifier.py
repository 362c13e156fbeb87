"""What slsa-verifier prints: it has no JSON, and says everything on standard error.

``Verifying artifact PATH: PASSED`` or ``FAILED: reason``, and at the end ``PASSED: SLSA
verification passed`` or ``FAILED: SLSA verification failed: reason``. With ``--print-provenance``
the verified statement stands among it, from which builder, source and digest are known. Redirect
both streams into the file.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, Iterable, Iterator

from wazuh_pack.reports.attestation import Statement, evidence_kind, read_statement
from wazuh_pack.reports.findings import Artifact, Finding, clean, public
from wazuh_pack.reports.jsonstream import JsonError, JsonStream
from wazuh_pack.reports.reader import MAX_RECORD, RecordReport, Top
from wazuh_pack.reports.report import Evidence, Head, ReportError, ReportFile
from wazuh_pack.reports.values import place, short
from wazuh_pack.reports.verdicts import UNDECIDED, of_slsa

if TYPE_CHECKING:
    from wazuh_pack.reports.sketch import Sketch

NAME = "slsa-verifier"
TITLE = "slsa-verifier output"
SCANNERS = ("provenance",)

_ARTIFACT = re.compile(r"Verifying artifact (\S+): (PASSED|FAILED(?:: (.*))?)")
_OVERALL = re.compile(r"(PASSED|FAILED): SLSA verification (?:passed|failed)(?:: (.*))?")
_MAX_ARTIFACTS = 10_000


def recognise(sketch: Sketch) -> bool:
    """Tell the output by the verifier's words."""
    return "SLSA verification " in sketch.text or sketch.text.startswith("Verifying artifact ")


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Report(RecordReport):
    TITLE = TITLE

    def __init__(self, file: ReportFile) -> None:
        self._names: list[str] = []
        self._undecided: list[str] = []
        self._statement: Statement | None = None
        super().__init__(file)

    def _records(self, top: Top) -> Iterator[Any]:
        overall, failed = "", False
        for line in self._file.lines():
            if line.startswith("{"):
                self._statement = self._statement or _statement(line)
                continue
            found = _ARTIFACT.match(line)
            if found and len(self._names) < _MAX_ARTIFACTS:
                self._names.append(short(place(found[1])))
                if found[2] != "PASSED":
                    failed = True
                    yield place(found[1]), clean(found[3])
            found = _OVERALL.match(line)
            if found:
                overall = found[1]
                if found[1] == "FAILED" and not failed:
                    yield "", clean(found[2])
        if not overall:
            raise ReportError(f"not a whole {TITLE}: neither passed nor failed")
        top["passed"] = overall == "PASSED" and not failed

    def _read(self, record: Any) -> Iterable[Finding]:
        path, reason = record
        verdict = of_slsa(reason)
        if verdict == UNDECIDED:
            self._undecided.append(public(reason)[:500])
            return
        yield Finding(
            scanner="provenance",
            finding_id=verdict[0],
            severity=verdict[1],
            path=path,
            target=path,
            title=verdict[2],
            message=public(reason),
            status="fail",
        )

    def _head(self, top: Top) -> Head:
        names = sorted(set(self._names))
        evidence = self._proof(names) if top["passed"] else ()
        digests = sorted({item.digest for item in evidence if item.digest})
        return Head(
            artifact=Artifact(
                names[0] if len(names) == 1 else "",
                "artifact",
                digest=digests[0] if len(digests) == 1 else "",
            ),
            evidence=evidence,
            problems=tuple(
                f"slsa-verifier could not verify: {text}" for text in self._undecided[:1]
            ),
        )

    def _proof(self, names: list[str]) -> tuple[Evidence, ...]:
        if self._statement and evidence_kind(self._statement.predicate_type) == "provenance":
            return tuple(self._statement.evidence(verified=True))
        return tuple(Evidence("provenance", verified=True, name=name) for name in names or [""])


def _statement(line: str) -> Statement | None:
    try:
        return read_statement(JsonStream(io.StringIO(line), max_value=MAX_RECORD))
    except JsonError:
        return None
