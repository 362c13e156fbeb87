"""Judging in several processes whose result is what one would give.

Every process reads all logs and judges the events of its share of the agents. What it stores it
tells the others on a :class:`~wazuh_pack.verify.backtest_board.Board`, what it touches it reports
now and then: see :mod:`wazuh_pack.verify.backtest_proof`.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from wazuh_pack.verify.backtest_board import EVENTS, Board
from wazuh_pack.verify.backtest_judge import Judge, judge_record
from wazuh_pack.verify.backtest_proof import Key, Ledger, OneMemory, Proof
from wazuh_pack.verify.backtest_report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from wazuh_pack.verify.backtest_input import ReadStatistics
    from wazuh_pack.verify.backtest_judge import Job, Progress

Found = tuple[Report, "ReadStatistics"]


_REPORT_EVERY = 4096
"""Events of all parts."""


@dataclass(slots=True)
class _Word:
    """What a part reports.

    Attributes:
        ended: Why nothing can be proved any more.
        keys: For each ruleset, what was touched for the first time.
        consumed: Bytes of input.
        found: At the end, the part's report and what was met while reading.
    """

    ended: str = ""
    keys: list[list[Key]] = field(default_factory=list)
    consumed: int = 0
    found: Found | None = None


def judge_apart(job: Job, processes: int, progress: Progress | None) -> Found | str:
    """Judge in several processes; return why that cannot be proved to equal one, if so.

    The processes inherit the rulesets, so nothing is loaded twice.
    """
    context = multiprocessing.get_context("fork")
    board = Board(context, processes)
    running = []
    ends: list[Connection] = []
    try:
        for part in range(processes):
            ours, theirs = context.Pipe()
            ends.append(ours)
            process = context.Process(
                target=_work, args=(_Part(job, part, processes, board), ends, theirs), daemon=True
            )
            process.start()
            theirs.close()
            running.append(process)
        return _lead(job, ends, progress)
    finally:
        for end in ends:
            end.close()
        for process in running:
            process.terminate()
            process.join()


def _lead(job: Job, ends: Sequence[Connection], progress: Progress | None) -> Found | str:
    """Listen to the parts until they are done or nothing can be proved any more."""
    ledgers = [Ledger() for _ in job.rulesets]
    while True:
        try:
            words: list[_Word] = [end.recv() for end in ends]
        except EOFError:
            return "a process failed"
        if progress is not None:
            progress(words[0].consumed)
        why = _why_ended(words, ledgers)
        if why:
            return why
        done = [word.found for word in words if word.found is not None]
        if done:
            changed = len(done) < len(words)
            return "the logs changed while they were read" if changed else _joined(done)


def _why_ended(words: Sequence[_Word], ledgers: Sequence[Ledger]) -> str:
    for part, word in enumerate(words):
        if word.ended:
            return word.ended
        for ledger, keys in zip(ledgers, word.keys, strict=True):
            why = ledger.enter(part, keys)
            if why:
                return why
    return ""


def _joined(found: Sequence[Found]) -> Found:
    report, read = found[0]
    for other, _ in found[1:]:
        report.merge(other)
    report.finish()
    return report, read


def _work(part: _Part, inherited: Sequence[Connection], end: Connection) -> None:
    """Be one part, until its work is done or nobody listens any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for other in inherited:
        other.close()
    try:
        with end:
            part.run(end)
    except BrokenPipeError:
        return
    finally:
        part.leave()


class _Part:
    """One share of the agents.

    ``_known`` is the event up to which it knows of all events whether they were stored,
    ``_unknown`` holds number and second of those after it, ``_untold`` its own latest event and
    what stored that, ``_kept`` the numbers of the events in each session's histories.
    """

    def __init__(self, job: Job, part: int, parts: int, board: Board) -> None:
        self._part, self._parts, self._board = part, parts, board
        self._proofs = [
            Proof(partial(self._before_search, number)) for number in range(len(job.rulesets))
        ]
        self._judges = [
            Judge(ruleset, job.actor_fields, proof)
            for ruleset, proof in zip(job.rulesets, self._proofs, strict=True)
        ]
        self._consumed = 0
        self._reader = job.reader(self._note)
        self._report = Report()
        self._memories = [OneMemory(ruleset.max_frequency) for ruleset in job.rulesets]
        self._kept: list[deque[int]] = [deque() for _ in job.rulesets]
        self._known = 0
        self._unknown: deque[tuple[int, int]] = deque()
        self._now = 0
        self._untold = 0, 0

    def run(self, end: Connection) -> None:
        """Judge everything."""
        number = 0
        for number, record in enumerate(self._reader, start=1):
            self._now = int(record.time)
            if _share(record.agent, self._parts) == self._part:
                self._tell(number - 1)
                judge_record(record, self._judges, self._report)
                self._untold = number, self._stored(number)
            self._unknown.append((number, self._now))
            if not number % _REPORT_EVERY:
                self._tell(number)
                self._learn()
                end.send(self._word())
        self._tell(number)
        self.leave()
        last = self._word()
        last.found = self._report, self._reader.statistics
        end.send(last)

    def leave(self) -> None:
        """Let nobody wait for this part any more."""
        self._board.end(self._part)

    def _note(self, consumed: int) -> None:
        self._consumed = consumed

    def _stored(self, number: int) -> int:
        """Remember which sessions stored the event that was judged; return them as bits."""
        bits = 0
        for place, (judge, kept) in enumerate(zip(self._judges, self._kept, strict=True)):
            if judge.stored:
                kept.append(number)
                bits |= 1 << place
        return bits

    def _word(self) -> _Word:
        ended = next((proof.ended for proof in self._proofs if proof.ended), "")
        if self._reader.statistics.out_of_order:
            ended = "the events are not in the order of their times"
        word = _Word(ended, [proof.fresh for proof in self._proofs], self._consumed)
        for proof in self._proofs:
            proof.fresh = []
        return word

    def _before_search(self, place: int, oldest: int) -> None:
        """Forget what one session would have, if a search may come to it."""
        if self._surely_keeps(place, oldest):
            return
        self._learn()
        while self._unknown and not self._surely_keeps(place, oldest):
            self._board.wait(self._known)
            self._learn()

    def _tell(self, done: int) -> None:
        """Tell what stored our latest event, when there is room, and how far we are."""
        number, stored = self._untold
        while number > EVENTS + (read := self._board.read()):
            self._board.wait(self._known, read)
            self._learn()
        self._board.tell(self._part, done, number, stored)
        self._untold = 0, 0

    def _surely_keeps(self, place: int, oldest: int) -> bool:
        return self._memories[place].surely_keeps(oldest, self._now, len(self._unknown))

    def _learn(self) -> None:
        """Follow what one session would hold, as far as all parts have done."""
        done = self._board.done()
        while self._unknown and self._unknown[0][0] <= done:
            self._known, second = self._unknown.popleft()
            bits = self._board.stored(self._known)
            for place, memory in enumerate(self._memories):
                if bits >> place & 1:
                    self._forget(place, memory.store(self._known, second))
        self._board.has_read(self._part, self._known)

    def _forget(self, place: int, latest: int) -> None:
        kept, session = self._kept[place], self._judges[place].session
        while kept and kept[0] <= latest:
            kept.popleft()
            session.forget_oldest()


@lru_cache(maxsize=65536)
def _share(agent: str, parts: int) -> int:
    """Return which part judges an agent's events; agents spread evenly, whatever their ids."""
    digest = blake2b(agent.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % parts
