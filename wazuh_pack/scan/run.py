"""The wodle's entrance.

Wazuh 4.14.7 runs it every few minutes, reads what it writes to standard output and makes every line
an event once it has ended. Command wodles hold each other's pipes, so one that takes long delays
all others on the host. A run therefore only starts what is due, detached from every pipe, and
delivers what waits in the spool.

Standard output carries events and nothing else, and standard error nothing: Wazuh reads both. With
``--sink`` the events go to a file instead.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import signal
import sqlite3
import sys
import time
import zlib
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Sequence

from wazuh_pack.agentkit.detach import detach
from wazuh_pack.agentkit.errors import AgentError, ConfigError
from wazuh_pack.agentkit.files import write_all
from wazuh_pack.agentkit.locks import FileLock
from wazuh_pack.reports.report import ReportError
from wazuh_pack.reports.trivy import TOOL
from wazuh_pack.scan import config as configuration
from wazuh_pack.scan import folders, inbox, schedule, sink, state
from wazuh_pack.scan.events import KEY, Event, Source, encode, iso
from wazuh_pack.scan.places import Places, home_of
from wazuh_pack.scan.replay import events_from_report
from wazuh_pack.scan.spool import Spool, SpoolFullError
from wazuh_pack.scan.trivy import Runner
from wazuh_pack.scan.work import Outcome, Run, reason_of

MAX_LINES = 1000
"""Events per run of the wodle: Wazuh takes 100 a second, and a run shall be short."""

_STANDARD_ERROR = 2
_DAY = 86_400
_NO_LIMIT = 10**9


def main(arguments: Sequence[str], script: str = "") -> int:
    """Run the wodle; return its exit status.

    0: in order. 1: something is wrong, and an event says what. 2: the command line is.

    Args:
        arguments: The command line without the program's name.
        script: The program's path, which tells the Wazuh home it belongs to.
    """
    options = _parse(arguments)
    os.umask(0o077)
    if not options.sink:
        return _run(options, script, sys.stdout.fileno())
    try:
        with sink.opened(options.sink) as output:
            return _run(options, script, output)
    except (AgentError, OSError) as error:
        return _say(_source().failed("other", f"{options.sink}: {error}"), sys.stdout.fileno())


def _run(options: argparse.Namespace, script: str, output: int) -> int:
    """Do what the command line says; events go to ``output``."""
    if options.report:
        return _replay(Path(options.report), output)
    try:
        _silence_errors()
        places = Places(options.home or home_of(script))
        places.make()
        return _scan_now(places, output) if options.wait else _wodle(places, output)
    except BrokenPipeError:
        return 1
    except (AgentError, OSError, sqlite3.Error, SpoolFullError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "other"
        return _say(_source().failed(reason, f"{type(error).__name__}: {error}"), output)
    except Exception as error:  # noqa: BLE001 - a fault of ours must be an event, not silence
        return _say(_source().fault(error), output)


def _silence_errors() -> None:
    """Keep standard error from Wazuh, and from being a file that we open if it is closed."""
    if sys.stderr is None or not sys.stderr.isatty():
        null = os.open(os.devnull, os.O_WRONLY)
        if null != _STANDARD_ERROR:
            os.dup2(null, _STANDARD_ERROR)
            os.close(null)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="wazuh-pack-trivy",
        description="Write waiting scan events to standard output; start a scan if one is due.",
    )
    parser.add_argument("--home", help="Wazuh's home folder (default: the one this script is in)")
    parser.add_argument(
        "--sink", metavar="FILE", help="append the events to a file that <localfile> reads"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--wait", action="store_true", help="scan now, in the foreground")
    what.add_argument("--report", metavar="FILE", help="show the events of a Trivy JSON report")
    return parser.parse_args(arguments)


def _wodle(places: Places, output: int) -> int:
    """Start what is due, say what is wrong, deliver what waits."""
    lock = FileLock(str(places.run_lock))
    if not lock.try_acquire():
        return 0  # another run is at it
    try:
        status = 0
        spool = Spool(places.spool)
        notices = schedule.Notices(places.notices)
        try:
            config = configuration.load(places.config)
        except AgentError as error:
            status = 1
            key = f"configuration-{zlib.crc32(str(error).encode())}"
            if notices.wanted(key, time.time(), _DAY):
                spool.publish([encode(_configuration_problem(error))])
        else:
            found = folders.survey(config.reports)
            _start_if_due(places, config, found)
            _report_troubles(found, spool, notices, output)
            _report_silence(places, config, spool, notices, output)
        spool.deliver(output, max_lines=MAX_LINES, stopped=_Stop().asked)
        return status
    finally:
        lock.release()


def _scan_now(places: Places, output: int) -> int:
    try:
        config = configuration.load(places.config)
    except AgentError as error:
        return _say(_configuration_problem(error), output)
    lock = FileLock(str(places.scan_lock))
    if not lock.try_acquire():
        return _say(_source().failed("lock", "another scan is under way on this host"), output)
    try:
        _recover(places)
        troubles = inbox.troubles(folders.survey(config.reports))
        for event in troubles:
            _tell(event, Spool(places.spool), output)
        succeeded = _take_reports(places, config) and not troubles
        if not config.targets.empty:
            succeeded = _perform(places, config) and succeeded
    finally:
        lock.release()
    Spool(places.spool).deliver(
        output, max_lines=_NO_LIMIT, max_bytes=_NO_LIMIT, stopped=_Stop().asked
    )
    return 0 if succeeded else 1


def _start_if_due(places: Places, config: configuration.Config, found: folders.Survey) -> None:
    lock = FileLock(str(places.scan_lock))
    if not lock.try_acquire():
        return  # a scan is under way; its lock goes with it, however it ends
    try:
        _recover(places)
        record = schedule.Record.load(places.schedule)
        now = time.time()
        begun = schedule.settled(record, now)
        if not record.begun:
            begun = schedule.begin(record, now, config.schedule, random.random)
        if begun != record:
            begun.save(places.schedule)
        record = begun
        due = not config.targets.empty and schedule.is_due(record, now, config.schedule)
        reports = inbox.anything_waits(found, places)
    finally:
        lock.release()
    if due or reports:
        detach(lambda: _work_detached(places, config, due=due))


def _work_detached(places: Places, config: configuration.Config, *, due: bool) -> None:
    lock = FileLock(str(places.scan_lock))
    if lock.try_acquire():
        _take_reports(places, config)
        if due:
            _perform(places, config)


def _take_reports(places: Places, config: configuration.Config) -> bool:
    """Take the reports of other tools; the caller holds the scan lock."""
    try:
        _, failed = inbox.take_reports(config, places)
    except Exception as error:  # noqa: BLE001 - a fault of ours must be an event, not silence
        Spool(places.spool).publish([encode(_source().fault(error))])
        return False
    return not failed


def _perform(places: Places, config: configuration.Config) -> bool:
    """Run a scan; the caller holds the scan lock."""
    runner = Runner()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: runner.stop())
    record = schedule.Record.load(places.schedule)
    record = schedule.before_run(record, time.time(), config.schedule, random.random)
    record.save(places.schedule)
    try:
        outcome = Run(config, places, runner=runner).perform()
    except Exception as error:  # noqa: BLE001 - a fault of ours must be an event, not silence
        Spool(places.spool).publish([encode(_source().fault(error))])
        outcome = Outcome()
    record = schedule.after_run(record, time.time(), config.schedule, succeeded=outcome.succeeded)
    record.save(places.schedule)
    return outcome.succeeded and not outcome.failed


def _recover(places: Places) -> None:
    """Settle what a killed scan left between memory and spool; the caller holds the scan lock."""
    spool = Spool(places.spool)

    def committed(scan_id: str) -> bool:
        memory, problem = state.open_memory(places.memory, secrets.token_hex(8))
        if problem:
            spool.publish([encode(_source().event("memory_reset", {"error": problem}))])
        try:
            return memory.committed(scan_id)
        finally:
            memory.close()

    spool.recover(committed)
    record = schedule.Record.load(places.schedule)
    if record.running:
        begun = iso(datetime.fromtimestamp(record.running, timezone.utc))
        text = f"the run that began at {begun} was killed or the host went down"
        spool.publish([encode(_source().failed("killed", text))])
        replace(record, running=0.0).save(places.schedule)


def _report_troubles(
    found: folders.Survey, spool: Spool, notices: schedule.Notices, output: int
) -> None:
    """Tell once a day of watched folders that cannot be looked at."""
    for event in inbox.troubles(found):
        key = f"folder-{zlib.crc32(str(event[KEY]['error']).encode('utf-8', 'replace'))}"
        if notices.wanted(key, time.time(), _DAY):
            _tell(event, spool, output)


def _report_silence(
    places: Places,
    config: configuration.Config,
    spool: Spool,
    notices: schedule.Notices,
    output: int,
) -> None:
    """Make an event if there has been no successful scan, or no report, for too long."""
    now = time.time()
    for folder, event in inbox.missing(config, places):
        if notices.wanted(f"missing {folder.key}", now, folder.expect):
            _tell(event, spool, output)
    if config.targets.empty:
        return
    silent = schedule.overdue(schedule.Record.load(places.schedule), now, config.schedule)
    if silent and notices.wanted("overdue", now, config.schedule.interval):
        hours = int(silent // 3600)
        facts = {"hours": hours, "error": f"no successful scan for {hours} hours"}
        _tell(_source().event("scan_overdue", facts), spool, output)


def _replay(path: Path, output: int) -> int:
    try:
        for event in events_from_report(path):
            write_all(output, encode(event))
    except BrokenPipeError:
        return 1
    except (ReportError, OSError) as error:
        return _say(_source().failed("parse_error", f"{path}: {error}"), output)
    return 0


def _configuration_problem(error: AgentError) -> Event:
    problems = error.problems if isinstance(error, ConfigError) else [str(error)]
    return _source().failed("configuration", "; ".join(problems), parts=len(problems))


def _source() -> Source:
    return Source(secrets.token_hex(8), TOOL)


def _tell(event: Event, spool: Spool, output: int) -> None:
    try:
        spool.publish([encode(event)])
    except (OSError, SpoolFullError):
        _say(event, output)


def _say(event: Event, output: int) -> int:
    """Write one event past the spool, for when that cannot be used."""
    write_all(output, encode(event))
    return 1


class _Stop:
    """Turns SIGTERM, which Wazuh sends when time is up, into a delivery that ends at a line."""

    def __init__(self) -> None:
        self._stopped = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def asked(self) -> bool:
        return self._stopped

    def _stop(self, *_: object) -> None:
        self._stopped = True
