"""``wazuh-pack uninstall``."""

from __future__ import annotations

from pathlib import Path

import click

from wazuh_pack import install
from wazuh_pack.cli._plan import carry_out, report_repair
from wazuh_pack.errors import UsageError


@click.command(help="Remove what `install` put there; files that you changed since are kept.")
@click.option("--home", type=click.Path(path_type=Path), help="The Wazuh home [/var/ossec].")
@click.option("--destdir", type=click.Path(path_type=Path), help="A staged tree.")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be done, change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(home: Path | None, destdir: Path | None, only_plan: bool, yes: bool, form: str) -> None:
    """Plan, show, ask, apply."""
    target = install.detect(home=home, destdir=destdir)
    if not only_plan:
        report_repair(install.recover(target))
    record = install.read_record(target)
    if record is None:
        raise UsageError(f"wazuh-pack is not installed in {target.home}", hint="name its --home")
    plan = install.plan_uninstall(target, record)
    carry_out(plan, only_plan=only_plan, yes=yes or target.staged, form=form)
