"""Running rulesets over past logs, in one process or several with the same result.

How several processes come to the result of one is argued in
:mod:`wazuh_pack.verify.backtest_proof`. Where that does not hold, everything is judged in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.verify.backtest_judge import ACTOR_FIELDS, Job, Judge, Progress, judge_record
from wazuh_pack.verify.backtest_processes import judge_apart
from wazuh_pack.verify.backtest_report import Report

if TYPE_CHECKING:
    from wazuh_pack.verify.backtest_input import ReadStatistics

__all__ = ["ACTOR_FIELDS", "Job", "Outcome", "backtest"]

_STDIN = "-"


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
    if processes > 1 and not all(map(_can_be_read_again, job.paths)):
        why = "standard input and pipes can be read only once"
    elif processes > 1:
        found = judge_apart(job, processes, progress)
        if not isinstance(found, str):
            return Outcome(*found, processes)
        why = found
    reader = job.reader(progress)
    judges = [Judge(ruleset, job.actor_fields) for ruleset in job.rulesets]
    report = Report()
    for record in reader:
        judge_record(record, judges, report)
    report.finish()
    return Outcome(report, reader.statistics, 1, why)


def _can_be_read_again(name: str) -> bool:
    path = Path(name)
    return name != _STDIN and (path.is_file() or not path.exists())
