"""The archive for agents, its installer, and the files for groups."""

import gzip
import hashlib
import io
import os
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

import pytest
from archives import unpack
from lxml import etree

from wazuh_pack.cli import _exit, main
from wazuh_pack.cli._agents import pack_for_agents
from wazuh_pack.deploy.agentbundle import build_agent_bundle
from wazuh_pack.deploy.agentfiles import agent_conf, local_conf, write_group_files
from wazuh_pack.errors import DeployError
from wazuh_pack.install import merge

SHELLS = [
    [path, *flags]
    for path, flags in (("/bin/dash", ()), ("/bin/bash", ("--posix",)), ("/bin/busybox", ("sh",)))
    if Path(path).exists()
]
RESPONSE = "active-response/bin/wazuh-pack-block-ip"
WODLE = "wodles/wazuh-pack-trivy"
SETTINGS = "etc/wazuh-pack/trivy.ini"
RECORD = "etc/wazuh-pack/agent-bundle.sums"
RISKS = "etc/wazuh-pack/exceptions.ini"
INSTALLED = {RESPONSE, WODLE, SETTINGS, RISKS, "etc/wazuh-pack/respond.ini", RECORD}


@pytest.fixture(scope="session")
def source():
    with pack_for_agents(PurePosixPath("/var/ossec"), ("app-security",)) as pack:
        yield pack


@pytest.fixture(scope="session")
def archive(source, tmp_path_factory):
    return build_agent_bundle(source, tmp_path_factory.mktemp("archive")).path


