"""What can end or delay an action at a provider."""

from __future__ import annotations

from wazuh_pack.agentkit.errors import AgentError, MessageError


class NoTarget(MessageError):  # noqa: N818 -- an outcome, as below
    """The event names nothing that could be revoked."""


class NotEnabled(MessageError):  # noqa: N818 -- same
    """``revoke.ini`` allows none of the actions that could be meant."""


class Failure(AgentError):  # noqa: N818 -- an outcome, told apart from Refused and Later
    """The action cannot be done; trying again would not help."""


class NotFound(Failure):
    """The provider does not show the target: it may be gone, or out of sight."""


class Refused(AgentError):  # noqa: N818 -- same
    """What was found out about the target forbids the action."""


class AlreadyDone(AgentError):  # noqa: N818 -- same
    """The target is as the action would leave it."""


class Later(AgentError):  # noqa: N818 -- same
    """It did not work now and may work later.

    Attributes:
        seconds: How long the provider wants to be left alone, or None when it did not say.
        fault: Whether the provider is to blame, which counts towards leaving it alone altogether.
    """

    def __init__(self, reason: str, *, seconds: float | None = None, fault: bool = True) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.fault = fault
