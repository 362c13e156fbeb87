"""Judging in several processes that keep in step, so that they give what one would give.

Every process reads all logs and judges the events of its share of the agents. It halts after as
many events as one session can take without forgetting any but the last time, tells what it stored
and touched, and is told what to forget: see :mod:`wazuh_pack.verify.backtest_proof`.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from wazuh_pack.engine.memory import EVENTS_KEPT
from wazuh_pack.verify.backtest_judge import Judge, judge_record
from wazuh_pack.verify.backtest_proof import Key, Ledger, OneMemory, Proof, Stored
from wazuh_pack.verify.backtest_report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from wazuh_pack.verify.backtest_input import ReadStatistics
    from wazuh_pack.verify.backtest_judge import Job, Progress

Found = tuple[Report, "ReadStatistics"]


@dataclass(slots=True)
class _Halt:
    """What a part tells when it halts; lists hold one item for each ruleset.

    Attributes:
        ended: Why nothing can be proved any more.
        keys: What was touched for the first time.
        stored: What went into the histories since the last halt.
        consumed: Bytes of input.
        found: At the end, the part's report and what was met while reading.
    """

    ended: str = ""
    keys: list[list[Key]] = field(default_factory=list)
    stored: list[list[Stored]] = field(default_factory=list)
    consumed: int = 0
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """How a part goes on: for so many events, having forgotten those up to a number."""

    events: int
    forget: list[int]


def judge_apart(job: Job, processes: int, progress: Progress | None) -> Found | str:
    """Judge in several processes; return why that cannot be proved to equal one, if so.

    The processes inherit the rulesets, so nothing is loaded twice.
    """
    context = multiprocessing.get_context("fork")
    running = []
    ends: list[Connection] = []
    try:
        for part in range(processes):
            ours, theirs = context.Pipe()
            ends.append(ours)
            process = context.Process(
                target=_work, args=(job, part, processes, theirs), daemon=True
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
    """Keep the parts in step until they are done or nothing can be proved any more."""
    ledgers = [Ledger() for _ in job.rulesets]
    memories = [OneMemory(ruleset.max_frequency) for ruleset in job.rulesets]
    while True:
        try:
            halts: list[_Halt] = [end.recv() for end in ends]
        except EOFError:
            return "a process failed"
        if progress is not None:
            progress(halts[0].consumed)
        why = _why_ended(halts, ledgers)
        if why:
            return why
        done = [halt.found for halt in halts if halt.found is not None]
        if done:
            changed = len(done) < len(halts)
            return "the logs changed while they were read" if changed else _joined(done)
        forget = [
            memory.store(sorted(event for halt in halts for event in halt.stored[number]))
            for number, memory in enumerate(memories)
        ]
        step = _Step(min(memory.room for memory in memories), forget)
        for end in ends:
            end.send(step)


def _why_ended(halts: Sequence[_Halt], ledgers: Sequence[Ledger]) -> str:
    for part, halt in enumerate(halts):
        if halt.ended:
            return halt.ended
        for ledger, keys in zip(ledgers, halt.keys, strict=True):
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


def _work(job: Job, part: int, parts: int, end: Connection) -> None:
    """Be one part."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with end:
        _Part(job, part, parts).run(end)


class _Part:
    """One share of the agents."""

    def __init__(self, job: Job, part: int, parts: int) -> None:
        self._part, self._parts = part, parts
        self._proofs = [Proof() for _ in job.rulesets]
        self._judges = [
            Judge(ruleset, job.actor_fields, proof)
            for ruleset, proof in zip(job.rulesets, self._proofs, strict=True)
        ]
        self._consumed = 0
        self._reader = job.reader(self._note)
        self._report = Report()
        self._stored: list[list[Stored]] = [[] for _ in job.rulesets]
        self._kept: list[deque[int]] = [deque() for _ in job.rulesets]

    def run(self, end: Connection) -> None:
        """Judge everything, in step with the others."""
        left = EVENTS_KEPT + 1
        for number, record in enumerate(self._reader, start=1):
            if _share(record.agent, self._parts) == self._part:
                judge_record(record, self._judges, self._report)
                self._store(number, int(record.time))
            left -= 1
            if not left:
                end.send(self._halt())
                step: _Step = end.recv()
                self._forget(step.forget)
                left = step.events
        last = self._halt()
        last.found = self._report, self._reader.statistics
        end.send(last)

    def _note(self, consumed: int) -> None:
        self._consumed = consumed

    def _store(self, number: int, second: int) -> None:
        for judge, stored, kept in zip(self._judges, self._stored, self._kept, strict=True):
            if judge.stored:
                stored.append((number, second))
                kept.append(number)

    def _halt(self) -> _Halt:
        ended = next((proof.ended for proof in self._proofs if proof.ended), "")
        if self._reader.statistics.out_of_order:
            ended = "the events are not in the order of their times"
        halt = _Halt(ended, [p.fresh for p in self._proofs], self._stored, self._consumed)
        for proof in self._proofs:
            proof.fresh = []
        self._stored = [[] for _ in self._judges]
        return halt

    def _forget(self, numbers: Sequence[int]) -> None:
        for judge, kept, latest in zip(self._judges, self._kept, numbers, strict=True):
            while kept and kept[0] <= latest:
                kept.popleft()
                judge.session.forget_oldest()


@lru_cache(maxsize=65536)
def _share(agent: str, parts: int) -> int:
    """Return which part judges an agent's events; agents spread evenly, whatever their ids."""
    digest = blake2b(agent.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % parts
