"""What changes the firewall; each way of doing so is one module here.

A backend gets changes that are decided already. It must be idempotent: a change may come twice,
because a worker that was killed does not know how far it got.
"""

from __future__ import annotations

from wazuh_pack.agentkit.errors import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wazuh_pack.respond.address import Address, Network


class BackendError(AgentError):
    """The firewall was not changed, as far as we know.

    ``at_all`` says that no other change would have been made either: the program is missing or
    hangs. Otherwise one of the changes is to blame, and the others may work on their own.
    ``unknown`` says that nobody knows whether it was changed: the program had no end of its own.
    """

    def __init__(self, message: str, *, at_all: bool = False, unknown: bool = False) -> None:
        super().__init__(message)
        self.at_all = at_all
        self.unknown = unknown


class Change:
    """One change: block a target for some seconds, or unblock it.

    Attributes:
        target: A host address or a network.
        seconds: How long the block lasts from now; 0 unblocks.
        known: Whether the target is blocked already as far as we remember. A wrong guess costs
            time, never the result.
    """

    __slots__ = ("known", "seconds", "target")

    def __init__(self, target: Address | Network, seconds: int, *, known: bool) -> None:
        self.target = target
        self.seconds = seconds
        self.known = known


class Backend:
    """A way to change the firewall; this one changes nothing and serves the dry run.

    ``name`` is what ``respond.ini`` calls it.
    """

    name = ""

    def refusal(self) -> str:
        """Return why this way cannot work here, found out without changing anything, or nothing."""
        return ""

    def clear(self) -> None:
        """Take away everything of ours; that nothing is there is fine.

        Raises:
            BackendError: Something is left.
        """

    def apply(self, changes: Sequence[Change], everything: Callable[[], Iterable[Change]]) -> None:
        """Make all changes in one transaction, or none.

        Args:
            changes: What to change; at most one per target.
            everything: Gives all blocks that should be in force apart from ``changes``; called
                only when they have to be put back because somebody removed our part of the
                firewall, or it was never there.

        Raises:
            BackendError: Nothing was changed.
        """

    def missing(self, wanted: Iterable[Change]) -> list[Change]:
        """Return those of the blocks wanted that are not in force; changes nothing.

        Raises:
            BackendError: That cannot be found out.
        """
        del wanted
        return []

    def restore(self, changes: Sequence[Change]) -> None:
        """Put blocks back that may or may not be in force.

        Raises:
            BackendError: Nothing was changed.
        """

    def verify(self, everything: Callable[[], Iterable[Change]]) -> None:
        """Put back what somebody removed that :meth:`apply` alone would not notice.

        Raises:
            BackendError: It could not be put back.
        """
