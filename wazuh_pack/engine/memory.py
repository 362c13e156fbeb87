"""What a session remembers between events, with what decoding keeps."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wazuh_pack.engine.decode import DecodeState
    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.history_index import HistoryIndex
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rules import Rule

EVENTS_KEPT = 8192
"""analysisd's ``memory_size``: how many events stay in the histories."""
EVICTED_AT_ONCE = 10
"""How many events are forgotten when there are more, and all that are too old beside them."""


class Watch(Protocol):
    """Learns of everything by which one event of a session can bear upon another one.

    Events may be judged in sessions apart where it learns of nothing that these sessions share. A
    watched session forgets an event only when it is told to.
    """

    def decoded(self, event: Event, state: DecodeState) -> None:
        """An event has been decoded; the state is as it leaves it."""

    def shares(self, what: str, key: object) -> None:
        """Something kept under a key is about to be read or changed."""

    def searches(self, rule: Rule, oldest: Occurrence | None) -> None:
        """A composite rule is about to look through its history, as far as an oldest event.

        What is to be forgotten before that can be forgotten now.
        """


class DiffStore:
    """What ``check_diff`` saw last, by host and rule.

    analysisd keeps it on disk: it outlives sessions, and logtest and the daemon share it. A host is
    a folder there, and analysisd makes that folder but none above it: of a host ``a/b`` nothing is
    kept unless one called ``a`` came before. ``.`` and ``..`` are what they are in any path.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[tuple[bytes, ...], bytes] = {}
        self._folders: set[tuple[bytes, ...]] = set()

    def exchange(self, host: bytes, rule_id: int, text: bytes) -> bytes | None:
        """Store a text and return the one before it; None when there was none or none is kept."""
        folder = self._folder(host)
        if folder is None:
            return None
        file = (*folder, str(rule_id).encode())
        with self._lock:
            self._folders |= {folder, file}
            before = self._last.get(file)
            self._last[file] = text
            return before

    def _folder(self, host: bytes) -> tuple[bytes, ...] | None:
        """Return the host's folder, None when it cannot be made."""
        folder: tuple[bytes, ...] = _DIFFS
        for name in host.rstrip(b"/").split(b"/"):
            if len(name) > _LONGEST_NAME or not self._exists(folder):
                return None
            folder = _below(folder, name)
        return folder

    def _exists(self, folder: tuple[bytes, ...]) -> bool:
        return folder in self._folders or folder == _DIFFS[: len(folder)]


_DIFFS = (b"queue", b"diff")
_LONGEST_NAME = 255
"""Bytes; file systems refuse longer ones."""


def _below(folder: tuple[bytes, ...], name: bytes) -> tuple[bytes, ...]:
    """Return the folder that a name stands for in another one."""
    if name in (b"", b"."):
        return folder
    return folder[:-1] if name == b".." else (*folder, name)


@dataclass(slots=True)
class Memory:
    """Counters and histories of the rules; one per session."""

    diffs: DiffStore
    decoding: DecodeState
    fired: dict[int, int] = field(default_factory=dict)
    """Rule index -> how often it was the result."""
    muted_since: dict[int, int] = field(default_factory=dict)
    """Rule index -> second since which its ``ignore`` time runs."""
    by_rule: dict[int, list[Occurrence]] = field(default_factory=dict)
    """Index of a watched rule -> its events, oldest first."""
    by_group: dict[int, list[Occurrence]] = field(default_factory=dict)
    """Index of an ``if_matched_group`` rule -> the events it may count, oldest first."""
    events: deque[Occurrence] = field(default_factory=deque)
    """All kept events, oldest first."""
    index: HistoryIndex | None = None
    """Finds events for searches; None to search through whole histories."""
    watch: Watch | None = None

    def count(self, rule: Rule) -> int:
        """Count a rule as the result once more and return its new number."""
        number = self.fired.get(rule.index, 0) + 1
        self.fired[rule.index] = number
        return number

    def store(self, occurrence: Occurrence, rule: Rule, max_age: int) -> None:
        """Put an event into the histories that its rule feeds and forget the oldest ones.

        Args:
            occurrence: The event.
            rule: The rule whose histories it enters.
            max_age: Seconds; when the memory is full, events older than this go too.
        """
        if rule.watched:
            histories = [self.by_rule.setdefault(rule.index, [])]
            composites = rule.counted_by
        else:
            histories = [self.by_group.setdefault(fed.index, []) for fed in rule.feeds]
            composites = rule.feeds
        occurrence.release()
        if self.index is not None:
            self.index.add(occurrence, composites)
        for history in histories:
            history.append(occurrence)
        occurrence.stored_in = histories
        self.events.append(occurrence)
        if self.watch is None and len(self.events) > EVENTS_KEPT:
            self._evict(occurrence.second, max_age)

    def _evict(self, now: int, max_age: int) -> None:
        gone = 0
        while len(self.events) > 1 and (
            gone < EVICTED_AT_ONCE or now - self.events[0].second > max_age
        ):
            self.forget_oldest()
            gone += 1

    def forget_oldest(self) -> None:
        """Take the oldest event out of all histories."""
        oldest = self.events.popleft()
        for history in oldest.stored_in:
            history.remove(oldest)
        if self.index is not None:
            self.index.remove(oldest)
