"""``wazuh-pack bundle``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import click

from wazuh_pack import resources
from wazuh_pack.bundle import bundle_all
from wazuh_pack.cli import _out
from wazuh_pack.cli._agents import pack_for_agents
from wazuh_pack.deploy.agentbundle import build_agent_bundle
from wazuh_pack.errors import UsageError


@click.command(help="Build the single-file scripts for agents; the same bytes at every build.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/bundle"),
    show_default=True,
)
@click.option(
    "--agent", is_flag=True, help="One archive with everything for agents, installer too."
)
@click.option(
    "--collect",
    multiple=True,
    metavar="SOURCE",
    help="With --agent: also collect this source's logs in the snippets.",
)
@click.option(
    "--home",
    type=click.Path(path_type=PurePosixPath),
    default=PurePosixPath("/var/ossec"),
    show_default=True,
    help="With --agent: the agents' Wazuh home.",
)
def command(out: Path, agent: bool, collect: tuple[str, ...], home: PurePosixPath) -> None:
    """Build."""
    if collect and not agent:
        raise UsageError("--collect is about the snippets for agents: add --agent")
    if agent:
        with pack_for_agents(home, collect) as source:
            infos = [build_agent_bundle(source, out)]
    else:
        infos = bundle_all(resources.tree(), out)
    for info in infos:
        _out.line(f"{info.sha256}  {info.path}")
