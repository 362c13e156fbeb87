"""``wazuh-pack install``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wazuh_pack import install
from wazuh_pack.cli import _choose, _plan

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    help="Install the pack into a Wazuh manager's home (or a staged tree), and prove it there. "
    "Installing again upgrades; what was chosen before stays chosen."
)
@_choose.options
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be done, change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--restart/--no-restart",
    default=True,
    show_default=True,
    help="Let the running Wazuh load the change, by reload where that is enough.",
)
def command(
    home: Path | None,
    destdir: Path | None,
    only_plan: bool,
    yes: bool,
    restart: bool,
    force: bool,
    form: str,
    **chosen: Any,
) -> None:
    """Repair, plan, show, ask, apply, prove."""
    target = install.detect(home=home, destdir=destdir)
    if not only_plan:
        _plan.repair(target, activate=restart)
    record = install.read_record(target)
    choices = _choose.choose(record, **chosen)
    planned = _plan.plan_install(target, record, choices, home=home, force=force)
    if only_plan:
        _plan.show(planned.plan, form)
        return
    _plan.carry_out(
        planned.plan,
        planned.expectation,
        yes=yes or target.staged,
        form=form,
        activate=restart,
    )
