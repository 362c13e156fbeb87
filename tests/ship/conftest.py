"""What is shipped, and roots to ship into."""

import os
import stat
from pathlib import PurePosixPath

import pytest

from wazuh_pack.cli._agents import pack_for_agents
from wazuh_pack.install import ConfBlock, Kind, PackFile, PackSource

WAZUH_ID = 4321


@pytest.fixture(scope="session")
def agent_pack():
    with pack_for_agents(PurePosixPath("/var/ossec"), ()) as pack:
        yield pack


class Root:
    """A scratch file system with Wazuh's home in it; ``wazuh`` has an id of its own there."""

    def __init__(self, folder, *programs, conf="<ossec_config>\n</ossec_config>\n"):
        self.path = folder
        self.home = folder / "var/ossec"
        for name in ("bin", "etc", "active-response/bin", "wodles", "logs", "var/run"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        (folder / "etc").mkdir(exist_ok=True)
        for name in ("passwd", "group"):
            (folder / "etc" / name).write_text(
                f"root:x:0:0::/:\nwazuh:x:{WAZUH_ID}:{WAZUH_ID}::/:\n"
            )
        (self.home / "etc/ossec.conf").write_text(conf)
        for name in programs:
            self.add(name)

    def add(self, name):
        (self.home / "bin" / name).touch()

    def files(self, below=""):
        top = self.home / below
        return {
            str(path.relative_to(self.home)): path.read_bytes()
            for path in top.rglob("*")
            if path.is_file() and not path.is_symlink()
        }

    def access(self, name):
        """Return mode, owner and group; as an ordinary user only the mode."""
        info = (self.home / name).stat()
        mode = f"{stat.S_IMODE(info.st_mode):04o}"
        return (mode, info.st_uid, info.st_gid) if os.geteuid() == 0 else (mode,)


def access(mode, user):
    """Return what :meth:`Root.access` gives for a file of ``user`` and the group wazuh."""
    if os.geteuid() != 0:
        return (mode,)
    return mode, 0 if user == "root" else WAZUH_ID, WAZUH_ID


@pytest.fixture
def make_root(tmp_path):
    def make(*programs, **options):
        return Root(tmp_path / "root", *programs, **options)

    return make


@pytest.fixture(name="access")
def access_fixture():
    return access


@pytest.fixture
def small_manager_pack():
    """A pack of one script."""
    return PackSource(
        version="0.1.0",
        files=(PackFile.of(Kind.RESPONSE, "wazuh-pack-block-ip", b"#!/bin/sh\n"),),
        conf=ConfBlock(version="0.1.0", elements=()),
    )
