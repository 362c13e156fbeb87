"""``wazuh-pack bundle``."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from wazuh_pack import resources
from wazuh_pack.bundle import build_gate, bundle_all
from wazuh_pack.cli import _out
from wazuh_pack.cli._agents import pack_for_agents
from wazuh_pack.deploy.agentbundle import build_agent_bundle
from wazuh_pack.errors import UsageError
from wazuh_pack.ship.ansible import build_role
from wazuh_pack.ship.debian import build_deb

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.bundle.archive import Written
    from wazuh_pack.install import PackSource

DEFAULT_HOME = PurePosixPath("/var/ossec")


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
@click.option("--deb", is_flag=True, help="A Debian package with that archive's content.")
@click.option("--ansible", is_flag=True, help="An Ansible role with that archive in it.")
@click.option(
    "--gate", is_flag=True, help="The deploy gate, for runners that have nothing but Python."
)
@click.option(
    "--wheel",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --ansible: the wheel of wazuh-pack that the role installs on managers.",
)
@click.option(
    "--collect",
    multiple=True,
    metavar="SOURCE",
    help="For agents: also collect this source's logs in the snippets.",
)
@click.option(
    "--home",
    type=click.Path(path_type=PurePosixPath),
    default=DEFAULT_HOME,
    show_default=True,
    help="With --agent: the agents' Wazuh home.",
)
def command(
    out: Path,
    agent: bool,
    deb: bool,
    ansible: bool,
    gate: bool,
    wheel: Path | None,
    collect: tuple[str, ...],
    home: PurePosixPath,
) -> None:
    """Build."""
    builders = _builders(agent=agent, deb=deb, ansible=ansible, wheel=wheel)
    if collect and not builders:
        raise UsageError("--collect is about the snippets for agents: add --agent")
    if home != DEFAULT_HOME and (deb or ansible):
        raise UsageError(f"packages and roles are for {DEFAULT_HOME}: use --agent alone")
    if wheel is not None and not ansible:
        raise UsageError("--wheel is for the role: add --ansible")
    if gate or not builders:
        for info in [build_gate(out)] if gate else bundle_all(resources.tree(), out):
            _out.line(f"{info.sha256}  {info.path}")
    if not builders:
        return
    with pack_for_agents(home, collect) as source:
        for build in builders:
            written = build(source, out)
            _out.line(f"{written.sha256}  {written.path}")


def _builders(
    *, agent: bool, deb: bool, ansible: bool, wheel: Path | None
) -> list[Callable[[PackSource, Path], Written]]:
    """Return what builds each of the wanted files."""
    found: list[Callable[[PackSource, Path], Written]] = []
    if agent:
        found.append(build_agent_bundle)
    if deb:
        found.append(build_deb)
    if ansible:
        found.append(lambda source, out: build_role(source, out, wheel=wheel))
    return found
