"""in-toto attestations."""

import base64
import json

import pytest

from wazuh_pack.reports.report import ReportError


def envelope(payload):
    return {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []}


def test_envelopes_and_bundles_one_after_the_other(files, samples):
    _, head, findings = files.read(samples / "in-toto.jsonl")

    assert [item.kind for item in head.evidence] == [
        "provenance",
        "vulnerabilities",
        "test",
        "summary",
    ]
    assert not any(item.verified for item in head.evidence)
    assert head.artifact.name == "registry.example.org/shop/web"
    assert [(item.scanner, item.finding_id, item.severity) for item in findings] == [
        ("vuln", "CVE-2026-0005", "high"),
        ("policy", "test-failed", "medium"),
        ("provenance", "verification-failed", "high"),
    ]


@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", ["=", ""])
def test_both_alphabets_of_base64_with_and_without_padding(files, alphabet, padding):
    statement = {
        "predicateType": "https://spdx.dev/Document/v2.3",
        "predicate": {"packages": [{}] * 10},
        "subject": [{"name": "a?>b~", "digest": {"sha256": "a" * 64}}],
        "_type": "https://in-toto.io/Statement/v1",
    }
    payload = alphabet(json.dumps(statement).encode()).decode()

    _, head, _ = files.read(
        envelope(payload.rstrip("=") + padding * (-len(payload.rstrip("=")) % 4))
    )

    assert [(item.kind, item.name) for item in head.evidence] == [("sbom", "a?>b~")]


@pytest.mark.parametrize("payload", ["", "!!!", base64.b64encode(b"[]").decode(), "eyJ"])
def test_an_envelope_without_a_statement_is_refused(files, payload):
    with pytest.raises(ReportError, match="not a in-toto attestation"):
        files.read(envelope(payload))


def test_a_statement_of_something_else_makes_the_file_incomplete(files, samples):
    content = (samples / "in-toto.jsonl").read_text(encoding="utf-8") + json.dumps(envelope("e30="))

    _, head, _ = files.read(content)

    assert head.problems == ("1 of 5 records are not in-toto attestation records",)


def test_recorded_statement(files, recorded):
    _, head, _ = files.read(recorded / "slsa/decoded_statement.json")

    (claim,) = head.evidence
    assert claim.source == "git+https://github.com/slsa-framework/example-package@refs/tags/v14.2"
    assert "ianlewis" not in repr(head)


TRIVY = {
    # cosign sorts the members of what it attests, so that the results come before the version.
    "ArtifactName": "shop/web",
    "ArtifactType": "container_image",
    "Results": [
        {
            "Class": "os-pkgs",
            "Target": "debian",
            "Type": "debian",
            "Vulnerabilities": [
                {"VulnerabilityID": "CVE-2021-44228", "PkgName": "p", "Severity": "CRITICAL"}
            ],
        }
    ],
    "SchemaVersion": 2,
}
GRYPE = {
    "descriptor": {"name": "grype"},
    "matches": [
        {
            "vulnerability": {"id": "CVE-2021-44228", "severity": "Critical"},
            "artifact": {"name": "p", "version": "1", "type": "deb"},
        }
    ],
}
SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "scout"}},
            "results": [
                {
                    "ruleId": "CVE-2021-44228",
                    "message": {"text": "p"},
                    "properties": {"security-severity": "9.8"},
                }
            ],
        }
    ],
}


def vulnerabilities(scanner):
    """Return what ``cosign attest --type vuln`` makes of a scan."""
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://cosign.sigstore.dev/attestation/vuln/v1",
        "subject": [{"name": "shop/web", "digest": {"sha256": "a" * 64}}],
        "predicate": {"invocation": {"uri": ""}, "scanner": scanner, "metadata": {}},
    }
    return envelope(base64.b64encode(json.dumps(statement).encode()).decode())


@pytest.mark.parametrize("tool", ["cosign", "in-toto"])
@pytest.mark.parametrize("result", [TRIVY, GRYPE, SARIF])
def test_the_scanner_s_report_in_cosign_s_attestation_is_read(files, tool, result):
    _, head, findings = files.read(vulnerabilities({"uri": "x", "result": result}), tool)

    (finding,) = findings
    assert (finding.finding_id, finding.severity) == ("CVE-2021-44228", "critical")
    assert finding.category == "attestation"
    assert (head.problems, [item.kind for item in head.evidence]) == ((), ["vulnerabilities"])


@pytest.mark.parametrize("tool", ["cosign", "in-toto"])
@pytest.mark.parametrize(
    ("scanner", "words"),
    [
        ({"result": {"some": "other"}}, "nobody here can read the scan result"),
        ({"result": {"SchemaVersion": 2, "runs": []}}, "not a Trivy report but a SARIF report"),
        ({"result": None}, "holds no scan result"),
        ({}, "holds no scan result"),
    ],
)
def test_a_result_that_cannot_be_read_makes_the_report_incomplete(files, tool, scanner, words):
    _, head, findings = files.read(vulnerabilities(scanner), tool)

    assert findings == []
    assert len(head.problems) == 1
    assert words in head.problems[0]


def test_a_large_result_is_no_statement(files):
    with pytest.raises(ReportError, match="not a in-toto attestation"):
        files.read(vulnerabilities({"result": {"SchemaVersion": 2, "x": "x" * (18 << 20)}}))
