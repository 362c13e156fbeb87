"""The plan of an uninstallation: every byte that we changed goes back, unless it changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.install import journal
from wazuh_pack.install.fs import Tree
from wazuh_pack.install.ossecconf import edited_regions, unmerge
from wazuh_pack.install.plan import access_of, steps_back
from wazuh_pack.install.record import BACKUPS, RECORD
from wazuh_pack.install.steps import (
    EditConf,
    KeepFile,
    MakeFolder,
    Ownership,
    Plan,
    RemoveFile,
    RemoveFolder,
    Step,
)
from wazuh_pack.install.target import CONF

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from wazuh_pack.install.record import Record
    from wazuh_pack.install.target import Target


def plan_uninstall(target: Target, record: Record, *, force: bool = False) -> Plan:
    """Return what must change for the pack to be gone from ``target``.

    Files that were changed since we wrote them stay, and the plan says so. Our part of ossec.conf
    is taken out; the rest of that file stays as it is now.

    Args:
        target: Where the pack is installed.
        record: What :func:`~wazuh_pack.install.record.read_record` says about it.
        force: Discard what was edited by hand in our part of ossec.conf (a backup stays).

    Raises:
        InstallError: An earlier run was interrupted and not repaired yet, our part of ossec.conf
            was edited, or a path is a link.
    """
    with Tree(target.home) as tree:
        journal.refuse_pending(tree)
        conf, extra = _conf_steps(tree, target, force=force)
        files = [step for entry in record.files for step in steps_back(tree, target, entry)]
        backups = _backup_steps(
            tree, record, kept={s.path for s in files if isinstance(s, KeepFile)}
        )
        removed = {s.path for s in (*files, *backups) if isinstance(s, RemoveFile)} | {RECORD}
        new = {path for path, _ in extra}
        folders = _folder_steps(tree, record, removed=removed, new=new)
        return Plan(
            action="uninstall",
            target=target,
            steps=(*conf, *files, *backups, *folders),
            record=None,
            record_before=tree.state(RECORD),
            record_changes=True,
            backups=extra,
        )


def _conf_steps(
    tree: Tree, target: Target, *, force: bool
) -> tuple[list[Step], tuple[tuple[PurePosixPath, bytes], ...]]:
    """Return the edit of ossec.conf, and what to back up because of it."""
    loaded = tree.load(CONF)
    if loaded is None:
        return [], ()
    content, before = loaded
    path = target.home / CONF
    rest = unmerge(content, path=path, force=force)
    if rest == content:
        return [], ()
    edit = EditConf(CONF, before, content, rest, access_of(before, target))
    if not edited_regions(content, path=path):
        return [edit], ()
    access = Ownership(0o700, "root", "wazuh", target.ids("root"))
    make = [] if tree.folder(BACKUPS) is not None else [MakeFolder(BACKUPS, access)]
    backup = BACKUPS / before.sha256
    extra = () if tree.state(backup) else ((backup, content),)
    return [*make, edit], extra


def _backup_steps(tree: Tree, record: Record, *, kept: set[PurePosixPath]) -> list[Step]:
    """Return the removal of the backups of originals, but for those of files that are kept."""
    originals = {e.original.sha256 for e in record.files if e.original and e.path not in kept}
    if record.conf:
        originals.add(record.conf.sha256)
    steps: list[Step] = []
    for name in tree.names(BACKUPS):
        path = BACKUPS / name
        state = tree.state(path)
        if name in originals and state is not None:
            steps.append(RemoveFile(path, state, "a backup of ours"))
        else:
            steps.append(KeepFile(path, "a version of a file that was not ours"))
    return steps


def _folder_steps(
    tree: Tree, record: Record, *, removed: set[PurePosixPath], new: set[PurePosixPath]
) -> list[Step]:
    """Return the removal of the folders that we made and that will be empty, innermost first."""
    steps: list[Step] = []
    gone = set(removed)
    for folder in sorted(record.folders, key=lambda path: len(path.parts), reverse=True):
        left = {folder / name for name in tree.names(folder)} - gone
        if tree.folder(folder) is None or left or any(folder in path.parents for path in new):
            continue
        gone.add(folder)
        steps.append(RemoveFolder(folder))
    return steps
