"""``wazuh-pack group-files``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import click

from wazuh_pack.cli import _out
from wazuh_pack.cli._agents import pack_for_agents
from wazuh_pack.deploy.agentfiles import write_group_files


@click.command(help="Write what agents of a group need into a folder for etc/shared/<group>.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR"
)
@click.option(
    "--collect", multiple=True, metavar="SOURCE", help="Also collect this source's logs there."
)
@click.option(
    "--home",
    type=click.Path(path_type=PurePosixPath),
    default=PurePosixPath("/var/ossec"),
    show_default=True,
    help="The agents' Wazuh home.",
)
def command(out: Path, collect: tuple[str, ...], home: PurePosixPath) -> None:
    """Write."""
    with pack_for_agents(home, collect) as source:
        for path in write_group_files(source, out):
            _out.line(str(path))
