"""Archives that are the same bytes at every build: fixed times and owners, sorted names."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wazuh_pack.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Mapping

EPOCH = 315_532_800
"""1980-01-01: the time of every file in our archives."""
_FOLDER_MODE = 0o755


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive; ``same_as`` names another member that it is a hard link to."""

    content: bytes
    mode: int = 0o644
    same_as: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, and its digest."""

    path: Path
    sha256: str


def tar(members: Mapping[str, Member], *, top: str = "") -> bytes:
    """Return an uncompressed archive of files and the folders above them; all belong to root.

    Args:
        members: Files by relative name.
        top: Folder that everything lies in, such as ``name-1.0``, or ``./``.
    """
    paths = [PurePosixPath(top, name) for name in members]
    folders = {str(parent) for path in paths for parent in path.parents} - {"."}
    prefix = "./" if top.startswith("./") else ""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        if prefix:
            archive.addfile(_folder("./"))
        for name in sorted(folders):
            archive.addfile(_folder(prefix + name))
        links = []
        for name, member in sorted(members.items()):
            info = _info(prefix + str(PurePosixPath(top, name)), member.mode)
            if member.same_as:
                info.type = tarfile.LNKTYPE
                info.linkname = prefix + str(PurePosixPath(top, member.same_as))
                links.append(info)
                continue
            info.size = len(member.content)
            archive.addfile(info, io.BytesIO(member.content))
        for info in links:
            archive.addfile(info)
    return stream.getvalue()


def compressed(data: bytes) -> bytes:
    """Return ``data`` as gzip without a time or a name."""
    return gzip.compress(data, compresslevel=9, mtime=0)


def sums(members: Mapping[str, Member]) -> bytes:
    """Return a ``SHA256SUMS`` of all members."""
    lines = (
        f"{hashlib.sha256(member.content).hexdigest()}  {name}\n"
        for name, member in sorted(members.items())
    )
    return "".join(lines).encode()


def write(path: Path, content: bytes) -> Written:
    """Write a file, make its folder when absent, and return its digest.

    Raises:
        PackError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise PackError(f"cannot write {path}: {error.strerror}") from error
    return Written(path, hashlib.sha256(content).hexdigest())


def _folder(name: str) -> tarfile.TarInfo:
    info = _info(name, _FOLDER_MODE)
    info.type = tarfile.DIRTYPE
    return info


def _info(name: str, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode = mode
    info.mtime = EPOCH
    info.uname = info.gname = "root"
    return info
