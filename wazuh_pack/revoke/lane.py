"""Carries out the jobs of one instance of a provider, one after another.

Each instance has a lane of its own, worked off by one process at a time, so that a provider that
hangs delays nothing but its own jobs. Steps are remembered before and after, answers are sorted
into done, impossible and later, and what is for later waits with growing pauses.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from wazuh_pack.agentkit.errors import AgentError
from wazuh_pack.agentkit.files import exists, make_private
from wazuh_pack.agentkit.locks import FileLock
from wazuh_pack.revoke import audit as words
from wazuh_pack.revoke.answers import judge, unseen
from wazuh_pack.revoke.borrow import all_secrets, whole_credentials
from wazuh_pack.revoke.context import OWN, is_one_of, load_context
from wazuh_pack.revoke.errors import AlreadyDone, Failure, Later, NotFound, Refused
from wazuh_pack.revoke.jobs import DONE, FAILED, UNDOING, UNDONE, Job, JobStore
from wazuh_pack.revoke.limits import Pace
from wazuh_pack.revoke.settings import ENFORCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from wazuh_pack.revoke.audit import Audit
    from wazuh_pack.revoke.call import Call, Plan, Reply
    from wazuh_pack.revoke.context import Context, Place
    from wazuh_pack.revoke.providers.base import Provider
    from wazuh_pack.revoke.settings import Instance
    from wazuh_pack.revoke.transport import Transport

_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 300.0
_LOOK_AGAIN = 1.0
_LOOK_AT_ALL = 60.0
_CHECKS = 8
"""How often a check may find no effect; with the pauses between them, some four minutes."""


def connect(provider: Provider, instance: Instance) -> Transport:
    """Return what carries calls to an instance."""
    return provider.transport(instance)


class Unverified(Failure):
    """Everything was done, and the target is as it was."""


class Paced(Later):
    """The provider is left alone for now: by its limit, its own wish, or after faults."""


class Lane:
    """The jobs of one instance."""

    __slots__ = (
        "_audit",
        "_clock",
        "_connect",
        "_headers",
        "_instance",
        "_jitter",
        "_paces",
        "_pause",
        "_place",
        "_state",
        "_store",
    )

    def __init__(
        self,
        instance: str,
        place: Place,
        audit: Audit,
        *,
        connect: Callable[[Provider, Instance], Transport] = connect,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], object] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Take what the lane needs.

        Args:
            instance: Name of the instance.
            place: Where configuration and state are.
            audit: Where outcomes are written.
            connect: Gives what carries the calls to an instance.
            clock: Seconds since the epoch.
            pause: Waits for some seconds.
            jitter: Gives a number from 0 to 1, so that retries do not come in step.
        """
        self._instance = instance
        self._place = place
        self._audit = audit
        self._connect = connect
        self._clock = clock
        self._pause = pause
        self._jitter = jitter
        self._state = make_private(place.state, (ENFORCE, "lanes"))
        self._store = JobStore(make_private(place.state, (ENFORCE, "jobs")))
        self._headers: Mapping[str, str] | None = None
        self._paces: dict[str, Pace] = {}

    def run(self) -> None:
        """Work until no job is open, unless another process does, or work is to stop.

        Raises:
            AgentError: The configuration cannot be used; the jobs stay as they are.
            OSError: The state cannot be written.
        """
        lock = FileLock(f"{self._state}/{self._instance}.lock")
        # Looked at again after the lock is released: a job may have come in between, from a
        # process that found the lock taken.
        while self._store.open_of(self._instance) and lock.try_acquire():
            try:
                if not self._work():
                    return
            finally:
                lock.release()

    def _work(self) -> bool:
        """Work until no job is open; False when the administrator wants no work to be done."""
        while jobs := self._wanted(self._store.open_of(self._instance)):
            now = self._clock()
            due = [job for job in jobs if job.due <= now]
            # Open jobs change in this process only: no need to read them again in between.
            for job in due:
                if self._wanted([job]):
                    self._advance(job, load_context(self._place))
            if not due:
                self._rest(min(job.due for job in jobs))
        return not self._store.open_of(self._instance)

    def _wanted(self, jobs: list[Job]) -> list[Job]:
        """Return the jobs that may go on here: while all else is stopped, only those that undo.

        Who stops the responder may want just that.
        """
        if not jobs:
            return []
        context = load_context(self._place)
        if context.settings.mode != ENFORCE or exists(self._place.stop):
            jobs = [job for job in jobs if job.state == UNDOING]
        return [job for job in jobs if not self._left_to_others(job, context)]

    def _left_to_others(self, job: Job, context: Context) -> bool:
        """Return whether a job needs a secret that was in the environment and is not in ours.

        A timer's process need not have it. To wait for it here would keep others from the lane.
        """
        lacking = context.lacking(job.variables)
        now = self._clock()
        if not lacking or now - job.created >= context.settings.give_up_after:
            return False
        reason = (
            f"{', '.join(lacking)} is not in the environment of this process, nor its value in "
            "revoke.secrets; left to one that has it"
        )
        if job.reason != reason:
            job.reason = reason
            self._store.save(job)
            self._audit.outcome(words.RETRYING, job, "delete" if job.state == UNDOING else "add")
        return True

    def _rest(self, until: float) -> None:
        """Wait, but not much longer than until there is something new to look at."""
        until = min(until, self._clock() + _LOOK_AT_ALL)
        before, stopped = self._store.changed_at(), exists(self._place.stop)
        while (left := until - self._clock()) > 0:
            self._pause(min(left, _LOOK_AGAIN))
            if exists(self._place.stop) != stopped or self._store.changed_at() != before:
                return

    def _advance(self, job: Job, context: Context) -> None:
        """Go on with a job as far as it goes."""
        command = "delete" if job.state == UNDOING else "add"
        self._headers = None
        try:
            context.provider(job.instance)  # raises when the configuration lost it
            instance = context.settings.instances[job.instance]
            _check_still_wanted(job, context)
            whole = whole_credentials(job.instance, context, self._connect, self._clock())
            self._check_not_ours(job, context, whole)
            provider = context.provider(job.instance, whole)
            self._paces = self._paces_of(instance)
            transport = self._connect(provider, instance)
            try:
                outcome = self._steps(job, provider, transport)
            finally:
                transport.close()
        except Later as later:
            self._put_off(job, later, context, command)
        except Unverified as error:
            self._end(job, words.UNVERIFIED, command, str(error))
        except NotFound as error:
            self._end(job, words.NOT_FOUND, command, str(error))
        except Refused as error:
            self._end(job, words.REFUSED_ALLOWLIST, command, str(error))
        except AgentError as error:
            self._end(job, words.FAILED, command, str(error))
        except OSError as error:  # a full disk, most of all
            fault = Later(f"this host: {error.strerror or type(error).__name__}", fault=False)
            self._put_off(job, fault, context, command)
        except Exception as error:  # noqa: BLE001 -- one bad job must not stop the others
            self._end(job, words.FAILED, command, f"internal error: {type(error).__name__}")
        else:
            self._end(job, outcome, command, "")

    def _check_not_ours(self, job: Job, context: Context, whole: Mapping[str, str]) -> None:
        """Refuse a target that turns out to be a secret of ours, once those in Vault are known."""
        if job.state == UNDOING:
            return
        kind = context.settings.instances[job.instance].kind
        secrets = list(whole.values())
        if any(parameter.tokens for parameter in kind.capabilities[job.action].parameters):
            secrets += all_secrets(context, self._connect, self._clock())
        if is_one_of(job.target, secrets):
            raise Refused(OWN)

    def _steps(self, job: Job, provider: Provider, transport: Transport) -> str:
        plan = provider.plan(job.target)

        def send(call: Call, *, bare: bool = False) -> Reply:
            return self._send(call, provider, transport, bare=bare)

        if job.state == UNDOING:
            if plan.undo is None:
                raise Failure("it cannot be taken back")
            self._calls(job, plan.undo(job.memory), send)
            return words.RESTORED

        def gone(call: Call, reply: Reply) -> NoReturn:
            if plan.absent(reply) or (plan.place and _answers(plan.place, send)):
                raise AlreadyDone("it is not there")
            raise NotFound(unseen(call, reply, provider))

        try:
            if job.stage == "look":
                job.memory = self._look(plan, send, gone)
                if job.earlier is not None:
                    job.memory = plan.again(job.memory, job.earlier)
                self._reached(job, "act")
            if job.stage == "act":
                # After a look that found it, it is gone because of us.
                self._calls(job, plan.act(job.memory), send, None if plan.look else gone)
                job.earlier = None
                self._reached(job, "check")
        except AlreadyDone:
            job.already = job.earlier is None  # otherwise it is as we left it
            return words.ALREADY
        self._check(job, plan, send)
        return words.REVOKED

    @staticmethod
    def _look(
        plan: Plan, send: Callable[[Call], Reply], gone: Callable[[Call, Reply], NoReturn]
    ) -> dict[str, object]:
        if plan.own and plan.own.holds(send(plan.own.call)):
            raise Refused(OWN)
        if plan.look is None:
            return {}
        reply = send(plan.look)
        if reply.status in plan.look.gone:
            gone(plan.look, reply)
        memory = plan.remember(reply)
        check = plan.check(memory) if plan.check_first else None
        if check and check.holds(send(check.call)):
            raise AlreadyDone("it is as wanted")
        return memory

    def _calls(
        self,
        job: Job,
        calls: tuple[Call, ...],
        send: Callable[[Call], Reply],
        gone: Callable[[Call, Reply], NoReturn] | None = None,
    ) -> None:
        """Make the calls that are left; ``gone`` hears of one that finds nothing there."""
        for number, call in enumerate(calls):
            if number >= job.step:
                reply = send(call)
                if gone and reply.status in call.gone:
                    gone(call, reply)
                job.step = number + 1
                self._store.save(job)

    @staticmethod
    def _check(job: Job, plan: Plan, send: Callable[[Call], Reply]) -> None:
        check = plan.check(job.memory)
        if check is None or check.holds(send(check.call)):
            return
        job.step += 1
        if job.step >= _CHECKS:
            raise Unverified("all calls were answered as they should be, but it has no effect")
        raise Later("not in effect yet", fault=False)

    def _reached(self, job: Job, stage: str) -> None:
        job.stage, job.step = stage, 0
        self._store.save(job)

    def _send(self, call: Call, provider: Provider, transport: Transport, *, bare: bool) -> Reply:
        headers: Mapping[str, str] = {}
        if call.own and not bare:
            if self._headers is None:
                self._headers = provider.own_headers(
                    lambda login: self._send(login, provider, transport, bare=True)
                )
            headers = self._headers
        pace = self._paces[call.payer]
        now = self._clock()
        wait = pace.ready_at(now) - now
        if wait > 0:
            raise Paced("the provider is left alone for now", seconds=wait, fault=False)
        pace.called(now)
        try:
            reply = transport.send(call, headers)
            judge(call, reply, provider, self._clock())
        except Later as later:
            if later.seconds is not None:
                pace.wait(self._clock(), later.seconds)
            elif later.fault:
                pace.failed(self._clock())
            raise
        pace.worked()
        return reply

    def _put_off(self, job: Job, later: Later, context: Context, command: str) -> None:
        now = self._clock()
        if now - job.created >= context.settings.give_up_after:
            self._end(job, words.FAILED, command, f"given up: {later}")
            return
        pause = min(_FIRST_PAUSE * 2.0 ** min(job.attempts, 16), _LONGEST_PAUSE)
        pause *= 0.5 + 0.5 * self._jitter()
        job.due = now + max(pause, later.seconds or 0.0)
        if isinstance(later, Paced):
            job.due = now + (later.seconds or 0.0)
            news = not job.reason
        else:
            job.attempts += 1
            news = job.reason != str(later)
        if news:
            job.reason = str(later)
        self._store.save(job)
        if news:
            self._audit.outcome(words.RETRYING, job, command, in_seconds=round(job.due - now))

    def _end(self, job: Job, outcome: str, command: str, reason: str) -> None:
        now = self._clock()
        good = outcome in (words.REVOKED, words.ALREADY, words.RESTORED)
        undoing = job.state == UNDOING
        if undoing:
            job.state = UNDONE if good else DONE  # what was done stands, and may be tried again
        else:
            job.state = DONE if good else FAILED
        job.ended, job.reason = now, reason
        if good:
            job.forget_secrets()
        self._store.save(job)
        self._audit.outcome(outcome, job, command, seconds=round(now - job.created, 1))

    def _paces_of(self, instance: Instance) -> dict[str, Pace]:
        kind = instance.kind
        rates = {"own": instance.rate, "bare": kind.bare_rate, "token": kind.token_rate}
        return {
            payer: Pace(
                f"{self._state}/{instance.name}.{payer}.json",
                count=rate.count,
                seconds=rate.seconds,
            )
            for payer, rate in rates.items()
        }


def _check_still_wanted(job: Job, context: Context) -> None:
    """Refuse what the administrator has forbidden since it was accepted.

    What is done is only looked at any more, so that it can be taken back.
    """
    if job.state == UNDOING or job.stage == "check":
        return
    begun = ", but a call may have had its effect before" if job.stage == "act" else ""
    if job.action not in context.settings.instances[job.instance].actions:
        raise Failure(f"revoke.ini does not allow {job.target.name} any more{begun}")
    reason = context.protected(job.target)
    if reason:
        raise Refused(reason if reason == OWN else reason + begun)


def _answers(place: Call, send: Callable[[Call], Reply]) -> bool:
    """Return whether a call is answered; a provider that is out of order raises Later."""
    try:
        send(place)
    except Failure:
        return False
    return True
