"""Applies a plan to a manager in service, and keeps it only if Wazuh agrees.

With the new files in place and before they are final: the daemons must accept the configuration
(``-t``) without a warning about anything of ours, then logtest must answer an event of every source
with our rule, and only then does what judges real events load them. If any of that fails, the old
files are put back, and Wazuh loads those if it had been touched.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from wazuh_pack.errors import InstallError, PackError
from wazuh_pack.install.apply import apply
from wazuh_pack.install.confblock import find_regions
from wazuh_pack.install.daemonlog import Message, Ours
from wazuh_pack.install.service import Need, Service, Tested
from wazuh_pack.install.sockets import Logtest
from wazuh_pack.install.source import LAYOUT, Kind
from wazuh_pack.install.steps import EditConf, KeepFile, MakeFolder, RemoveFolder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wazuh_pack.install.steps import Plan, Step

_RULESET = tuple(LAYOUT[kind].folder for kind in (Kind.RULE, Kind.DECODER, Kind.LIST))
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Canary:
    """An event of a source that must be answered by one of ``rules``."""

    source: str
    event: str
    location: str
    rules: frozenset[int]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must be true of a manager with the plan's files in place.

    ``theirs`` are the user's rules: one that hangs from ours may answer in its place.
    """

    ours: Ours = field(default_factory=Ours)
    theirs: frozenset[int] = frozenset()
    canaries: tuple[Canary, ...] = ()


class Nodes(Protocol):
    """The nodes of the cluster that a manager is in."""

    def wait(self) -> None:
        """Wait until every node has the master's rules, decoders and lists, or raise PackError."""

    def load(self) -> bool:
        """Let every node load them, or raise PackError; False: that takes restarts."""


@dataclass(slots=True)
class Proof:
    """What was done and seen. ``notes`` are for a reader."""

    activated: Need = Need.NOTHING
    canaries: int = 0
    notes: list[str] = field(default_factory=list)


def needed(plan: Plan) -> Need:
    """Return what the running Wazuh must do for a plan to take effect.

    Responses are started anew for every event and configurations of ours are read at every run, so
    they need nothing.
    """
    needs = [_need(step, plan.target.home) for step in plan.steps]
    return max(needs, key=lambda need: need.value, default=Need.NOTHING)


def _need(step: Step, home: Path) -> Need:
    match step:
        case KeepFile() | MakeFolder() | RemoveFolder():
            return Need.NOTHING
        case EditConf():
            path = home / step.path
            old, new = _block(step.old, path), _block(step.content, path)
            return Need.RELOAD if old == new else Need.RESTART
        case _:
            in_ruleset = any(folder in step.path.parents for folder in _RULESET)
            return Need.RELOAD if in_ruleset else Need.NOTHING


def _block(conf: bytes, path: Path) -> list[bytes]:
    """Return the regions of ours that more than analysisd's ruleset depends on."""
    regions = find_regions(conf, path)
    return [conf[region.start : region.end] for region in regions if region.kind == "block"]


def apply_proved(
    plan: Plan,
    service: Service,
    expectation: Expectation,
    *,
    activate: bool = True,
    nodes: Nodes | None = None,
) -> Proof:
    """Carry out a plan on a manager, prove the outcome, or put everything back.

    Args:
        plan: The plan, not empty.
        service: The manager.
        expectation: What must be true afterwards.
        activate: Let the running Wazuh load what is new.
        nodes: The cluster's nodes: they must have the new ruleset before it is loaded, and where
            a reload is enough they all load it.

    Raises:
        InstallError: The present configuration does not hold, or the new one is not proved;
            everything is as it was before.
        PackError: A node of the cluster does not follow; everything is as it was before.
    """
    before = service.test_configuration()
    if before.failures and not _may_repair(plan, expectation.ours, before):
        raise InstallError(
            f"the present configuration does not hold: {'; '.join(before.failures)}",
            hint="repair it first; nothing was changed",
        )
    proof = Proof()
    prover = _Prover(
        service, expectation, before, proof, nodes=nodes, removes=plan.action == "uninstall"
    )
    need = needed(plan) if activate else Need.NOTHING
    try:
        apply(plan, prove=lambda: prover.prove(need))
    except BaseException as error:
        if prover.tested:
            _test_the_old(service)
        if prover.touched:
            _reactivate(service, need, error, nodes)
        raise
    if not activate and service.is_running():
        proof.notes.append("the running Wazuh has not loaded the change; restart it")
    if not service.is_running():
        proof.notes.append("Wazuh does not run; the change takes effect when it is started")
    return proof


