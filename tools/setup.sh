#!/usr/bin/env bash
# Makes the virtual environment that the Makefile uses. Usage: setup.sh DIRECTORY
set -euo pipefail

venv=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT

say() { printf '%s\n' "$*" >&2; }

fitting() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

find_python() {
  local candidate
  for candidate in "${PYTHON3:-}" python3 python3.13 python3.12 python3.11 python3.10; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null && fitting "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  say "error: no Python 3.10 or later"
  say "  hint: install one, or name it: make setup PYTHON3=/path/to/python3"
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

# Debian and Ubuntu keep the part of Python that makes environments in a package of its own.
make_venv() {
  if "$python" -m venv "$venv" >"$log" 2>&1; then
    return
  fi
  rm -rf "$venv"
  if command -v apt-get >/dev/null && as_root apt-get install -y -q python3-venv >>"$log" 2>&1; then
    "$python" -m venv "$venv" >>"$log" 2>&1 && return
  elif command -v apt-get >/dev/null && as_root apt-get update -q >>"$log" 2>&1 &&
    as_root apt-get install -y -q python3-venv >>"$log" 2>&1; then
    "$python" -m venv "$venv" >>"$log" 2>&1 && return
  fi
  rm -rf "$venv"
  cat "$log" >&2
  say "error: this Python cannot make a virtual environment"
  say "  hint: apt-get install python3-venv"
  exit 1
}

python=$(find_python)
if ! [ -x "$venv/bin/python" ] || ! fitting "$venv/bin/python"; then
  say "making the virtual environment in $venv"
  make_venv
fi
say "installing the project and its tools into $venv"
if ! "$venv/bin/python" -m pip install --disable-pip-version-check -q -e '.[dev]' >"$log" 2>&1; then
  cat "$log" >&2
  say "error: pip could not install the project"
  exit 1
fi
