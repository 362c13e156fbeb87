"""Planning an installation, showing a plan, asking, applying it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wazuh_pack import install, resources
from wazuh_pack.cli import _ask, _canary, _load, _out
from wazuh_pack.errors import DiagnosticsError, InstallError
from wazuh_pack.install.assemble import prepare
from wazuh_pack.install.daemonlog import Ours
from wazuh_pack.install.managerconf import ManagerConf
from wazuh_pack.install.preflight import inspect
from wazuh_pack.install.prove import Expectation, Proof, apply_proved, needed
from wazuh_pack.install.service import Need, Service
from wazuh_pack.install.source import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_pack.install.choices import Choices
    from wazuh_pack.install.prove import Nodes
    from wazuh_pack.install.source import PackSource

_WILL_DO = {
    Need.NOTHING: "",
    Need.RELOAD: "analysisd loads its ruleset afresh (before 4.13: Wazuh restarts)",
    Need.RESTART: "Wazuh restarts",
}
_DONE = {
    Need.NOTHING: "",
    Need.RELOAD: "the running ruleset was reloaded",
    Need.RESTART: "Wazuh was restarted",
}


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what must be true when it was carried out."""

    plan: install.Plan
    expectation: Expectation


def plan_install(
    target: install.Target,
    record: install.Record | None,
    choices: Choices,
    *,
    home: Path | None,
    force: bool,
) -> Planned:
    """Plan an installation; nothing is changed and nothing of Wazuh is run.

    Raises:
        PackError: it cannot be planned.
    """
    loaded = _load.catalog()
    conf = ManagerConf.read(target.home)
    worker = conf.role == "worker"
    with tempfile.TemporaryDirectory(prefix="wazuh-pack-") as scratch:
        prepared = prepare(
            loaded,
            _load.lock(),
            tree=resources.tree(),
            scratch=Path(scratch),
            home=PurePosixPath(home or "/var/ossec" if target.staged else target.home),
            target=target.home,
            choices=choices,
            worker=worker,
        )
        plan = install.make_plan(prepared.source, target, record, force=force)
    if prepared.added:
        _out.note(f"also installed, because others need it: {', '.join(prepared.added)}")
    rules = frozenset(prepared.rules.values())
    seen = inspect(
        plan,
        prepared.source,
        record,
        conf,
        rules=frozenset() if worker else rules,
        secrets=prepared.secrets,
    )
    expectation = Expectation(
        ours=Ours(rules, _names(prepared.source)),
        theirs=seen.theirs,
        canaries=() if worker else _canary.choose(prepared.catalog, prepared.rules),
    )
    plan = replace(plan, findings=(*plan.findings, *seen.findings))
    return Planned(plan, expectation)


def _names(source: PackSource) -> frozenset[str]:
    """Return the base names that can stand in a message about a file of ours."""
    kinds = {Kind.RULE, Kind.DECODER, Kind.LIST, Kind.RESPONSE, Kind.INTEGRATION, Kind.WODLE}
    return frozenset(file.destination.name for file in source.files if file.kind in kinds)


def repair(target: install.Target, *, activate: bool) -> None:
    """Put right what an interrupted run has left, and say so.

    Raises:
        InstallError: it cannot be.
    """
    repaired = install.recover(target)
    report_repair(repaired)
    if not repaired or target.staged:
        return
    service = Service.of(target)
    if activate:
        done, _ = service.activate(Need.RESTART)
        _say_done(done)
    else:
        service.test_configuration()  # writes etc/shared/ar.conf again, as a restart does


def report_repair(repaired: Sequence[str]) -> None:
    """Say what an interrupted run had left and was put right."""
    for text in repaired:
        _out.note(f"repaired {text}")


def show(plan: install.Plan, form: str) -> None:
    """Print a plan, and what speaks against it.

    Raises:
        DiagnosticsError: something stands in the way of applying it.
    """
    need = Need.NOTHING if plan.target.staged else needed(plan)
    if form == "json":
        _out.json_line({**plan.as_json(), "service": need.name.lower()})
    else:
        said = {str(finding) for finding in plan.findings}
        texts = [text for text in plan.lines() if text not in said]
        if _WILL_DO[need]:
            texts.append(f"{'service':<8}{_WILL_DO[need]}")
        if plan.is_empty and "nothing to do" not in texts:
            texts.append("nothing to do")
        for text in texts:
            _out.line(text)
        for finding in plan.findings:
            if finding not in plan.errors:
                _out.diagnostic(finding)
    if plan.errors:
        raise DiagnosticsError(plan.errors)


def carry_out(
    plan: install.Plan,
    expectation: Expectation,
    *,
    yes: bool,
    form: str,
    activate: bool = True,
    nodes: Nodes | None = None,
) -> None:
    """Show a plan and apply it after asking; on a manager in service, prove it.

    Raises:
        DiagnosticsError: something stands in the way; nothing was changed.
        InstallError: it failed; everything is as it was.
    """
    show(plan, form)
    if plan.is_empty:
        return
    if not yes:
        _ask.confirm(f"change {plan.target.home}?")
    if plan.target.staged:
        install.apply(plan)
        proof = Proof()
    else:
        service = Service.of(plan.target)
        with _ask.terminable():
            proof = apply_proved(plan, service, expectation, activate=activate, nodes=nodes)
    count = len(plan.changes)
    _out.note(f"{count} change{'s' if count != 1 else ''} made in {plan.target.home}")
    _say_done(proof.activated)
    if proof.canaries:
        _out.note(f"logtest answered {proof.canaries} events, one a source, with our rules")
    for text in proof.notes:
        _out.note(text)


def _say_done(need: Need) -> None:
    if _DONE[need]:
        _out.note(_DONE[need])


def record_of(target: install.Target) -> install.Record:
    """Return what is installed.

    Raises:
        InstallError: nothing is.
    """
    record = install.read_record(target)
    if record is None:
        raise InstallError(f"wazuh-pack is not installed in {target.home}", hint="name its --home")
    return record
