"""Turns accepted messages into decisions and log lines."""

from __future__ import annotations

import time

from wazuh_pack.agentkit.codecache import remember
from wazuh_pack.agentkit.errors import AgentError, MessageError
from wazuh_pack.agentkit.files import exists, make_private, read, write_atomic
from wazuh_pack.agentkit.jsonlog import DecisionLog
from wazuh_pack.agentkit.locks import FileLock
from wazuh_pack.agentkit.protocol import Request, parse, program_name
from wazuh_pack.respond.backends import Backend
from wazuh_pack.respond.backends.choose import choose, make
from wazuh_pack.respond.blocker import Blocker
from wazuh_pack.respond.breaker import Breaker
from wazuh_pack.respond.cluster import ClusterNodes
from wazuh_pack.respond.decision import FAILED, REFUSED_INVALID, RESTORED, Decision
from wazuh_pack.respond.names import NameCache
from wazuh_pack.respond.policy import load_policy, protected_names
from wazuh_pack.respond.protected import cluster_ports
from wazuh_pack.respond.settings import ENFORCE, load_settings
from wazuh_pack.respond.state import Store
from wazuh_pack.respond.ways import Holders, Probes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_pack.agentkit.home import Home
    from wazuh_pack.respond.backends import Change
    from wazuh_pack.respond.settings import Settings

CONFIG = "respond.ini"
STOP = "respond.stop"
"""While this file lies beside the configuration, nothing is blocked; unblocking goes on."""

MOST_TOLD = 100
"""How many blocks that were put back are told one by one.

A line for each of a hundred thousand would keep the agent from telling anything else.
"""

_VERIFY_EVERY = 60
_INSPECT_EVERY = 300
_LONGEST_INSPECTION = 90.0


