"""Makes a manager or cluster load its rules, and reads what it says about ours.

Where Wazuh 4.14.7 says what: when it checks its configuration and when it starts, analysisd writes
its warnings to ossec.log, which the API shows. At a hot reload it writes none there: they come in
the API's answer, from the master only and the last 50 at most. So every node has to check first.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from wazuh_pack.deploy.canary import ask
from wazuh_pack.errors import DeployError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wazuh_pack.deploy.manager import LogLine, Manager
    from wazuh_pack.deploy.steps import Activation, DeployPlan
    from wazuh_pack.install import Canary

_MARKS = {"reload": "Ruleset reloaded successfully", "restart": "Started (pid"}
"""What analysisd logs, at level info, when a new ruleset is in force."""
_LEVELS = ("warning", "error", "critical")
_MESSAGES = re.compile(r",\s+(?=(?:[\w./-]+:\d+ at \w+\(\): )?\(\d{4}\): )")
_NUMBER = re.compile(r"\b\d+\b")
_POLL_SECONDS = 5.0


class Watch:
    """Watches the nodes of a plan."""

    def __init__(self, manager: Manager, plan: DeployPlan, *, wait: float) -> None:
        """Remember what the logs say now.

        Args:
            manager: The manager, or the master.
            plan: Which nodes, and what is ours.
            wait: Seconds to wait for a cluster's nodes, each time.
        """
        self._manager = manager
        self._plan = plan
        self._wait = wait
        self._clock = manager.api.clock
        self._names = tuple(node.name for node in plan.nodes) or (None,)
        self._before = {name: self._complaints(name) for name in self._names}

    @property
    def _cluster(self) -> bool:
        return bool(self._plan.nodes)

    def synchronise(self) -> None:
        """Wait until every node has the master's rules, decoders and lists.

        Raises:
            DeployError: A node does not in time.
        """
        if not self._cluster:
            return
        lagging: tuple[str, ...] = ()

        def done() -> bool:
            nonlocal lagging
            lagging = self._manager.unsynced()
            return not lagging

        if not self._until(done):
            raise DeployError(
                f"{', '.join(lagging)} did not get the files within {self._wait:.0f} s",
                hint="see cluster.log there; --wait gives it more time",
            )

    def validate(self) -> tuple[str, ...]:
        """Have every node check its configuration and rules; return its complaints about ours.

        Raises:
            DeployError: A node finds it wrong.
        """
        wrong = self._manager.invalid_nodes(cluster=self._cluster)
        if wrong:
            said = ", ".join(f"{name}: {status}" for name, status in sorted(wrong.items()))
            raise DeployError(f"the configuration is not valid ({said})")
        return self._logged()

    def test(self, canaries: Iterable[Canary]) -> tuple[str, ...]:
        """Have the manager test events against the rules on its disk; return what went wrong."""
        heard = ask(self._manager, canaries, self._plan.user_rules)
        named = [
            text for text in heard.messages if not text.startswith("INFO") and self._is_ours(text)
        ]
        return (*heard.failures, *named)

    def activate(self, activation: Activation) -> tuple[str, ...]:
        """Load the rules on every node, wait until it is done, and return complaints about ours.

        Raises:
            DeployError: A node does not load them, or does not in time.
        """
        marks = {name: self._marks(name, activation) for name in self._names}
        said = {}
        if activation == "reload":
            said = self._manager.reload(cluster=self._cluster)
        else:
            self._restart()
        waiting = list(self._names)

        def done() -> bool:
            waiting[:] = [n for n in waiting if not self._marks(n, activation) - marks[n]]
            return not waiting

        if not self._until(done):
            names = ", ".join(name or "the manager" for name in waiting)
            raise DeployError(
                f"{names} did not load the rules within {self._wait:.0f} s",
                hint="see ossec.log there; --wait gives it more time",
            )
        answers = [
            _at(name, text)
            for name, answer in sorted(said.items())
            for text in _MESSAGES.split(answer)
            if self._is_ours(text)
        ]
        return (*self._logged(), *answers)

    def _restart(self) -> None:
        try:
            self._manager.restart(cluster=self._cluster)
        except UnreachableError:
            return  # the API goes down with the rest; the log tells whether it came back

    def _logged(self) -> tuple[str, ...]:
        """Return the complaints that are new in the nodes' logs."""
        return tuple(
            _at(name, line.description)
            for name in self._names
            for line in sorted(self._complaints(name) - self._before[name])
        )

    def _complaints(self, name: str | None) -> Counter[LogLine]:
        return Counter(
            line
            for level in _LEVELS
            for line in self._manager.log(name, level=level)
            if self._is_ours(line.description)
        )

    def _marks(self, name: str | None, activation: Activation) -> Counter[LogLine]:
        mark = _MARKS[activation]
        lines = self._manager.log(name, level="info", search=mark)
        return Counter(line for line in lines if mark in line.description)

    def _is_ours(self, text: str) -> bool:
        if any(name in text for name in self._plan.names):
            return True
        return any(int(number) in self._plan.rule_ids for number in _NUMBER.findall(text))

    def _until(self, done: Callable[[], bool]) -> bool:
        """Ask again and again; an API that is away meanwhile may be restarting."""
        end = self._clock.now() + self._wait
        while True:
            try:
                if done():
                    return True
            except UnreachableError:
                if self._clock.now() >= end:
                    raise
            if self._clock.now() >= end:
                return False
            self._clock.sleep(_POLL_SECONDS)


def _at(name: str | None, text: str) -> str:
    return f"{name}: {text.strip()}" if name else text.strip()
