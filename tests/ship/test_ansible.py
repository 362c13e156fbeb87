"""The Ansible role, run by ansible-playbook on staged roots."""

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from archives import unpack
from lxml import etree

from wazuh_pack.install import scaffold_home
from wazuh_pack.ship.ansible import ROLE, build_role

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
SCRIPT = "active-response/bin/wazuh-pack-block-ip"
SETTINGS = "etc/wazuh-pack/respond.ini"
OURS = {
    SCRIPT,
    SETTINGS,
    "wodles/wazuh-pack-trivy",
    "etc/wazuh-pack/trivy.ini",
    "etc/wazuh-pack/exceptions.ini",
    "etc/wazuh-pack/agent-bundle.sums",
}
MINE = "<ossec_config>\n  <client/>\n</ossec_config>\n"

needs_ansible = pytest.mark.skipif(not PLAYBOOK.exists(), reason="needs ansible-core")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    path = tmp_path_factory.mktemp("wheel") / "wazuh_pack-0-py3-none-any.whl"
    path.write_bytes(b"no wheel, only its bytes")
    return path


@pytest.fixture(scope="session")
def role(agent_pack, wheel, tmp_path_factory):
    return build_role(agent_pack, tmp_path_factory.mktemp("role"), wheel=wheel).path


@pytest.fixture
def play(role, tmp_path):
    """Run the role on this host; return how many tasks changed something, and what was said."""
    roles = tmp_path / "roles"
    with tarfile.open(role) as tar:
        unpack(tar, roles)
    book = tmp_path / "play.json"
    tasks = [{"hosts": "localhost", "gather_facts": False, "roles": [ROLE]}]
    book.write_text(json.dumps(tasks))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_ROLES_PATH": str(roles),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
    }

    def run(*flags, code=0, **variables):
        facts = {"wazuh_pack_folder": str(tmp_path / "lib"), **variables}
        facts["ansible_python_interpreter"] = sys.executable
        done = subprocess.run(
            [PLAYBOOK, "-v", "-c", "local", "-e", json.dumps(facts), *flags, book],
            capture_output=True, text=True, check=False, env=environment, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        (changed,) = re.findall(r"^localhost .*changed=(\d+)", done.stdout, re.MULTILINE)
        return int(changed), done.stdout

    return run


def test_the_role_is_the_same_bytes_at_every_build(agent_pack, wheel, role, tmp_path):
    assert build_role(agent_pack, tmp_path, wheel=wheel).path.read_bytes() == role.read_bytes()


def test_the_role_carries_the_bundle_and_the_wheel(role, wheel):
    with tarfile.open(role) as tar:
        names = tar.getnames()
        said = tar.extractfile(f"{ROLE}/vars/main.yml").read().decode()

    assert f"{ROLE}/files/{wheel.name}" in names
    bundle = next(n for n in names if n.endswith(".tar.gz")).rpartition("/")[2]
    assert f'wazuh_pack_bundle: "{bundle.removesuffix(".tar.gz")}"' in said
    assert f'wazuh_pack_wheel: "{wheel.name}"' in said


@needs_ansible
def test_an_agent_gets_scripts_and_a_block_in_ossec_conf(play, make_root, access):
    root = make_root("wazuh-agentd", conf=MINE)
    before = root.files()
    facts = {"wazuh_pack_root": str(root.path)}

    play("--check", **facts)
    assert root.files() == before

    changed, _ = play(**facts)
    assert changed > 0
    assert set(root.files()) - set(before) >= OURS
    assert root.access(SCRIPT) == access("0750", "root")
    conf = (root.home / "etc/ossec.conf").read_text()
    assert conf.startswith(MINE)
    tree = etree.fromstring(f"<all>{conf}</all>")
    assert [len(tree.findall(f"ossec_config/{name}")) for name in ("client", "wodle")] == [1, 1]

    assert play(**facts)[0] == 0
    (root.home / SCRIPT).write_text("#!/bin/sh\n")
    changed, said = play("--check", **facts)
    assert changed == 1
    assert f"replace {root.home}/{SCRIPT}" in said
    assert (root.home / SCRIPT).read_text() == "#!/bin/sh\n"

    play(wazuh_pack_state="absent", **facts)
    assert (root.home / "etc/ossec.conf").read_text() == MINE
    assert (root.home / SCRIPT).read_text() == "#!/bin/sh\n"
    assert not (root.home / SETTINGS).exists()
    assert play(wazuh_pack_state="absent", **facts)[0] == 0


@needs_ansible
def test_a_manager_gets_what_the_installer_installs(play, make_root):
    root = make_root("wazuh-analysisd")
    (root.home / "etc/ossec.conf").unlink()
    scaffold_home(root.home)
    before = root.files()
    facts = {
        "wazuh_pack_root": str(root.path),
        "wazuh_pack_command": [sys.executable, "-m", "wazuh_pack"],
        "wazuh_pack_choices": {"sources": ["jenkins-audit"], "responses": False},
    }

    changed, said = play("--check", **{**facts, "wazuh_pack_choices": {}})
    assert changed == 1
    assert "9200-wazuh-pack-jenkins-audit.xml" in said
    assert root.files() == before

    play(**facts)
    record = json.loads((root.home / "etc/wazuh-pack/RECORD.json").read_text())
    assert record["options"]["sources"] == ["jenkins-audit"]
    assert (root.home / "etc/rules/9200-wazuh-pack-jenkins-audit.xml").exists()
    assert not (root.home / SCRIPT).exists()

    assert play(**facts)[0] == 0

    play(wazuh_pack_state="absent", **facts)
    assert root.files() == before


@needs_ansible
def test_a_host_without_wazuh_is_refused(play, make_root):
    root = make_root()

    _, said = play(code=2, wazuh_pack_root=str(root.path))

    assert f"there is no Wazuh in {root.home}" in said
