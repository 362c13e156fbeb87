"""What a transaction is about to do, on disk before it is done, so that it can be undone.

The journal lies in a folder of its own in the Wazuh home, which only root can write to. As long
as it is called ``journal.json`` the transaction can be undone and, when nobody is at work, must
be: :func:`recover`. Renaming it to ``committed.json`` makes the transaction final.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, cast

from wazuh_pack.errors import InstallError
from wazuh_pack.install.fs import FileState, FolderState, Tree, sha256, temporary_name
from wazuh_pack.install.record import (
    check_private,
    digest,
    inner_path,
    mode,
    state_from_json,
    state_to_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wazuh_pack.install.target import Target

FOLDER = PurePosixPath(".wazuh-pack-transaction")
JOURNAL = FOLDER / "journal.json"
COMMITTED = FOLDER / "committed.json"
_FORMAT = 1

Action = Literal["write", "remove", "chmod", "mkdir", "rmdir", "compile"]
"""``compile`` is Wazuh's doing: what it makes of a list of ours as soon as it reads it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One change, with what it takes to undo it.

    ``before`` and ``after`` are the states of a file; ``folder`` that of a folder that goes away.
    ``saved`` is the name in :data:`FOLDER` under which the old content lies.
    """

    action: Action
    path: PurePosixPath
    before: FileState | None = None
    after: FileState | None = None
    folder: FolderState | None = None
    saved: str = ""


def refuse_pending(tree: Tree) -> None:
    """Raise InstallError when an earlier run was interrupted and its traces are still there."""
    if tree.folder(FOLDER) is not None:
        raise InstallError(
            f"an earlier run in {tree.home} was interrupted, or another one is at work",
            hint="repair it first: install and uninstall do so before they plan",
        )


def recover(target: Target) -> tuple[str, ...]:
    """Undo an interrupted run, or tidy up after a finished one; do nothing when there is neither.

    Returns:
        What was done, one line each, for the user.

    Raises:
        InstallError: Another installer is at work, or the journal is damaged or not trustworthy.
    """
    with Tree(target.home) as tree:
        if tree.folder(FOLDER) is None:
            return ()
        tree.lock()
        if not target.staged:
            check_private(tree, FOLDER)
        said: tuple[str, ...] = ()
        loaded = tree.load(JOURNAL)
        if loaded is not None:
            operations = _read(loaded[0], target)
            kept = roll_back(tree, operations, privileged=target.privileged)
            said = ("an interrupted run was undone", *kept)
        discard(tree)
        return said


def write(tree: Tree, operations: Sequence[Operation]) -> None:
    """Put the journal on disk."""
    data = {"format": _FORMAT, "operations": [_to_json(operation) for operation in operations]}
    tree.write(JOURNAL, json.dumps(data, indent=1).encode(), mode=0o600, ids=None)


def commit(tree: Tree) -> None:
    """Make the transaction final."""
    tree.rename(JOURNAL, COMMITTED.name)


def is_committed(tree: Tree) -> bool:
    """Say whether the transaction is final, so that undoing it would tear it."""
    return tree.state(COMMITTED) is not None


def discard(tree: Tree) -> None:
    """Remove the journal and what was saved; the journal first, so that it is never half there."""
    tree.remove(JOURNAL)
    for name in tree.names(FOLDER):
        tree.remove(FOLDER / name)
    tree.remove_folder(FOLDER)


def roll_back(tree: Tree, operations: Sequence[Operation], *, privileged: bool) -> tuple[str, ...]:
    """Undo operations, the last first, whether or not they had been done.

    A file that is neither as it was before nor as the operation left it was changed by somebody
    else in the meantime: it is left alone and named in the result.
    """
    kept = []
    for operation in reversed(operations):
        if operation.action in {"write", "remove"}:
            tree.remove(operation.path.with_name(temporary_name(operation.path.name)))
        if not _UNDO[operation.action](tree, operation, privileged):
            kept.append(f"{operation.path} was changed since and stays as it is")
    return tuple(kept)


def _undo_write(tree: Tree, operation: Operation, privileged: bool) -> bool:
    present = tree.state(operation.path)
    if present == operation.before:
        return True
    after = operation.after
    if present is not None and (after is None or present.sha256 != after.sha256):
        return False
    if operation.before is None:
        tree.remove(operation.path)
        return True
    saved = FOLDER / operation.saved
    content = tree.read(saved)
    if sha256(content) != operation.before.sha256:
        raise InstallError(f"{tree.home / saved} is damaged; {operation.path} is not restored")
    tree.write(
        operation.path,
        content,
        mode=operation.before.mode,
        ids=_ids(operation.before, privileged=privileged),
        like=saved,
    )
    return True


def _undo_chmod(tree: Tree, operation: Operation, privileged: bool) -> bool:
    before, present = operation.before, tree.state(operation.path)
    if before is None or present is None or present.sha256 != before.sha256:
        return present == before
    if present != before:
        ids = _ids(before, privileged=privileged)
        tree.change(operation.path, mode=before.mode, ids=ids)
    return True


def _undo_mkdir(tree: Tree, operation: Operation, privileged: bool) -> bool:  # noqa: ARG001 one signature
    return tree.remove_folder(operation.path)


def _undo_rmdir(tree: Tree, operation: Operation, privileged: bool) -> bool:
    folder = operation.folder
    if folder is not None:
        ids = (folder.uid, folder.gid) if privileged else None
        tree.make_folder(operation.path, mode=folder.mode, ids=ids)
        # An earlier repair may have been killed between making it and giving it its mode.
        if tree.folder(operation.path) != folder:
            tree.set_folder(operation.path, mode=folder.mode, ids=ids)
    return True


def _undo_compile(tree: Tree, operation: Operation, privileged: bool) -> bool:  # noqa: ARG001 one signature
    if tree.state(operation.path) is not None:
        tree.remove(operation.path)
    return True


_UNDO: Mapping[Action, Callable[[Tree, Operation, bool], bool]] = {
    "write": _undo_write,
    "remove": _undo_write,
    "chmod": _undo_chmod,
    "mkdir": _undo_mkdir,
    "rmdir": _undo_rmdir,
    "compile": _undo_compile,
}


def _ids(state: FileState, *, privileged: bool) -> tuple[int, int] | None:
    return (state.uid, state.gid) if privileged else None


def _to_json(operation: Operation) -> dict[str, object]:
    folder = operation.folder
    return {
        "action": operation.action,
        "path": str(operation.path),
        "before": state_to_json(operation.before),
        "after": state_to_json(operation.after),
        "folder": folder and {"mode": f"{folder.mode:04o}", "uid": folder.uid, "gid": folder.gid},
        "saved": operation.saved,
    }


def _from_json(data: Mapping[str, Any]) -> Operation:
    if data["action"] not in _UNDO:
        raise ValueError(f"action {data['action']!r}")
    folder = data["folder"]
    return Operation(
        action=cast("Action", data["action"]),
        path=inner_path(data["path"]),
        before=state_from_json(data["before"]),
        after=state_from_json(data["after"]),
        folder=folder
        and FolderState(mode(folder["mode"]), uid=int(folder["uid"]), gid=int(folder["gid"])),
        saved=digest(data["saved"]) if data["saved"] else "",
    )


def _read(text: bytes, target: Target) -> tuple[Operation, ...]:
    try:
        return _operations(json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InstallError(
            f"{target.home / JOURNAL} is damaged ({error})",
            hint="compare the files it names with those saved beside it, then remove the folder",
        ) from error


def _operations(data: Mapping[str, Any]) -> tuple[Operation, ...]:
    if data["format"] != _FORMAT:
        raise ValueError(f"format {data['format']!r}")
    return tuple(_from_json(operation) for operation in data["operations"])
