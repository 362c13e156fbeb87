"""Decides about each accepted message, and makes jobs of what is to be done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wazuh_pack.agentkit.errors import AgentError, MessageError
from wazuh_pack.agentkit.files import exists, make_private
from wazuh_pack.agentkit.protocol import DELETE, parse
from wazuh_pack.revoke import audit as words
from wazuh_pack.revoke.context import load_context
from wazuh_pack.revoke.errors import NoTarget, NotEnabled, Refused
from wazuh_pack.revoke.find import find_targets
from wazuh_pack.revoke.jobs import DONE, UNDOING, UNDONE, Job, JobStore
from wazuh_pack.revoke.limits import Breaker
from wazuh_pack.revoke.settings import DRY_RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_pack.agentkit.protocol import Request
    from wazuh_pack.revoke.audit import Audit
    from wazuh_pack.revoke.context import Context, Place
    from wazuh_pack.revoke.target import Target

_LATELY = "the same action was done or taken back a short while ago"
_UNKNOWN = "nothing is known to be taken back"


class Intake:
    """Handles batches of messages; only one process at a time may.

    Everything it decides by is read anew for each batch.
    """

    __slots__ = ("_audit", "_clock", "_place")

    def __init__(self, place: Place, audit: Audit, clock: Callable[[], float] = time.time) -> None:
        self._place = place
        self._audit = audit
        self._clock = clock

    def handle(self, messages: Sequence[bytes]) -> None:
        """Decide about each message, and log one line per target; never raises."""
        for message in messages:
            self._guard(message)

    def preview(self, message: bytes) -> None:
        """Log what would be decided about a message, and neither count nor promise anything.

        Raises:
            AgentError: The configuration is wrong.
        """
        load_context(self._place)
        self._guard(message, earnest=False)

    def _guard(self, message: bytes, *, earnest: bool = True) -> None:
        request = None
        try:
            request = parse(message)
            self._handle(request, earnest=earnest)
        except MessageError as error:
            self._audit.decision(words.REFUSED_INVALID, request=request, reason=str(error))
        except (AgentError, OSError) as error:
            self._audit.decision(words.FAILED, request=request, reason=str(error))
        except Exception as error:  # noqa: BLE001 -- a mistake of ours must show up in the log
            # Without its message, which may hold a value from the alert.
            reason = f"internal error: {type(error).__name__}"
            self._audit.decision(words.FAILED, request=request, reason=reason)

    def _handle(self, request: Request, *, earnest: bool) -> None:
        context = load_context(self._place)
        mode = context.settings.mode
        if exists(self._place.stop) and request.action != DELETE:
            self._audit.decision(words.REFUSED_STOPPED, request=request, mode=mode)
            return
        try:
            targets = find_targets(request, context.settings)
        except MessageError as error:
            self._audit.decision(_outcome(error), request=request, mode=mode, reason=str(error))
            return
        desk = self._desk(context, earnest=earnest)
        for target in targets:
            outcome, fields = self._decide(request, target, desk)
            self._audit.decision(outcome, request=request, target=target, mode=mode, **fields)

    def _desk(self, context: Context, *, earnest: bool) -> _Desk:
        settings, state = context.settings, self._place.state
        breaker = Breaker(
            f"{state}/{settings.mode}/breaker.json",
            limit=settings.max_actions,
            window=settings.window,
        )
        if earnest:
            make_private(state, (settings.mode, "jobs"))
        store = JobStore(f"{state}/{settings.mode}/jobs")
        return _Desk(context=context, store=store, breaker=breaker, earnest=earnest)

    def _decide(
        self, request: Request, target: Target, desk: _Desk
    ) -> tuple[str, dict[str, object]]:
        """Decide about one target; what goes wrong with it does not touch the others."""
        decide = self._undo if request.action == DELETE else self._revoke
        try:
            return decide(request, target, desk)
        except Refused as error:
            return words.REFUSED_ALLOWLIST, {"reason": str(error)}
        except MessageError as error:
            return words.REFUSED_INVALID, {"reason": str(error)}
        except (AgentError, OSError) as error:
            return words.FAILED, {"reason": str(error)}
        except Exception as error:  # noqa: BLE001 -- as in _guard
            return words.FAILED, {"reason": f"internal error: {type(error).__name__}"}

    def _revoke(
        self, request: Request, target: Target, desk: _Desk
    ) -> tuple[str, dict[str, object]]:
        now = self._clock()
        context, store, settings = desk.context, desk.store, desk.context.settings
        provider = context.provider(target.instance)
        capability = provider.capabilities[target.action]
        provider.plan(target)  # raises when something is missing, before anything is promised
        facts: dict[str, object] = {"reversible": "yes" if capability.reversible else "no"}
        reason = context.protected(target)
        if reason:
            return words.REFUSED_ALLOWLIST, {"reason": reason}
        before = store.get(target.key)
        if before and before.open:
            return words.DUPLICATE, {"reason": "the same action is under way"}
        ended = before.ended or 0 if before and before.state in (DONE, UNDONE) else None
        if ended is not None and now - ended < settings.repeat_after:
            return words.DUPLICATE, {"reason": _LATELY}
        if not desk.may_begin(now):
            limit = f"{settings.max_actions} actions within {settings.window} seconds"
            return words.REFUSED_RATE_LIMIT, {"reason": limit}
        if settings.mode == DRY_RUN:
            return words.DRY_RUN, {
                "would": words.REVOKED,
                "calls": "; ".join(capability.calls),
                **facts,
            }
        if desk.earnest:
            store.save(_job(request, target, now, _standing(before)))
        return words.ACCEPTED, facts

    def _undo(self, request: Request, target: Target, desk: _Desk) -> tuple[str, dict[str, object]]:
        del request
        context, store = desk.context, desk.store
        job = store.get(target.key)
        if context.settings.mode == DRY_RUN:  # people undo by --undo, which does it all the same
            return words.DRY_RUN, {"would": words.RESTORED}
        if job is None:
            return words.REFUSED_INVALID, {"reason": _UNKNOWN}
        reason = begin_undo(job, context, self._clock())
        if reason:
            return words.REFUSED_INVALID, {"reason": reason}
        if desk.earnest:
            store.save(job)
        return words.ACCEPTED, {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What one message is decided by; unless it is meant in earnest, nothing is remembered."""

    context: Context
    store: JobStore
    breaker: Breaker
    earnest: bool

    def may_begin(self, now: float) -> bool:
        """Return whether the breaker lets one more begin."""
        return self.breaker.allows(now) if self.earnest else self.breaker.has_room(now)


