"""The path of an event through the rules, recorded on request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.engine.conditions import Condition
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rules import Rule


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
    """A rule that was tried; it matched when nothing failed."""

    rule: Rule
    failure: Failure | None

    @property
    def matched(self) -> bool:
        """All conditions of the rule itself held; a child or a sibling may still be the result."""
        return self.failure is None


@dataclass(slots=True)
class Trace:
    """Everything tried for one event, in order."""

    decoder: bytes | None = None
    steps: list[RuleStep] = field(default_factory=list)

    def tried(self, rule: Rule, failed: Condition | None, seen: Occurrence) -> None:
        """Record a rule and its first failing condition."""
        failure = None
        if failed is not None:
            name = getattr(failed, "name", b"")
            failure = Failure(failed.option, failed.wanted(), failed.value(seen), name)
        self.steps.append(RuleStep(rule, failure))

    def of(self, rule_id: int) -> list[RuleStep]:
        """Return the steps of one rule; empty when it was never reached."""
        return [step for step in self.steps if step.rule.id == rule_id]
