"""What verifiers say when they refuse -> a finding that stays the same however it is worded."""

from __future__ import annotations

from typing import Tuple

Verdict = Tuple[str, str, str]
"""Id of the finding, its severity, and what it means."""

UNDECIDED: Verdict = ("", "", "")
"""The verifier could not do its work: nothing is known of the artifact."""

_UNSIGNED: Verdict = ("image-unsigned", "high", "nobody signed the artifact")
_NO_ATTESTATION: Verdict = ("attestation-missing", "high", "the artifact has no attestation")
_OTHER_ATTESTATION: Verdict = (
    "attestation-mismatch",
    "high",
    "no attestation of the artifact is the one asked for",
)
_OTHER_SIGNER: Verdict = (
    "signer-mismatch",
    "critical",
    "somebody else than expected signed the artifact",
)
_INVALID: Verdict = ("signature-invalid", "critical", "no signature of the artifact is valid")

# What is wrong comes before what kind of thing it is wrong with: since version 3, a signature is
# an attestation, too, and "no matching attestations" is said of both.
_COSIGN: tuple[tuple[tuple[str, ...], Verdict], ...] = (
    (
        (
            "none of the expected identities matched",
            "no matching certificateidentity",
            "certificate identity",
            "expected oidc issuer",
            "subject not found in certificate",
            "issuer not found in certificate",
        ),
        _OTHER_SIGNER,
    ),
    (
        (
            "invalid signature",
            "failed to verify signature",
            "signature not verified",
            "digest doesn't match",
            "missing or incorrect digest",
        ),
        _INVALID,
    ),
    (("none of the attestations matched the predicate type",), _OTHER_ATTESTATION),
    (("no signatures found", "no matching signatures: no signatures"), _UNSIGNED),
    (("no attestations found",), _NO_ATTESTATION),
    (("no matching signatures",), _INVALID),
    (("no matching attestations",), _OTHER_ATTESTATION),
)

_SLSA: tuple[tuple[tuple[str, ...], Verdict], ...] = (
    (
        ("artifact hash does not match provenance subject", "missing subject digest"),
        ("artifact-mismatch", "critical", "the artifact is not the one that was built"),
    ),
    (
        (
            "source used to generate the binary does not match",
            "branch used to generate the binary does not match",
            "tag used to generate the binary does not match",
            "workflow input does not match",
            "package version does not match",
            "package name does not match",
            "resource uri does not match",
        ),
        ("source-mismatch", "critical", "the artifact was built from something else"),
    ),
    (
        (
            "builderid",
            "buildtype is invalid",
            "untrusted reusable workflow",
            "verifier id does not match",
            "verified levels do not match",
            "certificate and provenance mismatch",
            "invalid oidc issuer",
            "verified intoto provenance does not match",
        ),
        ("builder-mismatch", "critical", "something else than the expected builder made it"),
    ),
    (
        (
            "invalid signature",
            "no valid signature",
            "invalid certificate",
            "could not find a matching valid signature entry",
            "invalid rekor entry",
            "the image is mutable",
            "verificationresult is not passed",
        ),
        ("provenance-invalid", "critical", "the provenance is not validly signed"),
    ),
    (
        ("error searching rekor", "error retrieving rekor", "tuf root", "dial tcp", "i/o timeout"),
        UNDECIDED,
    ),
)
_SLSA_OTHER: Verdict = ("provenance-invalid", "high", "the provenance does not fit")


def of_cosign(error: str) -> Verdict:
    """Return what a cosign error says of the artifact; :data:`UNDECIDED` if nothing."""
    if error.rstrip().endswith("no matching attestations:"):
        return _NO_ATTESTATION  # the list of what did not match is empty
    return _match(error, _COSIGN) or UNDECIDED


def of_slsa(reason: str) -> Verdict:
    """Return what slsa-verifier's reason says of the artifact; :data:`UNDECIDED` if nothing."""
    return _match(reason, _SLSA) or _SLSA_OTHER


def _match(text: str, table: tuple[tuple[tuple[str, ...], Verdict], ...]) -> Verdict | None:
    lower = text.lower()
    for phrases, verdict in table:
        if any(phrase in lower for phrase in phrases):
            return verdict
    return None
