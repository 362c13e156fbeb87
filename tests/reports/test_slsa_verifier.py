"""What slsa-verifier prints."""

import json

import pytest

from wazuh_pack.reports.report import Evidence, ReportError

PASSED = "Verifying artifact /tmp/web.tar: PASSED\n\nPASSED: SLSA verification passed\n"
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v0.1",
    "predicateType": "https://slsa.dev/provenance/v0.2",
    "subject": [{"name": "web.tar", "digest": {"sha256": "a" * 64}}],
    "predicate": {
        "builder": {"id": "https://builder.example.org"},
        "invocation": {
            "configSource": {"uri": "git+https://git.example.org/shop/web@refs/tags/v1"},
            "environment": {"token": "canary"},
        },
    },
}


def failed(reason):
    return (
        f"Verifying artifact web.tar: FAILED: {reason}\n\n"
        f"FAILED: SLSA verification failed: {reason}\n"
    )


def test_a_pass_is_proof(files):
    _, head, findings = files.read(PASSED)

    assert (head.artifact.name, findings) == ("/tmp/web.tar", [])  # noqa: S108 - a name only
    assert head.evidence == (Evidence("provenance", verified=True, name="/tmp/web.tar"),)  # noqa: S108 - same


def test_the_printed_provenance_tells_builder_and_source(files):
    _, head, _ = files.read(json.dumps(STATEMENT) + "\n" + PASSED, "slsa-verifier")

    (proof,) = head.evidence
    assert (proof.verified, proof.digest) == (True, "sha256:" + "a" * 64)
    assert proof.builder == "https://builder.example.org"
    assert proof.source == "git+https://git.example.org/shop/web@refs/tags/v1"
    assert "canary" not in repr(head)


@pytest.mark.parametrize(
    ("reason", "finding"),
    [
        ("artifact hash does not match provenance subject", "artifact-mismatch"),
        ("source used to generate the binary does not match provenance", "source-mismatch"),
        ("branch used to generate the binary does not match provenance", "source-mismatch"),
        ("builderID does not match provenance", "builder-mismatch"),
        ("untrusted reusable workflow: x", "builder-mismatch"),
        ("no valid signature", "provenance-invalid"),
        ("something new", "provenance-invalid"),
    ],
)
def test_refusals_are_told_once_by_their_reason(files, reason, finding):
    _, head, findings = files.read(failed(reason))

    assert [(item.finding_id, item.scanner, item.path) for item in findings] == [
        (finding, "provenance", "web.tar")
    ]
    assert head.evidence == ()


def test_an_error_of_its_own_makes_the_report_incomplete(files):
    _, head, findings = files.read(failed("error searching rekor entries: dial tcp"))

    assert findings == []
    assert len(head.problems) == 1
    assert head.evidence == ()


def test_one_failure_among_passes_is_no_proof(files):
    content = "Verifying artifact a: PASSED\n" + failed("invalid hash")

    _, head, findings = files.read(content)

    assert head.evidence == ()
    assert [item.path for item in findings] == ["web.tar"]


def test_output_without_a_verdict_is_refused(files):
    with pytest.raises(ReportError, match="neither passed nor failed"):
        files.read("Verifying artifact web.tar: PASSED\n")
