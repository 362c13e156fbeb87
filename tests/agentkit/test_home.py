import pytest

from wazuh_pack.agentkit.home import Home, home_of


def test_the_home_is_where_the_script_is_installed(tmp_path):
    script = tmp_path / "ossec/active-response/bin/x"
    script.parent.mkdir(parents=True)
    script.write_text("")

    assert home_of(str(script)).root == str(tmp_path / "ossec")


def test_a_relative_path_counts_from_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "active-response/bin").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    assert home_of("active-response/bin/x").root == str(tmp_path)


def test_a_linked_script_belongs_to_where_the_link_is(tmp_path):
    folder = tmp_path / "ossec/active-response/bin"
    folder.mkdir(parents=True)
    (tmp_path / "x").write_text("")
    (folder / "x").symlink_to(tmp_path / "x")

    assert home_of(str(folder / "x")).root == str(tmp_path / "ossec")


@pytest.mark.parametrize("path", ["x", "/opt/bin/x", "/opt/active-response/bin/deeper/x"])
def test_a_script_elsewhere_works_on_the_usual_home(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAZUH_HOME", str(tmp_path))

    assert home_of(path).root == "/var/ossec"


def test_paths_are_below_the_home():
    home = Home("/opt/ossec/")

    assert home.log == "/opt/ossec/logs/active-responses.log"
    assert home.ossec_conf == "/opt/ossec/etc/ossec.conf"
    assert home.config("respond.ini") == "/opt/ossec/etc/wazuh-pack/respond.ini"
    assert home.state("respond") == "/opt/ossec/var/wazuh-pack/respond"
