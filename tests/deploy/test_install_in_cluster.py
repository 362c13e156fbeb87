"""``install --api`` on a cluster's master: no node loads before every node has the rules."""

import functools

import pytest
from fake import PASSWORD, USER
from standin_manager import standin

from wazuh_pack.cli import _exit, _load, main
from wazuh_pack.install.target import Target

CATALOG = functools.cache(_load.catalog)
RULES = "etc/rules/9200-wazuh-pack-jenkins-audit.xml"
CLUSTER = "<ossec_config><cluster><node_type>master</node_type></cluster></ossec_config>\n"
SYNCHRONISED = "GET /cluster/ruleset/synchronization"
RELOADED = "PUT /cluster/analysisd/reload"


@pytest.fixture
def manager(monkeypatch):
    """The stand-in as the master, with the pack installed and one of its rule files outdated."""
    with standin() as made:
        target = Target(
            home=made.home, version="4.14.7", is_manager=True, staged=False,
            wazuh_ids=None, privileged=False,
        )  # fmt: skip
        monkeypatch.setattr("wazuh_pack.install.detect", lambda **_: target)
        monkeypatch.setattr("wazuh_pack.install.service._unit", lambda _: "")
        monkeypatch.setattr("wazuh_pack.cli._load.catalog", CATALOG)
        conf = made.home / "etc/ossec.conf"
        conf.write_text(conf.read_text() + CLUSTER)
        assert main(["install", "--yes"]) == _exit.OK
        made.start()
        rules = made.home / RULES
        rules.write_text(rules.read_text() + "<!-- older -->\n")
        yield made


@pytest.fixture
def install(manager, cluster, monkeypatch, capsys):
    """Install again, asking the cluster's API; return the exit code and what was said."""
    monkeypatch.setenv("WAZUH_API_USER", USER)
    monkeypatch.setenv("WAZUH_API_PASSWORD", PASSWORD)
    monkeypatch.setattr("wazuh_pack.cli._api.connect", lambda *_: cluster.api())

    def run(*options):
        capsys.readouterr()
        code = main(["install", "--yes", "--api", cluster.url, *options])
        return code, capsys.readouterr().err

    cluster.fake.master.files = {RULES: b"<group/>"}
    manager.asked.clear()
    return run


def test_every_node_loads_once_every_node_has_the_rules(manager, cluster, install):
    cluster.fake.nodes["worker"].lag = 2

    code, said = install()

    assert code == _exit.OK
    assert "every node of the cluster loaded the ruleset" in said
    requests = cluster.fake.requests
    assert requests.count(SYNCHRONISED) == 3
    assert requests.count(RELOADED) == 1
    assert requests.index(RELOADED) > max(i for i, r in enumerate(requests) if r == SYNCHRONISED)
    assert "reload-ruleset" not in manager.asked
    assert not any("restart" in call for call in manager.calls)


def test_a_node_that_does_not_get_the_rules_keeps_all_from_loading_them(manager, cluster, install):
    cluster.fake.nodes["worker"].lag = 10**6
    before = (manager.home / RULES).read_bytes()

    code, said = install("--wait", "20")

    assert code == _exit.ERROR
    assert "worker did not get the files within 20 s" in said
    assert (manager.home / RULES).read_bytes() == before
    assert RELOADED not in cluster.fake.requests
    assert "reload-ruleset" not in manager.asked


def test_what_the_cluster_warns_about_is_put_back_everywhere(manager, cluster, install):
    text = "(7617): Signature ID '5' was not found and will be ignored in the 'if_sid' option"
    cluster.fake.warn = lambda _: [f"{text} of rule '111001'."]
    before = (manager.home / RULES).read_bytes()

    code, said = install()

    assert code == _exit.ERROR
    assert "the cluster warns about the change: " in said
    assert (manager.home / RULES).read_bytes() == before
    assert cluster.fake.requests.count(RELOADED) == 2


def test_a_worker_s_api_is_refused_before_anything_changes(manager, cluster, install):
    cluster.fake.asked = "worker"
    before = (manager.home / RULES).read_bytes()

    code, said = install()

    assert code == _exit.ERROR
    assert "is the worker worker" in said
    assert (manager.home / RULES).read_bytes() == before


def test_an_api_without_a_cluster_is_refused(manager, site, monkeypatch, capsys):
    monkeypatch.setattr("wazuh_pack.cli._api.connect", lambda *_: site.api())

    assert main(["install", "--yes", "--api", site.url]) == _exit.ERROR

    assert "is in no cluster" in capsys.readouterr().err
    assert (manager.home / RULES).read_text().endswith("<!-- older -->\n")


def test_options_about_the_api_need_it(tmp_path, capsys):
    assert main(["install", "--destdir", str(tmp_path), "--ca", "x.pem"]) == _exit.USAGE
    assert "add --api" in capsys.readouterr().err
