"""What was decided about one request, and how it is logged."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wazuh_pack.agentkit.protocol import Request

BLOCKED = "blocked"
REFRESHED = "refreshed"
UNBLOCKED = "unblocked"
REFUSED_ALLOWLIST = "refused_allowlist"
REFUSED_INVALID = "refused_invalid"
REFUSED_RATE_LIMIT = "refused_rate_limit"
REFUSED_STOPPED = "refused_stopped"
DRY_RUN = "dry_run"
EXPIRED = "expired"
RESTORED = "restored"
FAILED = "failed"

RESPONSE = "block-ip"


class Decision:
    """The outcome of one request.

    Attributes:
        outcome: One of this module's words.
        mode: ``dry-run`` or ``enforce``; empty when the settings were not read.
        target: The address, or empty.
        reason: Why it was refused or failed; one word for the policy's refusals.
        timeout: Seconds that the block lasts from now, or None.
        until: When it ends, seconds since the epoch, or None.
        offences: How often the address has been blocked anew, this time included, or None.
        would: In a dry run, the outcome that enforcing would have had.
    """

    __slots__ = (
        "mode",
        "offences",
        "outcome",
        "reason",
        "request",
        "target",
        "timeout",
        "until",
        "would",
    )

    def __init__(
        self,
        outcome: str,
        *,
        request: Request | None = None,
        mode: str = "",
        target: str = "",
        reason: str = "",
    ) -> None:
        self.outcome = outcome
        self.request = request
        self.mode = mode
        self.target = target
        self.reason = reason
        self.timeout: int | None = None
        self.until: float | None = None
        self.offences: int | None = None
        self.would = ""

    @property
    def command(self) -> str:
        """The action that was asked for, or empty when the message did not say."""
        return self.request.action if self.request else ""

    def fields(self) -> dict[str, object]:
        """Return what is logged under ``wazuh_pack``."""
        request = self.request
        return {
            "response": RESPONSE,
            "outcome": self.outcome,
            "would": self.would,
            "mode": self.mode,
            "target": self.target,
            "reason": self.reason,
            "timeout": self.timeout,
            "until": utc(self.until),
            "offences": self.offences,
            "rule_id": request.rule_id if request else "",
            "alert_id": request.alert_id if request else "",
            "agent_id": request.agent_id if request else "",
        }


def utc(when: float | None) -> str:
    """Return a time as the log has it, in UTC; empty for None."""
    return "" if when is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
