"""Events that a deployed rule must fire on: the proof that rules work beside those of the site.

wazuh-logtest 4.14.7 loads the rules on disk into a session of its own, so canaries are asked before
the rules are put in force. What loading had to say comes with the session's first answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_pack.deploy.manager import Manager
    from wazuh_pack.install import Canary


@dataclass(frozen=True, slots=True)
class Heard:
    """What the canaries found: those that failed, and what was said when the rules were loaded."""

    failures: tuple[str, ...]
    messages: tuple[str, ...]


def ask(manager: Manager, canaries: Iterable[Canary], accepted: frozenset[int]) -> Heard:
    """Send every canary in one session.

    Args:
        manager: The manager.
        canaries: The events.
        accepted: Rules that may fire in place of ours, because the user hung them from ours.

    Raises:
        DeployError: The manager cannot test events.
    """
    token = ""
    failures: list[str] = []
    messages: list[str] = []
    try:
        for canary in canaries:
            answer = manager.logtest(canary.event, canary.location, token)
            token = answer.token
            messages += answer.messages
            if answer.rule not in canary.rules | accepted:
                what = f"rule {answer.rule}" if answer.rule else "no rule"
                wanted = ", ".join(str(number) for number in sorted(canary.rules))
                failures.append(f"{canary.source}: its event fires {what}, not {wanted}")
    finally:
        _end(manager, token)
    return Heard(tuple(failures), tuple(messages))


def _end(manager: Manager, token: str) -> None:
    """End the session; one that stays is ended by the manager after a while."""
    if not token:
        return
    try:
        manager.end_logtest(token)
    except DeployError:
        return
