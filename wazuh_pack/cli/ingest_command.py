"""``wazuh-pack ingest``."""

from __future__ import annotations

import secrets
import sqlite3
import sys
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wazuh_pack.agentkit.errors import AgentError
from wazuh_pack.agentkit.files import make_private, write_all
from wazuh_pack.agentkit.locks import FileLock
from wazuh_pack.cli import _exit, _out
from wazuh_pack.errors import PackError
from wazuh_pack.reports.findings import SEVERITIES, severity_rank
from wazuh_pack.reports.malicious import Malicious
from wazuh_pack.reports.registry import AUTO, BY_NAME
from wazuh_pack.reports.report import ReportError, ReportFile
from wazuh_pack.scan import config as configuration
from wazuh_pack.scan import judge
from wazuh_pack.scan import sink as sinks
from wazuh_pack.scan.compare import ACCEPTED
from wazuh_pack.scan.config import Config, Reporting
from wazuh_pack.scan.events import KEY, Event, Source, encode, utc_now
from wazuh_pack.scan.inbox import UNKNOWN
from wazuh_pack.scan.ingest import Ingester, Order
from wazuh_pack.scan.places import Places
from wazuh_pack.scan.record import Recorder
from wazuh_pack.scan.spool import Spool, SpoolFullError
from wazuh_pack.scan.state import open_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NO_LIMIT = 10**9
_LOCK_SECONDS = 60.0


@click.command(
    help="Turn reports of scanners and gates into events, one JSON object a line. Without --state "
    "or --home every finding is new. With --state, what is new, fixed or back since the report "
    "before is told, from a memory in that folder. With --home, the wodle of that Wazuh home "
    "remembers the report and delivers the events, as its configuration and exceptions say."
)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--tool", type=click.Choice([AUTO, *sorted(BY_NAME)]), default=AUTO, help="Whose report it is."
)
@click.option("--artifact", default="", help="What the examined thing is called.")
@click.option("--type", "kind", default="", help="What it is, such as container_image.")
@click.option("--digest", default="", help="The image's digest or the repository's commit.")
@click.option(
    "--severity",
    type=click.Choice(SEVERITIES),
    help="The lowest severity that becomes an event [without a memory: unknown; with --state: low; "
    "with --home: as configured].",
)
@click.option(
    "--malicious",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A list of package URLs that are known to be malicious.",
)
@click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), help="A memory's folder."
)
@click.option("--home", type=click.Path(exists=True, file_okay=False), help="A Wazuh home.")
@click.option(
    "--compare",
    "earlier",
    metavar="OLD",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Tell only what FILE has and OLD has not (new), or the other way round (fixed): two "
    "complete reports of one tool, such as the SBOMs of two releases.",
)
@click.option("--sink", help="Append the events to this file instead of printing them.")
@click.option(
    "--format", "form", type=click.Choice(["json", "text"]), default="json", show_default=True
)
def command(
    *,
    files: tuple[Path, ...],
    tool: str,
    artifact: str,
    kind: str,
    digest: str,
    severity: str | None,
    malicious: Path | None,
    state: Path | None,
    home: str | None,
    earlier: Path | None,
    sink: str | None,
    form: str,
) -> int:
    """Ingest."""
    if earlier and (state or home or len(files) > 1):
        raise click.UsageError("--compare OLD takes one FILE, and no --state or --home")
    if state and home:
        raise click.UsageError("give either --state or --home")
    if form == "text" and (state or home or sink):
        raise click.UsageError("--format text is for looking only, without --state, --home, --sink")
    order = Order(tool=tool, artifact=artifact, kind=kind, digest=digest)
    with _problems():
        if home:
            return _into_home(files, order, Places(home), severity, malicious)
        ingester = Ingester(Malicious.load(malicious) if malicious else None)
        with _output(sink) as output:
            if state:
                return _remembered(files, order, ingester, state, severity or "low", output)
            floor = severity or "unknown"

            def read(path: Path) -> Iterator[Event]:
                if earlier:
                    return ingester.compare(ReportFile(earlier), ReportFile(path), order, floor)
                return ingester.show(ReportFile(path), order, floor)

            return _shown(files, read, output, form, compared=bool(earlier))


