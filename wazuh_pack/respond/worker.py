"""Turns accepted messages into decisions and log lines."""

from __future__ import annotations

import time

from wazuh_pack.agentkit.codecache import remember
from wazuh_pack.agentkit.errors import AgentError, MessageError
from wazuh_pack.agentkit.files import exists, make_private, read, write_atomic
from wazuh_pack.agentkit.jsonlog import DecisionLog
from wazuh_pack.agentkit.protocol import Request, parse, program_name
from wazuh_pack.respond.backends import Backend
from wazuh_pack.respond.backends.nftables import Nftables
from wazuh_pack.respond.blocker import Blocker
from wazuh_pack.respond.breaker import Breaker
from wazuh_pack.respond.decision import FAILED, REFUSED_INVALID, Decision
from wazuh_pack.respond.names import NameCache
from wazuh_pack.respond.policy import load_policy, protected_names
from wazuh_pack.respond.settings import ENFORCE, load_settings
from wazuh_pack.respond.state import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wazuh_pack.agentkit.home import Home
    from wazuh_pack.respond.settings import Settings

CONFIG = "respond.ini"
STOP = "respond.stop"
"""While this file lies beside the configuration, nothing is blocked; unblocking goes on."""

_VERIFY_EVERY = 60


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

    def handle(self, messages: Sequence[bytes]) -> None:
        """Decide about each message, act, and log one line for each; never raises."""
        parsed = [_parse(message) for message in messages]
        requests = [item for item in parsed if isinstance(item, Request)]
        decided = self._decide(requests)
        self._healthy = not any(decision.outcome == FAILED for decision in decided)
        rest = iter(decided)
        for item in parsed:
            self._write(next(rest) if isinstance(item, Request) else item)

    def maintain(self) -> None:
        """Do what no block should have to wait for, unless nothing works anyway; never raises."""
        if self._blocker is None or self._settings is None or not self._healthy:
            return
        if not self._due():
            return
        try:
            if self._settings.mode == ENFORCE:
                self._blocker.verify()
            names = protected_names(self._settings, self._home)
            self._names().refresh(list(names), self._clock())
        except (AgentError, OSError) as error:
            self.fail(str(error))

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
            return self._blocker.handle(requests)
        except (AgentError, OSError) as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 -- a mistake of ours must show up in the log
            reason = f"internal error: {type(error).__name__}: {error}"
        return [Decision(FAILED, request=request, reason=reason) for request in requests]

    def _prepare(self) -> Blocker:
        now = self._clock()
        settings = load_settings(self._home.config(CONFIG))
        self._settings = settings
        # Apart by mode: a dry run remembers and counts as if it had acted, and then the real mode
        # begins with nothing.
        make_private(self._state, (settings.mode, "targets"))
        state = f"{self._state}/{settings.mode}"
        return Blocker(
            settings=settings,
            policy=load_policy(settings, self._home, self._names(), now),
            store=Store(f"{state}/targets", settings.forget_after),
            breaker=Breaker(
                f"{state}/breaker.json", limit=settings.max_blocks, window=settings.window
            ),
            backend=Nftables(settings.nft) if settings.mode == ENFORCE else Backend(),
            stopped=exists(self._home.config(STOP)),
            clock=self._clock,
        )

    def _names(self) -> NameCache:
        return NameCache(f"{self._state}/names.json")

    def _due(self) -> bool:
        """Return whether it is time to look after things, and remember that it was done."""
        path = f"{self._state}/verified"
        now = self._clock()
        try:
            last = float(read(path, 64) or b"0")
        except ValueError:
            last = 0.0
        if 0 <= now - last < _VERIFY_EVERY:
            return False
        try:
            write_atomic(path, repr(now).encode())
        except OSError:
            return False
        return True


def _parse(message: bytes) -> Request | Decision:
    try:
        return parse(message)
    except MessageError as error:
        return Decision(REFUSED_INVALID, reason=str(error))
