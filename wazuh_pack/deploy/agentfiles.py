"""What agents need to be told: their part of the configuration.

Executables never travel in a group's folder: agents keep what they get there as files of the user
``wazuh``, while execd and modulesd run theirs as root.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from wazuh_pack.errors import DeployError
from wazuh_pack.install import ConfBlock
from wazuh_pack.install.confblock import read_element
from wazuh_pack.install.ossecconf import fragment

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.install import PackSource

AGENT_CONF = "agent.conf"

_FOR_AGENTS = frozenset({"wodle", "localfile"})
_FOR_MANAGERS = frozenset({"command", "active-response", "integration"})
_NOTE = """\
<!-- wazuh-pack {version}: for etc/shared/GROUP/agent.conf on the manager (or the master).
     A command in it runs only on agents whose etc/local_internal_options.conf has the line
       wazuh_command.remote_commands=1
     and only where the agent bundle put the program; its SHA-256 is checked before every run. -->
"""


def agent_elements(source: PackSource) -> tuple[str, ...]:
    """Return the parts of the pack's block that are for agents: wodles and log collection.

    Raises:
        DeployError: A part is for one host only, such as a module that holds a token.
    """
    texts = []
    for text in source.conf.elements:
        name = read_element(text).name
        if name in _FOR_AGENTS:
            texts.append(text)
        elif name not in _FOR_MANAGERS:
            raise DeployError(
                f"<{name}> is not for a group of agents",
                hint="collect this source on the manager: wazuh-pack install --collect",
            )
    return tuple(texts)


def agent_conf(source: PackSource) -> bytes:
    """Return the agent.conf of a group."""
    bodies = [_indented(text) for text in agent_elements(source)]
    body = "\n\n".join(bodies)
    text = f'<agent_config os="Linux">\n{body}\n</agent_config>\n'
    return (_NOTE.format(version=source.version) + text).encode()


def local_conf(source: PackSource) -> bytes:
    """Return what goes into the ossec.conf of one agent, a root of its own."""
    return fragment(ConfBlock(version=source.version, elements=agent_elements(source)))


def write_group_files(source: PackSource, out: Path) -> tuple[Path, ...]:
    """Write the files for ``etc/shared/<group>/`` into a folder, which is made when absent.

    Raises:
        DeployError: A file is there already and holds something else, or cannot be written.
    """
    path = out / AGENT_CONF
    content = agent_conf(source)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_bytes() != content:
            raise DeployError(
                f"{path} holds something else",
                hint="write into an empty folder and take over what you need",
            )
        path.write_bytes(content)
    except OSError as error:
        raise DeployError(f"cannot write {path}: {error.strerror}") from error
    return (path,)


def _indented(text: str) -> str:
    body = textwrap.dedent(text.strip("\n")).strip()
    return textwrap.indent(body, "  ")
