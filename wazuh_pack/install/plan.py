"""Compares what should be in a Wazuh home with what is there: the plan of an installation.

Planning changes nothing. :mod:`~wazuh_pack.install.removal` plans the way back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from wazuh_pack.diagnostics import Diagnostic, Severity
from wazuh_pack.errors import InstallError
from wazuh_pack.install import journal
from wazuh_pack.install.confblock import find_regions
from wazuh_pack.install.fs import FileState, Tree, sha256
from wazuh_pack.install.ossecconf import edited_regions, fragment, merge_checked, unmerge
from wazuh_pack.install.record import BACKUPS, RECORD, Entry, Record
from wazuh_pack.install.source import INTEGRATION_STATE, STATE_FOLDER, Kind, PackFile
from wazuh_pack.install.steps import (
    ChangeMode,
    CreateFile,
    EditConf,
    KeepFile,
    MakeFolder,
    Ownership,
    Plan,
    RemoveFile,
    ReplaceFile,
    Step,
)
from wazuh_pack.install.target import CONF, NEWEST, version_numbers
from wazuh_pack.install.withdraw import written
from wazuh_pack.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wazuh_pack.install.confblock import ConfBlock
    from wazuh_pack.install.source import Owner, PackSource
    from wazuh_pack.install.target import Target

BLOCK_FILE = STATE_FOLDER / "ossec-block.xml"
"""Where our part of ossec.conf goes in a staged tree that has no ossec.conf."""

_FOLDERS: dict[PurePosixPath, tuple[int, Owner]] = {
    PurePosixPath("etc"): (0o770, "wazuh"),
    PurePosixPath("etc/rules"): (0o770, "root"),
    PurePosixPath("etc/decoders"): (0o770, "root"),
    PurePosixPath("etc/lists"): (0o770, "root"),
    BACKUPS: (0o700, "root"),
    INTEGRATION_STATE: (0o700, "wazuh"),
}
"""Modes and owners of folders as Wazuh 4.14.7's own installer makes them."""
_LISTS = PurePosixPath("etc/lists")


def make_plan(
    source: PackSource, target: Target, record: Record | None, *, force: bool = False
) -> Plan:
    """Return what must change for ``source`` to be installed in ``target``.

    A file that was changed since we wrote it is written again, and the changed version is kept
    below ``etc/wazuh-pack/backup``; a ``create-once`` file is left alone. What an earlier
    installation brought and this one does not is removed.

    Args:
        source: What to install.
        target: Where.
        record: What :func:`~wazuh_pack.install.record.read_record` says about ``target``.
        force: Discard what was edited by hand in our part of ossec.conf (a backup is kept).

    Raises:
        InstallError: An earlier run was interrupted and not repaired yet, ossec.conf is malformed
            or missing or was edited in our part, or a path is a link.
    """
    with Tree(target.home) as tree:
        journal.refuse_pending(tree)
        planner = _Planner(target=target, tree=tree, record=record)
        for file in sorted(source.files, key=_by_destination):
            planner.place(file)
        planner.merge_conf(source.conf, force=force)
        planner.drop_others()
        return planner.finish(source)


def _by_destination(file: PackFile) -> str:
    return str(file.destination)