def _outcome(error: MessageError) -> str:
    if isinstance(error, NoTarget):
        return words.NO_TARGET
    return words.NOT_ENABLED if isinstance(error, NotEnabled) else words.REFUSED_INVALID


def begin_undo(job: Job, context: Context, now: float) -> str:
    """Make an ended job one that takes its action back.

    Returns:
        Why that cannot be, or an empty string.
    """
    capability = context.provider(job.instance).capabilities[job.action]
    if not capability.reversible:
        return f"{job.target.name} cannot be taken back"
    if job.open:
        return "the same action is under way; try again when it has ended"
    if job.earlier is not None:
        job.memory, job.already, job.earlier = job.earlier, False, None
    elif job.state != DONE:
        return _UNKNOWN
    if job.already:
        return "somebody else had done it before; take it back by hand"
    job.state, job.step, job.attempts, job.due, job.ended = UNDOING, 0, 0, now, None
    job.created, job.reason = now, ""
    return ""


def _standing(before: Job | None) -> dict[str, Any] | None:
    """Return what takes back an action of ours that stands; a repeated event must not lose it."""
    if before is None:
        return None
    done = before.state == DONE and not before.already
    return before.memory if done and before.earlier is None else before.earlier


def _job(request: Request, target: Target, now: float, earlier: dict[str, Any] | None) -> Job:
    return Job(
        key=target.key,
        instance=target.instance,
        action=target.action,
        values=dict(target.values),
        secret=sorted(target.secret),
        created=now,
        due=now,
        earlier=earlier,
        rule_id=request.rule_id,
        alert_id=request.alert_id,
        agent_id=request.agent_id,
    )
