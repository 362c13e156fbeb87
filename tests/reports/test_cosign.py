"""What cosign prints."""

import pytest

from wazuh_pack.reports.report import Evidence, ReportError

DIGEST = "sha256:" + "a" * 64


def failure(text):
    return f"Error: {text}\nerror during command execution: {text}\n"


def test_a_verified_signature_is_evidence(files, samples):
    _, head, findings = files.read(samples / "cosign-verified.json")

    assert findings == []
    assert (head.artifact.name, head.artifact.digest) == ("registry.example.org/shop/web", DIGEST)
    assert head.evidence == (
        Evidence(
            "signature",
            verified=True,
            digest=DIGEST,
            name="registry.example.org/shop/web",
            signer="https://github.com/shop/web/.github/workflows/release.yml@refs/tags/v1.4.2",
            issuer="https://token.actions.githubusercontent.com",
            source="shop/web",
        ),
    )


def test_standard_error_before_the_payload_tells_the_name(files, samples):
    before = (
        "\nVerification for registry.example.org/shop/web:1.4.2 --\n"
        "The following checks were performed on each of these signatures:\n"
        "  - The cosign claims were validated\n"
    )
    content = before + (samples / "cosign-verified.json").read_text(encoding="utf-8")

    reader, head, _ = files.read(content)

    assert reader.NAME == "cosign"
    assert head.artifact.name == "registry.example.org/shop/web:1.4.2"
    assert [item.kind for item in head.evidence] == ["signature"]


def test_attestations_that_cosign_verified_are_proof(files, samples):
    _, head, _ = files.read(samples / "cosign-attestation.jsonl", "cosign")

    (proof,) = head.evidence
    assert (proof.kind, proof.verified, proof.digest) == ("provenance", True, DIGEST)
    assert proof.builder == "https://github.com/actions/runner/github-hosted"
    assert proof.source == "https://github.com/shop/web"


@pytest.mark.parametrize(
    ("error", "finding", "severity"),
    [
        ("no signatures found", "image-unsigned", "high"),
        ("no matching attestations: no attestations found", "attestation-missing", "high"),
        (
            "none of the attestations matched the predicate type: slsaprovenance, found: x",
            "attestation-mismatch",
            "high",
        ),
        (
            "no matching signatures: none of the expected identities matched what was in it",
            "signer-mismatch",
            "critical",
        ),
        (
            "no matching signatures: invalid signature when validating ASN.1 encoded signature",
            "signature-invalid",
            "critical",
        ),
        # Said by cosign 3.1.2 of an image that was signed with another key, as a bundle.
        (
            (
                "no matching attestations: failed to verify signature: could not verify envelope: "
                "accepted signatures do not match threshold, Found: 0, Expected 1"
            ),
            "signature-invalid",
            "critical",
        ),
        ("no matching attestations: ", "attestation-missing", "high"),
        ("no matching attestations: something new", "attestation-mismatch", "high"),
        ("no matching signatures: something new", "signature-invalid", "critical"),
    ],
)
def test_refusals(files, error, finding, severity):
    _, head, findings = files.read(failure(error))

    assert [(item.finding_id, item.severity, item.scanner) for item in findings] == [
        (finding, severity, "signature")
    ]
    assert (head.evidence, head.problems) == ((), ())


def test_an_error_that_says_nothing_of_the_image_makes_the_report_incomplete(files):
    text = (
        'getting trusted root: Get "https://user:canary@tuf.example.org/x": dial tcp: i/o timeout'
    )

    _, head, findings = files.read(failure(text))

    assert findings == []
    assert len(head.problems) == 1
    assert "cosign could not verify: getting trusted root" in head.problems[0]
    assert "canary" not in head.problems[0]


@pytest.mark.parametrize("content", ["hello\n", '{"a": 1}\n', "[]x"])
def test_something_else_is_refused(files, content):
    with pytest.raises(ReportError, match=r"not a (whole )?cosign verification"):
        files.read(content, "cosign")


def test_a_blob_that_was_verified(files):
    reader, head, findings = files.read("WARNING: Skipping tlog verification\nVerified OK\n")

    assert (reader.NAME, findings) == ("cosign", [])
    # It says of what: nothing. A gate cannot use it.
    assert head.evidence == (Evidence("signature", verified=True),)


def test_an_empty_list_proves_nothing(files):
    _, head, findings = files.read("[]", "cosign")

    assert (head.evidence, findings) == ((), [])


def test_recorded_output(files, recorded):
    _, _, findings = files.read(recorded / "cosign/verify_failure_stderr.txt")
    _, head, _ = files.read(recorded / "cosign/verify_keyless_expected.json")

    assert [item.finding_id for item in findings] == ["image-unsigned"]
    assert [(item.signer, item.issuer) for item in head.evidence] == [("subject", "oidc-issuer")]
