"""A scratch manager, a small pack and a way to compare whole trees."""

import stat
from pathlib import Path

import pytest
from standin_manager import standin

from wazuh_pack.install import (
    ConfBlock,
    Kind,
    PackFile,
    PackSource,
    Target,
    apply,
    detect,
    make_plan,
    plan_uninstall,
    read_record,
    recover,
    scaffold_home,
)

BLOCK_XML = """\
<!-- blocks an address for a while -->
<command>
  <name>wazuh-pack-block-ip</name>
  <executable>wazuh-pack-block-ip</executable>
  <timeout_allowed>yes</timeout_allowed>
</command>

<active-response>
  <command>wazuh-pack-block-ip</command>
  <location>local</location>
  <rules_id>110100</rules_id>
  <timeout>600</timeout>
</active-response>

<localfile>
  <log_format>json</log_format>
  <location>/var/log/gitlab/gitlab-rails/audit_json.log</location>
</localfile>
"""


@pytest.fixture
def block():
    """Commands, a response, a log file and a list."""
    return ConfBlock.of(version="0.1.0", xml=BLOCK_XML, lists=("etc/lists/wazuh-pack/admins",))


@pytest.fixture
def make_source(block):
    """A pack of one file of each kind; arguments replace parts of it."""

    def make(*, version="0.1.0", rule=b"<group/>\n", conf=block, drop=(), extra=(), options=None):
        files = (
            PackFile.of(Kind.RULE, "9110-wazuh-pack-github.xml", rule),
            PackFile.of(Kind.DECODER, "9120-wazuh-pack-jenkins.xml", b"<decoder/>\n"),
            PackFile.of(Kind.LIST, "wazuh-pack/admins", b"alice:\n"),
            PackFile.of(Kind.RESPONSE, "wazuh-pack-block-ip", b"#!/bin/sh\nexit 0\n"),
            PackFile.of(Kind.WODLE, "wazuh-pack/trivy", b"#!/bin/sh\nexit 0\n"),
            PackFile.of(Kind.CONFIG, "block-ip.json", b"{}\n"),
        )
        return PackSource(
            version=version,
            files=tuple(f for f in files if f.kind not in drop) + tuple(extra),
            conf=conf,
            options=options or {"sources": ("github", "jenkins"), "dry_run": True},
        )

    return make


@pytest.fixture
def source(make_source):
    return make_source()


@pytest.fixture
def home(tmp_path):
    """The home of a scratch manager."""
    folder = tmp_path / "manager"
    scaffold_home(folder)
    return folder


@pytest.fixture
def target(home):
    return detect(destdir=home)


@pytest.fixture
def install():
    """Do what the command does: repair, plan, apply; return the plan."""

    def run(source, target, *, force=False, prove=None):
        recover(target)
        plan = make_plan(source, target, read_record(target), force=force)
        apply(plan, prove=prove)
        return plan

    return run


@pytest.fixture
def uninstall():
    def run(target, *, force=False):
        recover(target)
        plan = plan_uninstall(target, read_record(target), force=force)
        apply(plan)
        return plan

    return run


@pytest.fixture
def snapshot():
    """Return every path of a tree with its type, mode, owner, group and content."""

    def take(root: Path):
        found = {}
        for path in sorted(root.rglob("*")):
            info = path.lstat()
            if stat.S_ISLNK(info.st_mode):
                content = str(path.readlink()).encode()
            else:
                content = path.read_bytes() if stat.S_ISREG(info.st_mode) else b""
            found[str(path.relative_to(root))] = (
                stat.filemode(info.st_mode),
                info.st_uid,
                info.st_gid,
                content,
            )
        return found

    return take


@pytest.fixture
def manager():
    """A stand-in for a manager, not running yet."""
    with standin() as made:
        yield made


@pytest.fixture
def live_target(manager):
    """The stand-in as a target in service, for any user."""
    return Target(
        home=manager.home,
        version="4.14.7",
        is_manager=True,
        staged=False,
        wazuh_ids=None,
        privileged=False,
    )
