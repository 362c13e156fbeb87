#!/bin/sh
# Puts cosign and Trivy for Linux on amd64 into a folder: ci/tools.sh FOLDER
# Cosign is known by its digest, and then tells whether Trivy's own release workflow signed Trivy.
set -eu

cosign_version=3.0.6
cosign_sha256=c956e5dfcac53d52bcf058360d579472f0c1d2d9b69f55209e256fe7783f4c74
trivy_version=0.74.0

fetch() { # ADDRESS FILE
  curl --proto '=https' --fail --location --silent --show-error --retry 3 --output "$2" "$1"
}

mkdir -p "$1"
cd "$1"

fetch "https://github.com/sigstore/cosign/releases/download/v$cosign_version/cosign-linux-amd64" cosign.new
echo "$cosign_sha256  cosign.new" | sha256sum --check --quiet
chmod 0755 cosign.new
mv cosign.new cosign

archive=trivy_${trivy_version}_Linux-64bit.tar.gz
releases=https://github.com/aquasecurity/trivy/releases/download/v$trivy_version
fetch "$releases/$archive" "$archive"
fetch "$releases/$archive.sigstore.json" "$archive.sigstore.json"
./cosign verify-blob "$archive" --bundle "$archive.sigstore.json" \
  --certificate-oidc-issuer https://token.actions.githubusercontent.com \
  --certificate-identity \
  "https://github.com/aquasecurity/trivy/.github/workflows/reusable-release.yaml@refs/tags/v$trivy_version"
tar -xzf "$archive" trivy
rm "$archive" "$archive.sigstore.json"