class Host:
    """A scratch root with an agent's home in it."""

    def __init__(self, folder, archive):
        self.root = folder / "root"
        self.home = self.root / "var/ossec"
        for name in ("bin", "etc", "active-response/bin", "wodles", "logs"):
            (self.home / name).mkdir(parents=True)
        (self.home / "bin/wazuh-agentd").touch()
        self.unpacked = folder / "unpacked"
        with tarfile.open(archive) as tar:
            unpack(tar, self.unpacked)
        self.bundle = next(self.unpacked.iterdir())
        self.shell = SHELLS[0]

    def run(self, *arguments, code=0):
        done = subprocess.run(
            [*self.shell, self.bundle / "install.sh", "--root", self.root, *arguments],
            capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def files(self):
        return {
            str(path.relative_to(self.home)): path.read_bytes()
            for path in self.home.rglob("*")
            if path.is_file()
        }

    def mode(self, name):
        return stat.S_IMODE((self.home / name).stat().st_mode)


@pytest.fixture
def host(tmp_path, archive):
    return Host(tmp_path, archive)


def test_the_archive_is_the_same_bytes_at_every_build(source, archive, tmp_path):
    again = build_agent_bundle(source, tmp_path)

    assert again.path.read_bytes() == archive.read_bytes()
    assert again.sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()


def test_the_archive_tells_nothing_of_who_built_it(archive):
    data = archive.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as tar:
        members = tar.getmembers()

    assert data[4:8] == bytes(4)
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {
        (0, 0, "root", "root", 315532800)
    }
    assert len({m.name.partition("/")[0] for m in members}) == 1


def test_the_checksums_cover_every_other_file(host):
    lines = (host.bundle / "SHA256SUMS").read_text().splitlines()
    listed = {line.partition("  ")[2]: line.partition("  ")[0] for line in lines}
    present = {str(p.relative_to(host.bundle)) for p in host.bundle.rglob("*") if p.is_file()}

    assert set(listed) == present - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((host.bundle / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: Path(shell[0]).name)
def test_plan_apply_again_and_uninstall(host, shell):
    host.shell = shell
    before = host.files()

    plan = host.run("plan")
    assert f"create  {host.home}/{RESPONSE}  (0750 root:wazuh)" in plan
    assert f"create  {host.home}/{SETTINGS}  (0640 root:wazuh)" in plan
    assert host.files() == before

    host.run("apply")
    assert set(host.files()) - set(before) == INSTALLED
    assert {host.mode(name) for name in (RESPONSE, WODLE, "etc/wazuh-pack")} == {0o750}
    assert {host.mode(name) for name in (SETTINGS, RECORD)} == {0o640}

    inodes = {path: path.stat().st_ino for path in host.home.rglob("*")}
    assert host.run("apply") == "nothing to change\n"
    assert {path: path.stat().st_ino for path in host.home.rglob("*")} == inodes

    host.run("uninstall")
    assert host.files() == before
    assert not (host.home / "etc/wazuh-pack").exists()
    assert host.run("uninstall") == "nothing to remove\n"


def test_what_is_installed_runs(host):
    host.run("apply")

    done = subprocess.run(
        [host.home / WODLE, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert "usage" in done.stdout.lower()


def test_a_configuration_that_was_edited_stays(host):
    host.run("apply")
    (host.home / SETTINGS).write_text("[targets]\nimages = none\n")

    assert "yours to edit" in host.run("apply")
    assert "changed since; yours now" in host.run("uninstall")
    assert (host.home / SETTINGS).read_text() == "[targets]\nimages = none\n"
    assert not (host.home / RESPONSE).exists()


def test_a_script_that_was_changed_is_replaced_and_kept_aside(host):
    host.run("apply")
    original = (host.home / RESPONSE).read_bytes()
    (host.home / RESPONSE).write_bytes(b"#!/bin/sh\n# mine\n")
    (host.home / WODLE).chmod(0o777)

    host.run("apply")

    assert (host.home / RESPONSE).read_bytes() == original
    assert (host.home / "etc/wazuh-pack/wazuh-pack-block-ip.saved").read_bytes().endswith(b"mine\n")
    assert host.mode(WODLE) == 0o750


def test_what_an_earlier_bundle_brought_goes(host):
    host.run("apply")
    gone = host.home / "wodles/wazuh-pack-gone"
    gone.write_bytes(b"old")
    record = host.home / RECORD
    line = f"{hashlib.sha256(b'old').hexdigest()} wodles/wazuh-pack-gone\n"
    record.write_text(record.read_text() + line)

    assert f"remove  {gone}" in host.run("plan")
    assert gone.exists()
    host.run("apply")
    assert not gone.exists()
    assert host.run("apply") == "nothing to change\n"


def change(host, name, content):
    """Make the unpacked bundle one that brings other content of a file, as an upgrade does."""
    (host.bundle / "files" / name).write_bytes(content)
    sums = host.bundle / "SHA256SUMS"
    names = [line.split(maxsplit=1)[1].lstrip("*") for line in sums.read_text().splitlines()]
    digests = (hashlib.sha256((host.bundle / name).read_bytes()).hexdigest() for name in names)
    sums.write_text(
        "".join(f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True))
    )


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_after_a_broken_upgrade_old_and_new_files_are_ours(host, shell):
    host.shell = shell
    before = host.files()
    host.run("apply")
    old = (host.home / RESPONSE).read_bytes()
    change(host, RESPONSE, b"#!/bin/sh\n# new\n")
    change(host, WODLE, b"#!/bin/sh\n# new\n")
    (host.home / "wodles/.wazuh-pack-trivy.new").mkdir()
    host.run("apply", code=1)
    (host.home / "wodles/.wazuh-pack-trivy.new").rmdir()
    (host.home / RESPONSE).write_bytes(old)  # as if that had failed too

    said = host.run("uninstall")
    assert "yours now" not in said
    assert said.count("remove  ") == len(INSTALLED) - 1
    assert host.files() == before


def test_after_a_broken_upgrade_the_next_apply_keeps_nothing_aside(host):
    host.run("apply")
    change(host, WODLE, b"#!/bin/sh\n# new\n")
    (host.home / "wodles/.wazuh-pack-trivy.new").mkdir()
    host.run("apply", code=1)
    (host.home / "wodles/.wazuh-pack-trivy.new").rmdir()

    assert "keep" not in host.run("apply")
    assert host.run("apply") == "nothing to change\n"
    assert len((host.home / RECORD).read_text().splitlines()) == len(INSTALLED) - 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files away")
def test_a_root_may_be_named_from_where_one_is(host, monkeypatch):
    (host.root / "etc").mkdir()
    (host.root / "etc/group").write_text("root:x:0:\nwazuh:x:4321:\n")
    monkeypatch.chdir(host.root.parent)
    host.root = Path("root")

    host.run("apply")
    assert host.run("apply") == "nothing to change\n"
    assert (host.home / RESPONSE).stat().st_gid == 4321


@pytest.mark.parametrize("name", ["active-response/bin", "etc/wazuh-pack", SETTINGS, RESPONSE])
def test_links_are_not_followed(host, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = host.home / name
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        place.rmdir()
    place.symlink_to(elsewhere)

    assert "is a link; remove it first" in host.run("apply", code=1)
    assert list(elsewhere.iterdir()) == []


def test_a_damaged_bundle_is_refused(host):
    with (host.bundle / "files" / RESPONSE).open("ab") as file:
        file.write(b"x")
    before = host.files()

    assert "damaged" in host.run("apply", code=1)
    assert host.files() == before


def test_a_manager_and_a_host_without_an_agent_are_refused(host):
    (host.home / "bin/wazuh-agentd").unlink()
    assert "is no Wazuh agent" in host.run("apply", code=1)
    (host.home / "bin/wazuh-analysisd").touch()
    assert "is a manager" in host.run("apply", code=1)
    shutil.rmtree(host.home)
    assert "name Wazuh's home" in host.run("plan", code=1)


@pytest.mark.parametrize(
    "arguments", [(), ("plan", "apply"), ("frobnicate",), ("--home",), ("--home", "x", "plan")]
)
def test_a_wrong_command_line_is_refused(host, arguments):
    assert host.run(*arguments, code=1).startswith("install.sh: ")


def test_a_record_that_names_files_outside_is_refused(host, tmp_path):
    host.run("apply")
    victim = tmp_path / "victim"
    victim.write_bytes(b"x")
    name = os.path.relpath(victim, host.home)
    line = f"{hashlib.sha256(b'x').hexdigest()} {name}\n"
    (host.home / RECORD).write_text(line)

    assert "outside of the home" in host.run("uninstall", code=1)
    assert victim.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make files of another user's")
def test_a_folder_or_record_of_another_users_is_not_believed(host):
    host.run("apply")
    os.chown(host.home / RECORD, 12345, 0)
    assert "does not belong to root" in host.run("uninstall", code=1)

    os.chown(host.home / RECORD, 0, 0)
    os.chown(host.home / "etc/wazuh-pack", 12345, 0)
    assert "does not belong to root" in host.run("uninstall", code=1)
    assert (host.home / RESPONSE).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files away")
def test_files_belong_to_root_and_the_group_of_the_staged_system(host):
    (host.root / "etc").mkdir()
    (host.root / "etc/group").write_text("root:x:0:\nwazuh:x:4321:\n")

    host.run("apply")

    for name in (RESPONSE, SETTINGS, "etc/wazuh-pack"):
        state = (host.home / name).stat()
        assert (state.st_uid, state.st_gid) == (0, 4321)


def test_the_snippets_pin_the_script_that_is_in_the_archive(host):
    digest = hashlib.sha256((host.bundle / "files" / WODLE).read_bytes()).hexdigest()

    for name in ("agent.conf", "ossec.conf"):
        root = etree.fromstring((host.bundle / "snippets" / name).read_bytes())
        assert root.findtext("wodle/verify_sha256") == digest
        assert root.findtext("wodle/command") == f"/var/ossec/{WODLE}"
        assert root.findtext("localfile/location") == "/var/log/app/security.json"
        assert [child.tag for child in root if isinstance(child.tag, str)] == ["wodle", "localfile"]


def test_a_wodle_whose_file_is_collected_writes_to_it():
    with pack_for_agents(PurePosixPath("/opt/agent"), ("security-scan",)) as pack:
        root = etree.fromstring(agent_conf(pack))

    path = root.findtext("localfile/location")
    assert path == "/opt/agent/logs/wazuh-pack-trivy.json"
    assert root.findtext("wodle/command") == f"/opt/agent/{WODLE} --sink {path}"


def test_the_local_snippet_can_be_appended_to_an_ossec_conf(source):
    conf = b"<ossec_config>\n  <ruleset>\n    <rule_dir>etc/rules</rule_dir>\n  </ruleset>\n"
    text = conf + b"</ossec_config>\n\n" + local_conf(source)

    assert b"wazuh-pack begin block" in text
    assert merge(text, source.conf).count(b"wazuh-pack begin block") == 1


def test_group_files_are_written_once_and_never_over_something_else(source, tmp_path):
    (path,) = write_group_files(source, tmp_path / "group")

    assert path == tmp_path / "group/agent.conf"
    assert path.read_bytes() == agent_conf(source)
    assert write_group_files(source, tmp_path / "group") == (path,)
    path.write_text("<agent_config/>\n")
    with pytest.raises(DeployError, match="holds something else"):
        write_group_files(source, tmp_path / "group")


def test_a_module_with_a_token_is_not_for_a_group(small_pack):
    source = small_pack(elements=("<github><enabled>yes</enabled></github>",))

    with pytest.raises(DeployError, match="not for a group"):
        agent_conf(source)


def test_the_commands_write_what_they_name(tmp_path, capsys):
    assert main(["bundle", "--agent", "--out", str(tmp_path)]) == _exit.OK
    digest, path = capsys.readouterr().out.split()
    assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == digest

    assert main(["group-files", "--out", str(tmp_path / "group")]) == _exit.OK
    assert capsys.readouterr().out.strip() == str(tmp_path / "group/agent.conf")

    assert main(["bundle", "--collect", "docker"]) == _exit.USAGE


@pytest.mark.parametrize("command", [["bundle", "--agent"], ["group-files"]])
def test_a_source_with_a_secret_is_not_for_agents(command, tmp_path, capsys):
    assert main([*command, "--collect", "github-audit", "--out", str(tmp_path)]) == _exit.USAGE
    assert "github-audit needs a secret" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
