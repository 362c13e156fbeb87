"""Builds the archive for agents: scripts, configuration templates, an installer, checksums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.bundle.archive import Member, Written, compressed, tar, write
from wazuh_pack.deploy.agentfiles import agent_conf, local_conf
from wazuh_pack.deploy.payload import payload
from wazuh_pack.errors import DeployError
from wazuh_pack.install import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.install import PackSource

KINDS = frozenset({Kind.RESPONSE, Kind.WODLE, Kind.CONFIG})
"""What agents get."""
_README = """\
wazuh-pack {version} for hosts with a Wazuh agent (Apache-2.0).

  sh install.sh plan        show what would be done
  sh install.sh apply       put the scripts and their configuration in place
  sh install.sh uninstall   take them away again

snippets/ossec.conf goes into the agent's etc/ossec.conf, or snippets/agent.conf into its group's
agent.conf on the manager. Active responses need nothing in either: the manager asks for them.
"""


def bundle_name(source: PackSource) -> str:
    """Return the name of the folder in the archive."""
    return f"wazuh-pack-agent-{source.version}"


def agent_members(source: PackSource) -> dict[str, Member]:
    """Return the files of the bundle for agents by name.

    Raises:
        DeployError: There is nothing for agents in the pack.
    """
    files = [file for file in source.files if file.kind in KINDS]
    if not files:
        raise DeployError("there is no script for agents in this pack")
    extras = {
        "README": Member(_README.format(version=source.version).encode()),
        "snippets/agent.conf": Member(agent_conf(source)),
        "snippets/ossec.conf": Member(local_conf(source)),
    }
    return payload(files, "agent", extras)


def build_agent_bundle(source: PackSource, out_dir: Path) -> Written:
    """Write ``wazuh-pack-agent-<version>.tar.gz``, the same bytes at every build.

    Args:
        source: The pack, with responses and wodles.
        out_dir: Where the archive goes; made when absent.

    Raises:
        DeployError: There is nothing for agents in the pack.
        PackError: The archive cannot be written.
    """
    content = agent_archive(source)
    return write(out_dir / f"{bundle_name(source)}.tar.gz", content)


def agent_archive(source: PackSource) -> bytes:
    """Return the archive.

    Raises:
        DeployError: There is nothing for agents in the pack.
    """
    return compressed(tar(agent_members(source), top=bundle_name(source)))
