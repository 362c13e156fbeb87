"""The nodes of a cluster, asked over its API while one of them is installed on.

Wazuh 4.14.7 carries rules, decoders and lists to its workers, but a worker loads them only when it
restarts or is told to (``PUT /cluster/analysisd/reload``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.deploy.plan import HOT_RELOAD
from wazuh_pack.deploy.steps import DeployPlan
from wazuh_pack.deploy.watch import Watch
from wazuh_pack.errors import DeployError
from wazuh_pack.install.target import version_numbers

if TYPE_CHECKING:
    from wazuh_pack.deploy.manager import Manager


class Nodes:
    """All nodes of a cluster; see :class:`wazuh_pack.install.prove.Nodes`."""

    def __init__(
        self,
        manager: Manager,
        *,
        rule_ids: frozenset[int],
        names: frozenset[str],
        wait: float,
    ) -> None:
        """Ask who is there, and remember what their logs say now.

        Args:
            manager: The API of the cluster's master.
            rule_ids: Rules of ours.
            names: Files and lists of ours.
            wait: Seconds to wait for the nodes, each time.

        Raises:
            DeployError: There is no cluster, or the API is a worker's.
        """
        nodes = manager.nodes()
        if not nodes:
            raise DeployError(f"{manager.api.url} is in no cluster", hint="leave out --api")
        asked = manager.asked_node()
        if not asked.is_master:
            raise DeployError(
                f"{manager.api.url} is the worker {asked.name}",
                hint=f"use the API of the master, {nodes[0].name}",
            )
        version = manager.version()
        self._can_reload = version_numbers(version) >= HOT_RELOAD
        plan = DeployPlan(
            url=manager.api.url,
            version=version,
            nodes=nodes,
            steps=(),
            activation="reload",
            rule_ids=rule_ids,
            names=names,
        )
        self._watch = Watch(manager, plan, wait=wait)

    def wait(self) -> None:
        """Wait until every node has the master's rules, decoders and lists.

        Raises:
            DeployError: One of them does not in time.
        """
        self._watch.synchronise()

    def load(self) -> bool:
        """Let every node load them; return False where this version cannot without a restart.

        Raises:
            DeployError: A node does not load them, or says something about ours.
        """
        if not self._can_reload:
            return False
        complaints = self._watch.activate("reload")
        if complaints:
            raise DeployError(f"the cluster warns about the change: {'; '.join(complaints)}")
        return True
