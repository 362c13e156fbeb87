"""One run: every configured target through Trivy, the memory and the spool.

A run never ends in an exception that nobody sees: whatever goes wrong becomes a ``scan_failed``
event, about one artifact or about the whole run.
"""

from __future__ import annotations

import errno
import json
import secrets
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterator

from wazuh_pack.agentkit.errors import UntrustedFileError
from wazuh_pack.agentkit.files import make_private
from wazuh_pack.reports.findings import Artifact, clean
from wazuh_pack.reports.trivy import Head, Report, ReportError
from wazuh_pack.scan import state, trivy
from wazuh_pack.scan.events import Event, Source, counts_by_severity, describe, encode, iso, utc_now
from wazuh_pack.scan.spool import Spool, SpoolFullError
from wazuh_pack.scan.targets import Ask, Job, ask_engine, plan
from wazuh_pack.scan.trust import Binary, TrustError, trusted_binary

if TYPE_CHECKING:
    from wazuh_pack.scan.config import Config
    from wazuh_pack.scan.places import Places

_HOUR = 3600
_EVERYTHING = -1


@dataclass(frozen=True)
class Outcome:
    """How many artifacts a run scanned, and how many of them failed."""

    scanned: int = 0
    failed: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether the run did something: one artifact that always fails must not repeat it all."""
        return self.scanned > self.failed


class Run:
    """A run in the making; the caller holds the scan lock.

    Args:
        config: The configuration.
        places: Where things are; the folders exist.
        runner: What starts Trivy.
        now: The clock for event times.
        ask: What asks the container engines.
    """

    def __init__(
        self,
        config: Config,
        places: Places,
        *,
        runner: trivy.Runner,
        now: Callable[[], datetime] = utc_now,
        ask: Ask = ask_engine,
    ) -> None:
        cache = config.scanner.cache_dir or str(places.cache)
        self._config = replace(config, scanner=replace(config.scanner, cache_dir=cache))
        self._places = places
        self._runner = runner
        self._now = now
        self._ask = ask
        self._spool = Spool(places.spool)
        self._source = Source(secrets.token_hex(8), now=now)
        self._work = Path(config.scanner.temp_dir or places.work)
        self._checked = False

    def perform(self) -> Outcome:
        """Scan everything."""
        begun = time.monotonic()
        try:
            binary = trusted_binary(self._config.scanner)
            self._prepare_folders()
        except TrustError as error:
            self._fail(error.reason, str(error))
            return Outcome()
        except (UntrustedFileError, OSError) as error:
            self._fail("configuration", str(error))
            return Outcome()
        targets = plan(self._config.targets, self._ask)
        for reason, text in targets.problems:
            self._fail(reason, text)
        failed = scanned = 0
        for job in targets.jobs:
            if self._runner.stopping:
                break
            scanned += 1
            failed += not self._scan(job, binary)
        self._report_database()
        finished = {
            "artifacts": scanned,
            "failed": failed,
            "duration": round(time.monotonic() - begun),
            "trivy_version": binary.version,
        }
        self._tell(self._source.event("run_finished", finished))
        return Outcome(scanned, failed)

    def _scan(self, job: Job, binary: Binary) -> bool:
        """Scan one artifact; return whether its findings are known now."""
        source = Source(secrets.token_hex(8), self._source.scan_id, self._now)
        folder = self._work / f"scan-{source.scan_id}"
        try:
            self._publish(source.event("scan_started", describe(job.artifact)))
            for name in ("cwd", "tmp"):
                (folder / name).mkdir(parents=True, mode=0o700)
            one = _Scan(self._config, self._places, self._spool, source, job)
            one.perform(self._runner, binary, folder, check=not self._checked)
            self._checked = True
        except trivy.ScanError as error:
            reason, text = error.reason, str(error)
        except ReportError as error:
            reason, text = "parse_error", str(error)
        except SpoolFullError as error:
            reason, text = "spool_full", str(error)
        except sqlite3.Error as error:
            full = "full" in str(error)
            reason, text = "no_space" if full else "memory", f"the memory: {error}"
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            reason, text = "no_space" if full else "other", f"{error.strerror}"
        else:
            return True
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._fail(reason, text, source, job.artifact)
        return False

    def _prepare_folders(self) -> None:
        """Make sure that only root can write to cache and scratch space; clear what is left there.

        Who can change the cache decides what Trivy finds.
        """
        for place in (self._config.scanner.cache_dir, str(self._work)):
            make_private(place, ())
        for folder in self._work.glob("scan-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _report_database(self) -> None:
        limit = self._config.scanner.stale_database
        if "vuln" not in self._config.reporting.scanners or self._config.scanner.server:
            return
        facts = database(self._config, self._now())
        age = facts.get("database_age_hours")
        if isinstance(age, int) and age * _HOUR > limit:
            self._tell(self._source.event("database_stale", facts))

    def _fail(
        self,
        reason: str,
        text: str,
        source: Source | None = None,
        artifact: Artifact | None = None,
    ) -> None:
        self._tell((source or self._source).failed(reason, text, artifact=artifact))

    def _tell(self, event: Event) -> None:
        """Publish an event if that is possible."""
        # If not, no scan succeeds either, and the wodle's own runs tell of that past the spool.
        with suppress(OSError, SpoolFullError):
            self._publish(event)

    def _publish(self, event: Event) -> None:
        self._spool.publish([encode(event)])


class _Scan:
    """One artifact: Trivy, then report, memory and events in one transaction."""

    def __init__(
        self, config: Config, places: Places, spool: Spool, source: Source, job: Job
    ) -> None:
        self._config = config
        self._places = places
        self._spool = spool
        self._source = source
        self._job = job
        self._check = True

    def perform(self, runner: trivy.Runner, binary: Binary, folder: Path, *, check: bool) -> None:
        """Scan; ``check`` says whether the memory is to be looked through for damage."""
        self._check = check
        begun = time.monotonic()
        invocation = trivy.prepare(binary.path, self._job, self._config, folder)
        limit = self._config.scanner.timeout + trivy.GRACE
        runner.run(invocation, seconds=limit, nice=self._config.scanner.nice)
        facts = {
            "duration": round(time.monotonic() - begun),
            "trivy_version": binary.version,
            **database(self._config, self._source.now()),
        }
        with Report(invocation.report) as report:
            try:
                self._record(report, facts)
            except sqlite3.DatabaseError as error:
                if not state.is_corruption(error):
                    raise
                self._forget(f"corrupt: {error}")
                self._record(report, facts)
        self._spool.commit(self._source.scan_id)

    def _record(self, report: Report, facts: dict[str, object]) -> None:
        with closing(self._memory()) as memory:
            staged = self._spool.stage(self._source.scan_id)
            try:
                with memory.scan(
                    _named(report.head.artifact, self._job.artifact),
                    scan_id=self._source.scan_id,
                    scope=trivy.scope(self._job, self._config),
                    now=iso(self._source.now()),
                    complete=not report.head.problems,
                ) as scan:
                    scan.take(report.findings())
                    for event in self._events(scan, report.head, facts):
                        staged.write(encode(event))
                    staged.seal()
            except BaseException:
                staged.discard()
                raise

    def _memory(self) -> state.Memory:
        memory, problem = state.open_memory(self._places.memory, self._stamp(), check=self._check)
        if problem:
            self._say_forgotten(problem)
        return memory

    def _forget(self, problem: str) -> None:
        state.set_aside(self._places.memory, self._stamp())
        self._say_forgotten(problem)

    def _say_forgotten(self, problem: str) -> None:
        event = self._source.event("memory_reset", {"error": clean(problem)})
        self._spool.publish([encode(event)])

    def _stamp(self) -> str:
        return self._source.scan_id

    def _events(self, scan: state.Scan, head: Head, facts: dict[str, object]) -> Iterator[Event]:
        reporting = self._config.reporting
        artifact = _named(head.artifact, self._job.artifact)
        if head.problems:
            text = "; ".join(head.problems)
            yield self._source.failed("partial", text, artifact=artifact, parts=len(head.problems))
        changes = scan.count_changes(reporting.severity)
        limit = reporting.worst if scan.baseline else reporting.max_events
        if reporting.mode == "full":
            limit = _EVERYTHING
        reported = sum(changes.values()) if limit < 0 else min(limit, sum(changes.values()))
        summary: dict[str, object] = {
            **describe(artifact),
            "counts": counts_by_severity(scan.counts()),
            "reported": reported,
            "unreported": sum(changes.values()) - reported,
        }
        if scan.baseline:
            yield self._source.event("baseline", summary)
        yield from self._findings(scan, artifact, limit)
        yield self._source.event(
            "scan_finished",
            {
                **summary,
                "changes": {name: changes.get(name, 0) for name in _STATES},
                "baseline": True if scan.baseline else None,
                "complete": not head.problems,
                "suppressed": head.suppressed or None,
                **facts,
            },
        )

    def _findings(self, scan: state.Scan, artifact: Artifact, limit: int) -> Iterator[Event]:
        reporting = self._config.reporting
        for change in scan.changes(reporting.severity, limit):
            yield self._finding(change, artifact, scan.baseline)
        if reporting.mode == "full":
            for change in scan.present(reporting.severity):
                yield self._finding(change, artifact, scan.baseline)

    def _finding(self, change: state.Change, artifact: Artifact, baseline: bool) -> Event:
        return self._source.finding(
            change.finding,
            artifact,
            state=change.state,
            first_seen=change.first_seen,
            previous_severity=change.previous_severity,
            baseline=baseline,
        )


_STATES = (state.NEW, state.REOPENED, state.SEVERITY_CHANGED, state.FIXED)


def database(config: Config, now: datetime) -> dict[str, object]:
    """Return what is known about the vulnerability database in the cache folder."""
    path = Path(config.scanner.cache_dir) / "db" / "metadata.json"
    try:
        updated = json.loads(path.read_bytes())["UpdatedAt"]
        moment = datetime.strptime(updated[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z")
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    age = (now - moment).total_seconds()
    return {"database_updated": iso(moment), "database_age_hours": max(0, int(age // _HOUR))}


def _named(reported: Artifact, planned: Artifact) -> Artifact:
    """Join what Trivy says about an artifact with what it is called here."""
    return replace(
        reported,
        name=planned.name,
        kind=planned.kind,
        digest=reported.digest or planned.digest,
        running=planned.running,
    )
