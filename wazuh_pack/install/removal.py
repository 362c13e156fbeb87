"""The plan of an uninstallation: every byte that we changed goes back, unless it changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.install import journal
from wazuh_pack.install.fs import Tree
from wazuh_pack.install.ossecconf import edited_regions, unmerge
from wazuh_pack.install.plan import access_of, steps_away
from wazuh_pack.install.record import BACKUPS, RECORD
from wazuh_pack.install.source import Kind
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
from wazuh_pack.install.withdraw import Withdrawn, withdraw

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from wazuh_pack.install.record import Entry, Record
    from wazuh_pack.install.target import Target

_SCRIPTS = frozenset({Kind.RESPONSE, Kind.INTEGRATION, Kind.WODLE})
_FOR_SCRIPTS = frozenset({Kind.CONFIG, Kind.STATE})


def plan_uninstall(target: Target, record: Record, *, force: bool = False) -> Plan:
    """Return what must change for the pack to be gone from ``target``.

    What was changed since we wrote it stays, and the plan says so: files, and sections of our part
    of ossec.conf with the scripts and lists that they name. The rest of that part is taken out; the
    rest of that file stays as it is now.

    Args:
        target: Where the pack is installed.
        record: What :func:`~wazuh_pack.install.record.read_record` says about it.
        force: Discard what was edited by hand in our part of ossec.conf (a backup stays).

    Raises:
        InstallError: An earlier run was interrupted and not repaired yet, ossec.conf is malformed,
            or a path is a link.
    """
    with Tree(target.home) as tree:
        journal.refuse_pending(tree)
        conf, extra, rest = _conf_steps(tree, target, record, force=force)
        away = steps_away(tree, target, record.files, _needed(record, rest))
        files = [step for _, steps in away for step in steps]
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
    tree: Tree, target: Target, record: Record, *, force: bool
) -> tuple[list[Step], tuple[tuple[PurePosixPath, bytes], ...], Withdrawn]:
    """Return the edit of ossec.conf, what to back up because of it, and what the file says then."""
    loaded = tree.load(CONF)
    if loaded is None:
        return [], (), Withdrawn(b"")
    content, before = loaded
    path = target.home / CONF
    if force:
        rest = Withdrawn(unmerge(content, path=path))
    else:
        rest = withdraw(content, record.pieces, path=path)
    if rest.data == content:
        return [], (), rest
    steps: list[Step] = [EditConf(CONF, before, content, rest.data, access_of(before, target))]
    steps += [KeepFile(CONF, str(kept)) for kept in rest.kept]
    backup = BACKUPS / before.sha256
    if not force or not edited_regions(content, path=path) or tree.state(backup):
        return steps, (), rest
    access = Ownership(0o700, "root", "wazuh", target.ids("root"))
    make = [] if tree.folder(BACKUPS) is not None else [MakeFolder(BACKUPS, access)]
    return [*make, *steps], ((backup, content),), rest


def _needed(record: Record, conf: Withdrawn) -> dict[PurePosixPath, str]:
    """Return the files that ossec.conf still names without our part, and those that they need."""
    needed = {
        entry.path: f"{CONF.name} still names it"
        for entry in record.files
        if any(conf.names(name) for name in _names(entry))
    }
    if any(entry.path in needed and entry.kind in _SCRIPTS for entry in record.files):
        others = (entry.path for entry in record.files if entry.kind in _FOR_SCRIPTS)
        needed |= dict.fromkeys(others, "for a script that stays")
    return needed


def _names(entry: Entry) -> tuple[str, ...]:
    """Return how ossec.conf calls a file: scripts that Wazuh looks for by their name alone."""
    if entry.kind in {Kind.RESPONSE, Kind.INTEGRATION}:
        return str(entry.path), entry.path.name
    return (str(entry.path),) if entry.kind in {Kind.WODLE, Kind.LIST} else ()


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
