#!/usr/bin/env bash
# Builds the pinned Trivy once, as an ordinary Go program, into a cache outside the tree, and prints
# its path. With Go missing or a failed build it says why on standard error and exits 1.
set -euo pipefail

version=0.74.0
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wazuh-pack/trivy-$version
binary=$cache/trivy

if [ -x "$binary" ]; then
  printf '%s\n' "$binary"
  exit 0
fi
if ! command -v go >/dev/null; then
  printf 'no Trivy: Go is not installed\n' >&2
  exit 1
fi

work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
mkdir -p -m 0755 "$cache"
cd "$work"
# go.mod and go.sum beside this script pin Trivy and everything it is built from by checksum.
cp "$here/go.mod" "$here/go.sum" .
printf 'building Trivy %s; this takes some minutes once\n' "$version" >&2
export GOEXPERIMENT=jsonv2 CGO_ENABLED=0 GOFLAGS='-buildvcs=false -mod=readonly'
ldflags="-s -w -X github.com/aquasecurity/trivy/pkg/version/app.ver=$version"
if ! go build -trimpath -ldflags "$ldflags" -o "$work/trivy" github.com/aquasecurity/trivy/cmd/trivy \
  >"$work/log" 2>&1; then
  tail -n 5 "$work/log" >&2
  printf 'no Trivy: the build failed\n' >&2
  exit 1
fi
install -m 0755 "$work/trivy" "$binary.new"
mv "$binary.new" "$binary"
printf '%s\n' "$binary"
