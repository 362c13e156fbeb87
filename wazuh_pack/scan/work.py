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
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Mapping

from wazuh_pack.agentkit.errors import AgentError
from wazuh_pack.agentkit.files import check_trusted_file, make_private
from wazuh_pack.reports.report import ReportError
from wazuh_pack.reports.trivy import TOOL, Report
from wazuh_pack.scan import environment, kept, trivy
from wazuh_pack.scan.engines import Ask, ask_engine
from wazuh_pack.scan.events import Event, Source, describe, encode, iso, utc_now
from wazuh_pack.scan.judge import Judge
from wazuh_pack.scan.judge import load as load_judge
from wazuh_pack.scan.naming import Names
from wazuh_pack.scan.record import Recorder
from wazuh_pack.scan.schedule import Notices
from wazuh_pack.scan.spool import Spool, SpoolFullError
from wazuh_pack.scan.targets import Job, plan
from wazuh_pack.scan.trust import Binary, TrustError, trusted_binary

if TYPE_CHECKING:
    from wazuh_pack.reports.findings import Artifact
    from wazuh_pack.scan.config import Config
    from wazuh_pack.scan.places import Places

_HOUR = 3600


@dataclass(frozen=True)
class Outcome:
    """How many artifacts a run scanned, and how many of them failed.

    ``idle`` says that there was none and that this is in order: an engine may hold no images.
    """

    scanned: int = 0
    failed: int = 0
    idle: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the run did something: one artifact that always fails must not repeat it all."""
        return self.idle or self.scanned > self.failed


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
        self._source = Source(secrets.token_hex(8), TOOL, now=now)
        self._embedded = ""
        self._work = Path(config.scanner.temp_dir or places.work)

    def perform(self) -> Outcome:
        """Scan everything."""
        begun = time.monotonic()
        try:
            binary = trusted_binary(self._config.scanner)
            self._prepare_folders()
            self._check_files()
            given = self._environment()
        except TrustError as error:
            self._fail(error.reason, str(error))
            return Outcome()
        except AgentError as error:
            self._fail("configuration", str(error))
            return Outcome()
        except OSError as error:
            self._fail("configuration", f"{error.filename}: {error.strerror}")
            return Outcome()
        judge = load_judge(self._config, self._places, self._now())
        if judge.problems:
            text = "; ".join(judge.problems)
            self._fail("configuration", text, parts=len(judge.problems))
        with closing(judge):
            return self._perform(binary, given, judge, begun)

    def _perform(
        self, binary: Binary, given: Mapping[str, str], judge: Judge, begun: float
    ) -> Outcome:
        config = self._config
        recorder = Recorder(
            self._places.memory, self._spool, config.reporting, sla=config.sla, judge=judge
        )
        names = Names(kept.load(self._places.names), self._now().timestamp())
        targets = plan(self._config.targets, self._ask, names)
        kept.save(self._places.names, names.document())
        for reason, text in targets.problems:
            self._fail(reason, text)
        failed = scanned = 0
        for job in targets.jobs:
            if self._runner.stopping:
                break
            scanned += 1
            failed += not self._scan(job, binary, given, recorder)
        self._report_database()
        if self._embedded and not config.scanner.offline:
            text = f"Trivy's checks could not be had, the built-in ones were used: {self._embedded}"
            self._fail("db_download", text)
        self._sum_up(recorder)
        finished = {
            "artifacts": scanned,
            "failed": failed,
            "duration": round(time.monotonic() - begun),
            "tool_version": binary.version,
        }
        self._tell(self._source.event("run_finished", finished))
        return Outcome(scanned, failed, idle=not targets.jobs and not targets.problems)

    def _scan(self, job: Job, binary: Binary, given: Mapping[str, str], recorder: Recorder) -> bool:
        """Scan one artifact; return whether its findings are known now."""
        source = Source(secrets.token_hex(8), TOOL, self._source.scan_id, self._now)
        folder = self._work / f"scan-{source.scan_id}"
        try:
            self._publish(source.event("scan_started", describe(job.artifact)))
            for name in ("cwd", "tmp"):
                (folder / name).mkdir(parents=True, mode=0o700)
            invocation = trivy.prepare(binary.path, job, self._config, folder, given)
            self._examine(job, invocation, source, recorder, binary.version)
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
            reason, text = reason_of(error), f"{error.strerror}"
        else:
            return True
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._fail(reason, text, source, job.artifact)
        return False

    def _examine(
        self,
        job: Job,
        invocation: trivy.Invocation,
        source: Source,
        recorder: Recorder,
        version: str,
    ) -> None:
        """Run Trivy and record its report."""
        begun = time.monotonic()
        limit = self._config.scanner.timeout + trivy.GRACE
        nice = self._config.scanner.nice
        embedded = self._runner.run(invocation, seconds=limit, nice=nice)
        self._embedded = self._embedded or embedded
        facts = {
            "duration": round(time.monotonic() - begun),
            "tool_version": version,
            **database(self._config, source.now()),
        }
        with Report(invocation.report) as report:
            recorder.record(
                report,
                source,
                artifact=_named(report.head.artifact, job.artifact),
                scope=trivy.scope(job, self._config, embedded=bool(embedded)),
                facts=facts,
            )

    def _prepare_folders(self) -> None:
        """Make sure that only root can write to cache and scratch space; clear what is left there.

        Who can change the cache decides what Trivy finds.
        """
        for place in (self._config.scanner.cache_dir, str(self._work)):
            make_private(place, ())
        for folder in self._work.glob("scan-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _check_files(self) -> None:
        """Make sure that only root can have written what Trivy is given besides targets.

        Ignore files and VEX make findings accepted; a kubeconfig can name programs to run.
        """
        scanner, targets = self._config.scanner, self._config.targets
        kubeconfig = targets.kubeconfig if targets.clusters else ""
        for path in filter(None, (scanner.ignore_file, *scanner.vex, kubeconfig)):
            check_trusted_file(path)

    def _environment(self) -> dict[str, str]:
        path = self._config.scanner.environment
        return environment.load(path) if path else {}

    def _sum_up(self, recorder: Recorder) -> None:
        """Forget what is long gone; give the digest when it is time."""
        reporting = self._config.reporting
        now = self._now()
        with suppress(sqlite3.Error, OSError):
            if reporting.forget:
                recorder.forget(self._source, iso(now - timedelta(seconds=reporting.forget)))
            notices = Notices(self._places.digests)
            first = not notices.known("digest")  # whose baselines have said it all
            wanted = notices.wanted("digest", now.timestamp(), reporting.digest)
            if reporting.digest and wanted and not first:
                since = iso(now - timedelta(seconds=reporting.digest))
                self._tell(recorder.digest(self._source, since))

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
        **more: object,
    ) -> None:
        self._tell((source or self._source).failed(reason, text, artifact=artifact, **more))

    def _tell(self, event: Event) -> None:
        """Publish an event if that is possible."""
        # If not, no scan succeeds either, and the wodle's own runs tell of that past the spool.
        with suppress(OSError, SpoolFullError):
            self._publish(event)

    def _publish(self, event: Event) -> None:
        self._spool.publish([encode(event)])


def reason_of(error: OSError) -> str:
    """Return the reason class of an error of the file system."""
    return "no_space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "other"


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
