"""Says which ways to change the firewall there are on this host, and takes the best."""

from __future__ import annotations

from wazuh_pack.agentkit.errors import ProcessError
from wazuh_pack.agentkit.process import find_program
from wazuh_pack.respond.backends import Backend, BackendError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wazuh_pack.respond.backends import Change
    from wazuh_pack.respond.settings import Settings

PROGRAMS = {
    "nftables": ("nft",),
    "ipset": ("ipset", "iptables", "iptables-restore"),
    "iptables": ("iptables", "iptables-restore"),
    "firewalld": ("firewall-cmd",),
}
"""What each way needs, the best way first. IPv6 needs ``ip6tables`` and ``ip6tables-restore``."""


class Unusable(Backend):
    """Stands in where no way can be used: everything else goes on, and each block says why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def apply(self, changes: object, everything: object) -> None:
        """Refuse.

        Raises:
            BackendError: Always.
        """
        del changes, everything
        raise BackendError(self._reason, at_all=True)

    def missing(self, wanted: Iterable[Change]) -> list[Change]:
        """Say nothing where nothing should be blocked, and refuse otherwise.

        Raises:
            BackendError: Something should be.
        """
        if any(True for _ in wanted):
            raise BackendError(self._reason, at_all=True)
        return []


def find(name: str, settings: Settings) -> tuple[str, str]:
    """Return the first program of one way, and which is not there (empty: all are)."""
    first = ""
    for program in PROGRAMS[name]:
        try:
            path = find_program(settings.nft if program == "nft" else program)
        except ProcessError as error:
            return first, str(error)
        first = first or path
    return first, ""


def probe(name: str, settings: Settings) -> str:
    """Return why a way whose programs are there does not work all the same, or an empty text."""
    return make(name, settings).refusal()


def choose(settings: Settings, probe: Callable[[str, Settings], str] = probe) -> Backend:
    """Return the backend that the settings name, or with ``auto`` the best that can be used.

    Args:
        settings: The settings.
        probe: What to ask instead of :func:`probe`; nothing is asked where there is no choice.
    """
    names = tuple(PROGRAMS) if settings.backend == "auto" else (settings.backend,)
    if settings.backend == "auto" and settings.nft != "nft":
        names = ("nftables",)  # who says where nft is does not want something else
    reasons = []
    for name in names:
        _, reason = find(name, settings)
        if not reason and len(names) > 1:
            reason = probe(name, settings)
        if not reason:
            return make(name, settings)
        reasons.append(reason)
    return Unusable("; ".join(reasons))


def make(name: str, settings: Settings) -> Backend:
    """Return the backend of this name."""
    # Only the one that is used: the others would be imported for nothing at every event.
    if name == "nftables":
        from wazuh_pack.respond.backends.nftables import Nftables  # noqa: PLC0415 -- see above

        return Nftables(settings.nft)
    if name == "firewalld":
        from wazuh_pack.respond.backends.firewalld import Firewalld  # noqa: PLC0415 -- same

        return Firewalld()
    from wazuh_pack.respond.backends.iptables import Ipset, Iptables  # noqa: PLC0415 -- same

    return Ipset() if name == "ipset" else Iptables()
