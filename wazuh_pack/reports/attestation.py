"""in-toto statements: what an attestation says of which artifact.

A statement comes bare, in a DSSE envelope, or in a Sigstore bundle around that. Nothing here checks
a signature: whether a statement is to be believed is for its reader to say. Predicates that are
understood: SLSA provenance 0.2 and 1, in-toto vulnerabilities 0.1 and 0.2, cosign's ``vuln/v1``
around a report of Trivy, Grype or SARIF, test result 0.1, SLSA verification summary 1, SPDX and
CycloneDX documents (as SBOMs that are there). Of provenance, only
builder, build type and source are read: its environment may hold a whole event with names and
secrets.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Mapping

from wazuh_pack.reports import embedded
from wazuh_pack.reports.findings import Artifact, Finding, clean, public, severity_of
from wazuh_pack.reports.jsonstream import MAX_VALUE, JsonError, JsonStream
from wazuh_pack.reports.reader import MAX_RECORD
from wazuh_pack.reports.report import Evidence
from wazuh_pack.reports.values import (
    Record,
    at,
    mapping,
    score,
    sequence,
    severity_of_score,
    short,
    texts,
)

MAX_PAYLOAD = 32 << 20
"""Characters of base64 that an envelope may hold; SBOMs are large."""

_MAX_SUBJECTS = 1000
_MAX_FINDINGS = 100_000
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_PREDICATES = ("builder", "buildType", "invocation", "buildDefinition", "runDetails")
_SUMMARY = ("verifier", "verificationResult", "policy", "resourceUri", "verifiedLevels")
_TESTS = ("result", "url", "failedTests", "warnedTests")


@dataclass
class Statement:
    """A statement: its type, the artifacts it is about, and the parts of its predicate we read."""

    kind: str = ""
    predicate_type: str = ""
    subjects: list[tuple[str, str]] = field(default_factory=list)
    """Name and ``sha256:`` digest (``""`` if there is none)."""
    predicate: dict[str, Any] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether it is a statement about something."""
        return self.kind.startswith("https://in-toto.io/Statement/") and bool(self.predicate_type)

    def evidence(self, *, verified: bool) -> list[Evidence]:
        """Return what a gate may ask for, one item a subject."""
        kind = evidence_kind(self.predicate_type)
        builder, source = _origin(self.predicate) if kind == "provenance" else ("", "")
        return [
            Evidence(
                kind=kind,
                verified=verified,
                digest=digest,
                name=Artifact.plain_name(name),
                source=source,
                builder=builder,
                predicate_type=self.predicate_type,
            )
            for name, digest in self.subjects or [("", "")]
        ]

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps :meth:`findings` from being all that the predicate reports."""
        if evidence_kind(self.predicate_type) != "vulnerabilities":
            return ()
        missing = ("an attestation of vulnerabilities holds no scan result",)
        problems: tuple[str, ...] = at(self.predicate, "scanner", "problems") or ()
        return problems if at(self.predicate, "scanner", "result") is not None else missing

    def findings(self) -> Iterator[Finding]:
        """Yield what the predicate itself reports as wrong."""
        read = _FINDINGS.get(evidence_kind(self.predicate_type))
        if read:
            yield from read(self.predicate)


def evidence_kind(predicate_type: str) -> str:
    """Return what a predicate type stands for, as :class:`Evidence` says it."""
    for start, kind in _KINDS:
        if predicate_type.startswith(start):
            return kind
    return "attestation"


_KINDS = (
    ("https://slsa.dev/provenance/", "provenance"),
    ("https://slsa.dev/verification_summary/", "summary"),
    ("https://in-toto.io/attestation/vulns/", "vulnerabilities"),
    ("https://in-toto.io/attestation/vulns", "vulnerabilities"),
    ("https://cosign.sigstore.dev/attestation/vuln/", "vulnerabilities"),
    ("https://in-toto.io/attestation/test-result/", "test"),
    ("https://spdx.dev/Document", "sbom"),
    ("https://cyclonedx.org/bom", "sbom"),
)


def read_statement(stream: JsonStream) -> Statement | None:
    """Read what is at the cursor: a statement, bare, in an envelope or in a bundle, or ``None``.

    Raises:
        JsonError: It is malformed, cut off or too large.
    """
    if stream.peek() != "{":
        stream.value()
        return None
    found = Statement()
    for key in stream.members():
        if key == "dsseEnvelope" and stream.peek() == "{":
            found = _envelope(stream) or found
        elif key == "payload" and stream.peek() == '"':
            found = of_payload(stream.value(at_most=MAX_PAYLOAD)) or found
        else:
            _member(stream, key, found)
    return found if found.valid else None


def _envelope(stream: JsonStream) -> Statement | None:
    found = None
    for key in stream.members():
        if key == "payload" and stream.peek() == '"':
            found = of_payload(stream.value(at_most=MAX_PAYLOAD))
        else:
            stream.skip()
    return found


def of_payload(payload: str) -> Statement | None:
    """Return the statement in an envelope's payload, ``None`` if there is none."""
    # DSSE allows both alphabets, with and without padding.
    plain = payload.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        content = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    found = Statement()
    stream = JsonStream(
        io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="replace", newline=""),
        max_value=MAX_RECORD,
    )
    try:
        for key in stream.members():
            _member(stream, key, found)
        stream.finish()
    except JsonError:
        return None
    return found if found.valid else None


