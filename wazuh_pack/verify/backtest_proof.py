"""Proof that events judged in sessions apart gave what one session would have given.

The argument. Events are parted by their agent. One event bears upon another one through what a
session keeps, and a :class:`Proof` watches one session keep it:

- Histories. A composite rule compares events of one agent only, and all of these are in one
  session. Rules that look at every agent's events (``global_frequency``) or give up at the first
  foreign one (``if_matched_regex``) end the proof. Foreign events that are passed over change
  nothing while time does not run backwards; the reader counts where it does.
- The length of the memory. One session would forget events sooner than its parts, because it holds
  those of all agents. Every part follows what it would hold in a :class:`OneMemory`, as far as all
  parts have told what they stored, and forgets accordingly. A search that may come to an event of
  which this does not say yet whether it is forgotten waits until the others are as far.
- What is kept under a key: the time since which a rule is silent (``ignore``), the first-time-seen
  keys, the texts of ``check_diff``, the accumulator's values. Two sessions that never touch the
  same key cannot miss one another; the :class:`Ledger` knows who touched what.
- What decoding leaves behind: captures that nobody took, and decoder types that a plug-in changed.
  Any such event ends the proof.

By induction over the events in their order, each one then met the same state in its part as it
would have met in one session. Where the proof ends, everything is judged again in one session.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from wazuh_pack.engine.memory import EVENTS_KEPT, EVICTED_AT_ONCE
from wazuh_pack.engine.rules import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from wazuh_pack.engine.decode import DecodeState
    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rules import Rule

Key = tuple[str, "Hashable"]

_KEYS_LIMIT = 500_000
_IDS = "ids"


class Proof:
    """Watches one part's session; see :class:`~wazuh_pack.engine.memory.Watch`.

    Attributes:
        ended: Why nothing can be proved; empty while it can.
        fresh: Keys touched for the first time since this was emptied.
    """

    def __init__(self, forget: Callable[[int], None]) -> None:
        """Begin with nothing touched.

        Args:
            forget: Has the session forget what it must before it is searched as far as an event of
                a second.
        """
        self.ended = ""
        self.fresh: list[Key] = []
        self._keys: set[Key] = set()
        self._forget = forget

    def decoded(self, event: Event, state: DecodeState) -> None:
        """See :class:`~wazuh_pack.engine.memory.Watch`."""
        decoder = event.decoder
        if state.captures:
            self._end("an event left captures for the next one")
        if decoder is None:
            return
        if decoder in state.categories:
            self._end("a plug-in changed the type of a decoder")
        if decoder.accumulate:
            self.shares("accumulate", (event.hostname, decoder.name, event.static.get("id")))
        if decoder.fts and event.category == _IDS:
            # keys of intrusion detection are compared with one another
            self.shares("if_fts", _IDS)

    def shares(self, what: str, key: Hashable) -> None:
        """See :class:`~wazuh_pack.engine.memory.Watch`."""
        touched = (what, key)
        if touched not in self._keys:
            self._keys.add(touched)
            self.fresh.append(touched)

    def searches(self, rule: Rule, oldest: Occurrence | None) -> None:
        """See :class:`~wazuh_pack.engine.memory.Watch`."""
        if oldest is not None:
            self._forget(oldest.second)
        if rule.definition.correlation.everywhere or rule.search is Search.EVENTS:
            self._end(f"rule {rule.id} counts events of all agents")

    def _end(self, why: str) -> None:
        self.ended = self.ended or why


class Ledger:
    """Knows which part touched which key."""

    def __init__(self) -> None:
        """Begin with nothing touched."""
        self._owners: dict[Key, int] = {}

    def enter(self, part: int, keys: Iterable[Key]) -> str:
        """Enter what a part has touched; return why that ends the proof, empty if it does not."""
        for key in keys:
            if self._owners.setdefault(key, part) != part:
                return f"several agents share what {key[0]} remembers"
        if len(self._owners) > _KEYS_LIMIT:
            return "too many keys to compare"
        return ""


class OneMemory:
    """What one session over the events of all parts would still remember."""

    def __init__(self, max_age: int) -> None:
        """Begin empty; see :meth:`~wazuh_pack.engine.memory.Memory.store` for ``max_age``."""
        self._max_age = max_age
        self._kept: deque[tuple[int, int]] = deque()

    def store(self, number: int, second: int) -> int:
        """Store an event.

        Returns:
            The number of the latest event that is forgotten now; 0 when none is.
        """
        kept = self._kept
        kept.append((number, second))
        if len(kept) <= EVENTS_KEPT:
            return 0
        gone = forgotten = 0
        while len(kept) > 1 and (gone < EVICTED_AT_ONCE or second - kept[0][1] > self._max_age):
            forgotten = kept.popleft()[0]
            gone += 1
        return forgotten

    def surely_keeps(self, since: int, now: int, unknown: int) -> bool:
        """Tell whether events since a second are kept, however many of the next were stored.

        Args:
            since: Second of the oldest event in question.
            now: Second of the latest event that may have been stored.
            unknown: How many events came after those of which is known whether they were stored.
        """
        surplus = len(self._kept) + unknown - EVENTS_KEPT
        if surplus <= 0:
            return True
        last = surplus + EVICTED_AT_ONCE - 2
        if last >= len(self._kept) or now - since > self._max_age:
            return False
        return since > self._kept[last][1]
