"""What ``cosign verify`` and ``cosign verify-attestation`` print, standard error included.

Success: a list of signed payloads (``verify -o json``), one payload a line (older), or the verified
DSSE envelopes (``verify-attestation``). Failure: no JSON at all but ``Error: ...`` on standard
error, so redirect both: ``cosign verify ... >cosign.txt 2>&1``. cosign's exit codes do not tell the
reasons in version 3, and the wording does.

What says that cosign could not do its work (no network, no rights) is no finding: the report is
incomplete, and for a gate the evidence is missing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Iterable, Iterator

from wazuh_pack.reports.attestation import MAX_PAYLOAD, Statement, of_payload
from wazuh_pack.reports.findings import Artifact, Finding, clean, public
from wazuh_pack.reports.reader import MAX_RECORD, RecordError, RecordReport, Top
from wazuh_pack.reports.report import Evidence, Head, ReportError, ReportFile
from wazuh_pack.reports.sketch import Sketch, sketch_of
from wazuh_pack.reports.values import Record, at, mapping, short
from wazuh_pack.reports.verdicts import UNDECIDED, of_cosign

if TYPE_CHECKING:
    from wazuh_pack.reports.jsonstream import JsonStream

NAME = "cosign"
TITLE = "cosign verification"
SCANNERS = ("signature", "vuln", "misconfig", "secret", "license", "sast", "policy", "provenance")

_ERROR = re.compile(r"(?:^|\n)(?:Error|error during command execution): ([^\r\n]+)")
_SUBJECT = re.compile(r"(?:^|\n)Verification for (\S+) --")
_BLOB = re.compile(r"(?:^|\n)Verified OK\s*$")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CLAIM = "cosign container image signature"
_MAX_ITEMS = 10_000


def recognise(sketch: Sketch) -> bool:
    """Tell cosign by its claims, or by its words."""
    return (
        sketch.has("[].critical.image")
        or sketch.has("critical.image")
        or "error during command execution:" in sketch.text
        or _SUBJECT.search(sketch.text) is not None
        or _BLOB.search(sketch.text) is not None
    )


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Report(RecordReport):
    TITLE = TITLE

    def __init__(self, file: ReportFile) -> None:
        self._sketch = sketch_of(file)
        self._evidence: list[Evidence] = []
        self._undecided: list[str] = []
        self._problems: dict[str, None] = {}
        super().__init__(file)

    def _records(self, top: Top) -> Iterator[Any]:
        del top
        errors = _ERROR.findall(self._sketch.text)
        if errors:
            # Both lines say the same; the second is cosign's own, the first the library's.
            yield clean(errors[-1])
            return
        if self._sketch.form not in ("object", "list"):
            if _BLOB.search(self._sketch.text):
                yield Evidence("signature", verified=True)
                return
            raise ReportError(f"not a {TITLE}: neither signed payloads nor an error of cosign's")
        offset = len(self._sketch.text)
        yield from _values(self._file.stream(after=offset, max_value=MAX_RECORD))

    def _read(self, record: Any) -> Iterable[Finding]:
        if isinstance(record, str):
            return self._refusal(record)
        items: list[Evidence] = []
        if isinstance(record, Evidence):
            items = [record]
        elif isinstance(record, Statement):
            items = record.evidence(verified=True)
            self._problems.update(dict.fromkeys(record.problems))
        else:
            items = [_signature(mapping(record))]
        if len(self._evidence) < _MAX_ITEMS:
            self._evidence += items
        return record.findings() if isinstance(record, Statement) else ()

    def _refusal(self, error: str) -> Iterable[Finding]:
        verdict = of_cosign(error)
        if verdict == UNDECIDED:
            self._undecided.append(public(error)[:500])
            return
        yield Finding(
            scanner="signature",
            finding_id=verdict[0],
            severity=verdict[1],
            title=verdict[2],
            message=public(error),
            status="fail",
        )

    def _head(self, top: Top) -> Head:
        del top
        found = tuple(dict.fromkeys(self._evidence))
        subject = _SUBJECT.search(self._sketch.text)
        named = sorted({item.name for item in found if item.name})
        name = Artifact.plain_name(clean(subject[1])) if subject else ""
        digest = _DIGEST.search(subject[1]) if subject else None
        digests = sorted({item.digest for item in found if item.digest})
        return Head(
            artifact=Artifact(
                name=name or (named[0] if len(named) == 1 else ""),
                kind="container_image",
                digest=digests[0] if len(digests) == 1 else digest[0] if digest else "",
            ),
            evidence=found,
            problems=(
                *(f"cosign could not verify: {text}" for text in self._undecided[:1]),
                *self._problems,
            ),
        )


def _values(stream: JsonStream) -> Iterator[Any]:
    """Yield payloads and statements, listed or one after the other."""
    while stream.peek():
        if stream.peek() == "[":
            for _ in stream.elements():
                yield stream.value()
        else:
            yield _object(stream)


def _object(stream: JsonStream) -> Any:
    """Return an envelope's statement, and anything else as it is."""
    found: dict[str, Any] = {}
    for key in stream.members():
        if key == "payload" and stream.peek() == '"':
            found[key] = of_payload(stream.value(at_most=MAX_PAYLOAD))
        else:
            found[key] = stream.value()
    return found.get("payload") or found


def _signature(payload: Record) -> Evidence:
    """Return what a signed payload proves. Keys that are object ids are never read."""
    critical = mapping(payload.get("critical"))
    digest = clean(at(critical, "image", "docker-manifest-digest")).lower()
    if not critical or not _DIGEST.fullmatch(digest):
        raise RecordError
    optional = mapping(payload.get("optional"))
    repository = short(optional.get("githubWorkflowRepository"))
    return Evidence(
        kind="signature",
        verified=True,
        digest=digest,
        name=Artifact.plain_name(short(at(critical, "identity", "docker-reference"))),
        signer=short(optional.get("Subject")),
        issuer=short(optional.get("Issuer")),
        source=repository,
    )
