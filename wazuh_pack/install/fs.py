"""The Wazuh home as a tree that cannot be left.

``etc`` belongs to the user ``wazuh`` (4.14.7), so whoever has taken over a daemon can put a link
where root is about to write. Every path is therefore walked from the home's own descriptor, one
component at a time and never through a symbolic link; a path that was checked is the path that is
used.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from wazuh_pack.errors import InstallError
from wazuh_pack.install.source import is_inner_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO somebody planted must not hang.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

PERMISSIONS = 0o777
"""The bits that are kept; what would run as somebody else is never set or restored."""


@dataclass(frozen=True, slots=True)
class FileState:
    """What a regular file is at one moment."""

    sha256: str
    size: int
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class FolderState:
    """Who may do what with a folder."""

    mode: int
    uid: int
    gid: int


def sha256(content: bytes) -> str:
    """Return the SHA-256 of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class Tree:
    """An open Wazuh home; all paths are relative to it.

    Use it as a context manager. A home that does not exist yet reads as empty and cannot be
    written to.

    Raises:
        InstallError: A path leads through a symbolic link, or to something that is not a regular
            file or folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        try:
            self._root = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._root = -1
        except OSError as error:
            raise InstallError(f"cannot open {home}: {error.strerror}") from error

    def __enter__(self) -> Tree:  # noqa: PYI034 typing.Self is 3.11's
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the home; a lock on it ends."""
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def lock(self) -> None:
        """Keep other installers out until the tree is closed or the process dies.

        The lock is on the home folder itself, so it leaves nothing behind.

        Raises:
            InstallError: Another installer has it.
        """
        try:
            fcntl.flock(self._root, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InstallError(
                f"another wazuh-pack is at work in {self.home}", hint="wait until it has ended"
            ) from error

    def read(self, path: PurePosixPath) -> bytes:
        """Return the bytes of a file.

        Raises:
            InstallError: It does not exist or is not a regular file.
        """
        with self._file(path) as fd:
            if fd is None:
                raise InstallError(f"{self.home / path} does not exist")
            return _read_all(fd)

    def state(self, path: PurePosixPath) -> FileState | None:
        """Return the state of a file, None when there is none."""
        with self._file(path) as fd:
            if fd is None:
                return None
            return _state(fd, _read_all(fd))

    def load(self, path: PurePosixPath) -> tuple[bytes, FileState] | None:
        """Return the bytes and the state of a file, taken together; None when there is none."""
        with self._file(path) as fd:
            if fd is None:
                return None
            content = _read_all(fd)
            return content, _state(fd, content)

    def folder(self, path: PurePosixPath) -> FolderState | None:
        """Return the state of a folder, None when there is none."""
        with self._folder(path) as fd:
            if fd is None:
                return None
            info = os.fstat(fd)
            return FolderState(stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid)

    def names(self, path: PurePosixPath) -> list[str]:
        """Return the sorted names in a folder; none when there is no such folder."""
        with self._folder(path) as fd:
            return sorted(os.listdir(fd)) if fd is not None else []  # noqa: PTH208 a descriptor

    def write(
        self,
        path: PurePosixPath,
        content: bytes,
        *,
        mode: int,
        ids: tuple[int, int] | None,
        like: PurePosixPath | None = None,
    ) -> None:
        """Put a whole file in place at once: written beside it, synced, renamed, folder synced.

        Args:
            path: Where; its folder must exist.
            content: The bytes.
            mode: Permission bits.
            ids: Owner and group to set; None leaves them to the process.
            like: A file whose extended attributes (ACL, SELinux label) are taken over.
        """
        with self._parent(path) as parent:
            temporary = temporary_name(path.name)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=parent)
            fd = os.open(temporary, _NEW, 0o600, dir_fd=parent)
            try:
                _write_all(fd, content)
                if like is not None:
                    self._copy_attributes(like, fd)
                _set_access(fd, mode=mode, ids=ids)
            except BaseException:
                os.close(fd)
                os.unlink(temporary, dir_fd=parent)
                raise
            os.close(fd)
            os.rename(temporary, path.name, src_dir_fd=parent, dst_dir_fd=parent)
            os.fsync(parent)

    def rename(self, path: PurePosixPath, name: str) -> None:
        """Give a file another name in its folder, at once and for good."""
        with self._parent(path) as parent:
            os.rename(path.name, name, src_dir_fd=parent, dst_dir_fd=parent)
            os.fsync(parent)

    def remove(self, path: PurePosixPath) -> None:
        """Remove a file if it is there."""
        with self._folder(path.parent) as parent:
            if parent is None:
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path.name, dir_fd=parent)
            os.fsync(parent)

    def make_folder(self, path: PurePosixPath, *, mode: int, ids: tuple[int, int] | None) -> None:
        """Create a folder unless it is there; a folder that is there is left as it is."""
        with self._parent(path) as parent:
            try:
                os.mkdir(path.name, 0o700, dir_fd=parent)
            except FileExistsError:
                return
            fd = os.open(path.name, _DIRECTORY, dir_fd=parent)
            try:
                _set_access(fd, mode=mode, ids=ids)
            finally:
                os.close(fd)
            os.fsync(parent)

    def set_folder(self, path: PurePosixPath, *, mode: int, ids: tuple[int, int] | None) -> None:
        """Set the mode, and the owner and group if given, of a folder."""
        with self._folder(path) as fd:
            if fd is None:
                raise InstallError(f"{self.home / path} does not exist")
            _set_access(fd, mode=mode, ids=ids)

    def remove_folder(self, path: PurePosixPath) -> bool:
        """Remove a folder if it is there and empty; say whether it is gone."""
        with self._folder(path.parent) as parent:
            if parent is None:
                return True
            try:
                os.rmdir(path.name, dir_fd=parent)
            except FileNotFoundError:
                return True
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EBUSY):
                    return False
                raise
            os.fsync(parent)
            return True

    def change(self, path: PurePosixPath, *, mode: int, ids: tuple[int, int] | None) -> None:
        """Set the mode, and the owner and group if given, of a file."""
        with self._file(path) as fd:
            if fd is None:
                raise InstallError(f"{self.home / path} does not exist")
            _set_access(fd, mode=mode, ids=ids)

    @contextlib.contextmanager
    def _parent(self, path: PurePosixPath) -> Iterator[int]:
        with self._folder(path.parent) as fd:
            if fd is None:
                raise InstallError(f"{self.home / path.parent} does not exist")
            yield fd

    @contextlib.contextmanager
    def _folder(self, path: PurePosixPath) -> Iterator[int | None]:
        """Open a folder by walking to it; None when a component does not exist."""
        if path.parts and not is_inner_path(path):
            raise InstallError(f"{path} is not a path below the Wazuh home")
        if self._root < 0:
            yield None
            return
        fd = os.dup(self._root)
        try:
            for index, part in enumerate(path.parts):
                try:
                    below = os.open(part, _DIRECTORY, dir_fd=fd)
                except FileNotFoundError:
                    yield None
                    return
                except OSError as error:
                    raise self._refused(PurePosixPath(*path.parts[: index + 1]), error) from error
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    @contextlib.contextmanager
    def _file(self, path: PurePosixPath) -> Iterator[int | None]:
        """Open a regular file for reading; None when it does not exist."""
        with self._folder(path.parent) as parent:
            if parent is None:
                yield None
                return
            try:
                fd = os.open(path.name, _FILE, dir_fd=parent)
            except FileNotFoundError:
                yield None
                return
            except OSError as error:
                raise self._refused(path, error) from error
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise self._refused(path)
                yield fd
            finally:
                os.close(fd)

    def _refused(self, path: PurePosixPath, error: OSError | None = None) -> InstallError:
        if error is not None and error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
            return InstallError(f"cannot open {self.home / path}: {error.strerror}")
        return InstallError(
            f"{self.home / path} is a link or not of the expected kind",
            hint="nothing is written through links; replace it by a real file or folder",
        )

    def _copy_attributes(self, source: PurePosixPath, target: int) -> None:
        with self._file(source) as fd:
            if fd is None:
                return
            # Many file systems have none, and some labels are the system's to give.
            with contextlib.suppress(OSError):
                for name in os.listxattr(fd):
                    with contextlib.suppress(OSError):
                        os.setxattr(target, name, os.getxattr(fd, name))


def temporary_name(name: str) -> str:
    """Return what a file is called while it is written.

    It ends with ``.tmp``, which Wazuh neither loads as a rule nor syncs in a cluster (4.14.7).
    """
    return f".{name}.wazuh-pack.tmp"


def _set_access(fd: int, *, mode: int, ids: tuple[int, int] | None) -> None:
    if ids is not None:
        os.fchown(fd, *ids)
    os.fchmod(fd, mode)
    os.fsync(fd)


def _state(fd: int, content: bytes) -> FileState:
    info = os.fstat(fd)
    return FileState(
        sha256=sha256(content),
        size=len(content),
        mode=stat.S_IMODE(info.st_mode) & PERMISSIONS,
        uid=info.st_uid,
        gid=info.st_gid,
    )


def _read_all(fd: int) -> bytes:
    with open(fd, "rb", closefd=False) as file:
        return file.read()


def _write_all(fd: int, content: bytes) -> None:
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
