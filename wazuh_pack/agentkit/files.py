"""File operations for a process that is root in folders that others may write to."""
# ruff: noqa: PTH102, PTH103, PTH105, PTH108, PTH116, PTH120, PTH208
# -- importing pathlib takes longer than a whole firewall change

from __future__ import annotations

import os
import stat

from wazuh_pack.agentkit.errors import UntrustedFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


def exists(path: str) -> bool:
    """Return whether something is at ``path``, a dangling link included."""
    try:
        os.lstat(path)
    except OSError:
        return False
    return True


def names(folder: str) -> list[str]:
    """Return the sorted names in ``folder``; an absent folder has none."""
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def remove(path: str) -> None:
    """Remove a file; one that is gone already is fine."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def read(path: str, limit: int) -> bytes | None:
    """Return up to ``limit`` bytes of a file, or None when there is none or it is not readable."""
    try:
        fd = os.open(path, _READ)
    except OSError:
        return None
    try:
        return _read_all(fd, limit)
    except OSError:
        return None
    finally:
        os.close(fd)


def read_trusted(path: str, limit: int) -> bytes:
    """Return the content of a file that only root (or the caller itself) can have written.

    The file and the folder that holds it must belong to root or to the caller and must not be
    writable for group and others.

    Raises:
        FileNotFoundError: There is no such file.
        UntrustedFileError: Somebody else could have written it, or it is larger than ``limit``.
    """
    check_trusted(os.path.dirname(path), folder=True)
    fd = os.open(path, _READ | os.O_NOFOLLOW)
    try:
        _check(path, os.fstat(fd), folder=False)
        content = _read_all(fd, limit + 1)
    finally:
        os.close(fd)
    if len(content) > limit:
        raise UntrustedFileError(f"{path}: larger than {limit} bytes; make it smaller")
    return content


def check_trusted_file(path: str) -> None:
    """Refuse a file that others than root and the caller could have written or put there.

    Raises:
        FileNotFoundError: Nothing is there.
        UntrustedFileError: Owner or mode of the file or of its folder is wrong, or it is a link.
    """
    check_trusted(os.path.dirname(path), folder=True)
    check_trusted(path, folder=False)


def check_trusted(path: str, *, folder: bool) -> None:
    """Refuse what others than root and the caller own or may write to.

    Raises:
        FileNotFoundError: Nothing is there.
        UntrustedFileError: The owner or the mode is wrong, or it is a link.
    """
    _check(path, os.lstat(path), folder=folder)


def _check(path: str, status: os.stat_result, *, folder: bool) -> None:
    kind = "folder" if folder else "regular file"
    if not (stat.S_ISDIR(status.st_mode) if folder else stat.S_ISREG(status.st_mode)):
        raise UntrustedFileError(f"{path}: not a {kind}; replace it by one")
    if status.st_uid not in (0, os.geteuid()):
        raise UntrustedFileError(
            f"{path}: belongs to uid {status.st_uid}; review it, then: chown root {path}"
        )
    if status.st_mode & _OTHERS_MAY_WRITE:
        raise UntrustedFileError(
            f"{path}: writable for group or others; review it, then: chmod go-w {path}"
        )


def _read_all(fd: int, limit: int) -> bytes:
    parts = []
    while limit > 0:
        part = os.read(fd, min(limit, 1 << 20))
        if not part:
            break
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def make_private(base: str, below: Sequence[str]) -> str:
    """Make sure that a chain of folders exists which only root can write to; return the last one.

    Args:
        base: Outermost folder; made when absent (mode 0750).
        below: Names of the folders inside it; made when absent (mode 0700).

    Raises:
        OSError: A folder cannot be made.
        UntrustedFileError: A folder on the way belongs to or is writable for somebody else.
    """
    os.makedirs(base, mode=0o750, exist_ok=True)
    check_trusted(base, folder=True)
    path = base
    for name in below:
        path = f"{path}/{name}"
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            check_trusted(path, folder=True)
    return path


def write_atomic(path: str, content: bytes, *, durable: bool = False) -> None:
    """Replace ``path`` as a whole, mode 0600: readers see the old or the new content.

    A killed process leaves either; a power cut may lose the latest version. What is ``durable`` is
    on the disk when this returns, which takes as long as the disk takes.
    """
    os.replace(_temporary(path, content, durable=durable), path)
    if durable:
        _sync_folder(os.path.dirname(path))


def _sync_folder(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_new(path: str, content: bytes) -> None:
    """Make a file, mode 0600; nobody ever sees a part of it.

    Raises:
        FileExistsError: There is one already; it is left as it is.
    """
    temporary = _temporary(path, content)
    try:
        os.link(temporary, path)
    finally:
        os.unlink(temporary)


def _temporary(path: str, content: bytes, *, durable: bool = False) -> str:
    temporary = f"{path}.{os.getpid()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o600)
    try:
        write_all(fd, content)
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)
    return temporary


def write_all(fd: int, content: bytes) -> None:
    """Write every byte."""
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def append(path: str, line: bytes) -> None:
    """Append ``line`` in one write to a log in a folder that an unprivileged user owns.

    Raises:
        OSError: The file cannot be opened or written.
        UntrustedFileError: What is there is not a plain file.
    """
    fd = open_log(path)
    try:
        write_all(fd, line)
    finally:
        os.close(fd)


def open_log(path: str) -> int:
    """Open a log in a folder that an unprivileged user owns, for appending; return the descriptor.

    A link, a hard-linked file, a pipe or a device planted there is refused. A new file gets the
    folder's owner and mode 0660, as Wazuh's own daemons create it.

    Raises:
        OSError: The file cannot be opened.
        UntrustedFileError: What is there is not a plain file.
    """
    fd = _open_log(path)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(fd)
        raise UntrustedFileError(f"{path}: not a plain file of one name; remove it")
    return fd


def _open_log(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        pass
    try:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags)
    folder = os.stat(os.path.dirname(path) or ".")
    if os.geteuid() == 0:
        os.fchown(fd, folder.st_uid, folder.st_gid)
    os.fchmod(fd, 0o660)
    return fd
