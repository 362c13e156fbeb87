"""The Debian package: its bytes, and what dpkg makes of it in a root of its own."""

import os
import shutil
import subprocess

import pytest

from wazuh_pack.ship.debian import build_deb

SCRIPT = "active-response/bin/wazuh-pack-block-ip"
WODLE = "wodles/wazuh-pack-trivy"
SETTINGS = "etc/wazuh-pack/respond.ini"
OURS = {
    SCRIPT,
    WODLE,
    SETTINGS,
    "etc/wazuh-pack/trivy.ini",
    "etc/wazuh-pack/exceptions.ini",
    "etc/wazuh-pack/agent-bundle.sums",
}

DPKG, DPKG_DEB, DPKG_QUERY = (
    shutil.which(name) or "" for name in ("dpkg", "dpkg-deb", "dpkg-query")
)
needs_dpkg = pytest.mark.skipif(not DPKG or os.geteuid() != 0, reason="needs dpkg and root")


@pytest.fixture(scope="session")
def deb(agent_pack, tmp_path_factory):
    return build_deb(agent_pack, tmp_path_factory.mktemp("deb")).path


class Dpkg:
    """dpkg with a database in a scratch root; maintainer scripts get the root in DPKG_ROOT."""

    def __init__(self, root):
        self.root = root.path
        for name in ("info", "updates", "triggers"):
            (self.root / "var/lib/dpkg" / name).mkdir(parents=True)
        (self.root / "var/lib/dpkg/status").write_text(
            "Package: python3\nStatus: install ok installed\nVersion: 3.11.2-1\n"
            "Architecture: all\nMaintainer: test <test@localhost>\nDescription: test\n\n"
        )

    def __call__(self, *arguments, code=0):
        done = subprocess.run(
            [DPKG, f"--root={self.root}", f"--log={self.root}/dpkg.log",
             "--force-script-chrootless", "--force-bad-path", *arguments],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def state(self):
        done = subprocess.run(
            [DPKG_QUERY, f"--admindir={self.root}/var/lib/dpkg", "-W", "-f=${Status}",
             "wazuh-pack-agent"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout


def test_the_package_is_the_same_bytes_at_every_build(agent_pack, deb, tmp_path):
    assert build_deb(agent_pack, tmp_path).path.read_bytes() == deb.read_bytes()


@pytest.mark.skipif(not DPKG_DEB, reason="needs dpkg-deb")
def test_dpkg_reads_it_and_everything_belongs_to_root(deb):
    listing = subprocess.run([DPKG_DEB, "-c", deb], capture_output=True, text=True, check=True)
    lines = [line.split() for line in listing.stdout.splitlines()]
    field = subprocess.run([DPKG_DEB, "-f", deb], capture_output=True, text=True, check=True)

    assert {line[1] for line in lines} == {"root/root"}
    assert {line[3] for line in lines} == {"1980-01-01"}
    assert {line[0] for line in lines} == {"drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x"}
    assert not [line[5] for line in lines if line[5].startswith("./var")]
    assert "Architecture: all" in field.stdout
    assert "Depends: python3 (>= 3.8)" in field.stdout


@needs_dpkg
def test_installing_again_and_purging(deb, make_root, access):
    root = make_root("wazuh-agentd")
    before = root.files()
    dpkg = Dpkg(root)

    said = dpkg("-i", str(deb))
    assert dpkg.state == "install ok installed"
    assert set(root.files()) - set(before) == OURS
    assert root.access(SCRIPT) == access("0750", "root")
    assert root.access(SETTINGS) == access("0640", "root")
    assert "create  " in said

    (root.home / SETTINGS).write_text("[block-ip]\nmode = enforce\n")
    again = dpkg("-i", str(deb))
    assert "create  " not in again
    assert "enforce" in (root.home / SETTINGS).read_text()

    dpkg("-r", "wazuh-pack-agent")
    assert dpkg.state == "deinstall ok config-files"
    assert set(root.files()) - set(before) == {SETTINGS}

    state = root.home / "var/wazuh-pack/trivy"
    state.mkdir(parents=True)
    dpkg("-P", "wazuh-pack-agent")
    assert root.files() == before
    assert not (root.home / "etc/wazuh-pack").exists()
    assert not (root.home / "var/wazuh-pack").exists()
    assert not (root.path / "etc/default/wazuh-pack-agent").exists()


@needs_dpkg
def test_a_manager_is_left_alone(deb, make_root):
    root = make_root("wazuh-analysisd")
    record = root.home / "etc/wazuh-pack/RECORD.json"
    record.parent.mkdir()
    record.write_text("{}")
    (root.home / SCRIPT).write_bytes(b"the manager's own")
    before = root.files()
    dpkg = Dpkg(root)

    assert "use 'wazuh-pack install'" in dpkg("-i", str(deb))
    assert root.files() == before
    dpkg("-P", "wazuh-pack-agent")
    assert root.files() == before


@needs_dpkg
def test_an_agent_that_became_a_manager_keeps_what_install_took_over(deb, make_root):
    root = make_root("wazuh-agentd")
    dpkg = Dpkg(root)
    dpkg("-i", str(deb))
    (root.home / "bin/wazuh-agentd").unlink()
    root.add("wazuh-analysisd")
    (root.home / "etc/wazuh-pack/RECORD.json").write_text("{}")
    before = root.files()

    dpkg("-P", "wazuh-pack-agent")

    assert root.files() == before


@needs_dpkg
def test_an_agent_that_comes_later_gets_the_scripts(deb, make_root, tmp_path):
    root = make_root()
    before = root.files()
    dpkg = Dpkg(root)
    assert "no Wazuh agent yet" in dpkg("-i", str(deb))
    assert root.files() == before

    dpkg("-i", str(_agent_package(tmp_path)))

    assert set(root.files()) - set(before) == {*OURS, "bin/wazuh-agentd"}


@needs_dpkg
def test_the_switch_in_etc_default_is_a_conffile_that_counts(deb, make_root):
    root = make_root("wazuh-agentd")
    before = root.files()
    switch = root.path / "etc/default/wazuh-pack-agent"
    dpkg = Dpkg(root)
    dpkg("--unpack", str(deb))
    dpkg("-r", "wazuh-pack-agent")
    switch.write_text("APPLY=no\n")

    assert "leave /var/ossec alone" in dpkg("-i", "--force-confold", str(deb))
    assert root.files() == before
    assert switch.read_text() == "APPLY=no\n"


@needs_dpkg
def test_a_failure_is_the_package_managers_to_see(deb, make_root, tmp_path):
    root = make_root("wazuh-agentd")
    (root.home / "wodles").rmdir()
    (root.home / "wodles").symlink_to(tmp_path)
    dpkg = Dpkg(root)

    assert "is a link; remove it first" in dpkg("-i", str(deb), code=1)
    assert dpkg.state == "install ok half-configured"
    assert not (root.home / SCRIPT).exists()

    (root.home / "wodles").unlink()
    (root.home / "wodles").mkdir()
    dpkg("--configure", "wazuh-pack-agent")
    assert set(root.files()) >= OURS


def _agent_package(folder):
    """Return a package that brings what makes a home an agent's."""
    tree = folder / "wazuh-agent"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "var/ossec/bin").mkdir(parents=True)
    (tree / "var/ossec/bin/wazuh-agentd").touch()
    (tree / "DEBIAN/control").write_text(
        "Package: wazuh-agent\nVersion: 4.14.7\nArchitecture: all\n"
        "Maintainer: test <test@localhost>\nDescription: test\n"
    )
    path = folder / "wazuh-agent.deb"
    subprocess.run([DPKG_DEB, "-b", tree, path], check=True, capture_output=True)
    return path
