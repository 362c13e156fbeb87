#!/usr/bin/env bash
# Installs the pinned Prism, which serves the providers' API descriptions in tests, into a cache
# outside the tree, and prints the path of its program. With Node missing or a failed installation it
# says why on standard error and exits 1.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
version=$(sha256sum "$here/package-lock.json" | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wazuh-pack/prism-$version
program=$cache/node_modules/.bin/prism

if [ -e "$program" ]; then
  printf '%s\n' "$program"
  exit 0
fi
if ! command -v npm >/dev/null; then
  printf 'no Prism: Node is not installed\n' >&2
  exit 1
fi

mkdir -p -m 0755 "$(dirname "$cache")"
work=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$work"' EXIT
# package-lock.json pins everything by checksum; no package may run a script of its own.
cp "$here/package.json" "$here/package-lock.json" "$work"
printf 'installing Prism; this takes half a minute once\n' >&2
if ! (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund >log 2>&1); then
  tail -n 5 "$work/log" >&2
  printf 'no Prism: the installation failed\n' >&2
  exit 1
fi
rm -rf "$cache"
mv "$work" "$cache"
printf '%s\n' "$program"
