"""Knows the nodes of this host's Wazuh cluster that no file names.

The ``ossec.conf`` of a master names only itself; its workers connect to it. Who merely connects is
nobody yet: anybody could make himself unblockable that way. wazuh-clusterd 4.14.7 says nothing to
a peer whose first message it cannot decrypt with the cluster's key, so those that it has answered
are nodes. They are remembered, because a node that is down must not be kept from coming back.
"""

from __future__ import annotations

from wazuh_pack.agentkit.files import read, write_atomic
from wazuh_pack.agentkit.jsontext import dumps, loads
from wazuh_pack.respond.netlink import answered_peers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_KEPT = 7 * 86400
_FRESH = 3600
_MAX_FILE = 1 << 20


class ClusterNodes:
    """The nodes that are connected now or were within a week, remembered in a file."""

    __slots__ = ("_path", "_seen")

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen = _load(path)

    def addresses(self, ports: Sequence[int], now: float) -> list[str]:
        """Return the addresses of the nodes; ``ports`` is empty where there is no cluster."""
        found = {address for port in ports for address in _connected(port)}
        return sorted(found.union(self._live(now)) if ports else found)

    def refresh(self, ports: Sequence[int], now: float) -> None:
        """Remember who is connected now; the file is written when that says anything new.

        Raises:
            OSError: It cannot be written.
        """
        found = {address for port in ports for address in _connected(port)}
        if all(0 <= now - self._seen.get(address, -_FRESH) < _FRESH for address in found):
            return
        self._seen = {**self._live(now), **dict.fromkeys(found, now)}
        write_atomic(self._path, dumps(self._seen).encode("ascii"))

    def _live(self, now: float) -> dict[str, float]:
        return {address: when for address, when in self._seen.items() if now - when < _KEPT}


def _connected(port: int) -> list[str]:
    try:
        return list(answered_peers(port))
    except OSError:
        return []  # a kernel without the answer to this; what is remembered and written down holds


def _load(path: str) -> dict[str, float]:
    try:
        document = loads((read(path, _MAX_FILE) or b"{}").decode("ascii"))
        return {str(address): float(when) for address, when in document.items()}
    except (ValueError, TypeError, AttributeError):
        return {}  # written by nobody but us: damaged, so begin anew
