"""``wazuh-pack doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wazuh_pack import install
from wazuh_pack.agentkit.process import FOLDERS as SYSTEM_FOLDERS
from wazuh_pack.cli import _canary, _exit, _load, _out, _plan
from wazuh_pack.install import choices as choosing
from wazuh_pack.install.health import Examination, Programs, Verdict
from wazuh_pack.install.managerconf import ManagerConf
from wazuh_pack.install.renumber import renumber
from wazuh_pack.install.service import Service
from wazuh_pack.scan.trust import FOLDERS as TRIVY_FOLDERS

if TYPE_CHECKING:
    from wazuh_pack.install.health import Check
    from wazuh_pack.install.prove import Canary

_MARKS = {
    Verdict.OK: ("ok", "green"),
    Verdict.WARNING: ("warn", "yellow"),
    Verdict.FAILURE: ("FAIL", "red"),
}


@click.command(
    help="Check that an installation is healthy: files, ossec.conf, ruleset, scripts, log and, on "
    "a manager in service, its own verdict and logtest's. Exits with 21 when something is not."
)
@click.option("--home", type=click.Path(path_type=Path), help="The Wazuh home [/var/ossec].")
@click.option("--destdir", type=click.Path(path_type=Path), help="A staged tree.")
@click.option(
    "--live/--no-live",
    default=True,
    show_default=True,
    help="Run the daemons' configuration tests and ask logtest.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(home: Path | None, destdir: Path | None, live: bool, form: str) -> int:
    """Examine and show."""
    target = install.detect(home=home, destdir=destdir)
    record = _plan.record_of(target)
    conf = ManagerConf.read(target.home)
    live = live and not target.staged
    examination = Examination(
        target=target,
        record=record,
        conf=conf,
        service=Service.of(target) if live else None,
        canaries=_canaries(record) if live and conf.role != "worker" else (),
        programs=Programs(nft=SYSTEM_FOLDERS, trivy=TRIVY_FOLDERS),
    )
    checks = list(examination.checks())
    if form == "json":
        _out.json_line({"home": str(target.home), "checks": [_row(check) for check in checks]})
    else:
        for check in checks:
            _print(check)
    healthy = all(check.verdict is not Verdict.FAILURE for check in checks)
    return _exit.OK if healthy else _exit.UNHEALTHY


def _canaries(record: install.Record) -> tuple[Canary, ...]:
    """Return an event of every source that is installed."""
    choices = choosing.remembered(record.options)
    catalog, lock = renumber(_load.catalog(), _load.lock(), choices.id_base)
    present = {entry.path.name.partition("-wazuh-pack-")[2] for entry in record.files}
    sources = tuple(item.id for item in catalog.sources if f"{item.id}.xml" in present)
    return _canary.choose(choosing.narrowed(catalog, sources, None), lock.ids())


def _row(check: Check) -> dict[str, object]:
    return {
        "check": check.name,
        "verdict": check.verdict.value,
        "details": list(check.details),
        "hint": check.hint,
    }


def _print(check: Check) -> None:
    word, colour = _MARKS[check.verdict]
    first, *more = check.details or ("",)
    _out.line(f"{_out.style(f'{word:<5}', colour)} {check.name:<14}{first}")
    for text in more:
        _out.line(f"{'':<20}{text}")
    if check.hint:
        _out.line(f"{'':<20}{_out.style('hint', 'cyan')}: {check.hint}")
