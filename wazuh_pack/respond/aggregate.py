"""Blocks a whole network when many addresses of it offend at the same time.

How many do is kept as a record of the network in the same memory as the addresses. As long as the
network itself is not blocked its duration is 0, which for an address means: not blocked.
"""

from __future__ import annotations

from wazuh_pack.respond.address import network_of
from wazuh_pack.respond.state import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.respond.address import Address, Network
    from wazuh_pack.respond.policy import Policy
    from wazuh_pack.respond.settings import Settings


class Aggregator:
    """Counts new blocks by network; ``recall`` gives what is remembered of a target."""

    __slots__ = ("_policy", "_recall", "_settings")

    def __init__(
        self, settings: Settings, policy: Policy, recall: Callable[[str], Record | None]
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._recall = recall

    def network(self, address: Address) -> Network | None:
        """Return the network that an address is counted with; None when nothing is counted."""
        if not self._settings.aggregate_at:
            return None
        prefix = self._settings.aggregate_prefix[address.version]
        return network_of(address, prefix)

    def count(self, network: Network, until: float, now: float) -> Record:
        """Return the network's record with one more offender whose block lasts until then.

        Its duration is 0 as long as the network is not to be blocked: there are too few, or it
        holds something that is never blocked.
        """
        before = self._recall(str(network))
        current = before if before and before.until > now else None
        offenders = (current.offences if current else 0) + 1
        last = max(until, current.until if current else 0.0)
        enough = offenders >= self._settings.aggregate_at and not self._policy.holds(network)
        duration = round(last - now) if enough else 0
        return Record(target=str(network), offences=offenders, until=last, duration=duration)