class Worker:
    """Handles batches of messages; only one process at a time may.

    Everything it decides by is read anew for each batch, so that a changed configuration or the
    kill switch takes effect at once.
    """

    __slots__ = (
        "_blocker",
        "_clock",
        "_healthy",
        "_home",
        "_log",
        "_script",
        "_settings",
        "_state",
    )

    def __init__(
        self, home: Home, state: str, script: str, clock: Callable[[], float] = time.time
    ) -> None:
        """Take Wazuh's home, the folder for our state, and the path the script was started by."""
        self._home = home
        self._script = script
        self._state = state
        self._clock = clock
        self._log = DecisionLog(home.log, program_name(script))
        self._healthy = True
        self._blocker: Blocker | None = None
        self._settings: Settings | None = None

    @property
    def linger(self) -> float:
        """How many seconds to wait for more messages."""
        return self._settings.linger if self._settings else 0.0

    def handle(self, messages: Sequence[bytes]) -> list[Decision]:
        """Decide about each message, act, and log one line for each; never raises."""
        parsed = [_parse(message) for message in messages]
        requests = [item for item in parsed if isinstance(item, Request)]
        decided = self._decide(requests)
        self._healthy = not any(decision.outcome == FAILED for decision in decided)
        rest = iter(decided)
        found = [next(rest) if isinstance(item, Request) else item for item in parsed]
        found += rest
        for decision in found:
            self._write(decision)
        return found

    def preview(self, message: bytes) -> Decision:
        """Return what would be decided about a message; changes and logs nothing.

        Raises:
            AgentError: It cannot be decided.
            OSError: The state cannot be read.
        """
        parsed = _parse(message)
        if not isinstance(parsed, Request):
            return parsed
        blocker = self._blocker_for(load_settings(self._home.config(CONFIG)), Backend(), dry=True)
        return blocker.handle([parsed])[0]

    def maintain(self) -> None:
        """Once a minute, look after the firewall, unless nothing works anyway; never raises."""
        if self._blocker is None or not self._healthy or not self._due("verified", _VERIFY_EVERY):
            return
        self.attend([])

    def wants_inspection(self) -> bool:
        """Return whether it is time for :meth:`inspect`, and remember that it was."""
        return self._healthy and self._due("inspected", _INSPECT_EVERY)

    def inspect(self, *, wait: bool = False) -> list[Change]:
        """Find out what nobody should wait for, beside the work of another worker; never raises.

        Host names that are never blocked are resolved again, blocks that ended are told, and the
        whole firewall is compared with our memory.

        Args:
            wait: Wait for another process that is inspecting; without it, leave it to that one.

        Returns:
            The blocks that are not in force any more: for :meth:`attend`.
        """
        try:
            blocker = self._blocker = self._prepare()
            lock = FileLock(f"{self._state}/inspection.lock", seconds=_LONGEST_INSPECTION)
            if wait:
                lock.acquire()
            elif not lock.try_acquire():
                return []
            try:
                return self._inspect(blocker)
            finally:
                lock.release()
        except (AgentError, OSError) as error:
            self.fail(str(error))
        return []

    def attend(self, missing: Sequence[Change]) -> None:
        """Put the missing blocks back, and look after our rules; never raises."""
        if self._blocker is None or self._settings is None or self._settings.mode != ENFORCE:
            return
        try:
            self._holders().add(self._blocker.backend.name)
            self._blocker.verify()
            restored = self._blocker.restore(missing)
        except (AgentError, OSError) as error:
            self.fail(str(error))
            return
        for decision in restored[:MOST_TOLD]:
            self._write(decision)
        if len(restored) > MOST_TOLD:
            rest = f"and {len(restored) - MOST_TOLD} more"
            self._write(Decision(RESTORED, mode=self._settings.mode, reason=rest))
        self._move(self._blocker)

    def _inspect(self, blocker: Blocker) -> list[Change]:
        settings = self._settings
        if settings is not None and settings.mode == ENFORCE:
            for decision in self._ended(blocker):
                self._write(decision)
        names = protected_names(settings, self._home) if settings is not None else ()
        self._names().refresh(list(names), self._clock())
        self._nodes().refresh(list(cluster_ports(self._home.ossec_conf)), self._clock())
        name = blocker.backend.name
        # Blocks that another way still holds are not gone: attend() moves them.
        return [] if name and self._holders().others(name) else blocker.missing()

    def _ended(self, blocker: Blocker) -> list[Decision]:
        """Return what has expired since this was last asked for."""
        path = f"{self._state}/expired"
        now = self._clock()
        since = _number(read(path, 64), default=now)
        write_atomic(path, repr(now).encode())
        return blocker.ended(min(since, now))

    def prepare_next(self) -> None:
        """Spare the next run of the script what only the first one has to do; never raises."""
        try:
            remember(self._home.state("").rstrip("/"), self._script)
        except (AgentError, OSError) as error:
            self.fail(f"compiled modules cannot be kept: {error}")

    def refuse(self, reason: str) -> None:
        """Log that a message was refused before it could be read."""
        self._write(Decision(REFUSED_INVALID, reason=reason))

    def fail(self, reason: str) -> None:
        """Log that something went wrong apart from a single request."""
        self._write(Decision(FAILED, reason=reason))

    def _write(self, decision: Decision) -> None:
        self._log.write(decision.command, decision.fields())

    def _decide(self, requests: list[Request]) -> list[Decision]:
        if not requests:
            return []
        try:
            self._blocker = self._prepare()
            self._holders().add(self._blocker.backend.name)
            decisions = self._blocker.handle(requests)
            if any(decision.outcome == FAILED for decision in decisions):
                self._probes().doubt(self._blocker.backend.name)
            self._move(self._blocker)
            return decisions  # noqa: TRY300 -- what follows is for all that is caught
        except (AgentError, OSError) as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 -- a mistake of ours must show up in the log
            reason = f"internal error: {type(error).__name__}: {error}"
        return [Decision(FAILED, request=request, reason=reason) for request in requests]

    def _move(self, blocker: Blocker) -> None:
        """Take our blocks out of the ways that are used no more, or they could not be undone."""
        holders = self._holders()
        name = blocker.backend.name
        others = holders.others(name)
        if not (name and others and self._settings and holders.due()):
            return
        try:
            for other in others:
                blocker.take_over(make(other, self._settings))
        except (AgentError, OSError) as error:
            holders.failed()
            self.fail(f"blocks made with {', '.join(others)} stay in force there: {error}")
        else:
            holders.keep(name)

    def _prepare(self) -> Blocker:
        settings = load_settings(self._home.config(CONFIG))
        self._settings = settings
        # Apart by mode: a dry run remembers and counts as if it had acted, and then the real mode
        # begins with nothing.
        make_private(self._state, (settings.mode, "targets"))
        enforcing = settings.mode == ENFORCE
        backend = choose(settings, self._probes().probe) if enforcing else Backend()
        return self._blocker_for(settings, backend)

    def _blocker_for(self, settings: Settings, backend: Backend, *, dry: bool = False) -> Blocker:
        state = f"{self._state}/{settings.mode}"
        return Blocker(
            settings=settings,
            policy=load_policy(settings, self._home, self._names(), self._nodes(), self._clock()),
            store=Store(f"{state}/targets", settings.forget_after, dry=dry),
            breaker=Breaker(
                f"{state}/breaker.json", limit=settings.max_blocks, window=settings.window, dry=dry
            ),
            backend=backend,
            stopped=exists(self._home.config(STOP)),
            clock=self._clock,
        )

    def _names(self) -> NameCache:
        return NameCache(f"{self._state}/names.json")

    def _nodes(self) -> ClusterNodes:
        return ClusterNodes(f"{self._state}/cluster.json")

    def _probes(self) -> Probes:
        return Probes(f"{self._state}/{ENFORCE}/probed.json", self._clock())

    def _holders(self) -> Holders:
        return Holders(f"{self._state}/{ENFORCE}/holders.json", self._clock())

    def _due(self, what: str, every: float) -> bool:
        """Return whether it is time to do something again, and remember that it was done."""
        path = f"{self._state}/{what}"
        now = self._clock()
        if 0 <= now - _number(read(path, 64), default=0.0) < every:
            return False
        try:
            write_atomic(path, repr(now).encode())
        except OSError:
            return False
        return True


def _number(text: bytes | None, *, default: float) -> float:
    try:
        return float(text or b"")
    except ValueError:
        return default


def _parse(message: bytes) -> Request | Decision:
    try:
        return parse(message)
    except MessageError as error:
        return Decision(REFUSED_INVALID, reason=str(error))
