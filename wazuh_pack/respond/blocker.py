"""Decides about requests to block or unblock, and has the firewall changed accordingly."""

from __future__ import annotations

from wazuh_pack.agentkit.errors import AgentError, MessageError
from wazuh_pack.agentkit.protocol import ADD
from wazuh_pack.respond import decision as words
from wazuh_pack.respond.address import Address, parse_target
from wazuh_pack.respond.aggregate import Aggregator
from wazuh_pack.respond.backends import BackendError, Change
from wazuh_pack.respond.decision import Decision
from wazuh_pack.respond.settings import DRY_RUN
from wazuh_pack.respond.state import Record
from wazuh_pack.respond.target import find_address, parse_arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wazuh_pack.agentkit.protocol import Request
    from wazuh_pack.respond.address import Network
    from wazuh_pack.respond.backends import Backend
    from wazuh_pack.respond.breaker import Breaker
    from wazuh_pack.respond.policy import Policy
    from wazuh_pack.respond.settings import Settings
    from wazuh_pack.respond.state import Store
    from wazuh_pack.respond.target import Arguments

_STEEPEST = 32


class _Step:
    """What one decision comes to, before it is done."""

    __slots__ = ("change", "decision", "fresh", "record")

    def __init__(
        self, decision: Decision, change: Change, record: Record | None, *, fresh: bool
    ) -> None:
        self.decision = decision
        self.change = change
        self.record = record
        self.fresh = fresh


