#!/usr/bin/env bash
# Builds the pinned Trivy once, as an ordinary Go program, into a cache outside the tree, and prints
# its path; beside it, makedb (see makedb/main.go). With Go missing or a failed build it says why on
# standard error and exits 1.
set -euo pipefail

version=0.74.0
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wazuh-pack/trivy-$version
work=

build() { # NAME PACKAGE [LDFLAGS]
  local binary=$cache/$1
  if [ -x "$binary" ] && ! [[ $1 = makedb && $here/makedb/main.go -nt $binary ]]; then
    return
  fi
  if ! command -v go >/dev/null; then
    printf 'no Trivy: Go is not installed\n' >&2
    exit 1
  fi
  if [ -z "$work" ]; then
    work=$(mktemp -d)
    trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
    mkdir -p -m 0755 "$cache"
    # go.mod and go.sum beside this script pin Trivy and all it is built from by checksum.
    cp -r "$here/go.mod" "$here/go.sum" "$here/makedb" "$work"
    export GOEXPERIMENT=jsonv2 CGO_ENABLED=0 GOFLAGS='-buildvcs=false -mod=readonly'
  fi
  printf 'building %s %s; this takes some minutes once\n' "$1" "$version" >&2
  if ! (cd "$work" && go build -trimpath -ldflags "-s -w ${3-}" -o "$work/$1.new" "$2") \
    >"$work/log" 2>&1; then
    tail -n 5 "$work/log" >&2
    printf 'no Trivy: the build of %s failed\n' "$1" >&2
    exit 1
  fi
  install -m 0755 "$work/$1.new" "$binary.new"
  mv "$binary.new" "$binary"
}

build trivy github.com/aquasecurity/trivy/cmd/trivy \
  "-X github.com/aquasecurity/trivy/pkg/version/app.ver=$version"
build makedb ./makedb
printf '%s\n' "$cache/trivy"