def _may_repair(plan: Plan, ours: Ours, before: Tested) -> bool:
    """Say whether a configuration that does not hold may be so because of us."""
    errors = [m for m in before.messages if m.level in {"ERROR", "CRITICAL"}]
    return plan.action == "uninstall" or any(ours.concerned(message) for message in errors)


def check_canaries(service: Service, expectation: Expectation) -> tuple[int, list[str], list[str]]:
    """Ask logtest; return how many events were right, what is wrong and what to know.

    Raises:
        InstallError: logtest does not answer.
    """
    wrong: list[str] = []
    notes: list[str] = []
    right = 0
    with Logtest(service.home) as logtest:
        for canary in expectation.canaries:
            verdict = logtest.judge(canary.event, canary.location)
            complaints = expectation.ours.complaints(verdict.messages)
            wrong += [f"logtest: {message}" for message in complaints]
            if verdict.rule in canary.rules:
                right += 1
            elif verdict.rule in expectation.theirs:
                notes.append(f"{canary.source}: your rule {verdict.rule} answers before ours")
            else:
                wrong.append(_missed(canary, verdict.rule, verdict.problem))
    return right, wrong, notes


def _missed(canary: Canary, rule: int | None, problem: str) -> str:
    got = problem or (f"rule {rule}" if rule else "no rule")
    wanted = ", ".join(map(str, sorted(canary.rules)))
    return f"an event of {canary.source} should raise rule {wanted}, but logtest says: {got}"


@dataclass(slots=True)
class _Prover:
    service: Service
    expectation: Expectation
    before: Tested
    proof: Proof
    nodes: Nodes | None
    removes: bool
    """We go: what does not hold for other reasons is not our business."""
    tested: bool = False
    touched: bool = False

    def prove(self, need: Need) -> None:
        self.tested = True
        if not self._test():
            return
        self._ask()
        runs = need is not Need.NOTHING and self.service.is_running()
        if runs and self.nodes is not None:
            self.nodes.wait()
        self.touched = runs
        if runs and need is Need.RELOAD and self.nodes is not None and self.nodes.load():
            self.proof.activated = need
            self.proof.notes.append("every node of the cluster loaded the ruleset")
            return
        done, messages = self.service.activate(need)
        self._refuse(self.expectation.ours.complaints(messages))
        self.proof.activated = done
        if done is Need.RESTART:
            self._ask()

    def _test(self) -> bool:
        """Say whether the daemons accept the configuration; only a removal goes on if not."""
        tested = self.service.test_configuration()
        if tested.failures and not (self.removes and self.before.failures):
            raise InstallError(f"Wazuh refuses the change: {'; '.join(tested.failures)}")
        self._refuse(self.expectation.ours.complaints(tested.messages))
        known = {message.text for message in self.before.messages}
        new = [m for m in tested.messages if m.level == "WARNING" and m.text not in known]
        what = "new warning" if self.removes else "new warning, not about us"
        self.proof.notes += [f"{what}: {message}" for message in new]
        if tested.failures:
            reasons = "; ".join(tested.failures)
            self.proof.notes.append(f"the configuration does not hold, as before: {reasons}")
        return not tested.failures

    def _ask(self) -> None:
        if not self.expectation.canaries:
            return
        if not self.service.has_logtest():
            self.proof.notes.append("logtest could not be asked: it is off or Wazuh does not run")
            return
        right, wrong, notes = check_canaries(self.service, self.expectation)
        if wrong:
            raise InstallError(f"the detections do not work here: {_listed(wrong)}")
        self.proof.canaries = right
        self.proof.notes += [note for note in notes if note not in self.proof.notes]

    @staticmethod
    def _refuse(complaints: list[Message]) -> None:
        if complaints:
            raise InstallError(f"Wazuh warns about the change: {_listed(complaints)}")


def _listed(items: Iterable[object]) -> str:
    texts = list(dict.fromkeys(map(str, items)))
    more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more


def _test_the_old(service: Service) -> None:
    """Have analysisd write ``etc/shared/ar.conf`` from the old configuration again.

    ``wazuh-analysisd -t`` of 4.14.7 writes it (``analysisd/active-response.c``), and remoted sends
    it to agents.
    """
    with contextlib.suppress(InstallError):
        service.test_configuration()


def _reactivate(service: Service, need: Need, error: BaseException, nodes: Nodes | None) -> None:
    """Let Wazuh load the old state again, on every node that may have loaded the new one."""
    try:
        if service.is_running():
            service.activate(need)
        else:
            service.restart()
        if nodes is not None and need is Need.RELOAD:
            nodes.wait()
            nodes.load()
    except PackError as failure:
        raise InstallError(
            f"{error}; the old files are back, but Wazuh does not run them: {failure}",
            hint="restart Wazuh by hand",
        ) from error
