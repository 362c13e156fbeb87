"""Compares what should be on a manager with what its API says is there.

Planning changes nothing. The findings' codes ``WP66x`` are this package's.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wazuh_pack.deploy.manager import KINDS, Manager, Node
from wazuh_pack.deploy.steps import Activation, Delete, DeployPlan, Keep, Step, Upload, WriteConf
from wazuh_pack.diagnostics import Diagnostic, Severity
from wazuh_pack.errors import DeployError
from wazuh_pack.install import ConfBlock, Kind, PackFile, PackSource, merge_checked
from wazuh_pack.install.confblock import read_element
from wazuh_pack.install.conftext import parse
from wazuh_pack.install.target import NEWEST, version_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

OLDEST = (4, 4)
"""The first version whose API says whether the nodes of a cluster have the same rules."""
HOT_RELOAD = (4, 13)
"""The first version that loads rules anew without a restart."""

_ORDER = (Kind.LIST, Kind.DECODER, Kind.RULE)
_OURS = re.compile(r"9\d{3}-wazuh-pack-[a-z0-9-]+(_decoders)?\.xml")
_RULE_ID = re.compile(rb"<rule\s[^>]*\bid=\"(\d+)\"")
_ON_EVERY_NODE = frozenset({"command", "active-response", "integration"})
_LIST_LINE = re.compile(r'(?:"[\w\-: ]+"|[^:"\s]+):(?:"[\w\-: ]*"|[^:"]*)')
_MASKED = re.compile(rb">\s*\*{3,}\s*<")
_BEYOND = (
    "scripts (active-response/bin, wodles) and their configuration: put them on each host with the"
    " agent bundle (wazuh-pack bundle --agent), or run wazuh-pack install on the manager"
)
_NO_CONF = "ossec.conf was left alone: --conf adds the pack's lists, responses and log collection"


def make_plan(
    manager: Manager,
    source: PackSource,
    *,
    conf: bool = False,
    restart: bool = False,
    activate: bool = False,
    force: bool = False,
) -> DeployPlan:
    """Return what must change for ``source`` to be on a manager or cluster.

    Args:
        manager: The manager, or the master of the cluster.
        source: What to deploy; files that the API cannot carry are left out.
        conf: Also merge the pack's block into ossec.conf of every node.
        activate: Test and load the rules even if no file differs, as after a deployment that was
            killed before it did.
        restart: Restart instead of reloading, even if only rules change.
        force: Discard what was edited by hand in our part of ossec.conf.

    Raises:
        DeployError: The API does not answer as a supported manager's would, or belongs to a worker.
        InstallError: An ossec.conf is malformed or was edited in our part (without ``force``).
    """
    version = manager.version()
    numbers = _supported(version)
    nodes = manager.nodes()
    if nodes:
        asked = manager.asked_node()
        if not asked.is_master:
            raise DeployError(
                f"{manager.api.url} is the worker {asked.name}",
                hint=f"use the API of the master, {nodes[0].name}",
            )
    planner = _Planner(manager, source, nodes)
    planner.compare_files()
    planner.check_rule_ids()
    planner.check_configuration(conf=conf, force=force)
    plan = planner.finish(version, numbers, restart=restart, conf=conf)
    return replace(plan, activate=activate)


def _supported(version: str) -> tuple[int, int]:
    numbers = version_numbers(version)
    if not OLDEST <= numbers < (5, 0):
        raise DeployError(
            f"this manager says that it is Wazuh {version!r}",
            hint=f"the pack can be deployed to {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}",
        )
    return numbers


@dataclass(slots=True)
class _Planner:
    """Collects the steps of one plan."""

    manager: Manager
    source: PackSource
    nodes: tuple[Node, ...]
    steps: list[Step] = field(default_factory=list)
    removals: list[Step] = field(default_factory=list)
    conf_steps: list[Step] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    rule_ids: set[int] = field(default_factory=set)
    user_rules: set[int] = field(default_factory=set)

    def files(self, kind: Kind) -> list[PackFile]:
        return sorted(
            (file for file in self.source.files if file.kind is kind), key=lambda f: f.destination
        )

    def compare_files(self) -> None:
        """Plan lists, then decoders, then rules, so that what is named exists; removals last."""
        for kind in _ORDER:
            for file in self.files(kind):
                self._place(file)
            if kind is not Kind.LIST:
                self._drop_others(kind, self.manager.file_names(kind))
        self.removals.reverse()

    def _place(self, file: PackFile) -> None:
        content, note = file.read(), ""
        if file.kind is Kind.LIST:
            content, note = _list_for_api(file.destination, content)
        if file.kind is Kind.RULE:
            self.rule_ids.update(int(number) for number in _RULE_ID.findall(content))
        before = self.manager.find(file.kind, file.destination.name)
        if before is None:
            self.steps.append(Upload(file.kind, file.destination, content, None, note))
        elif same_text(before, content):
            return
        elif file.policy == "create-once":
            self.steps.append(Keep(file.destination, "yours to edit"))
        else:
            self.steps.append(Upload(file.kind, file.destination, content, before, note))

    def _drop_others(self, kind: Kind, present: frozenset[str]) -> None:
        wanted = {file.destination.name for file in self.files(kind)}
        folder = PurePosixPath("etc/rules" if kind is Kind.RULE else "etc/decoders")
        for name in sorted(present - wanted):
            before = self.manager.find(kind, name) if _OURS.fullmatch(name) else None
            if before is not None:
                self.removals.append(Delete(kind, folder / name, before))

    def check_rule_ids(self) -> None:
        """Find rules of the user's that have an id of ours; Wazuh would drop one of the two."""
        for number, name in sorted(self.manager.user_rules()):
            if _OURS.fullmatch(name):
                continue
            self.user_rules.add(number)
            if number in self.rule_ids:
                self.findings.append(
                    Diagnostic(
                        "WP660",
                        f"etc/rules/{name} has a rule {number}, which is an id of the pack's",
                        hint="give your rule another id",
                    )
                )

    def check_configuration(self, *, conf: bool, force: bool) -> None:
        """Plan the edit of every node's ossec.conf, or see that it loads what rules look up."""
        for node in self.nodes or (None,):
            name = node.name if node else None
            before = self.manager.configuration(name)
            path = Path(f"{name}:ossec.conf" if name else "ossec.conf")
            if conf:
                self._merge(name, before, path=path, block=self._block(node), force=force)
            else:
                self._check_lists(before, path)

    def _merge(
        self, node: str | None, before: bytes, *, path: Path, block: ConfBlock, force: bool
    ) -> None:
        if _MASKED.search(before):
            raise DeployError(
                f"the API shows secrets of {path} as asterisks; writing it back would lose them",
                hint="leave out --conf and edit the file on the manager",
            )
        merged = merge_checked(before, block, path=path, force=force)
        self.findings += merged.findings
        if merged.data != before:
            self.conf_steps.append(WriteConf(node, before, merged.data))

    def _block(self, node: Node | None) -> ConfBlock:
        """Return a node's block: logs are collected once, by the master."""
        block = self.source.conf
        if node is None or node.is_master:
            return block
        kept = tuple(text for text in block.elements if read_element(text).name in _ON_EVERY_NODE)
        return ConfBlock(version=block.version, elements=kept, lists=block.lists)

    def _check_lists(self, conf: bytes, path: Path) -> None:
        text = parse(conf, path)
        loaded = {
            posixpath.normpath("/" + (child.node.text or "").strip()).lstrip("/")
            for ruleset in text.sections("ruleset")
            for child in text.children(ruleset)
            if child.name == "list"
        }
        missing = [name for name in self.source.conf.lists if name not in loaded]
        if missing:
            lines = "".join(f"<list>{name}</list>" for name in missing)
            self.findings.append(
                Diagnostic(
                    "WP661",
                    f"{path} does not load {', '.join(missing)}; Wazuh would drop the rules that"
                    " look there",
                    hint=f"use --conf, or put {lines} into its <ruleset>",
                )
            )

    def finish(
        self, version: str, numbers: tuple[int, int], *, restart: bool, conf: bool
    ) -> DeployPlan:
        hot = numbers >= HOT_RELOAD and not restart and not self.conf_steps
        activation: Activation = "reload" if hot else "restart"
        if numbers > NEWEST:
            self.findings.append(
                Diagnostic(
                    "WP662",
                    f"the pack was not checked against Wazuh {version}",
                    severity=Severity.WARNING,
                )
            )
        names = {file.destination.name for file in self.source.files if file.kind in KINDS}
        names.update(step.path.name for step in self.removals)
        return DeployPlan(
            url=self.manager.api.url,
            version=version,
            nodes=self.nodes,
            steps=tuple(_in_order(self.steps, self.conf_steps, self.removals)),
            activation=activation,
            rule_ids=frozenset(self.rule_ids),
            names=frozenset(names),
            user_rules=frozenset(self.user_rules),
            findings=tuple(self.findings),
            beyond=(_BEYOND,) if conf else (_BEYOND, _NO_CONF),
        )


