"""The sessions of a server: tokens, idle time, and the ruleset that new ones begin with."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from wazuh_pack.engine import Ruleset, Session

IDLE_LIMIT = 900.0
"""Seconds; ``session_timeout`` of analysisd 4.14.7."""
SESSION_LIMIT = 64
"""``max_sessions`` of analysisd 4.14.7."""

Load = Callable[[], "Ruleset"]
Stamp = Callable[[], "Hashable"]


class RulesetSource:
    """Gives the ruleset of the moment: files that were changed are read again for new sessions.

    analysisd reads all files for every session; here they are read when their stamp has changed.
    """

    def __init__(self, load: Load, stamp: Stamp | None = None) -> None:
        """Take what loads the ruleset and, if files can change, what tells that they have."""
        self._load = load
        self._stamp = stamp or (lambda: None)
        self._lock = threading.Lock()
        self._known: tuple[Hashable, Ruleset] | None = None

    def current(self) -> Ruleset:
        """Return the ruleset.

        Raises:
            PackError: It cannot be loaded.
        """
        with self._lock:
            stamp = self._stamp()
            if self._known is None or self._known[0] != stamp:
                self._known = stamp, self._load()
            return self._known[1]


@dataclass(slots=True, eq=False)
class OpenSession:
    """A session that a client holds the token of; :attr:`lock` is held while it judges."""

    token: str
    session: Session
    used: float
    lock: threading.Lock = field(default_factory=threading.Lock)


class SessionStore:
    """The open sessions. Safe to use from several threads."""

    def __init__(
        self,
        *,
        limit: int = SESSION_LIMIT,
        idle_limit: float = IDLE_LIMIT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start without any.

        Args:
            limit: How many stay open; one more closes the one that was idle longest.
            idle_limit: Seconds after which an unused session may be closed.
            clock: Gives seconds.
        """
        self.idle_limit = idle_limit
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, OpenSession] = {}

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def add(self, session: Session) -> OpenSession:
        """Keep a session under a new token."""
        with self._lock:
            token = _new_token()
            while token in self._open:
                token = _new_token()
            if len(self._open) >= self._limit:
                oldest = min(self._open.values(), key=lambda held: held.used)
                del self._open[oldest.token]
            held = OpenSession(token, session, self._clock())
            self._open[token] = held
            return held

    def find(self, token: str) -> OpenSession | None:
        """Return the session of a token, which now counts as used; None when there is none."""
        with self._lock:
            held = self._open.get(token)
            if held is not None:
                held.used = self._clock()
            return held

    def remove(self, token: str) -> bool | None:
        """Close a session; False when it is at work just now, None when there is none."""
        with self._lock:
            held = self._open.get(token)
            if held is None:
                return None
            if held.lock.locked():
                return False
            del self._open[token]
            return True

    def expire(self) -> None:
        """Close the sessions that have been idle too long."""
        with self._lock:
            now = self._clock()
            for held in list(self._open.values()):
                if now - held.used >= self.idle_limit and not held.lock.locked():
                    del self._open[held.token]


@contextmanager
def at_work(held: OpenSession) -> Iterator[Session]:
    """Use a session alone."""
    with held.lock:
        yield held.session


def _new_token() -> str:
    return secrets.token_hex(4)
