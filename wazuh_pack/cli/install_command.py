"""``wazuh-pack install``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from wazuh_pack import deploy, install
from wazuh_pack.cli import _api, _choose, _plan
from wazuh_pack.errors import UsageError

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
@click.option(
    "--api",
    "url",
    metavar="URL",
    help="In a cluster, the master's API: load only when every node has the rules, and on every "
    "node.",
)
@_api.access
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=180.0,
    show_default=True,
    help="With --api: seconds to wait for the nodes.",
)
def command(
    home: Path | None,
    destdir: Path | None,
    only_plan: bool,
    yes: bool,
    restart: bool,
    force: bool,
    form: str,
    url: str | None,
    ca: Path | None,
    credentials_file: Path | None,
    wait: float,
    **chosen: Any,
) -> None:
    """Repair, plan, show, ask, apply, prove."""
    if url is None and (ca or credentials_file):
        raise UsageError("--ca and --credentials are about a cluster's API: add --api")
    target = install.detect(home=home, destdir=destdir)
    if not only_plan:
        _plan.repair(target, activate=restart)
    record = install.read_record(target)
    choices = _choose.choose(record, **chosen)
    planned = _plan.plan_install(target, record, choices, home=home, force=force)
    if only_plan:
        _plan.show(planned.plan, form)
        return
    if url is None:
        _carry_out(planned, yes=yes, form=form, restart=restart)
        return
    if target.staged:
        raise UsageError("--api is about a cluster that runs; this tree is staged")
    with contextlib.closing(_api.connect(url, ca, credentials_file)) as api:
        ours = planned.expectation.ours
        nodes = deploy.Nodes(deploy.Manager(api), rule_ids=ours.rules, names=ours.names, wait=wait)
        _carry_out(planned, yes=yes, form=form, restart=restart, nodes=nodes)


def _carry_out(
    planned: _plan.Planned,
    *,
    yes: bool,
    form: str,
    restart: bool,
    nodes: deploy.Nodes | None = None,
) -> None:
    _plan.carry_out(
        planned.plan,
        planned.expectation,
        yes=yes or planned.plan.target.staged,
        form=form,
        activate=restart,
        nodes=nodes,
    )