@dataclass(slots=True)
class _Planner:
    """Collects the steps of one plan."""

    target: Target
    tree: Tree
    record: Record | None
    folders: list[Step] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    conf_steps: list[Step] = field(default_factory=list)
    removals: list[Step] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    backups: dict[PurePosixPath, bytes] = field(default_factory=dict)
    placed: set[PurePosixPath] = field(default_factory=set)
    findings: tuple[Diagnostic, ...] = ()
    conf: FileState | None = None
    regions: tuple[str, ...] = ()
    pieces: tuple[str, ...] = ()

    def access(self, mode: int, owner: Owner) -> Ownership:
        return Ownership(mode=mode, owner=owner, group="wazuh", ids=self.target.ids(owner))

    def place(self, file: PackFile) -> None:
        """Plan one file."""
        self.placed.add(file.destination)
        content = file.read()
        known = self.record.entry(file.destination) if self.record else None
        loaded = self.tree.load(file.destination)
        access = self.access(file.mode, file.owner)
        self.make_parents(file.destination)
        if loaded is not None and file.policy == "create-once":
            self._leave(file, content, loaded[1], known)
            return
        original = known.original if known else None
        if loaded is None:
            self.steps.append(CreateFile(file.destination, content, access))
        else:
            present, before = loaded
            if known is None and before.sha256 != sha256(content):
                original = before
                self.back_up(present)
            if before.sha256 != sha256(content):
                reason = self._replaced(present, before, known)
                self.steps.append(ReplaceFile(file.destination, before, content, access, reason))
            elif not _has_access(before, access):
                self.steps.append(ChangeMode(file.destination, before, access))
        self.entries.append(_entry(file, content, original))

    def _leave(
        self, file: PackFile, content: bytes, before: FileState, known: Entry | None
    ) -> None:
        """Plan a ``create-once`` file that exists; an unedited configuration is renewed."""
        changed = before.sha256 != sha256(content)
        if known is None:
            if changed:
                self.steps.append(KeepFile(file.destination, "was here before, yours to edit"))
            else:
                self.entries.append(_entry(file, content, None))
        elif changed and file.kind is Kind.CONFIG and before.sha256 == known.sha256:
            access = self.access(file.mode, file.owner)
            reason = "an earlier version of ours"
            self.steps.append(ReplaceFile(file.destination, before, content, access, reason))
            self.entries.append(_entry(file, content, known.original))
        else:
            self.entries.append(known)
            news = "; our own text is another now" if known.sha256 != sha256(content) else ""
            if changed:
                self.steps.append(KeepFile(file.destination, f"yours to edit{news}"))

    def _replaced(self, present: bytes, before: FileState, known: Entry | None) -> str:
        """Keep a copy of what is not ours; return whose the replaced file was."""
        if known is not None and before.sha256 == known.sha256:
            return "an earlier version of ours"
        backup = self.back_up(present)
        whose = "changed since we wrote it" if known else "not ours"
        return f"{whose}; kept as {backup}"

    def back_up(self, content: bytes) -> PurePosixPath:
        path = BACKUPS / sha256(content)
        if self.tree.state(path) is None:
            self.backups[path] = content
        return path

    def make_parents(self, path: PurePosixPath) -> None:
        planned = {step.path for step in self.folders}
        for folder in reversed(path.parents[:-1]):
            if folder in planned or self.tree.folder(folder) is not None:
                continue
            mode, owner = _folder_access(folder)
            self.folders.append(MakeFolder(folder, self.access(mode, owner)))

    def drop_others(self) -> None:
        """Plan the removal of what an earlier installation brought and this one does not."""
        dropped = [e for e in self.record.files if e.path not in self.placed] if self.record else []
        for entry, steps in steps_away(self.tree, self.target, dropped, {}):
            self.removals += steps
            if entry.original and not _keeps(steps):
                self._forget(entry.original)

    def _forget(self, original: FileState) -> None:
        """Plan the removal of a backup whose file is back in place."""
        needed = {entry.original.sha256 for entry in self.entries if entry.original}
        if self.conf:
            needed.add(self.conf.sha256)
        path = BACKUPS / original.sha256
        state = self.tree.state(path)
        if state is not None and original.sha256 not in needed:
            self.removals.append(RemoveFile(path, state, "a backup that is back in place"))

    def merge_conf(self, block: ConfBlock, *, force: bool) -> None:
        """Plan the edit of ossec.conf."""
        loaded = self.tree.load(CONF)
        path = self.target.home / CONF
        if loaded is None:
            self._write_block(block)
            return
        content, before = loaded
        merged = merge_checked(content, block, path=path, force=force)
        self.findings = merged.findings
        self.regions = tuple(region.kind for region in find_regions(merged.data, path))
        self.pieces = written(merged.data, path=path)
        self.conf = self.record.conf if self.record else None
        if self.conf is None:
            original = unmerge(content, path=path)
            self.conf = FileState(
                sha256(original), len(original), before.mode, before.uid, before.gid
            )
            self.back_up(original)
        if merged.data == content:
            return
        if edited_regions(content, path=path):
            self.back_up(content)
        access = access_of(before, self.target)
        self.conf_steps.append(EditConf(CONF, before, content, merged.data, access))

    def _write_block(self, block: ConfBlock) -> None:
        """Lay our part of ossec.conf down where the file itself is still to come."""
        if not self.target.staged:
            raise InstallError(
                f"{self.target.home / CONF} does not exist", hint="is this Wazuh complete?"
            )
        file = PackFile(BLOCK_FILE, fragment(block), 0o640, "root", "replace", Kind.CONFIG)
        self.place(file)
        self.conf_steps.append(
            KeepFile(CONF, f"not in this tree; what belongs into it is in {BLOCK_FILE}")
        )

    def finish(self, source: PackSource) -> Plan:
        self.make_parents(RECORD)
        if self.backups:
            self.make_parents(next(iter(self.backups)))
        made = [step.path for step in self.folders]
        record = Record(
            version=source.version,
            files=tuple(self.entries),
            folders=tuple(dict.fromkeys((*(self.record.folders if self.record else ()), *made))),
            conf=self.conf,
            regions=self.regions,
            pieces=self.pieces,
            options=source.options,
            owners_set=self.target.wazuh_ids is not None,
        )
        before = self.tree.state(RECORD)
        return Plan(
            action="install",
            target=self.target,
            steps=(*self.folders, *self.steps, *self.conf_steps, *self.removals),
            record=record,
            record_before=before,
            record_changes=before is None or before.sha256 != sha256(record.dump()),
            backups=tuple(self.backups.items()),
            findings=(*_version_findings(self.target), *self.findings),
        )