def _in_order(
    steps: Iterable[Step], conf_steps: Iterable[Step], removals: Iterable[Step]
) -> list[Step]:
    """Put ossec.conf after the lists that it names and before the rules that need them."""
    steps = list(steps)
    lists = [step for step in steps if step.path.parent == PurePosixPath("etc/lists")]
    others = [step for step in steps if step not in lists]
    return [*lists, *conf_steps, *others, *removals]


def _list_for_api(path: PurePosixPath, content: bytes) -> tuple[bytes, str]:
    """Return a list as the API takes it: it refuses lines that are no ``key:value``.

    analysisd skips such lines, so remarks may stand in the file but not in an upload.
    """
    kept, dropped = [], 0
    for line in content.decode().splitlines():
        if ":" in line:
            if not _LIST_LINE.fullmatch(line):
                raise DeployError(
                    f"the API would refuse a line of {path}: {line!r}",
                    hint='key:value, with quotes around a key that holds colons: "a:b":value',
                )
            kept.append(line)
        elif line.strip():
            dropped += 1
    note = f"without {dropped} remark{'s' if dropped > 1 else ''}" if dropped else ""
    return "".join(f"{line}\n" for line in kept).encode(), note


def same_text(one: bytes, other: bytes) -> bool:
    """Say whether two files are equal but for line ends, which the API does not keep."""
    return one.replace(b"\r\n", b"\n") == other.replace(b"\r\n", b"\n")
