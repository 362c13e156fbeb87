"""Folders into which other tools put their reports.

Others write there, so everything in them is hostile: a folder is opened once and its files through
it, links are not followed, and only plain files of one name that a trusted user owns are read. A
file is taken once it has rested for a while, and again only when it has changed; a ledger remembers
that. Nothing in the folder is moved or removed.
"""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from glob import glob
from itertools import islice
from typing import TYPE_CHECKING, Iterable, Iterator, Mapping, NamedTuple

from wazuh_pack.agentkit.files import read, write_atomic
from wazuh_pack.reports.report import ReportFile
from wazuh_pack.scan.ingest import Order

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.scan.config import ReportFolder

MAX_ENTRIES = 10_000
"""Reports of a folder that are looked at; there is an event if there are more."""

MAX_FILES = 200
"""Reports that one run takes; the rest waits for the next."""

_MAX_LEDGER = 16 << 20
_UNFINISHED = (".tmp", ".part", ".partial", ".swp", "~")
_NAME = re.compile(r"[^\x00-\x1f\x7f/]{1,255}")
_MARK = "{artifact}"


@dataclass(frozen=True)
class Waiting:
    """A file that is to be taken.

    ``problem`` says why it must not be read; then there is no descriptor.
    """

    path: str
    folder: ReportFolder
    order: Order
    stamp: str
    descriptor: int = -1
    problem: str = ""

    def open(self) -> ReportFile:
        """Return the file, which owns the descriptor from now on."""
        return ReportFile.of_descriptor(self.descriptor, max_bytes=self.folder.max_megabytes << 20)


class Entry(NamedTuple):
    """A file that is ours by its name, and when it changed."""

    changed: float
    path: str
    folder: ReportFolder
    artifact: str


@dataclass
class Survey:
    """What is in the watched folders, and what is wrong with them: folder, reason, text."""

    entries: list[Entry] = field(default_factory=list)
    troubles: list[tuple[ReportFolder, str, str]] = field(default_factory=list)

    def trouble(self, folder: ReportFolder, reason: str, text: str) -> None:
        """Note that a folder, or a part of it, is not looked at."""
        self.troubles.append((folder, reason, text))


class Ledger:
    """Which files have been taken, by path, with what tells a changed one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[str, str] = {}
        try:
            loaded = json.loads(read(str(path), _MAX_LEDGER) or b"{}")
        except ValueError:
            loaded = {}
        if isinstance(loaded, dict):
            self._seen = {str(name): str(stamp) for name, stamp in loaded.items()}

    def knows(self, path: str, stamp: str) -> bool:
        """Tell whether the file was taken as it is."""
        return self._seen.get(path) == stamp

    def take(self, path: str, stamp: str) -> None:
        """Remember a file; on the disk when this returns."""
        self._seen[path] = stamp
        self._save()

    def keep(self, paths: set[str]) -> None:
        """Forget the files that are gone."""
        gone = self._seen.keys() - paths
        if gone:
            for path in gone:
                del self._seen[path]
            self._save()

    def _save(self) -> None:
        write_atomic(str(self._path), json.dumps(self._seen).encode("ascii"))


def match(folder: ReportFolder, name: str) -> str | None:
    """Return the artifact in a file's name (``""`` if none), ``None`` if the file is not ours."""
    if not _NAME.fullmatch(name) or name.startswith(".") or name.endswith(_UNFINISHED):
        return None
    found = _pattern(folder.files).fullmatch(name)
    return (found.groupdict().get("artifact") or "") if found else None


def survey(folders: tuple[ReportFolder, ...]) -> Survey:
    """Look at what is in the folders."""
    found = Survey()
    for folder in folders:
        matching = sorted(glob(folder.folder))  # noqa: PTH207 - patterns over absolute paths
        places = [place for place in matching if os.path.isdir(place)]  # noqa: PTH112 - the same
        if not places:
            found.trouble(folder, "target_not_found", f"there is no folder {folder.folder}")
        for place in places:
            _survey(place, folder, found)
    return found


