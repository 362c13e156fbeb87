"""Builds what containers of a manager need: an image layer, and files to mount without an image.

Facts of wazuh-docker 4.14.7 (build-docker-images/wazuh-manager): at every start, as root,
``cont-init.d/0-wazuh-init`` copies ``/wazuh-config-mount/*`` over ``/var/ossec`` with ``cp -r``,
where new files become root's and existing ones keep owner and mode; then ``2-manager`` runs
``/entrypoint-scripts/*.sh`` and starts Wazuh. ``etc``, ``active-response/bin`` and ``wodles`` are
volumes, so what an image has below ``/var/ossec`` does not reach an existing deployment.

The layer therefore has the files that may be overwritten in ``/wazuh-config-mount``, and our
installer with an entry point script that gives owner and mode, keeps the user's lists and removes
what an older pack brought.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.bundle.archive import Member, Written, compressed, tar, write
from wazuh_pack.deploy.payload import FILES, payload
from wazuh_pack.errors import DeployError
from wazuh_pack.install.target import NEWEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_pack.install import PackSource

CONFIG_MOUNT = "wazuh-config-mount"
ENTRY_POINTS = "entrypoint-scripts"
SHARE = "usr/share/wazuh-pack"
CONFIG_MAP_LIMIT = 1_048_576
"""Bytes of data that Kubernetes takes in one ConfigMap."""

_DATA = Path(__file__).parent / "data/image"
_SCRIPT = "50-wazuh-pack.sh"
_ARCHIVE = "wazuh-pack.tar.gz"
_KUSTOMIZATION = "kustomization.yaml"
_DOCKERFILE = """\
# docker build --build-arg WAZUH_VERSION=4.14.7 -t wazuh-manager:4.14.7-wazuh-pack-{version} .
ARG WAZUH_IMAGE=wazuh/wazuh-manager
ARG WAZUH_VERSION={newest}.7
FROM ${{WAZUH_IMAGE}}:${{WAZUH_VERSION}}
ADD {layer} /
"""


@dataclass(frozen=True, slots=True)
class Conf:
    """An ossec.conf with our part in it; it may hold secrets of its owner's."""

    name: str
    content: bytes


def layer_members(source: PackSource) -> dict[str, Member]:
    """Return the files of the layer by name.

    Modes here are for reading only: the installer sets those that count, and ``cp`` leaves what it
    makes root's, which analysisd must be able to read.
    """
    members = {f"{SHARE}/{name}": member for name, member in _payload(source).items()}
    for file in source.files:
        if file.policy == "replace":
            name = f"{CONFIG_MOUNT}/{file.destination}"
            same = f"{SHARE}/{FILES}/{file.destination}"
            members[name] = Member(b"", members[same].mode, same_as=same)
    members[f"{ENTRY_POINTS}/{_SCRIPT}"] = _script()
    return members


def build_image(source: PackSource, out_dir: Path, confs: Iterable[Conf]) -> list[Written]:
    """Write the layer, a Dockerfile, a kustomize component and configurations.

    Args:
        source: The pack as the manager gets it.
        out_dir: Where everything goes; made when absent.
        confs: What to mount as ``etc/ossec.conf``, one a role; only their owner may read them.

    Raises:
        DeployError: The pack does not fit into a ConfigMap.
        PackError: A file cannot be written.
    """
    layer = f"wazuh-pack-layer-{source.version}.tar"
    newest = ".".join(map(str, NEWEST))
    dockerfile = _DOCKERFILE.format(version=source.version, layer=layer, newest=newest)
    archive = compressed(tar(_payload(source), top="./"))
    if len(archive) + len(_script().content) > CONFIG_MAP_LIMIT:
        raise DeployError(
            f"{len(archive)} bytes do not fit into a ConfigMap ({CONFIG_MAP_LIMIT})",
            hint="choose fewer sources with --config",
        )
    written = [
        write(out_dir / layer, tar(layer_members(source), top="./")),
        write(out_dir / "Dockerfile", dockerfile.encode()),
    ]
    for folder in (ENTRY_POINTS, "kubernetes"):
        written += [
            write(out_dir / folder / _SCRIPT, _script().content),
            write(out_dir / folder / _ARCHIVE, archive),
        ]
    component = (_DATA / _KUSTOMIZATION).read_bytes()
    written.append(write(out_dir / "kubernetes" / _KUSTOMIZATION, component))
    written += [_write_conf(out_dir / "conf" / conf.name, conf.content) for conf in confs]
    return written


def _write_conf(path: Path, content: bytes) -> Written:
    if not path.exists():
        write(path, b"")
    path.chmod(0o600)
    return write(path, content)


def _payload(source: PackSource) -> dict[str, Member]:
    members = payload(source.files, "image", {})
    return {
        name: Member(member.content, 0o755 if member.mode & 0o100 else 0o644)
        for name, member in members.items()
    }


def _script() -> Member:
    return Member((_DATA / _SCRIPT).read_bytes(), 0o755)
