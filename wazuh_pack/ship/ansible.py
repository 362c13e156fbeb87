"""Builds the Ansible role: the bundle for agents, the wheel for managers, and when to run which."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.bundle.archive import Member, Written, compressed, tar, write
from wazuh_pack.deploy.agentbundle import agent_archive, bundle_name
from wazuh_pack.errors import DeployError

if TYPE_CHECKING:
    from wazuh_pack.install import PackSource

ROLE = "wazuh_pack"

_DATA = Path(__file__).parent / "data/ansible"


def build_role(source: PackSource, out_dir: Path, *, wheel: Path | None = None) -> Written:
    """Write ``wazuh-pack-ansible-<version>.tar.gz`` with the role ``wazuh_pack`` in it.

    It is the same bytes at every build from the same wheel.

    Args:
        source: The pack as agents get it.
        out_dir: Where the archive goes; made when absent.
        wheel: What managers install; without it they need a program that is there already.

    Raises:
        DeployError: There is nothing for agents in the pack, or the wheel cannot be read.
        PackError: The archive cannot be written.
    """
    members = {
        path.relative_to(_DATA).as_posix(): Member(path.read_bytes())
        for path in _DATA.rglob("*")
        if path.is_file()
    }
    bundle = bundle_name(source)
    members[f"files/{bundle}.tar.gz"] = Member(agent_archive(source))
    if wheel is not None:
        members[f"files/{wheel.name}"] = Member(_read(wheel))
    names = {
        "wazuh_pack_bundle": bundle,
        "wazuh_pack_wheel": wheel.name if wheel is not None else "",
    }
    lines = "".join(f"{name}: {json.dumps(value)}\n" for name, value in names.items())
    members["vars/main.yml"] = Member(f"---\n{lines}".encode())
    content = compressed(tar(members, top=ROLE))
    return write(out_dir / f"wazuh-pack-ansible-{source.version}.tar.gz", content)


def _read(wheel: Path) -> bytes:
    try:
        return wheel.read_bytes()
    except OSError as error:
        raise DeployError(f"cannot read {wheel}: {error.strerror}") from error