def waiting(found: Survey, ledger: Ledger, now: float) -> Iterator[Waiting]:
    """Yield the files that are to be taken, oldest first; the caller closes what it does not open.

    Args:
        found: What is in the folders.
        ledger: What has been taken; it forgets files that are gone.
        now: The time, seconds since the epoch.
    """
    ledger.keep({one.path for one in found.entries})
    taken = 0
    for changed, path, folder, name in sorted(found.entries, key=lambda one: one[:2]):
        # The kernel sets this time and nobody else can; a file that is written to is never old.
        if now - changed < folder.settle:
            continue
        one = _look(path, folder, name)
        if one is None or ledger.knows(path, one.stamp):
            _close(one)
            continue
        yield one
        taken += 1
        if taken >= MAX_FILES:
            return


def _survey(place: str, folder: ReportFolder, found: Survey) -> None:
    """Add the files of a folder that are ours."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        base = os.open(place, flags)
    except OSError as error:
        linked = os.path.islink(place)  # noqa: PTH114 - as above
        why = "a link, which is not followed; name the folder itself" if linked else error.strerror
        found.trouble(folder, "target_not_found", f"{place}: {why}")
        return
    try:
        with os.scandir(base) as entries:
            ours = _ours(entries, place, folder)
            found.entries += islice(ours, MAX_ENTRIES)
            if next(ours, None):
                text = (
                    f"{place}: more than {MAX_ENTRIES} reports, not all are looked at; remove some"
                )
                found.trouble(folder, "partial", text)
    except OSError as error:
        found.trouble(folder, "target_not_found", f"{place}: {error.strerror}")
    finally:
        os.close(base)


def _ours(entries: Iterable[os.DirEntry[str]], place: str, folder: ReportFolder) -> Iterator[Entry]:
    for entry in entries:
        artifact = match(folder, entry.name)
        if artifact is None:
            continue
        with suppress(FileNotFoundError):  # gone meanwhile
            if not entry.is_dir(follow_symlinks=False):
                changed = entry.stat(follow_symlinks=False).st_ctime
                yield Entry(changed, f"{place}/{entry.name}", folder, artifact)


def _look(path: str, folder: ReportFolder, artifact: str) -> Waiting | None:
    """Open a file as hostile; ``None`` when it is gone."""
    place, _, name = path.rpartition("/")
    order = Order(
        tool=folder.tool,
        artifact=artifact or folder.artifact,
        fallback=name.split(".", 1)[0],
        kind=folder.artifact_type,
    )
    try:
        base = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        owner = os.fstat(base).st_uid
        status = os.stat(name, dir_fd=base, follow_symlinks=False)
        problem = _objection(status, (0, os.geteuid(), owner, *folder.owners))
        descriptor = -1
        if not problem:
            descriptor = os.open(name, flags, dir_fd=base)
            status = os.fstat(descriptor)
            problem = _objection(status, (0, os.geteuid(), owner, *folder.owners))
            if problem:
                os.close(descriptor)
                descriptor = -1
    except OSError:
        return None
    finally:
        os.close(base)
    stamp = f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
    return Waiting(path, folder, order, stamp, descriptor, problem)


def _objection(status: os.stat_result, owners: tuple[int, ...]) -> str:
    """Return why a file must not be read, ``""`` if it may."""
    if not stat.S_ISREG(status.st_mode):
        return "no plain file; remove it"
    if status.st_nlink != 1:
        return "has several names; remove all but one"
    if status.st_uid not in owners:
        return f"belongs to uid {status.st_uid}; name the user in 'owners' if that is right"
    if status.st_mode & stat.S_IWOTH:
        return "writable for everybody; chmod o-w"
    return ""


def _close(one: Waiting | None) -> None:
    if one is not None and one.descriptor >= 0:
        os.close(one.descriptor)


def _pattern(files: str) -> re.Pattern[str]:
    parts = re.split(r"(\{artifact\}|\*|\?)", files)
    special: Mapping[str, str] = {_MARK: "(?P<artifact>.+?)", "*": ".*", "?": "."}
    return re.compile("".join(special.get(part, re.escape(part)) for part in parts))