class Blocker:
    """Takes the decisions of one batch of requests after another.

    Handling a request twice comes to the same as handling it once, apart from its log line: what is
    blocked already is only prolonged.
    """

    __slots__ = (
        "_aggregator",
        "_backend",
        "_breaker",
        "_clock",
        "_counts",
        "_pending",
        "_policy",
        "_settings",
        "_stopped",
        "_store",
    )

    def __init__(
        self,
        *,
        settings: Settings,
        policy: Policy,
        store: Store,
        breaker: Breaker,
        backend: Backend,
        stopped: bool,
        clock: Callable[[], float],
    ) -> None:
        """Take what to decide by; ``stopped`` says that the administrator pulled the switch."""
        self._settings = settings
        self._policy = policy
        self._store = store
        self._breaker = breaker
        self._backend = backend
        self._stopped = stopped
        self._clock = clock
        self._pending: dict[str, Record] = {}
        self._counts: dict[str, Record] = {}
        self._aggregator = Aggregator(settings, policy, lambda text: self._recall(text, clock()))

    def handle(self, requests: Sequence[Request]) -> list[Decision]:
        """Decide about each request, change the firewall once for all, and remember it.

        Returns:
            One decision per request, in their order; behind them one for each network that they
            led to being blocked or unblocked.
        """
        now = self._clock()
        self._pending = {}
        self._counts = {}
        decisions, steps = [], []
        for request in requests:
            result = self._decide(request, now)
            if isinstance(result, _Step):
                steps.append(result)
                decisions.append(result.decision)
            else:
                decisions.append(result)
        networks = list(self._networks(steps, now))
        steps += networks
        self._apply(steps, now)
        self._remember(steps, now)
        return decisions + [step.decision for step in networks]

    def _networks(self, steps: Sequence[_Step], now: float) -> Iterator[_Step]:
        """Yield what the changes mean for whole networks, at most one step for each."""
        found: dict[str, _Step] = {}
        for step in steps:
            target = step.change.target
            network = self._aggregator.network(target) if isinstance(target, Address) else None
            result = network and self._network(step, network, now)
            if result:
                found[result.decision.target] = result
        yield from found.values()

    def _network(self, step: _Step, network: Network, now: float) -> _Step | None:
        name = str(network)
        before = self._recall(name, now)
        left = before.remaining(now) if before else 0
        change = self._change(network, 0, now)
        decision = Decision(words.UNBLOCKED, mode=self._settings.mode, target=name)
        if before and left and not step.change.seconds:
            decision.reason = f"because of {step.decision.target}"
            record = Record(target=name, offences=0, until=now, duration=0)
        elif step.fresh and step.record:
            record = self._aggregator.count(network, step.record.until, now)
            change.seconds = record.remaining(now)
        else:
            return None
        self._pending[name] = record
        if step.change.seconds and not change.seconds:
            self._counts[name] = record
            return None
        if change.seconds:
            decision.outcome = words.REFRESHED if change.known else words.BLOCKED
            decision.reason = f"{record.offences} addresses of it are blocked"
            decision.timeout, decision.until = change.seconds, record.until
        return _Step(decision, change, record, fresh=False)

    @property
    def backend(self) -> Backend:
        """What changes the firewall."""
        return self._backend

    def missing(self) -> list[Change]:
        """Return the blocks that should be in force and are not.

        Raises:
            BackendError: That cannot be found out.
        """
        return self._backend.missing(self._standing(self._clock()))

    def restore(self, missing: Sequence[Change]) -> list[Decision]:
        """Put back those of the blocks that still stand, and say which.

        Raises:
            BackendError: They could not be put back.
        """
        now = self._clock()
        gone = {change.target for change in missing}
        changes = [change for change in self._standing(now) if change.target in gone]
        if not changes:
            return []
        self._backend.restore(changes)
        return [self._restored(change, now) for change in changes]

    def _restored(self, change: Change, now: float) -> Decision:
        target = str(change.target)
        decision = Decision(words.RESTORED, mode=self._settings.mode, target=target)
        decision.timeout, decision.until = change.seconds, now + change.seconds
        return decision

    def ended(self, since: float) -> list[Decision]:
        """Say which blocks have ended by themselves since then."""
        return [self._expired(record) for record in self._store.ended(since, self._clock())]

    def _expired(self, record: Record) -> Decision:
        decision = Decision(words.EXPIRED, mode=self._settings.mode, target=record.target)
        decision.until, decision.offences = record.until, record.offences
        return decision

    def verify(self) -> None:
        """Put back what somebody else removed from the firewall.

        Raises:
            BackendError: It could not be put back.
        """
        self._backend.verify(lambda: self._standing(self._clock()))

    def take_over(self, old: Backend) -> None:
        """Have every block in force our way, and nothing of ours in another one.

        Raises:
            BackendError: That could not be done, or only in part, or nothing may be put back now.
        """
        if self._stopped:
            raise BackendError("nothing is moved while the kill switch lies there")
        self._fill()
        old.clear()
        self._fill()  # two ways may use the same chain

    def _fill(self) -> None:
        self.verify()
        self._backend.restore(self.missing())

    def _decide(self, request: Request, now: float) -> Decision | _Step:
        mode = self._settings.mode
        adding = request.action == ADD
        if adding and self._stopped:
            return Decision(words.REFUSED_STOPPED, request=request, mode=mode)
        try:
            arguments = parse_arguments(request.arguments)
            address = find_address(request, arguments.field or request.address_field)
        except MessageError as error:
            return Decision(words.REFUSED_INVALID, request=request, mode=mode, reason=str(error))
        decision = Decision(words.UNBLOCKED, request=request, mode=mode, target=str(address))
        return (
            self._add(decision, address, arguments, now)
            if adding
            else self._delete(decision, address, now)
        )

    def _add(
        self, decision: Decision, address: Address, arguments: Arguments, now: float
    ) -> Decision | _Step:
        decision.reason = self._policy.refusal(address)
        if decision.reason:
            decision.outcome = words.REFUSED_ALLOWLIST
            return decision
        before = self._recall(decision.target, now)
        left = before.remaining(now) if before else 0
        fresh = not left
        if fresh and not self._breaker.allows(now):
            decision.outcome = words.REFUSED_RATE_LIMIT
            decision.reason = (
                f"{self._settings.max_blocks} addresses blocked within "
                f"{self._settings.window} seconds"
            )
            return decision
        offences = (before.offences if before else 0) + fresh
        asked = arguments.timeout or (decision.request and decision.request.timeout)
        seconds = max(left, self._duration(asked or self._settings.default_timeout, offences))
        record = Record(
            target=decision.target, offences=offences, until=now + seconds, duration=seconds
        )
        decision.outcome = words.BLOCKED if fresh else words.REFRESHED
        decision.timeout, decision.until, decision.offences = seconds, record.until, offences
        self._pending[record.target] = record
        if fresh:
            self._breaker.count(now)
        return _Step(decision, self._change(address, seconds, now), record, fresh=fresh)

    def _delete(self, decision: Decision, address: Address, now: float) -> _Step:
        before = self._recall(decision.target, now)
        record = None
        if before and before.remaining(now):
            record = Record(target=before.target, offences=before.offences, until=now, duration=0)
            self._pending[record.target] = record
        else:
            decision.reason = "was not blocked"
        return _Step(decision, self._change(address, 0, now), record, fresh=False)

    def _duration(self, base: int, offences: int) -> int:
        steps = min(offences - 1, _STEEPEST)
        return int(min(base * self._settings.escalation_factor**steps, self._settings.max_timeout))

    def _recall(self, target: str, now: float) -> Record | None:
        return self._pending.get(target) or self._store.get(target, now)

    def _refused(self, target: Address | Network) -> bool:
        if isinstance(target, Address):
            return bool(self._policy.refusal(target))
        return self._policy.holds(target)

    def _change(self, address: Address | Network, seconds: int, now: float) -> Change:
        # What counts for the firewall is how things stood before this batch.
        before = self._store.get(str(address), now)
        return Change(address, seconds, known=bool(before and before.remaining(now)))

    def _apply(self, steps: list[_Step], now: float) -> None:
        """Have the changes made together; when one of them fails, each on its own."""
        last = {step.decision.target: step for step in steps}
        if not last:
            return
        error = self._try([step.change for step in last.values()], now)
        failed: dict[str, BackendError | None] = dict.fromkeys(last, error)
        if error and len(last) > 1 and not error.at_all:
            failed = {target: self._try([step.change], now) for target, step in last.items()}
        for step in steps:
            reason = failed.get(step.decision.target)
            if reason:
                self._fail(step, reason)
            elif self._settings.mode == DRY_RUN:
                step.decision.would, step.decision.outcome = step.decision.outcome, words.DRY_RUN

    def _try(self, changes: list[Change], now: float) -> BackendError | None:
        try:
            self._backend.apply(changes, lambda: self._standing(now))
        except BackendError as error:
            return error
        return None

    def _fail(self, step: _Step, error: BackendError) -> None:
        decision = step.decision
        decision.outcome = words.FAILED
        decision.reason = str(error)
        decision.timeout = decision.until = decision.offences = None
        if error.unknown and step.change.seconds:
            decision.reason += "; it may be blocked and counts as such until the next comparison"
            return
        step.record = None
        if step.fresh:
            self._breaker.discount()

    def _remember(self, steps: list[_Step], now: float) -> None:
        records = {**self._counts}
        records.update((step.record.target, step.record) for step in steps if step.record)
        try:
            try:
                if records:
                    self._store.put(records.values(), now)
            finally:
                if any(step.fresh for step in steps):
                    self._breaker.save()
        except OSError as error:
            for step in steps:
                step.decision.reason = f"done, but cannot be remembered: {error}"

    def _standing(self, now: float) -> Iterator[Change]:
        """Yield every block that is in force as far as we remember, and may still be."""
        if self._stopped:
            return
        for record in self._store.live(now):
            try:
                target = parse_target(record.target)
            except AgentError:
                continue  # a line that a power cut has damaged
            if not self._refused(target):
                yield Change(target, record.remaining(now), known=True)
