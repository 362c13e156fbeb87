"""Applies a deployment, and takes it back when the manager does not like it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from wazuh_pack.deploy.plan import same_text
from wazuh_pack.deploy.steps import Delete, Upload, WriteConf
from wazuh_pack.deploy.watch import Watch
from wazuh_pack.errors import DeployError, DiagnosticsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.deploy.manager import Manager
    from wazuh_pack.deploy.steps import Activation, Change, DeployPlan
    from wazuh_pack.install import Canary

_WAIT_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a deployment ended.

    ``restored`` are the files that were put back and read again, ``damaged`` those that could not
    be, with the reason. Their former contents are in ``former``, None for no file.
    """

    status: Literal["deployed", "unchanged", "rolled-back", "damaged"]
    changes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    former: dict[str, bytes | None] = field(default_factory=dict, repr=False)
    hint: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the outcome for machines, without contents."""
        return {
            "action": "outcome",
            "status": self.status,
            "changes": list(self.changes),
            "problems": list(self.problems),
            "restored": list(self.restored),
            "damaged": list(self.damaged),
        }


class _ComplaintsError(DeployError):
    """The manager has something to say about our rules."""

    def __init__(self, complaints: tuple[str, ...]) -> None:
        super().__init__(complaints[0])
        self.complaints = complaints


def deploy(
    manager: Manager,
    plan: DeployPlan,
    *,
    canaries: tuple[Canary, ...] = (),
    wait: float = _WAIT_SECONDS,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Carry out a plan; on any failure, put back what was there before.

    Args:
        manager: The manager that the plan was made for.
        plan: The plan.
        canaries: Events that must fire rules of ours, tested before the rules are put in force.
        wait: Seconds to wait for nodes to get and load the files, each time.
        say: Told what is being done.

    Raises:
        DiagnosticsError: Something in the plan stands in the way; nothing was changed.
        BaseException: Interrupted (Ctrl-C); what was there before was put back first.
    """
    if plan.errors:
        raise DiagnosticsError(plan.errors)
    if plan.is_empty:
        return Outcome("unchanged")
    run = _Run(manager, plan, Watch(manager, plan, wait=wait), canaries, say)
    try:
        run.forward()
    except DeployError as error:
        return run.back(error)
    except BaseException as error:
        outcome = run.back(error)
        for text in outcome.damaged:
            say(f"not restored: {text}")
        raise
    return Outcome("deployed", changes=run.names())


@dataclass(slots=True)
class _Run:
    """One deployment under way."""

    manager: Manager
    plan: DeployPlan
    watch: Watch
    canaries: tuple[Canary, ...]
    say: Callable[[str], None]
    touched: list[Change] = field(default_factory=list)
    activated: bool = False

    def names(self) -> tuple[str, ...]:
        return tuple(f"{step.verb} {step.path}" for step in self.plan.changes)

    def forward(self) -> None:
        """Do everything.

        Raises:
            DeployError: Something failed, or the manager complains about our rules.
        """
        for step in self.plan.changes:
            self.say(f"{step.verb} {step.path}")
            if isinstance(step, WriteConf):
                self.watch.synchronise()  # a node refuses a configuration that names absent lists
            self.touched.append(step)
            self._apply(step)
            self._check(step, wanted=None if isinstance(step, Delete) else step.content)
        self.watch.synchronise()
        self.say("validate the configuration")
        _refuse(self.watch.validate())
        if self.canaries:
            self.say(f"test {len(self.canaries)} events")
            _refuse(self.watch.test(self.canaries))
        self.say(self.plan.activation)
        self.activated = True
        _refuse(self.watch.activate(self.plan.activation))

    def back(self, error: BaseException) -> Outcome:
        """Put everything back, prove it, and make the manager load it."""
        self.say(
            f"failed: {str(error) or type(error).__name__}; putting back what was there before"
        )
        restored, damaged = [], []
        for step in reversed(self.touched):
            problem = self._restore(step)
            if problem:
                damaged.append(f"{step.path}: {problem}")
            else:
                restored.append(str(step.path))
        damaged += self._load_former()
        problems = error.complaints if isinstance(error, _ComplaintsError) else (str(error),)
        return Outcome(
            "damaged" if damaged else "rolled-back",
            problems=problems,
            restored=tuple(restored),
            damaged=tuple(damaged),
            former={str(step.path): step.before for step in self.touched},
            hint=error.hint if isinstance(error, DeployError) else "",
        )

    def _load_former(self) -> list[str]:
        """Load the former rules; a manager that has not loaded the new ones needs no restart."""
        activation: Activation = self.plan.activation
        if activation == "restart" and not self.activated:
            return []
        try:
            self.watch.synchronise()
            self.watch.activate(activation)
        except DeployError as problem:
            return [f"loading the former rules: {problem}"]
        return []

    def _apply(self, step: Change) -> None:
        match step:
            case Upload():
                self.manager.upload(step.kind, step.path.name, step.content)
            case Delete():
                self.manager.delete(step.kind, step.path.name)
            case WriteConf():
                self.manager.write_configuration(step.node, step.content)

    def _restore(self, step: Change) -> str:
        """Undo a step and read the file again; return what went wrong."""
        try:
            self._revert(step)
            self._check(step, wanted=step.before)
        except DeployError as problem:
            return str(problem)
        return ""

    def _revert(self, step: Change) -> None:
        """Undo a step that may have been carried out in part, or not at all."""
        if isinstance(step, WriteConf):
            if not same_text(self.manager.configuration(step.node), step.before):
                self.manager.write_configuration(step.node, step.before)
        elif step.before is not None:
            self.manager.upload(step.kind, step.path.name, step.before)
        elif self.manager.find(step.kind, step.path.name) is not None:
            self.manager.delete(step.kind, step.path.name)

    def _check(self, step: Change, *, wanted: bytes | None) -> None:
        """Read back what a step wrote.

        Raises:
            DeployError: The manager has something else.
        """
        if isinstance(step, WriteConf):
            found: bytes | None = self.manager.configuration(step.node)
        else:
            found = self.manager.find(step.kind, step.path.name)
        if not _same(found, wanted):
            raise DeployError(
                f"{step.path}: the manager does not have what was sent to it",
                hint="somebody else may be changing it, or Wazuh rewrote it",
            )


def _refuse(complaints: tuple[str, ...]) -> None:
    if complaints:
        raise _ComplaintsError(complaints)


def _same(one: bytes | None, other: bytes | None) -> bool:
    if one is None or other is None:
        return one is other
    return same_text(one, other)
