"""``wazuh-pack plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wazuh_pack import install
from wazuh_pack.cli import _choose, _plan

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    help="Show what `install` with the same options would change, and what stands in its way. "
    "Nothing is changed and nothing of Wazuh is run."
)
@_choose.options
def command(home: Path | None, destdir: Path | None, force: bool, form: str, **chosen: Any) -> None:
    """Plan and show."""
    target = install.detect(home=home, destdir=destdir)
    record = install.read_record(target)
    choices = _choose.choose(record, **chosen)
    plan = _plan.plan_install(target, record, choices, home=home, force=force).plan
    _plan.show(plan, form)
