"""Rendered files against committed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.diagnostics import Diagnostic
from wazuh_pack.location import Location

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.render import Build

FOLDERS = ("rules_xml", "decoders")


def write(build: Build, tree: Path, lock: Path) -> list[str]:
    """Write what differs, delete rendered files that are no longer made; return their paths."""
    changed = []
    for folder in FOLDERS:
        (tree / folder).mkdir(parents=True, exist_ok=True)
    for name, content in build.files.items():
        path = tree / name
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
            changed.append(name)
    for name in _surplus(build, tree):
        (tree / name).unlink()
        changed.append(name)
    text = build.update.lock.text()
    if not lock.is_file() or lock.read_text(encoding="utf-8") != text:
        lock.write_text(text, encoding="utf-8")
        changed.append(lock.name)
    return changed


def compare(build: Build, tree: Path, lock: Path) -> list[Diagnostic]:
    """Return one finding per file that differs from what the content renders to."""
    findings = []
    for name, content in build.files.items():
        path = tree / name
        if not path.is_file():
            findings.append(_drift(path, "is missing"))
        elif path.read_bytes() != content:
            findings.append(_drift(path, "differs from what the content renders to"))
    findings += [_drift(tree / name, "is not rendered any more") for name in _surplus(build, tree)]
    if not lock.is_file() or lock.read_text(encoding="utf-8") != build.update.lock.text():
        findings.append(_drift(lock, "does not list the ids of today's rules"))
    return findings


def _surplus(build: Build, tree: Path) -> list[str]:
    present = [
        f"{folder}/{path.name}"
        for folder in FOLDERS
        for path in sorted((tree / folder).glob("*.xml"))
    ]
    return [name for name in present if name not in build.files]


def _drift(path: Path, what: str) -> Diagnostic:
    return Diagnostic(
        code="WP140", message=what, at=Location(path), hint="run `wazuh-pack build` and commit"
    )
