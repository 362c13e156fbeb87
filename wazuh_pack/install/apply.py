"""Carries out a plan as one transaction: all of it, or nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from wazuh_pack.errors import InstallError
from wazuh_pack.install import journal
from wazuh_pack.install.fs import FileState, Tree, sha256
from wazuh_pack.install.journal import FOLDER, Operation
from wazuh_pack.install.plan import compiled_from
from wazuh_pack.install.record import RECORD, RECORD_MODE
from wazuh_pack.install.source import LAYOUT, Kind
from wazuh_pack.install.steps import (
    ChangeMode,
    CreateFile,
    EditConf,
    KeepFile,
    MakeFolder,
    Ownership,
    Plan,
    RemoveFile,
    RemoveFolder,
    ReplaceFile,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import PurePosixPath

BACKUP_MODE = 0o600
_PRIVATE = 0o700
_OF_A_TREE = 0o755
_LISTS = LAYOUT[Kind.LIST].folder


@dataclass(frozen=True, slots=True)
class _Job:
    """An operation for the journal and what carries it out."""

    operation: Operation
    run: Callable[[Tree], object]


def apply(plan: Plan, *, prove: Callable[[], None] | None = None) -> None:
    """Carry out ``plan``; when this returns, everything is in place and synced to disk.

    What is there is saved and the whole transaction is written down before the first change. If
    anything fails, an exception from ``prove`` and Ctrl-C included, the old state is restored and
    the error is raised on. If the process is killed, the next run restores it
    (:func:`~wazuh_pack.install.journal.recover`). RECORD.json is written last, or removed last.

    Args:
        plan: The plan; the tree must still be as it was when the plan was made.
        prove: Called when all files are in place, before RECORD.json is written; it raises to
            have everything undone.

    Raises:
        InstallError: The plan has errors, the tree changed since, another installer is at work,
            or a change failed; the tree is as it was before.
    """
    if plan.errors:
        first = plan.errors[0]
        raise InstallError(first.message, at=first.at, hint=first.hint)
    if plan.is_empty:
        return
    home = plan.target.home
    try:
        if plan.target.staged:
            for folder in (*reversed(home.parents), home):
                folder.mkdir(mode=_OF_A_TREE, exist_ok=True)
        with Tree(home) as tree:
            tree.lock()
            journal.refuse_pending(tree)
            _check_unchanged(tree, plan)
            _run(tree, plan, prove=prove)
    except OSError as error:
        raise InstallError(
            f"cannot write to {error.filename or home}: {error.strerror}",
            hint="nothing was changed, or all was restored",
        ) from error


def _run(tree: Tree, plan: Plan, *, prove: Callable[[], None] | None) -> None:
    jobs = list(_jobs(tree, plan))
    last = next(index for index, job in enumerate(jobs) if job.operation.path == RECORD)
    operations = [job.operation for job in jobs]
    try:
        tree.make_folder(FOLDER, mode=_PRIVATE, ids=None)
        for operation in operations:
            _save(tree, operation)
        journal.write(tree, operations)
        for index, job in enumerate(jobs):
            if index == last and prove is not None:
                prove()
            _do(tree, job)
        journal.commit(tree)
    except BaseException as error:
        if not journal.is_committed(tree):
            _restore(tree, operations, error, privileged=plan.target.privileged)
        raise
    journal.discard(tree)


def _leave_to_wazuh(_: Tree) -> None:
    """Do nothing: it is only to be undone."""


def _do(tree: Tree, job: _Job) -> None:
    try:
        job.run(tree)
    except OSError as error:
        raise InstallError(
            f"cannot {job.operation.action} {tree.home / job.operation.path}: {error.strerror}",
            hint="everything was restored",
        ) from error


def _restore(
    tree: Tree, operations: list[Operation], error: BaseException, *, privileged: bool
) -> None:
    """Undo everything; raise only if that is not the whole truth."""
    try:
        kept = journal.roll_back(tree, operations, privileged=privileged)
        journal.discard(tree)
    except (OSError, InstallError) as failure:
        raise InstallError(
            f"{error}; not all of the old state could be restored: {failure}",
            hint=f"run again to repair it; the saved files are in {tree.home / FOLDER}",
        ) from error
    if kept:
        raise InstallError(f"{error}; the old state is restored, but {'; '.join(kept)}") from error


def _save(tree: Tree, operation: Operation) -> None:
    if operation.saved:
        content = tree.read(operation.path)
        saved = FOLDER / operation.saved
        tree.write(saved, content, mode=BACKUP_MODE, ids=None, like=operation.path)


def _jobs(tree: Tree, plan: Plan) -> Iterator[_Job]:
    """Yield what is to be done, in order: RECORD.json last, but for folders that go away."""
    makes = [step for step in plan.steps if isinstance(step, MakeFolder)]
    goes = [step for step in plan.steps if isinstance(step, RemoveFolder)]
    for make in makes:
        yield _make_job(make)
    private = Ownership(BACKUP_MODE, "root", "root", (0, 0) if plan.target.privileged else None)
    for path, content in plan.backups:
        yield _write_job(path, None, content, private)
    for step in plan.steps:
        if isinstance(step, CreateFile) and _LISTS in step.path.parents:
            compiled = compiled_from(step.path)
            if tree.state(compiled) is None:
                yield _Job(Operation("compile", compiled), _leave_to_wazuh)
        job = _file_job(step)
        if job is not None:
            yield job
    yield _record_job(plan)
    for go in goes:
        yield _Job(
            Operation("rmdir", go.path, folder=tree.folder(go.path)),
            partial(Tree.remove_folder, path=go.path),
        )


def _file_job(step: Step) -> _Job | None:
    match step:
        case CreateFile():
            return _write_job(step.path, None, step.content, step.access)
        case ReplaceFile() | EditConf():
            return _write_job(step.path, step.before, step.content, step.access)
        case RemoveFile():
            return _remove_job(step.path, step.before)
        case ChangeMode():
            after = _after(step.before.sha256, step.before.size, step.access)
            return _Job(
                Operation("chmod", step.path, before=step.before, after=after),
                partial(Tree.change, path=step.path, mode=after.mode, ids=step.access.ids),
            )
        case MakeFolder() | RemoveFolder() | KeepFile():
            return None


def _record_job(plan: Plan) -> _Job:
    before = plan.record_before
    if plan.record is None:
        if before is None:
            raise InstallError("the pack is not installed here")
        return _remove_job(RECORD, before)
    access = Ownership(RECORD_MODE, "root", "wazuh", plan.target.ids("root"))
    return _write_job(RECORD, before, plan.record.dump(), access)


def _make_job(step: MakeFolder) -> _Job:
    return _Job(
        Operation("mkdir", step.path),
        partial(Tree.make_folder, path=step.path, mode=step.access.mode, ids=step.access.ids),
    )


def _write_job(
    path: PurePosixPath, before: FileState | None, content: bytes, access: Ownership
) -> _Job:
    operation = Operation(
        "write",
        path,
        before=before,
        after=_after(sha256(content), len(content), access),
        saved=_saved_name(path) if before else "",
    )
    write = partial(
        Tree.write,
        path=path,
        content=content,
        mode=access.mode,
        ids=access.ids,
        like=path if before else None,
    )
    return _Job(operation, write)


def _remove_job(path: PurePosixPath, before: FileState) -> _Job:
    operation = Operation("remove", path, before=before, saved=_saved_name(path))
    return _Job(operation, partial(Tree.remove, path=path))


def _after(digest: str, size: int, access: Ownership) -> FileState:
    uid, gid = access.ids or (os.geteuid(), os.getegid())
    return FileState(digest, size, access.mode, uid, gid)


def _saved_name(path: PurePosixPath) -> str:
    return sha256(str(path).encode())


def _check_unchanged(tree: Tree, plan: Plan) -> None:
    """Raise InstallError unless the tree is as it was when the plan was made."""
    for step in plan.steps:
        if not _is_as_planned(tree, step):
            raise _changed(plan, step.path)
    if tree.state(RECORD) != plan.record_before:
        raise _changed(plan, RECORD)


def _is_as_planned(tree: Tree, step: Step) -> bool:
    match step:
        case MakeFolder():
            return tree.folder(step.path) is None
        case CreateFile():
            return tree.state(step.path) is None
        case ReplaceFile() | EditConf() | RemoveFile() | ChangeMode():
            return tree.state(step.path) == step.before
        case KeepFile() | RemoveFolder():
            return True


def _changed(plan: Plan, path: PurePosixPath) -> InstallError:
    return InstallError(
        f"{plan.target.home / path} changed after the plan was made", hint="plan again"
    )