def _version_findings(target: Target) -> Iterator[Diagnostic]:
    unknown = not any(version_numbers(target.version))
    if unknown and not target.staged:
        text = f"nothing tells which Wazuh this is ({target.version or 'no VERSION.json'})"
    elif version_numbers(target.version) > NEWEST:
        text = f"the pack was not checked against Wazuh {target.version}"
    else:
        return
    yield Diagnostic("WP620", text, at=Location(target.home), severity=Severity.WARNING)


def steps_away(
    tree: Tree, target: Target, entries: Iterable[Entry], needed: Mapping[PurePosixPath, str]
) -> list[tuple[Entry, list[Step]]]:
    """Return for each file the steps that take it away, or why it stays.

    A decoder stays with an edited rule file that uses it: analysisd 4.14.7 does not start with a
    rule whose ``<decoded_as>`` names an unknown decoder (``analysisd/rules.c``).

    Args:
        tree: The Wazuh home.
        target: The same, as a target.
        entries: The files.
        needed: Files that stay, and why.
    """
    planned: list[tuple[Entry, list[Step]]] = []
    for entry in entries:
        why = needed.get(entry.path)
        if why is None:
            planned.append((entry, steps_back(tree, target, entry)))
        else:
            planned.append((entry, [KeepFile(entry.path, why)]))
    rules = {
        entry.path.stem
        for entry, steps in planned
        if entry.kind is Kind.RULE and _keeps(steps) and tree.state(entry.path)
    }
    return [
        (
            entry,
            [KeepFile(entry.path, "a rule file that stays needs it")]
            if entry.kind is Kind.DECODER and entry.path.stem.removesuffix("_decoders") in rules
            else steps,
        )
        for entry, steps in planned
    ]


def steps_back(tree: Tree, target: Target, entry: Entry) -> list[Step]:
    """Return the steps that put back what stood where we installed a file.

    A file that was changed since is kept. Without an original the file is removed.
    """
    loaded = tree.load(entry.path)
    original = entry.original
    if loaded is None:
        gone = KeepFile(entry.path, "removed since we wrote it")
        return [gone] if original else []
    before = loaded[1]
    if before.sha256 != entry.sha256:
        return [KeepFile(entry.path, "changed since we wrote it; yours now")]
    if original is None:
        return [RemoveFile(entry.path, before, "ours"), *_compiled_back(tree, entry)]
    access = access_of(original, target)
    if original.sha256 != entry.sha256:
        content = tree.read(BACKUPS / original.sha256)
        if sha256(content) != original.sha256:
            raise InstallError(f"the backup of {entry.path} is damaged", hint="see RECORD.json")
        return [ReplaceFile(entry.path, before, content, access, "what was here before us")]
    return [] if _has_access(before, access) else [ChangeMode(entry.path, before, access)]


def compiled_from(path: PurePosixPath) -> PurePosixPath:
    """Return where analysisd puts what it compiles from a list."""
    return path.with_name(path.name + ".cdb")


def _compiled_back(tree: Tree, entry: Entry) -> list[Step]:
    path = compiled_from(entry.path)
    state = tree.state(path) if entry.kind is Kind.LIST else None
    return [RemoveFile(path, state, "compiled from a list of ours")] if state else []


def _keeps(steps: Iterable[Step]) -> bool:
    return any(isinstance(step, KeepFile) for step in steps)


def access_of(state: FileState, target: Target) -> Ownership:
    """Return mode, owner and group of a file as they are, to be kept or put back."""
    ids = (state.uid, state.gid) if target.privileged else None
    return Ownership(state.mode, str(state.uid), str(state.gid), ids)


def _has_access(state: FileState, access: Ownership) -> bool:
    return state.mode == access.mode and access.ids in {None, (state.uid, state.gid)}


def _folder_access(folder: PurePosixPath) -> tuple[int, Owner]:
    if folder.parent == _LISTS:
        return 0o770, "wazuh"
    return _FOLDERS.get(folder, (0o750, "root"))


def _entry(file: PackFile, content: bytes, original: FileState | None) -> Entry:
    return Entry(
        path=file.destination,
        sha256=sha256(content),
        size=len(content),
        mode=file.mode,
        owner=file.owner,
        policy=file.policy,
        kind=file.kind,
        original=original,
    )
