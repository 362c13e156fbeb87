"""Decides whether a Trivy binary may be run as root.

In March 2026 releases 0.69.4 to 0.69.6 of Trivy were malicious; earlier in that month the releases
before 0.69.2 had been withdrawn. The version is therefore read out of the file (a Go program
carries its build information) before anything in it is run; only where the file does not tell is
the program itself asked.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.agentkit import process
from wazuh_pack.agentkit.errors import ProcessError

if TYPE_CHECKING:
    from wazuh_pack.scan.config import Scanner

MALICIOUS = frozenset({(0, 69, 4), (0, 69, 5), (0, 69, 6)})
FOLDERS = ("/usr/local/bin", "/usr/bin", "/opt/trivy/bin", "/opt/trivy")

_BUILT_AS = re.compile(
    rb"(?:\n(?:mod|dep)\tgithub\.com/aquasecurity/trivy\tv"
    rb"|github\.com/aquasecurity/trivy/pkg/version/app\.ver=v?)(\d{1,4}\.\d{1,4}\.\d{1,4})"
)
_HINTS = (b"aquasecurity/trivy\tv", b"version/app.ver=")
_CHUNK = 1 << 20
_OVERLAP = 256
_ANSWER = re.compile(r"^Version: v?(\d{1,4}\.\d{1,4}\.\d{1,4})", re.MULTILINE)
_ASK_SECONDS = 30


class TrustError(Exception):
    """The binary must not be run; ``reason`` is ``no_trivy``, ``untrusted`` or ``bad_version``."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Binary:
    """A binary that may be run."""

    path: str
    version: str


def trusted_binary(wanted: Scanner) -> Binary:
    """Find Trivy and check everything the configuration asks for.

    Raises:
        TrustError: There is none, or it must not be run.
    """
    path = _find(wanted.binary)
    _check_path(path)
    digest, versions = _examine(path, pinned=bool(wanted.sha256))
    if wanted.sha256 and digest != wanted.sha256:
        raise TrustError("untrusted", f"{path} has SHA-256 {digest}, which is not the pinned one")
    versions = versions or _asked(path, pinned=bool(wanted.sha256))
    _check_versions(versions, wanted)
    return Binary(str(path), ".".join(map(str, max(versions))) if versions else "unknown")


def _find(binary: str) -> Path:
    for candidate in [binary] if binary else [f"{folder}/trivy" for folder in FOLDERS]:
        path = Path(candidate)
        if path.is_file():
            return Path(os.path.realpath(path))
    raise TrustError("no_trivy", f"no Trivy at {binary or ', '.join(FOLDERS)}; install it")


def _check_path(path: Path) -> None:
    """Nobody but root and ourselves may be able to change the file or put another in its place."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & stat.S_IXUSR:
        raise TrustError("untrusted", f"{path} is not an executable file")
    for part in (path, *path.parents):
        status = part.stat()
        if status.st_uid not in (0, os.geteuid()):
            raise TrustError(
                "untrusted", f"{part} belongs to uid {status.st_uid}; chown it to root"
            )
        # In a sticky folder others can neither remove nor replace what belongs to root.
        others_may_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if others_may_write and not (part != path and status.st_mode & stat.S_ISVTX):
            raise TrustError("untrusted", f"{part} is writable for others; chmod go-w it")


def _examine(path: Path, *, pinned: bool) -> tuple[str, set[tuple[int, ...]]]:
    """Return the file's SHA-256, if it is pinned, and the versions that its build names."""
    digest = hashlib.sha256()
    versions: set[tuple[int, ...]] = set()
    with path.open("rb") as file:
        tail = b""
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            if pinned:  # takes twice as long as all else
                digest.update(chunk)
            window = tail + chunk
            # Searching for plain text first is ten times as fast as the pattern alone.
            if any(hint in window for hint in _HINTS):
                versions.update(_numbers(found.decode()) for found in _BUILT_AS.findall(window))
            tail = chunk[-_OVERLAP:]
    return digest.hexdigest(), versions


def _asked(path: Path, *, pinned: bool) -> set[tuple[int, ...]]:
    try:
        answer = process.run([str(path), "--version"], seconds=_ASK_SECONDS)
    except ProcessError as error:
        raise TrustError("no_trivy", str(error)) from error
    found = _ANSWER.search(answer.output.decode("utf-8", "replace"))
    if found:
        return {_numbers(found.group(1))}
    if pinned:
        return set()
    raise TrustError("bad_version", f"{path} does not say its version; pin its SHA-256 to use it")


def _check_versions(versions: set[tuple[int, ...]], wanted: Scanner) -> None:
    for version in versions:
        text = ".".join(map(str, version))
        if version in MALICIOUS:
            raise TrustError("bad_version", f"Trivy {text} is a malicious release; remove it")
        if version < wanted.minimum_version:
            least = ".".join(map(str, wanted.minimum_version))
            raise TrustError("bad_version", f"Trivy {text} is older than {least}; update it")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))
