"""Files of the pack with the shell script that installs them, for hosts without the pack itself.

The script is ``data/install.sh``; what it reads beside itself is written here: ``TARGET``,
``MANIFEST`` (``MODE OWNER POLICY PATH``, one file a line), ``SHA256SUMS`` and ``files/``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wazuh_pack.bundle.archive import Member, sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wazuh_pack.install import PackFile

TargetKind = Literal["agent", "image"]
"""A host with an agent, or a container of a manager that has not started Wazuh yet."""

FILES = "files"
INSTALLER = "install.sh"
MANIFEST = "MANIFEST"
SUMS = "SHA256SUMS"
TARGET = "TARGET"

_INSTALLER = Path(__file__).parent / "data" / INSTALLER


def payload(
    files: Iterable[PackFile], target: TargetKind, extras: Mapping[str, Member]
) -> dict[str, Member]:
    """Return what is unpacked on a host, by name; ``SHA256SUMS`` covers all the others.

    Args:
        files: What is to be installed there.
        target: What the script expects the host to be.
        extras: Files that are only read, such as a README.
    """
    files = sorted(files, key=lambda file: file.destination)
    members = {f"{FILES}/{file.destination}": Member(file.read(), file.mode) for file in files}
    manifest = "".join(
        f"{file.mode:04o} {file.owner} {file.policy} {file.destination}\n" for file in files
    )
    members[MANIFEST] = Member(manifest.encode())
    members[TARGET] = Member(f"{target}\n".encode())
    members[INSTALLER] = Member(_INSTALLER.read_bytes(), 0o755)
    members |= extras
    members[SUMS] = Member(sums(members))
    return members
