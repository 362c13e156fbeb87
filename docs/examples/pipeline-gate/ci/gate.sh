#!/bin/sh
# Scans an image, verifies who built it, and lets the gate decide: ci/gate.sh IMAGE DIGEST STAGE
# SIGNER (a regular expression) and ISSUER say whose signature counts. The decision is appended to
# gate.jsonl; the exit status is the gate's, and only 0 means that the image may go on.
set -eu

image=$1
digest=$2
stage=$3
ci=$(dirname "$0")
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT

# Whatever fails here is for the gate to judge: a report that is missing or says that a signature is
# wrong counts against the image. Trivy runs in the empty folder: where it runs it obeys .trivyignore and
# trivy.yaml, and whoever may change the repository could hide what it finds.
(cd "$reports" && trivy image --quiet --format json --output trivy.json "$image@$digest") || true

cosign verify --certificate-identity-regexp "$SIGNER" --certificate-oidc-issuer "$ISSUER" \
  --output json "$image@$digest" >"$reports/cosign.txt" 2>&1 || true

cosign verify-attestation --type slsaprovenance1 --certificate-identity-regexp "$SIGNER" \
  --certificate-oidc-issuer "$ISSUER" "$image@$digest" >"$reports/provenance.txt" 2>&1 || true

python3 -I -S "$ci/wazuh-pack-gate" --config "$ci/gate.ini" --sink gate.jsonl \
  --artifact "$image" --digest "$digest" --stage "$stage" \
  "trivy=$reports/trivy.json" "cosign=$reports/cosign.txt" "cosign=$reports/provenance.txt"
