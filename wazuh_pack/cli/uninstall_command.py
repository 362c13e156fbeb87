"""``wazuh-pack uninstall``."""

from __future__ import annotations

from pathlib import Path

import click

from wazuh_pack import install
from wazuh_pack.cli import _plan
from wazuh_pack.errors import UsageError
from wazuh_pack.install.prove import Expectation


@click.command(help="Remove what `install` put there; files that you changed since are kept.")
@click.option("--home", type=click.Path(path_type=Path), help="The Wazuh home [/var/ossec].")
@click.option("--destdir", type=click.Path(path_type=Path), help="A staged tree.")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be done, change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--restart/--no-restart",
    default=True,
    show_default=True,
    help="Let the running Wazuh load the change, by reload where that is enough.",
)
@click.option(
    "--force", is_flag=True, help="Discard what was edited by hand in our part of ossec.conf."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    home: Path | None,
    destdir: Path | None,
    only_plan: bool,
    yes: bool,
    restart: bool,
    force: bool,
    form: str,
) -> None:
    """Repair, plan, show, ask, apply, prove."""
    target = install.detect(home=home, destdir=destdir)
    if not only_plan:
        _plan.repair(target, activate=restart)
    record = install.read_record(target)
    if record is None:
        raise UsageError(f"wazuh-pack is not installed in {target.home}", hint="name its --home")
    plan = install.plan_uninstall(target, record, force=force)
    if only_plan:
        _plan.show(plan, form)
        return
    _plan.carry_out(plan, Expectation(), yes=yes or target.staged, form=form, activate=restart)