def _member(stream: JsonStream, key: str, found: Statement) -> None:
    if key == "_type":
        found.kind = short(stream.value())
    elif key == "predicateType":
        found.predicate_type = short(stream.value())
    elif key == "subject" and stream.peek() == "[":
        for _ in stream.elements():
            if len(found.subjects) >= _MAX_SUBJECTS:
                raise JsonError(f"more than {_MAX_SUBJECTS} subjects")
            found.subjects.append(_subject(mapping(stream.value())))
    elif key == "predicate" and stream.peek() == "{":
        _predicate(stream, found.predicate)
    else:
        stream.skip()


def _subject(subject: Record) -> tuple[str, str]:
    digest = clean(at(subject, "digest", "sha256")).lower()
    name = short(subject.get("name")) or short(subject.get("uri"))
    return name, f"sha256:{digest}" if _SHA256.fullmatch(digest) else ""


def _predicate(stream: JsonStream, found: dict[str, Any]) -> None:
    for key in stream.members():
        if key in _PREDICATES or key in _SUMMARY or key in _TESTS:
            found[key] = stream.value()
        elif key == "scanner" and stream.peek() == "{":
            found[key] = _scanner(stream)
        else:
            stream.skip()


def _scanner(stream: JsonStream) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in stream.members():
        if key == "result" and stream.peek() == "[":
            results: list[Any] = []
            for _ in stream.elements():
                if len(results) >= _MAX_FINDINGS:
                    raise JsonError(f"more than {_MAX_FINDINGS} vulnerabilities")
                results.append(_vulnerability(mapping(stream.value())))
            found[key] = results
        elif key == "result" and stream.peek() == "{":
            report = stream.value(at_most=MAX_VALUE)
            found["findings"], found["problems"] = embedded.read(report)
            found[key] = []
        elif key in ("uri", "version"):
            found[key] = clean(stream.value())
        else:
            stream.skip()
    return found


def _vulnerability(record: Record) -> tuple[str, str, str]:
    """Return id, severity and score; version 0.1 of the form has one more object around them."""
    inner = mapping(record.get("vulnerability")) or record
    word = number = ""
    for rating in sequence(inner.get("severity")):
        text = clean(at(rating, "score"))
        if severity_of(text) != "unknown":
            word = severity_of(text)
        else:
            number = number or score(text)
    return short(inner.get("id")), word or severity_of_score(number) or "unknown", number


def _origin(predicate: Mapping[str, Any]) -> tuple[str, str]:
    """Return builder and source of provenance 0.2 or 1."""
    builder = clean(at(predicate, "builder", "id")) or clean(
        at(predicate, "runDetails", "builder", "id")
    )
    source = clean(at(predicate, "invocation", "configSource", "uri"))
    definition = mapping(predicate.get("buildDefinition"))
    parameters = mapping(definition.get("externalParameters"))
    workflow = clean(at(parameters, "workflow", "repository"))
    named = clean(at(parameters, "source", "uri")) or clean(parameters.get("source"))
    materials = [
        clean(at(item, "uri")) for item in sequence(definition.get("resolvedDependencies"))
    ]
    from_git = next((uri for uri in materials if uri.startswith("git+")), "")
    return short(builder), short(public(source or workflow or named or from_git))


def _vulnerabilities(predicate: Mapping[str, Any]) -> Iterator[Finding]:
    yield from at(predicate, "scanner", "findings") or ()
    for finding_id, severity, number in at(predicate, "scanner", "result") or ():
        if finding_id:
            yield Finding(
                scanner="vuln",
                finding_id=finding_id,
                severity=severity,
                title=f"{finding_id} according to an attestation",
                cvss=number,
                category="attestation",
            )


def _tests(predicate: Mapping[str, Any]) -> Iterator[Finding]:
    named = False
    for key, status, severity in (
        ("failedTests", "fail", "medium"),
        ("warnedTests", "warn", "low"),
    ):
        for name in texts(predicate.get(key)):
            named = True
            yield Finding(
                scanner="policy",
                finding_id="test-failed" if status == "fail" else "test-warned",
                severity=severity,
                resource=name,
                title=f"test {name}: {status}",
                status=status,
                category="attestation",
            )
    if clean(predicate.get("result")) == "FAILED" and not named:
        yield Finding(
            scanner="policy",
            finding_id="test-failed",
            severity="medium",
            title="the tests failed",
            status="fail",
            category="attestation",
        )


def _summary(predicate: Mapping[str, Any]) -> Iterator[Finding]:
    if clean(predicate.get("verificationResult")) != "PASSED":
        verifier = public(clean(at(predicate, "verifier", "id")))
        yield Finding(
            scanner="provenance",
            finding_id="verification-failed",
            severity="high",
            resource=public(clean(predicate.get("resourceUri"))),
            title="a verification summary says that the artifact failed",
            message=f"{verifier} judged by {public(clean(at(predicate, 'policy', 'uri')))}",
            status="fail",
            category="attestation",
        )


_FINDINGS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Finding]]] = {
    "vulnerabilities": _vulnerabilities,
    "test": _tests,
    "summary": _summary,
}
