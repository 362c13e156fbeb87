"""The path of an event through the rules, recorded on request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.engine.conditions import Condition
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rules import Rule
    from wazuh_pack.engine.tree import RuleNode


@dataclass(frozen=True, slots=True)
class Failure:
    """The first condition of a rule that did not hold."""

    option: str
    wanted: str
    seen: bytes | None
    """What the condition looked at; None when the event has no such value."""
    name: bytes = b""
    """The field's name, for ``field`` and ``list``."""


@dataclass(frozen=True, slots=True)
class RuleStep:
    """A rule that was tried at one of its places; it matched when nothing failed."""

    node: RuleNode
    failed: Condition | None
    seen: Occurrence

    @property
    def rule(self) -> Rule:
        """The rule."""
        return self.node.rule

    @property
    def matched(self) -> bool:
        """All conditions of the rule itself held; a child or a sibling may still be the result."""
        return self.failed is None

    @property
    def has_children(self) -> bool:
        """There are rules below this place."""
        return bool(self.node.children)

    @property
    def failure(self) -> Failure | None:
        """What did not hold."""
        failed = self.failed
        if failed is None:
            return None
        name = getattr(failed, "name", b"")
        return Failure(failed.option, failed.wanted(), failed.value(self.seen), name)


@dataclass(slots=True)
class Trace:
    """Everything tried for one event, in order."""

    decoder: bytes | None = None
    steps: list[RuleStep] = field(default_factory=list)

    def tried(self, node: RuleNode, failed: Condition | None, seen: Occurrence) -> None:
        """Record a rule and its first failing condition."""
        self.steps.append(RuleStep(node, failed, seen))

    def of(self, rule_id: int) -> list[RuleStep]:
        """Return the steps of one rule; empty when it was never reached."""
        return [step for step in self.steps if step.rule.id == rule_id]
