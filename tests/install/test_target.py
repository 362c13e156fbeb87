"""Finding the Wazuh home and what it is."""

import os

import pytest

from wazuh_pack.errors import InstallError
from wazuh_pack.install import detect
from wazuh_pack.install.target import version_numbers

CONTROL = 'DIR=`dirname $PWD`;\nVERSION="v4.9.2"\nREVISION="rc1"\nTYPE="{}"\n'

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def control(home):
    """Write a wazuh-control of an installation type."""

    def write(kind):
        (home / "VERSION.json").unlink()
        (home / "bin/wazuh-control").write_text(CONTROL.format(kind))

    return write


def test_a_destdir_that_is_a_home_is_the_home(home):
    target = detect(destdir=home)
    assert (target.home, target.staged, target.version) == (home, True, "4.14.7")


def test_a_destdir_that_is_a_root_has_the_home_below(tmp_path):
    (tmp_path / "var/ossec").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ossec.conf").write_text("")
    assert detect(destdir=tmp_path).home == tmp_path / "var/ossec"


def test_an_empty_destdir_gets_the_default_home(tmp_path):
    target = detect(destdir=tmp_path / "new")
    assert target.home == tmp_path / "new/var/ossec"
    assert (target.version, target.is_manager) == ("", True)
    assert not (tmp_path / "new").exists()


def test_a_destdir_may_have_another_home(tmp_path):
    assert detect(destdir=tmp_path, home="/opt/wazuh").home == tmp_path / "opt/wazuh"


def test_a_link_cannot_lead_out_of_a_destdir(tmp_path):
    (tmp_path / "root/var").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root/var/ossec").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InstallError, match="leads out of"):
        detect(destdir=tmp_path / "root")


@as_root
@pytest.mark.parametrize("kind", ["server", "local"])
def test_version_and_type_are_read_from_wazuh_control(home, control, kind, monkeypatch):
    monkeypatch.setattr("wazuh_pack.install.target._wazuh_ids", lambda _: (998, 997))
    control(kind)
    target = detect(home=home)
    assert (target.version, target.is_manager, target.staged) == ("4.9.2", True, False)


@as_root
def test_a_manager_whose_user_is_unknown_is_refused(home, monkeypatch):
    monkeypatch.setattr("wazuh_pack.install.target._wazuh_ids", lambda _: None)
    with pytest.raises(InstallError, match="no user and group wazuh"):
        detect(home=home)


def test_an_agent_is_refused(home, control):
    control("agent")
    with pytest.raises(InstallError, match="there is no Wazuh in"):
        detect(home=home)
    (home / "bin/wazuh-agentd").touch()
    with pytest.raises(InstallError, match="is a Wazuh agent"):
        detect(home=home)


def test_a_folder_without_wazuh_is_refused(tmp_path):
    with pytest.raises(InstallError, match="there is no Wazuh"):
        detect(home=tmp_path / "none")


@pytest.mark.parametrize(
    ("version", "message"),
    [("5.0.0", "loads neither XML rules"), ("4.2.7", "older than 4.3"), ("3.13.6", "older")],
)
def test_other_versions_are_refused(home, version, message):
    (home / "VERSION.json").write_text(f'{{"version": "{version}"}}')
    with pytest.raises(InstallError, match=message):
        detect(destdir=home)


def test_wazuh_5_is_known_by_its_configuration_too(home):
    (home / "etc/wazuh-manager.conf").write_text("")
    with pytest.raises(InstallError, match="Wazuh 5"):
        detect(destdir=home)


@pytest.mark.parametrize(
    ("text", "numbers"), [("4.14.7", (4, 14)), ("v5.0.0-beta4", (5, 0)), ("x", (0, 0))]
)
def test_version_numbers(text, numbers):
    assert version_numbers(text) == numbers


@as_root
def test_ids_come_from_the_staged_system(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:\nwazuh:x:998:997::/:\n")
    (tmp_path / "etc/group").write_text("wazuh:x:997:\n")
    target = detect(destdir=tmp_path)
    assert target.ids("wazuh") == (998, 997)
    assert target.ids("root") == (0, 997)
