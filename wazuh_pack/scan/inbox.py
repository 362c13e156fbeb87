"""The reports that wait in the watched folders -> memory and spool.

Whatever is wrong with a report becomes an event, once. What is wrong with memory or spool leaves
the report for the next run.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from wazuh_pack.agentkit.errors import AgentError
from wazuh_pack.agentkit.files import check_trusted_file
from wazuh_pack.reports.findings import Artifact
from wazuh_pack.reports.malicious import Malicious
from wazuh_pack.reports.registry import AUTO
from wazuh_pack.reports.report import ReportError
from wazuh_pack.scan import judge
from wazuh_pack.scan.events import Event, Source, encode, utc_now
from wazuh_pack.scan.folders import Ledger, Survey, Waiting, survey, waiting
from wazuh_pack.scan.ingest import Ingester
from wazuh_pack.scan.record import Recorder
from wazuh_pack.scan.schedule import Arrivals
from wazuh_pack.scan.spool import Spool, SpoolFullError

if TYPE_CHECKING:
    from datetime import datetime

    from wazuh_pack.scan.config import Config, ReportFolder
    from wazuh_pack.scan.places import Places

UNKNOWN = "report"
"""The tool of an event about a file whose tool is not known."""


def troubles(found: Survey, *, now: Callable[[], datetime] = utc_now) -> list[Event]:
    """Return what is wrong with the watched folders, as events."""
    return [
        Source(secrets.token_hex(8), _tool(folder.tool), now=now).failed(reason, text)
        for folder, reason, text in found.troubles
    ]


def missing(config: Config, places: Places) -> list[tuple[ReportFolder, Event]]:
    """Return the folders from which no report came for longer than is expected, with an event."""
    arrivals = Arrivals(places.arrivals)
    late = []
    for folder in config.reports:
        silent = arrivals.silent(folder.key, time.time()) if folder.expect else 0
        if silent > folder.expect:
            hours = int(silent // 3600)
            text = f"{folder.folder}: no report for {hours} hours"
            source = Source(secrets.token_hex(8), _tool(folder.tool))
            late.append((folder, source.event("scan_overdue", {"hours": hours, "error": text})))
    return late


def anything_waits(found: Survey, places: Places) -> bool:
    """Tell whether there is a report that was not taken yet."""
    for one in waiting(found, Ledger(places.reports), time.time()):
        if one.descriptor >= 0:
            os.close(one.descriptor)
        return True
    return False


def take_reports(
    config: Config, places: Places, *, now: Callable[[], datetime] = utc_now
) -> tuple[int, int]:
    """Take every report that waits; return how many, and how many of them could not be read.

    The caller holds the scan lock.
    """
    if not config.reports:
        return 0, 0
    spool = Spool(places.spool)
    known = judge.load(config, places, now())
    malicious, problem = _malicious(config.reporting.malicious)
    if problem:
        _tell(
            spool, Source(secrets.token_hex(8), UNKNOWN, now=now).failed("configuration", problem)
        )
    recorder = Recorder(places.memory, spool, config.reporting, sla=config.sla, judge=known)
    taker = _Taker(spool, Ingester(malicious, now=now), recorder, now)
    ledger = Ledger(places.reports)
    arrivals = Arrivals(places.arrivals)
    taken = failed = 0
    try:
        for one in waiting(survey(config.reports), ledger, time.time()):
            taken += 1
            good = taker.take(one)
            ledger.take(one.path, one.stamp)
            failed += not good
            if good and one.folder.expect:
                arrivals.note(one.folder.key, time.time())
    except (SpoolFullError, sqlite3.Error, OSError) as error:
        source = Source(secrets.token_hex(8), UNKNOWN, now=now)
        _tell(spool, source.failed("memory", f"reports wait: {type(error).__name__}: {error}"))
    finally:
        known.close()
    return taken, failed


class _Taker:
    """Takes one report after the other."""

    def __init__(
        self,
        spool: Spool,
        ingester: Ingester,
        recorder: Recorder,
        now: Callable[[], datetime],
    ) -> None:
        self._spool = spool
        self._ingester = ingester
        self._recorder = recorder
        self._now = now

    def take(self, one: Waiting) -> bool:
        """Record a report, or tell why not; return whether its findings are known now."""
        if one.problem:
            self._fail(one, "untrusted_report", one.problem)
            return False
        try:
            self._ingester.record(one.open(), one.order, self._recorder)
        except ReportError as error:
            self._fail(one, "parse_error", str(error))
            return False
        except (SpoolFullError, sqlite3.Error, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - one file must not keep the others from being read
            source, about = self._about(one)
            self._spool.publish([encode(source.fault(error, artifact=about))])
            return False
        return True

    def _fail(self, one: Waiting, reason: str, text: str) -> None:
        source, about = self._about(one)
        event = source.failed(reason, f"{one.path}: {text}", artifact=about)
        self._spool.publish([encode(event)])

    def _about(self, one: Waiting) -> tuple[Source, Artifact]:
        """Return what makes the events about a file, and what the file is about."""
        name = one.order.artifact or one.order.fallback
        about = Artifact(Artifact.plain_name(name), one.order.kind or "unknown")
        return Source(secrets.token_hex(8), _tool(one.order.tool), now=self._now), about


def _tool(name: str) -> str:
    return UNKNOWN if name == AUTO else name


def _malicious(path: str) -> tuple[Malicious, str]:
    """Return the list of malicious components, or an empty one and what is wrong with it."""
    if not path:
        return Malicious(), ""
    try:
        check_trusted_file(path)
        return Malicious.load(Path(path)), ""
    except (ReportError, AgentError) as error:
        return Malicious(), str(error)
    except OSError as error:
        return Malicious(), f"{path}: {error.strerror}"


def _tell(spool: Spool, event: Event) -> None:
    with suppress(OSError, SpoolFullError):
        spool.publish([encode(event)])