@contextmanager
def _problems() -> Iterator[None]:
    try:
        yield
    except ReportError as error:
        raise PackError(str(error)) from error
    except BrokenPipeError:
        raise
    except (AgentError, OSError, SpoolFullError, sqlite3.Error) as error:
        raise PackError(f"{type(error).__name__}: {error}") from error


@contextmanager
def _output(sink: str | None) -> Iterator[int]:
    if sink is None:
        yield sys.stdout.fileno()
    else:
        with sinks.opened(sink) as descriptor:
            yield descriptor


def _shown(
    files: tuple[Path, ...],
    read: Callable[[Path], Iterator[Event]],
    output: int,
    form: str,
    *,
    compared: bool,
) -> int:
    failed = 0
    for path in files:
        with _told(path) as problem:
            for event in read(path):
                if form == "text":
                    _print(event, compared=compared)
                else:
                    write_all(output, encode(event))
        failed += bool(problem)
    return _exit.ERROR if failed else _exit.OK


def _print(event: Event, *, compared: bool) -> None:
    fields = event[KEY]
    if fields["event"] == "finding":
        where = fields.get("path") or fields.get("resource") or fields.get("package") or "-"
        severity = f"{fields['severity']:<8}"
        if compared or fields["state"] == ACCEPTED:
            severity = f"{fields['state']} ".ljust(8) + severity
        _out.line(
            f"{severity}  {fields['finding_id']}  {where}  {fields.get('title', '')}".rstrip()
        )
    else:
        counts = fields["counts"]
        worst = sorted(counts, key=lambda name: severity_rank(name) if name != "total" else -1)
        told = ", ".join(f"{counts[name]} {name}" for name in reversed(worst) if counts[name])
        _out.line(f"{fields['tool']}: {fields['artifact']}: {told or 'nothing'}")


@contextmanager
def _told(path: Path) -> Iterator[list[str]]:
    """Tell what is wrong with one file, and go on with the next."""
    problem: list[str] = []
    try:
        yield problem
    except ReportError as error:
        problem.append(str(error))
        _out.error(f"{path}: {error}")


def _remembered(
    files: tuple[Path, ...],
    order: Order,
    ingester: Ingester,
    state: Path,
    severity: str,
    output: int,
) -> int:
    make_private(str(state), ("spool",))
    with FileLock(str(state / "lock"), _LOCK_SECONDS):
        memory, spool = state / "memory.db", Spool(state / "spool")
        _recover(memory, spool)
        recorder = Recorder(memory, spool, Reporting(severity=severity))
        status = _record(files, order, ingester, recorder)
        spool.deliver(output, max_lines=_NO_LIMIT, max_bytes=_NO_LIMIT)
    return status


def _into_home(
    files: tuple[Path, ...],
    order: Order,
    places: Places,
    severity: str | None,
    malicious: Path | None,
) -> int:
    """Record as the wodle does: with less than it knows, its memory would forget."""
    config = configuration.load(places.config) if Path(places.config).exists() else Config()
    reporting = replace(config.reporting, severity=severity or config.reporting.severity)
    listed = malicious or (Path(reporting.malicious) if reporting.malicious else None)
    ingester = Ingester(Malicious.load(listed) if listed else None)
    places.make()
    with FileLock(str(places.scan_lock), _LOCK_SECONDS):
        spool = Spool(places.spool)
        _recover(places.memory, spool)
        with closing(judge.load(config, places, utc_now())) as known:
            for problem in known.problems:
                _out.error(problem)
            recorder = Recorder(places.memory, spool, reporting, sla=config.sla, judge=known)
            status = _record(files, order, ingester, recorder)
    _out.note("recorded; the wodle delivers the events with its next run")
    return status


def _recover(memory: Path, spool: Spool) -> None:
    """Settle what a killed run left between memory and spool; the caller holds the lock."""

    def committed(scan_id: str) -> bool:
        opened, problem = open_memory(memory, secrets.token_hex(8))
        with closing(opened):
            if problem:
                source = Source(secrets.token_hex(8), UNKNOWN)
                spool.publish([encode(source.event("memory_reset", {"error": problem}))])
            return opened.committed(scan_id)

    spool.recover(committed)


def _record(files: tuple[Path, ...], order: Order, ingester: Ingester, recorder: Recorder) -> int:
    failed = 0
    for path in files:
        with _told(path) as problem:
            ingester.record(ReportFile(path), order, recorder)
        failed += bool(problem)
    return _exit.ERROR if failed else _exit.OK
