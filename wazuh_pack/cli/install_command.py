"""``wazuh-pack install``."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath

import click

from wazuh_pack import install, resources
from wazuh_pack.cli import _load
from wazuh_pack.cli._plan import carry_out, report_repair
from wazuh_pack.install.assemble import Choices, assemble


@click.command(help="Install the pack into a Wazuh manager's home (or a staged tree).")
@click.option("--home", type=click.Path(path_type=Path), help="The Wazuh home [/var/ossec].")
@click.option("--destdir", type=click.Path(path_type=Path), help="Stage into this root instead.")
@click.option(
    "--collect",
    multiple=True,
    metavar="SOURCE",
    help="Also collect this source's logs, with its default parameters.",
)
@click.option("--responses/--no-responses", default=True, show_default=True)
@click.option("--wodles/--no-wodles", default=True, show_default=True)
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be done, change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    home: Path | None,
    destdir: Path | None,
    collect: tuple[str, ...],
    responses: bool,
    wodles: bool,
    only_plan: bool,
    yes: bool,
    form: str,
) -> None:
    """Plan, show, ask, apply."""
    loaded = _load.catalog()
    built = _load.build(loaded)
    for name in collect:
        _load.source(loaded, name)
    target = install.detect(home=home, destdir=destdir)
    with tempfile.TemporaryDirectory(prefix="wazuh-pack-") as scratch:
        source = assemble(
            loaded,
            built,
            tree=resources.tree(),
            scratch=Path(scratch),
            home=PurePosixPath(home or "/var/ossec") if destdir else PurePosixPath(target.home),
            choices=Choices(
                collect={name: {} for name in collect}, responses=responses, wodles=wodles
            ),
        )
        if not only_plan:
            report_repair(install.recover(target))
        plan = install.make_plan(source, target, install.read_record(target))
        carry_out(plan, only_plan=only_plan, yes=yes or target.staged, form=form)
