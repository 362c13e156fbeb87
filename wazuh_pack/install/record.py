"""RECORD.json: what was installed, and what was there before.

Root acts on this file, so it is believed only when nobody else can have written it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from wazuh_pack.errors import InstallError
from wazuh_pack.install.fs import PERMISSIONS, FileState, Tree
from wazuh_pack.install.source import STATE_FOLDER, Kind, Owner, Policy, is_inner_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.install.target import Target

RECORD = STATE_FOLDER / "RECORD.json"
BACKUPS = STATE_FOLDER / "backup"
"""Copies of files that are not ours, called by the SHA-256 of their content."""
RECORD_MODE = 0o640
_FORMAT = 1
_OTHERS_MAY_WRITE = 0o022


@dataclass(frozen=True, slots=True)
class Entry:
    """One installed file: what we wrote, and what stood there before us.

    ``sha256`` and ``size`` are of the content that we wrote; a ``create-once`` file may have
    changed since. ``original`` is the file that ours took the place of, None when there was none.
    """

    path: PurePosixPath
    sha256: str
    size: int
    mode: int
    owner: Owner
    policy: Policy
    kind: Kind
    original: FileState | None = None
    group: str = "wazuh"


@dataclass(frozen=True, slots=True)
class Record:
    """What is installed in a Wazuh home.

    ``folders`` are those that we created. ``conf`` is the state that ossec.conf was in before our
    first edit, None when it was never edited; ``regions`` are our parts of it and ``pieces`` the
    digests of what we wrote there (:func:`~wazuh_pack.install.withdraw.written`). ``owners_set`` is
    false when owners could not be given, as in a tree staged by an ordinary user.
    """

    version: str
    files: tuple[Entry, ...] = ()
    folders: tuple[PurePosixPath, ...] = ()
    conf: FileState | None = None
    regions: tuple[str, ...] = ()
    pieces: tuple[str, ...] = ()
    options: Mapping[str, str | bool | tuple[str, ...]] = field(default_factory=dict)
    owners_set: bool = True

    def entry(self, path: PurePosixPath) -> Entry | None:
        """Return the entry of a path, None when we did not install it."""
        return next((entry for entry in self.files if entry.path == path), None)

    def dump(self) -> bytes:
        """Return the file's bytes, the same for the same record."""
        data = {
            "format": _FORMAT,
            "version": self.version,
            "options": dict(self.options),
            "owners_set": self.owners_set,
            "conf": state_to_json(self.conf),
            "regions": list(self.regions),
            "pieces": list(self.pieces),
            "folders": sorted(map(str, self.folders)),
            "files": [_entry_to_json(entry) for entry in sorted(self.files, key=_path)],
        }
        return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def read_record(target: Target) -> Record | None:
    """Return the record of a Wazuh home, None when the pack is not installed there.

    Raises:
        InstallError: It is damaged, or somebody other than root could have written it.
    """
    with Tree(target.home) as tree:
        if not target.staged:
            check_private(tree, STATE_FOLDER)
        loaded = tree.load(RECORD)
        if loaded is None:
            return None
        if not target.staged:
            _check_owner(tree, RECORD, loaded[1].uid, loaded[1].mode)
    try:
        return _from_json(json.loads(loaded[0]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InstallError(
            f"{target.home / RECORD} is damaged ({error})",
            hint="restore it from a backup, or remove it to install afresh",
        ) from error


def check_private(tree: Tree, folder: PurePosixPath) -> None:
    """Check that only root, or the user we run as, can have put something into a folder.

    Raises:
        InstallError: Somebody else can.
    """
    state = tree.folder(folder)
    if state is not None:
        _check_owner(tree, folder, state.uid, state.mode)


def _check_owner(tree: Tree, path: PurePosixPath, uid: int, mode: int) -> None:
    if uid not in {0, os.geteuid()} or mode & _OTHERS_MAY_WRITE:
        raise InstallError(
            f"{tree.home / path} can be written by others (uid {uid}, mode {mode:04o})",
            hint="find out who changed it; what is in it is not trusted",
        )


def state_to_json(state: FileState | None) -> dict[str, object] | None:
    """Return a file state as JSON-able data."""
    if state is None:
        return None
    return {
        "sha256": state.sha256,
        "size": state.size,
        "mode": f"{state.mode:04o}",
        "uid": state.uid,
        "gid": state.gid,
    }


def state_from_json(data: Mapping[str, Any] | None) -> FileState | None:
    """Return the file state of JSON data.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    if data is None:
        return None
    return FileState(
        sha256=digest(data["sha256"]),
        size=int(data["size"]),
        mode=mode(data["mode"]),
        uid=int(data["uid"]),
        gid=int(data["gid"]),
    )


def inner_path(text: str) -> PurePosixPath:
    """Return a path from a file that is only trusted to be ours.

    Raises:
        ValueError: It is absolute or leaves the Wazuh home.
    """
    path = PurePosixPath(text)
    if not is_inner_path(path):
        raise ValueError(f"path {text!r}")
    return path


def digest(text: str) -> str:
    """Return a SHA-256 in hexadecimal.

    Raises:
        ValueError: It is none; as a file name it could be any path.
    """
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):  # noqa: PLR2004 hexadecimal digits of SHA-256
        raise ValueError(f"digest {text!r}")
    return text


def mode(text: str) -> int:
    """Return the permission bits written as octal text.

    Raises:
        ValueError: It is not octal, or has more than the nine bits for reading, writing, running.
    """
    bits = int(text, 8)
    if not 0 <= bits <= PERMISSIONS:
        raise ValueError(f"mode {text!r}")
    return bits


def _path(entry: Entry) -> str:
    return str(entry.path)


def _entry_to_json(entry: Entry) -> dict[str, object]:
    return {
        "path": str(entry.path),
        "sha256": entry.sha256,
        "size": entry.size,
        "mode": f"{entry.mode:04o}",
        "owner": entry.owner,
        "group": entry.group,
        "policy": entry.policy,
        "kind": entry.kind.value,
        "original": state_to_json(entry.original),
    }


def _entry_from_json(data: Mapping[str, Any]) -> Entry:
    if data["owner"] not in {"root", "wazuh"} or data["policy"] not in {"replace", "create-once"}:
        raise ValueError("owner or policy")
    return Entry(
        path=inner_path(data["path"]),
        sha256=digest(data["sha256"]),
        size=int(data["size"]),
        mode=mode(data["mode"]),
        owner=cast("Owner", data["owner"]),
        policy=cast("Policy", data["policy"]),
        kind=Kind(data["kind"]),
        original=state_from_json(data["original"]),
        group=str(data["group"]),
    )


def _from_json(data: Mapping[str, Any]) -> Record:
    if data["format"] != _FORMAT:
        raise ValueError(f"format {data['format']!r}")
    return Record(
        version=str(data["version"]),
        files=tuple(_entry_from_json(entry) for entry in data["files"]),
        folders=tuple(inner_path(text) for text in data["folders"]),
        conf=state_from_json(data["conf"]),
        regions=tuple(str(kind) for kind in data["regions"]),
        pieces=tuple(str(piece) for piece in data.get("pieces", ())),
        options={
            str(name): tuple(value) if isinstance(value, list) else value
            for name, value in data["options"].items()
        },
        owners_set=bool(data["owners_set"]),
    )
