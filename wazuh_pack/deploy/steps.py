"""The steps of a deployment, and the plan: pure data that can be shown before it is applied."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from wazuh_pack.diagnostics import Severity
from wazuh_pack.install import EditConf
from wazuh_pack.install.fs import FileState, sha256
from wazuh_pack.install.steps import Ownership

if TYPE_CHECKING:
    from wazuh_pack.deploy.manager import Node
    from wazuh_pack.diagnostics import Diagnostic
    from wazuh_pack.install.source import Kind

Activation = Literal["reload", "restart"]

_CONF = PurePosixPath("etc/ossec.conf")


@dataclass(frozen=True, slots=True)
class Upload:
    """Write a file; ``before`` is what is there now, None for nothing."""

    kind: Kind
    path: PurePosixPath
    content: bytes = field(repr=False)
    before: bytes | None = field(repr=False)
    note: str = ""

    @property
    def verb(self) -> str:
        """``create`` or ``replace``."""
        return "create" if self.before is None else "replace"

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        return f"{len(self.content)} bytes" + (f"; {self.note}" if self.note else "")


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a file of ours that this version of the pack no longer has."""

    kind: Kind
    path: PurePosixPath
    before: bytes = field(repr=False)
    verb: Literal["remove"] = "remove"

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        return "ours, no longer in the pack"


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave a file alone."""

    path: PurePosixPath
    reason: str
    verb: Literal["keep"] = "keep"

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        return self.reason


@dataclass(frozen=True, slots=True)
class WriteConf:
    """Replace ossec.conf of a node (None: of a manager that is in no cluster)."""

    node: str | None
    before: bytes = field(repr=False)
    content: bytes = field(repr=False)
    verb: Literal["edit"] = "edit"

    @property
    def path(self) -> PurePosixPath:
        """The file's path, with the node in front."""
        return PurePosixPath(f"{self.node}:{_CONF}") if self.node else _CONF

    def detail(self) -> str:
        """Return what a reader should know beyond the path."""
        return self._edit().detail()

    def diff(self) -> list[str]:
        """Return the changed lines, secrets masked."""
        return self._edit().diff()

    def _edit(self) -> EditConf:
        """Return the edit as the installer would show it; there are no owners over the API."""
        state = FileState(sha256(self.before), len(self.before), 0o660, 0, 0)
        access = Ownership(0o660, "root", "wazuh", None)
        return EditConf(_CONF, state, self.before, self.content, access)


Change = Upload | Delete | WriteConf
Step = Change | Keep


@dataclass(frozen=True, slots=True)
class DeployPlan:
    """What a deployment will do, in this order.

    ``rule_ids`` and ``names`` (files, lists) are what a log line of ours would name. ``beyond``
    says what the pack has and the API cannot carry.
    """

    url: str
    version: str
    nodes: tuple[Node, ...]
    steps: tuple[Step, ...]
    activation: Activation
    rule_ids: frozenset[int]
    names: frozenset[str]
    findings: tuple[Diagnostic, ...] = ()
    beyond: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """The steps that change something."""
        return tuple(step for step in self.steps if not isinstance(step, Keep))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The findings that stand in the way."""
        return tuple(item for item in self.findings if item.severity is Severity.ERROR)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes

    def lines(self) -> list[str]:
        """Return the plan as text."""
        where = f"{self.url}, Wazuh {self.version}"
        if self.nodes:
            where += f", cluster of {', '.join(node.name for node in self.nodes)}"
        lines = [where]
        for step in self.steps:
            lines.append(f"  {step.verb:8}{step.path}  ({step.detail()})")
            if isinstance(step, WriteConf):
                lines += [f"          {line}" for line in step.diff()]
        lines += [f"  {item}" for item in self.findings]
        lines += [f"  not over the API: {text}" for text in self.beyond]
        if self.is_empty:
            return [*lines, "nothing to change"]
        return [*lines, f"{len(self.changes)} changes, then {self.activation}"]

    def as_json(self) -> dict[str, Any]:
        """Return the plan for machines."""
        return {
            "action": "deploy",
            "url": self.url,
            "version": self.version,
            "nodes": [node.name for node in self.nodes],
            "steps": [
                {"verb": step.verb, "path": str(step.path), "detail": step.detail()}
                for step in self.steps
            ],
            "activation": None if self.is_empty else self.activation,
            "findings": [str(item) for item in self.findings],
            "not_over_the_api": list(self.beyond),
        }
