"""What must be right before anything is changed; every finding at once, nothing is touched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from wazuh_pack.diagnostics import Diagnostic, Severity
from wazuh_pack.errors import InstallError
from wazuh_pack.install.renumber import LAST_USER_ID, free_base
from wazuh_pack.install.source import Kind
from wazuh_pack.install.steps import CreateFile, EditConf, MakeFolder, ReplaceFile
from wazuh_pack.install.target import CONF
from wazuh_pack.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from wazuh_pack.install.managerconf import ManagerConf, RuleSeen
    from wazuh_pack.install.record import Record
    from wazuh_pack.install.source import PackSource
    from wazuh_pack.install.steps import Plan
    from wazuh_pack.install.target import Target

EMBEDDED_PYTHON = PurePosixPath("framework/python/bin/python3")
SPARE_BYTES = 32 * 1024 * 1024
"""What must stay free beyond what we write: a full disk stops Wazuh."""
_COPIES = 3
"""Of each file: the new one, the copy of the old one, the temporary one."""
_OTHERS = 0o007


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a preflight found: findings, and the ids of rules that are not ours."""

    findings: tuple[Diagnostic, ...]
    theirs: frozenset[int]


def inspect(
    plan: Plan,
    source: PackSource,
    record: Record | None,
    conf: ManagerConf,
    *,
    rules: frozenset[int],
    secrets: bool = False,
) -> Surroundings:
    """Return what stands in the way of a plan, beyond what planning itself found.

    Args:
        plan: The plan.
        source: What it installs.
        record: What is installed.
        conf: The manager's configuration.
        rules: The ids that our rules will have.
        secrets: Whether our part of ossec.conf holds a secret.
    """
    target = plan.target
    try:
        theirs = list(conf.rules(without=_our_rule_files(target, source, record), wanted=rules))
    except InstallError as error:
        theirs = []
        unreadable = [Diagnostic("WP631", error.message, at=error.at, hint=error.hint)]
    else:
        unreadable = []
    findings = [
        *unreadable,
        *_id_findings(theirs, rules, target),
        *_excluded(conf, source),
        *_disk(plan),
        *_access(plan),
        *_role(conf, target, source),
        *_python(target),
    ]
    if secrets:
        findings += _readable(plan)
    return Surroundings(tuple(findings), frozenset(rule.id for rule in theirs))


def _our_rule_files(target: Target, source: PackSource, record: Record | None) -> frozenset[Path]:
    new = {file.destination for file in source.files if file.kind is Kind.RULE}
    old = {e.path for e in record.files if e.kind is Kind.RULE} if record else set()
    return frozenset(target.home / path for path in new | old)


def _id_findings(
    theirs: list[RuleSeen], rules: frozenset[int], target: Target
) -> Iterator[Diagnostic]:
    taken = [rule for rule in theirs if rule.id in rules and not rule.overwrites]
    free = free_base(rule.id for rule in theirs) if taken else None
    hint = f"renumber it, or install with --id-base {free}" if free else "renumber it"
    for rule in sorted(taken, key=lambda rule: (rule.id, rule.at)):
        yield Diagnostic(
            "WP630",
            f"rule {rule.id} is defined here; Wazuh would load only one of the two",
            at=rule.at,
            hint=hint,
        )
    if rules and max(rules) > LAST_USER_ID:
        yield Diagnostic(
            "WP638",
            f"rules up to {max(rules)}: Wazuh leaves 100000 to {LAST_USER_ID} to its users and may"
            " use others itself some day",
            at=Location(target.home),
            severity=Severity.WARNING,
        )


def _excluded(conf: ManagerConf, source: PackSource) -> Iterator[Diagnostic]:
    for kind, folder in ((Kind.RULE, "etc/rules"), (Kind.DECODER, "etc/decoders")):
        names = [file.destination.name for file in source.files if file.kind is kind]
        for found in conf.excluded(folder, names):
            yield Diagnostic(
                "WP632",
                f"<{found.what}> keeps {found.name} from being loaded",
                at=found.at,
                hint="remove that line, or leave the source out",
            )


def _disk(plan: Plan) -> Iterator[Diagnostic]:
    written = sum(
        len(step.content)
        for step in plan.steps
        if isinstance(step, (CreateFile, ReplaceFile, EditConf))
    )
    wanted = _COPIES * written + SPARE_BYTES
    try:
        disk = os.statvfs(_existing(plan.target.home))
    except OSError:
        return
    free = disk.f_bavail * disk.f_frsize
    if free < wanted:
        yield Diagnostic(
            "WP633",
            f"{free // 1024} KiB are free, {wanted // 1024} KiB are needed",
            at=Location(plan.target.home),
            hint="make room first; a full disk stops Wazuh too",
        )


def _access(plan: Plan) -> Iterator[Diagnostic]:
    home = plan.target.home
    made = {step.path for step in plan.steps if isinstance(step, MakeFolder)}
    folders = {step.path.parent for step in plan.changes} - made
    for folder in sorted({_existing(home / path) for path in folders}):
        if not os.access(folder, os.W_OK | os.X_OK):
            yield Diagnostic(
                "WP634",
                "this folder cannot be written to",
                at=Location(folder),
                hint="is it mounted read-only, or immutable?",
            )


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _role(conf: ManagerConf, target: Target, source: PackSource) -> Iterator[Diagnostic]:
    if conf.role == "worker":
        for name in source.conf.lists:
            if not (target.home / name).exists():
                yield Diagnostic(
                    "WP639",
                    f"{name} has not arrived from the cluster's master",
                    at=Location(target.home / CONF),
                    hint="install on the master first, then wait until the nodes are synchronised",
                )
        yield Diagnostic(
            "WP635",
            "a cluster's worker: rules, decoders and lists come from its master, so only scripts"
            " and our part of ossec.conf are installed here",
            at=Location(target.home / CONF),
            hint="install on the master first",
            severity=Severity.WARNING,
        )
    elif conf.role == "master":
        yield Diagnostic(
            "WP635",
            "a cluster's master: Wazuh carries rules, decoders and lists to the workers, but"
            " neither ossec.conf nor scripts",
            at=Location(target.home / CONF),
            hint="install with the same choices on every worker afterwards; workers load rules that"
            " changed only when told: install here with --api",
            severity=Severity.WARNING,
        )


def _python(target: Target) -> Iterator[Diagnostic]:
    if not target.staged and not (target.home / EMBEDDED_PYTHON).exists():
        yield Diagnostic(
            "WP636",
            "Wazuh's own Python is not there; our scripts need a Python 3.8 or later in /usr/bin or"
            " /usr/local/bin",
            at=Location(target.home / EMBEDDED_PYTHON),
            severity=Severity.WARNING,
        )


def _readable(plan: Plan) -> Iterable[Diagnostic]:
    for step in plan.steps:
        if isinstance(step, EditConf) and step.access.mode & _OTHERS:
            yield Diagnostic(
                "WP637",
                f"everybody on this machine can read this file (mode {step.access.mode:04o}), and a"
                " secret would be written into it",
                at=Location(plan.target.home / step.path),
                hint="chmod 0660 it first",
            )
