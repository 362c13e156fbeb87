"""Builds the archive for agents: scripts, configuration templates, an installer, checksums.

It is the same bytes at every build: fixed times and owners, sorted names.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.bundle import BundleInfo
from wazuh_pack.deploy.agentfiles import agent_conf, local_conf
from wazuh_pack.errors import DeployError
from wazuh_pack.install import Kind

if TYPE_CHECKING:
    from wazuh_pack.install import PackFile, PackSource

SUMS = "SHA256SUMS"
MANIFEST = "MANIFEST"

_INSTALLER = Path(__file__).parent / "data" / "install-agent.sh"
_KINDS = frozenset({Kind.RESPONSE, Kind.WODLE, Kind.CONFIG})
_EPOCH = 315_532_800  # 1980-01-01, the time of every file in our archives
_README = """\
wazuh-pack {version} for hosts with a Wazuh agent (Apache-2.0).

  sh install.sh plan        show what would be done
  sh install.sh apply       put the scripts and their configuration in place
  sh install.sh uninstall   take them away again

snippets/ossec.conf goes into the agent's etc/ossec.conf, or snippets/agent.conf into its group's
agent.conf on the manager. Active responses need nothing in either: the manager asks for them.
"""


def build_agent_bundle(source: PackSource, out_dir: Path) -> BundleInfo:
    """Write ``wazuh-pack-agent-<version>.tar.gz`` and return its path, digest and members.

    Args:
        source: The pack, with responses and wodles.
        out_dir: Where the archive goes; made when absent.

    Raises:
        DeployError: There is nothing for agents in the pack, or the archive cannot be written.
    """
    files = sorted(
        (file for file in source.files if file.kind in _KINDS), key=lambda file: file.destination
    )
    if not files:
        raise DeployError("there is no script for agents in this pack")
    top = f"wazuh-pack-agent-{source.version}"
    content = _compressed(_archive(top, _members(source, files)))
    path = out_dir / f"{top}.tar.gz"
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise DeployError(f"cannot write {path}: {error.strerror}") from error
    names = tuple(sorted(_members(source, files)))
    return BundleInfo(path, hashlib.sha256(content).hexdigest(), names)


def _members(source: PackSource, files: list[PackFile]) -> dict[str, tuple[int, bytes]]:
    """Return mode and content by name; ``SHA256SUMS`` covers all the others."""
    members = {f"files/{file.destination}": (file.mode, file.read()) for file in files}
    manifest = "".join(f"{file.mode:04o} {file.policy} {file.destination}\n" for file in files)
    members[MANIFEST] = (0o644, manifest.encode())
    members["README"] = (0o644, _README.format(version=source.version).encode())
    members["install.sh"] = (0o755, _INSTALLER.read_bytes())
    members["snippets/agent.conf"] = (0o644, agent_conf(source))
    members["snippets/ossec.conf"] = (0o644, local_conf(source))
    sums = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, (_, content) in sorted(members.items())
    )
    members[SUMS] = (0o644, sums.encode())
    return members


def _archive(top: str, members: dict[str, tuple[int, bytes]]) -> bytes:
    folders = {parent.as_posix() for name in members for parent in Path(name).parents}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(folders):
            info = _info(top if name == "." else f"{top}/{name}", 0o755)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        for name, (mode, content) in sorted(members.items()):
            info = _info(f"{top}/{name}", mode)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _info(name: str, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode = mode
    info.mtime = _EPOCH
    info.uname = info.gname = "root"
    return info


def _compressed(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=9, mtime=0)
