"""Proof that events judged in sessions apart gave what one session would have given.

The argument. Events are parted by their agent. One event bears upon another one through what a
session keeps, and a :class:`Proof` watches one session keep it:

- Histories. A composite rule compares events of one agent only, and all of these are in one
  session. Rules that look at every agent's events (``global_frequency``) or give up at the first
  foreign one (``if_matched_regex``) end the proof. Foreign events that are passed over change
  nothing while time does not run backwards; the reader counts where it does.
- What is kept under a key: the time since which a rule is silent (``ignore``), the first-time-seen
  keys, the texts of ``check_diff``, the accumulator's values. Two sessions that never touch the
  same key cannot miss one another.
- What decoding leaves behind: captures that nobody took, and decoder types that a plug-in changed.
  Any such event ends the proof.
- The length of the memory. One session forgets events sooner than its parts do, because it holds
  the events of all of them. The parts forget later than one session ever could, and note for
  every second the oldest event of the same agent that a rule looked at in its time frame, and how
  many events they stored. An event that a part looked at and that one session might have lost
  ends the proof.

By induction over the events in their order, each one then met the same state in its part as it
would have met in one session. Where the proof ends, everything is judged again in one session.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from wazuh_pack.engine.memory import EVENTS_KEPT, EVICTED_AT_ONCE
from wazuh_pack.engine.rules import Search

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from wazuh_pack.engine.decode import DecodeState
    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rules import Rule

_KEYS_LIMIT = 500_000
_SECONDS_LIMIT = 2_000_000
_IDS = "ids"


@dataclass(slots=True)
class Proof:
    """What one part's session has kept and looked at; see :class:`~wazuh_pack.engine.memory.Watch`.

    Attributes:
        ended: Why nothing can be proved; empty while it can.
        keys: Everything touched under a key: what it is, and the key.
        stored: Second -> how many events went into the histories.
        visited: Second -> the oldest second of an event that a rule looked at then.
    """

    ended: str = ""
    keys: set[tuple[str, Hashable]] = field(default_factory=set)
    stored: Counter[int] = field(default_factory=Counter)
    visited: dict[int, int] = field(default_factory=dict)

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
        self.keys.add((what, key))
        if len(self.keys) > _KEYS_LIMIT:
            self._end("too many keys to compare")

    def visits(
        self, rule: Rule, current: Occurrence, history: Iterable[Occurrence]
    ) -> Iterable[Occurrence]:
        """See :class:`~wazuh_pack.engine.memory.Watch`."""
        asked = rule.definition.correlation
        if asked.everywhere or rule.search is Search.EVENTS:
            self._end(f"rule {rule.id} counts events of all agents")
            return history
        return self._noted(current, asked.timeframe, history)

    def _noted(
        self, current: Occurrence, timeframe: int, history: Iterable[Occurrence]
    ) -> Iterator[Occurrence]:
        now, agent = current.second, current.event.agent.id
        for entry in history:
            if now - entry.second <= timeframe and entry.event.agent.id == agent:
                self.visited[now] = min(entry.second, self.visited.get(now, entry.second))
                if len(self.visited) > _SECONDS_LIMIT:
                    self._end("too long a time to follow")
            yield entry

    def store(self, second: int) -> None:
        """Note that an event went into the histories."""
        self.stored[second] += 1
        if len(self.stored) > _SECONDS_LIMIT:
            self._end("too long a time to follow")

    def _end(self, why: str) -> None:
        self.ended = self.ended or why


def why_not_apart(proofs: Sequence[Proof], max_age: int) -> str:
    """Return why parts need not have given what one session gives; empty when they have.

    Args:
        proofs: One for each part.
        max_age: See :meth:`~wazuh_pack.engine.memory.Memory.store`.
    """
    for proof in proofs:
        if proof.ended:
            return proof.ended
    seen: set[tuple[str, Hashable]] = set()
    for proof in proofs:
        common = seen & proof.keys
        if common:
            return f"several agents share what {min(what for what, _ in common)} remembers"
        seen |= proof.keys
    if _is_forgotten(proofs, max_age):
        return "there are more events than a manager remembers"
    return ""


def _is_forgotten(proofs: Sequence[Proof], max_age: int) -> bool:
    """Tell whether one session might have lost an event that a part has looked at.

    One session loses nothing before it has stored more than it keeps. Later it certainly has what
    is both young enough and among the latest ones.
    """
    stored: Counter[int] = Counter()
    visited: dict[int, int] = {}
    for proof in proofs:
        stored.update(proof.stored)
        for now, oldest in proof.visited.items():
            visited[now] = min(oldest, visited.get(now, oldest))
    seconds = sorted(stored)
    sums = list(accumulate((stored[second] for second in seconds), initial=0))
    for now, oldest in visited.items():
        until = sums[bisect_right(seconds, now)]
        if until <= EVENTS_KEPT:
            continue
        since = until - sums[bisect_left(seconds, oldest)]
        if now - oldest > max_age or since > EVENTS_KEPT - EVICTED_AT_ONCE:
            return True
    return False
