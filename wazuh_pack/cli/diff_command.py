"""``wazuh-pack diff``."""

from __future__ import annotations

from pathlib import Path

import click

from wazuh_pack import install
from wazuh_pack.cli import _exit, _out, _plan


@click.command(
    help="Show what has changed since the installation: files, modes, owners, our part of "
    "ossec.conf. Exits with 10 when something has that should not."
)
@click.option("--home", type=click.Path(path_type=Path), help="The Wazuh home [/var/ossec].")
@click.option("--destdir", type=click.Path(path_type=Path), help="A staged tree.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(home: Path | None, destdir: Path | None, form: str) -> int:
    """Compare and show."""
    target = install.detect(home=home, destdir=destdir)
    record = _plan.record_of(target)
    found = install.compare(record, target)
    if form == "json":
        rows = [
            {
                "path": str(item.path),
                "change": item.change.value,
                "detail": item.detail,
                "expected": item.expected,
            }
            for item in found
        ]
        _out.json_line({"home": str(target.home), "version": record.version, "drift": rows})
    else:
        for item in found:
            _out.line(f"{item}  [yours to change]" if item.expected else str(item))
        if not found:
            _out.line("nothing has changed since the installation")
    return _exit.OK if all(item.expected for item in found) else _exit.DRIFT
