"""Running rulesets over past logs, in one process or several with the same result.

How several processes come to the result of one is argued in
:mod:`wazuh_pack.verify.backtest_proof`: each reads everything and judges the events of its share of
the agents, and what one session would have made of all of them is proved afterwards or, where that
fails, found out by judging in one session.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from wazuh_pack.engine import Mode
from wazuh_pack.verify.backtest_input import Reader, ReadStatistics, Wrapping
from wazuh_pack.verify.backtest_proof import Proof, why_not_apart
from wazuh_pack.verify.backtest_report import Alert, Example, Report, shown_text

if TYPE_CHECKING:
    from wazuh_pack.engine import Result, Ruleset, Session
    from wazuh_pack.verify.backtest_input import Record

ACTOR_FIELDS = ("srcuser", "actor", "username", "user.name", "dstuser", "srcip")
"""Where the actor stands, for events that no source of the pack knows; the first that is there."""
_STDIN = "-"
_ACTOR_BYTES = 200
_POLL_SECONDS = 0.2

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What to judge, and how.

    Attributes:
        paths: Files, ``-`` for standard input.
        ruleset: What judges.
        other: Another ruleset to compare with.
        actor_fields: Names of fields; the first that an event has names its actor.
        wrapping: For a vendor's own logs.
        location: The location of events that bring none.
        latest: See :class:`~wazuh_pack.verify.backtest_input.Reader`.
    """

    paths: tuple[str, ...]
    ruleset: Ruleset
    other: Ruleset | None = None
    actor_fields: tuple[str, ...] = ACTOR_FIELDS
    wrapping: Wrapping | None = None
    location: str | None = None
    latest: float = 4102444800.0


@dataclass(slots=True)
class Outcome:
    """What came out.

    Attributes:
        report: What would have fired.
        read: What was met while reading.
        processes: How many processes the report comes from.
        one_process: Why it was one although more were allowed; empty otherwise.
    """

    report: Report
    read: ReadStatistics
    processes: int = 1
    one_process: str = ""


@dataclass(slots=True)
class _Part:
    """What one process found; a proof for every ruleset."""

    report: Report
    read: ReadStatistics
    proofs: list[Proof] = field(default_factory=list)


def backtest(job: Job, *, processes: int = 1, progress: Progress | None = None) -> Outcome:
    """Judge everything as the production daemon would have.

    Args:
        job: What.
        processes: How many processes may be used.
        progress: Called now and then with the number of bytes consumed.

    Raises:
        PackError: A ruleset or source cannot be used.
    """
    why = ""
    if processes > 1:
        if _STDIN in job.paths:
            why = "standard input can be read only once"
        else:
            parts = _judge_apart(job, processes, progress)
            why = _why_not_apart(job, parts)
            if not why:
                return _joined(parts)
    part = _judge(job, 0, 1, progress)
    part.report.finish()
    return Outcome(part.report, part.read, 1, why)


def _joined(parts: Sequence[_Part]) -> Outcome:
    report = parts[0].report
    for part in parts[1:]:
        report.merge(part.report)
    report.finish()
    return Outcome(report, parts[0].read, len(parts))


def _why_not_apart(job: Job, parts: Sequence[_Part]) -> str:
    if parts[0].read.out_of_order:
        return "the events are not in the order of their times"
    for number, ruleset in enumerate(_rulesets(job)):
        why = why_not_apart([part.proofs[number] for part in parts], ruleset.max_frequency)
        if why:
            return why
    return ""


def _rulesets(job: Job) -> list[Ruleset]:
    return [job.ruleset] if job.other is None else [job.ruleset, job.other]


_job: Job | None = None
_consumed: object = None


def _judge_apart(job: Job, processes: int, progress: Progress | None) -> list[_Part]:
    """Judge in processes that inherit the rulesets, so that nothing is loaded twice."""
    context = multiprocessing.get_context("fork")
    consumed = context.Value("Q", 0)
    with ProcessPoolExecutor(
        processes, mp_context=context, initializer=_inherit, initargs=(job, consumed)
    ) as pool:
        running = [pool.submit(_judge_part, part, processes) for part in range(processes)]
        left = set(running)
        while left:
            _, left = wait(left, timeout=_POLL_SECONDS)
            if progress is not None:
                progress(consumed.value)
        return [future.result() for future in running]


def _inherit(job: Job, consumed: object) -> None:
    global _job, _consumed
    _job, _consumed = job, consumed


def _judge_part(part: int, parts: int) -> _Part:
    if _job is None:
        raise RuntimeError("a worker without a job")

    def report(done: int) -> None:
        _consumed.value = done  # type: ignore[attr-defined] # a shared number has no type of its own

    return _judge(_job, part, parts, report if part == 0 else None)


def _judge(job: Job, part: int, parts: int, progress: Progress | None) -> _Part:
    """Judge the events of a share of the agents; of all agents when there is one part."""
    proofs = [Proof() for _ in _rulesets(job)] if parts > 1 else []
    judges = [
        _Judge(ruleset, proofs[number] if proofs else None, job.actor_fields)
        for number, ruleset in enumerate(_rulesets(job))
    ]
    reader = Reader(job.paths, job.wrapping, job.location, job.latest, progress)
    report = Report()
    for record in reader:
        if parts > 1 and _share(record.agent, parts) != part:
            continue
        report.judged += 1
        alerts = [judge.alert(record) for judge in judges]
        report.refused += judges[0].refused
        if alerts[0] is not None:
            report.add(alerts[0])
        if len(alerts) > 1:
            report.compare(alerts[0], alerts[1])
    return _Part(report, reader.statistics, proofs)


@lru_cache(maxsize=65536)
def _share(agent: str, parts: int) -> int:
    """Return which part judges an agent's events; agents spread evenly, whatever their ids."""
    digest = blake2b(agent.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % parts


class _Judge:
    """One ruleset's session over a stream of records."""

    def __init__(
        self, ruleset: Ruleset, proof: Proof | None, actor_fields: tuple[str, ...]
    ) -> None:
        self.refused = False
        self._proof = proof
        self._session: Session = ruleset.session(mode=Mode.DAEMON, watch=proof)
        self._actor_fields = [(name, name.lower().encode()) for name in actor_fields]

    def alert(self, record: Record) -> Alert | None:
        """Return the alert that a record gives."""
        result = self._session.process(record.event, location=record.location, time=record.time)
        self.refused = bool(result.refused)
        rule = result.matched
        if rule is None:
            return None
        if self._proof is not None:
            self._proof.store(int(record.time))
        if not result.alert or result.occurrence is None:
            return None
        return Alert(
            rule.id,
            rule.level,
            rule.definition.description.decode("utf-8", "replace"),
            Example(
                number=record.number,
                time=record.time,
                location=record.location.decode("utf-8", "replace"),
                actor=self._actor(result),
                event=shown_text(record.event),
            ),
        )

    def _actor(self, result: Result) -> str:
        if result.occurrence is None:
            return ""
        event = result.occurrence.event
        for name, key in self._actor_fields:
            value = event.static.get(name) or event.lookup.get(key)
            if value:
                return value[:_ACTOR_BYTES].decode("utf-8", "replace")
        return ""
