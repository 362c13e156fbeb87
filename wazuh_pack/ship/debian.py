"""Builds the Debian package for hosts with an agent, the same bytes at every build.

It holds the agent bundle below ``/usr/share``; the maintainer scripts (``data/debian``) run its
installer. A ``.deb`` is an ar archive of three members, deb(5): nothing of Debian is needed here.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.bundle.archive import EPOCH, Member, Written, compressed, tar, write
from wazuh_pack.deploy.agentbundle import agent_members

if TYPE_CHECKING:
    from wazuh_pack.install import PackSource

PACKAGE = "wazuh-pack-agent"

_DATA = Path(__file__).parent / "data/debian"
_SCRIPTS = ("postinst", "postrm", "prerm")
_SETTINGS = f"etc/default/{PACKAGE}"
_CONTROL = """\
Package: {package}
Version: {version}
Architecture: all
Maintainer: wazuh-pack developers <wazuh-pack@wazuh-pack.invalid>
Installed-Size: {size}
Depends: python3 (>= 3.8)
Recommends: nftables
Enhances: wazuh-agent
Section: admin
Priority: optional
Description: active responses and scans for hosts with a Wazuh agent
 Brings the scripts of wazuh-pack that run on agents: block-ip, which blocks
 the addresses behind an attack and starts in dry-run mode, and the Trivy
 wodle. They are put into /var/ossec when a Wazuh agent is there, or as soon
 as there is one.
"""
_COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: wazuh-pack

Files: *
Copyright: 2026 the wazuh-pack contributors
License: Apache-2.0
 On Debian systems the full text of the licence is in
 /usr/share/common-licenses/Apache-2.0.
"""
_CHANGELOG = """\
{package} ({version}) unstable; urgency=medium

  * See the CHANGELOG of wazuh-pack.

 -- wazuh-pack developers <wazuh-pack@wazuh-pack.invalid>  Tue, 01 Jan 1980 00:00:00 +0000
"""


def build_deb(source: PackSource, out_dir: Path) -> Written:
    """Write ``wazuh-pack-agent_<version>_all.deb``.

    Args:
        source: The pack, with responses and wodles.
        out_dir: Where the package goes; made when absent.

    Raises:
        DeployError: There is nothing for agents in the pack.
        PackError: The package cannot be written.
    """
    files = _files(source)
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": compressed(tar(_control(source.version, files), top="./")),
        "data.tar.gz": compressed(tar(files, top="./")),
    }
    return write(out_dir / f"{PACKAGE}_{source.version}_all.deb", _ar(parts))


def _files(source: PackSource) -> dict[str, Member]:
    """Return what dpkg unpacks: the bundle, readable for everybody, as packages are."""
    files = {
        f"usr/share/{PACKAGE}/{name}": replace(member, mode=0o755 if member.mode & 0o100 else 0o644)
        for name, member in agent_members(source).items()
    }
    changelog = _CHANGELOG.format(package=PACKAGE, version=source.version).encode()
    files[f"usr/share/doc/{PACKAGE}/changelog.gz"] = Member(compressed(changelog))
    files[f"usr/share/doc/{PACKAGE}/copyright"] = Member(_COPYRIGHT.encode())
    files[_SETTINGS] = Member((_DATA / "default").read_bytes())
    return files


def _control(version: str, files: dict[str, Member]) -> dict[str, Member]:
    kib = sum(-(-len(member.content) // 1024) for member in files.values())
    control = _CONTROL.format(package=PACKAGE, version=version, size=kib)
    digests = "".join(
        f"{hashlib.md5(member.content, usedforsecurity=False).hexdigest()}  {name}\n"
        for name, member in sorted(files.items())
        if name != _SETTINGS
    )
    return {
        "control": Member(control.encode()),
        "conffiles": Member(f"/{_SETTINGS}\n".encode()),
        "md5sums": Member(digests.encode()),
        "triggers": Member((_DATA / "triggers").read_bytes()),
        **{name: Member((_DATA / name).read_bytes(), 0o755) for name in _SCRIPTS},
    }


def _ar(members: dict[str, bytes]) -> bytes:
    """Return a common ar archive: ``!<arch>``, then header and content, padded to even lengths."""
    parts = [b"!<arch>\n"]
    for name, content in members.items():
        header = f"{name:<16}{EPOCH:<12}{0:<6}{0:<6}{0o100644:<8o}{len(content):<10}`\n"
        parts += [header.encode(), content, b"\n" * (len(content) % 2)]
    return b"".join(parts)
