"""The steps of a plan, and the plan: pure data that can be shown before it is applied."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from wazuh_pack.diagnostics import Severity
from wazuh_pack.install.record import RECORD

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from wazuh_pack.diagnostics import Diagnostic
    from wazuh_pack.install.fs import FileState
    from wazuh_pack.install.record import Record
    from wazuh_pack.install.target import Target

_SECRET = re.compile(
    r"(<(?P<name>[\w.-]*(?:key|token|password|passphrase|secret|hook_url)[\w.-]*)[^<>]*>)"
    r"[^<]*(</(?P=name)>)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Owner, group and mode to set; ``ids`` is None when owners cannot be given."""

    mode: int
    owner: str
    group: str
    ids: tuple[int, int] | None

    def __str__(self) -> str:
        """Return ``0660 wazuh:wazuh``."""
        return f"{self.mode:04o} {self.owner}:{self.group}"


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """Create a folder."""

    path: PurePosixPath
    access: Ownership
    verb: Literal["mkdir"] = "mkdir"

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        return str(self.access)


@dataclass(frozen=True, slots=True)
class CreateFile:
    """Write a file where there is none."""

    path: PurePosixPath
    content: bytes = field(repr=False)
    access: Ownership
    verb: Literal["create"] = "create"

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        return f"{self.access}, {len(self.content)} bytes"


@dataclass(frozen=True, slots=True)
class ReplaceFile:
    """Put other content in the place of a file; ``reason`` says whose it was."""

    path: PurePosixPath
    before: FileState
    content: bytes = field(repr=False)
    access: Ownership
    reason: str
    verb: Literal["replace"] = "replace"

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        return f"{self.access}, {len(self.content)} bytes; {self.reason}"


@dataclass(frozen=True, slots=True)
class ChangeMode:
    """Set mode and owner of a file whose content is right."""

    path: PurePosixPath
    before: FileState
    access: Ownership
    verb: Literal["chmod"] = "chmod"

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        was = f"{self.before.mode:04o} {self.before.uid}:{self.before.gid}"
        return f"{self.access} (is {was})"


@dataclass(frozen=True, slots=True)
class KeepFile:
    """Leave a file alone although the plan's rule would touch it."""

    path: PurePosixPath
    reason: str
    verb: Literal["keep"] = "keep"

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        return self.reason


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Remove a file."""

    path: PurePosixPath
    before: FileState
    reason: str
    verb: Literal["remove"] = "remove"

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        return self.reason


@dataclass(frozen=True, slots=True)
class RemoveFolder:
    """Remove a folder that is empty by then."""

    path: PurePosixPath
    verb: Literal["rmdir"] = "rmdir"

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        return "made by wazuh-pack"


@dataclass(frozen=True, slots=True)
class EditConf:
    """Change ossec.conf; owner and mode stay."""

    path: PurePosixPath
    before: FileState
    old: bytes = field(repr=False)
    content: bytes = field(repr=False)
    access: Ownership
    verb: Literal["edit"] = "edit"

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        lines = self.diff()
        added = sum(line.startswith("+") for line in lines)
        removed = sum(line.startswith("-") for line in lines)
        return f"{added} lines added, {removed} removed; owner and mode stay"

    def diff(self) -> list[str]:
        """Return the changed lines, each with ``+`` or ``-``, places as ``@@`` lines.

        No unchanged line is shown and what looks like a secret is masked, because plans end up in
        build logs.
        """
        old, new = (
            data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
            for data in (self.old, self.content)
        )
        lines = list(difflib.unified_diff(old, new, lineterm="", n=0))[2:]
        return [_SECRET.sub(r"\1***\3", line) for line in lines]


Step = (
    MakeFolder
    | CreateFile
    | ReplaceFile
    | ChangeMode
    | KeepFile
    | RemoveFile
    | RemoveFolder
    | EditConf
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What :func:`~wazuh_pack.install.apply.apply` will do, in this order.

    ``record`` is the record afterwards, None when the pack is gone; ``record_before`` is the state
    of the present one's file. ``backups`` are contents that are not ours and are kept under the
    SHA-256 in their name.
    """

    action: Literal["install", "uninstall"]
    target: Target
    steps: tuple[Step, ...]
    record: Record | None
    record_before: FileState | None
    record_changes: bool
    backups: tuple[tuple[PurePosixPath, bytes], ...] = field(default=(), repr=False)
    findings: tuple[Diagnostic, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.record_changes and not self.changes

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if not isinstance(step, KeepFile))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The findings that stand in the way of applying the plan."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    def lines(self) -> list[str]:
        """Return the plan for a reader, one line a step, the ossec.conf diff below its step."""
        lines = []
        for step in self.steps:
            lines.append(f"{step.verb:<8}{step.path}  ({step.detail()})")
            if isinstance(step, EditConf):
                lines += [f"          {line}" for line in step.diff()]
        if any(self._owner_unset(step) for step in self.steps):
            lines.append(
                "note    owners stay as they are: they can be given by root only, and only"
                " where the user wazuh is known; RECORD.json says what they should be"
            )
        if self.record_changes:
            lines.append(f"{'record':<8}{RECORD}")
        lines += [str(finding) for finding in self.findings]
        return lines or ["nothing to do"]

    def as_json(self) -> dict[str, object]:
        """Return the plan as JSON-able data."""
        return {
            "action": self.action,
            "home": str(self.target.home),
            "staged": self.target.staged,
            "empty": self.is_empty,
            "steps": [_step_to_json(step) for step in self.steps],
            "findings": [
                {
                    "code": finding.code,
                    "severity": finding.severity.value,
                    "message": finding.message,
                    "at": str(finding.at) if finding.at else None,
                    "hint": finding.hint,
                }
                for finding in self.findings
            ],
        }

    @staticmethod
    def _owner_unset(step: Step) -> bool:
        return isinstance(step, (CreateFile, ReplaceFile)) and step.access.ids is None


def _step_to_json(step: Step) -> dict[str, object]:
    data: dict[str, object] = {
        "step": step.verb,
        "path": str(step.path),
        "detail": step.detail(),
    }
    if isinstance(step, (MakeFolder, CreateFile, ReplaceFile, ChangeMode, EditConf)):
        data["mode"] = f"{step.access.mode:04o}"
        data["owner"] = step.access.owner
        data["group"] = step.access.group
    if isinstance(step, EditConf):
        data["diff"] = step.diff()
    return data
