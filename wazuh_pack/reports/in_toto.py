"""in-toto attestations as files: DSSE envelopes, Sigstore bundles, bare statements, one or many.

Their signatures are not checked here, so that what they say is a claim: for a gate, an attestation
counts only as what ``cosign verify-attestation`` printed (``--tool cosign``) or ``slsa-verifier``
passed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Iterator

from wazuh_pack.reports.attestation import Statement, read_statement
from wazuh_pack.reports.findings import Artifact, Finding
from wazuh_pack.reports.reader import MAX_RECORD, RecordError, RecordReport, Top
from wazuh_pack.reports.report import Evidence, Head, ReportFile
from wazuh_pack.reports.values import first

if TYPE_CHECKING:
    from wazuh_pack.reports.jsonstream import JsonStream
    from wazuh_pack.reports.sketch import Sketch

NAME = "in-toto"
TITLE = "in-toto attestation"
SCANNERS = ("vuln", "misconfig", "secret", "license", "sast", "policy", "provenance")

MAX_EVIDENCE = 10_000


def recognise(sketch: Sketch) -> bool:
    """Tell an attestation by its envelope, its bundle or its statement."""
    return sketch.form == "object" and (
        sketch.has("payloadType", "payload")
        or sketch.has("dsseEnvelope")
        or sketch.members.get("_type", "").startswith("https://in-toto.io/Statement/")
    )


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Report(RecordReport):
    TITLE = TITLE

    def __init__(self, file: ReportFile) -> None:
        self._evidence: list[Evidence] = []
        self._problems: dict[str, None] = {}
        super().__init__(file)

    def _records(self, top: Top) -> Iterator[Any]:
        del top
        return statements(self._file.stream(max_value=MAX_RECORD))

    def _read(self, record: Statement | None) -> Iterable[Finding]:
        if record is None:
            raise RecordError
        if len(self._evidence) < MAX_EVIDENCE:
            self._evidence += record.evidence(verified=False)
        self._problems.update(dict.fromkeys(record.problems))
        return record.findings()

    def _head(self, top: Top) -> Head:
        del top
        evidence = tuple(self._evidence)
        return Head(about(evidence), evidence=evidence, problems=tuple(self._problems))


def statements(stream: JsonStream) -> Iterator[Statement | None]:
    """Yield the statements that follow each other; ``None`` for an object that is none."""
    while stream.peek():
        yield read_statement(stream)


def about(evidence: Iterable[Evidence]) -> Artifact:
    """Return the artifact that evidence is about: its only name and digest."""
    names = sorted({item.name for item in evidence if item.name})
    digests = sorted({item.digest for item in evidence if item.digest})
    return Artifact(
        name=names[0] if len(names) == 1 else "",
        kind="artifact",
        digest=first(iter(digests)) if len(digests) == 1 else "",
    )
