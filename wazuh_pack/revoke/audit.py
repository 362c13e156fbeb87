"""The outcomes, and how each is logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from wazuh_pack.agentkit.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.agentkit.protocol import Request
    from wazuh_pack.revoke.jobs import Job
    from wazuh_pack.revoke.target import Target

ACCEPTED = "accepted"
DUPLICATE = "duplicate"
DRY_RUN = "dry_run"
REVOKED = "revoked"
ALREADY = "already_revoked"
RESTORED = "restored"
RETRYING = "retrying"
NOT_FOUND = "not_found"
UNVERIFIED = "unverified"
FAILED = "failed"
NO_TARGET = "no_target"
NOT_ENABLED = "not_enabled"
REFUSED_ALLOWLIST = "refused_allowlist"
REFUSED_INVALID = "refused_invalid"
REFUSED_RATE_LIMIT = "refused_rate_limit"
REFUSED_STOPPED = "refused_stopped"

RESPONSE = "revoke-token"


class Log(Protocol):
    """Where lines go."""

    def write(self, command: str, fields: Mapping[str, object]) -> bool:
        """Write one line; return False when it could not be."""


class Recorder:
    """Keeps the lines for whoever asked, and passes them on to a log, if there is one."""

    __slots__ = ("_log", "lines")

    def __init__(self, log: Log | None) -> None:
        self._log = log
        self.lines: list[dict[str, object]] = []

    def write(self, command: str, fields: Mapping[str, object]) -> bool:
        """Keep a line without its empty fields, and pass it on."""
        self.lines.append({k: v for k, v in fields.items() if v not in (None, "")})
        return self._log is None or self._log.write(command, fields)


class Audit:
    """Writes one line per decision and outcome; every text is redacted once more."""

    __slots__ = ("_log",)

    def __init__(self, log: Log) -> None:
        self._log = log

    def decision(
        self,
        outcome: str,
        *,
        request: Request | None = None,
        target: Target | None = None,
        **fields: object,
    ) -> None:
        """Log what was decided about a request, or that it could not be dealt with."""
        self._write(
            request.action if request else "",
            outcome,
            target,
            rule_id=request.rule_id if request else "",
            alert_id=request.alert_id if request else "",
            agent_id=request.agent_id if request else "",
            **fields,
        )

    def outcome(self, outcome: str, job: Job, command: str, **fields: object) -> None:
        """Log what became of a job."""
        self._write(
            command,
            outcome,
            job.target,
            key=job.key,  # that of the target's values changes when they are forgotten
            mode="enforce",
            reason=job.reason,
            attempts=job.attempts or None,
            rule_id=job.rule_id,
            alert_id=job.alert_id,
            agent_id=job.agent_id,
            **fields,
        )

    def _write(self, command: str, outcome: str, target: Target | None, **fields: object) -> None:
        document: dict[str, object] = {"response": RESPONSE, "outcome": outcome}
        if target:
            document |= {"action": target.name, "target": target.label, "key": target.key}
        document |= fields
        self._log.write(
            command,
            {k: redact(v) if isinstance(v, str) else v for k, v in document.items()},
        )
