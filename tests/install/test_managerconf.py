"""What an ossec.conf says about the manager's role and the rules it loads."""

import pytest

from wazuh_pack.errors import InstallError
from wazuh_pack.install.managerconf import ManagerConf

CLUSTER = "<ossec_config><cluster>{}</cluster></ossec_config>"


@pytest.fixture
def read(home):
    def write(text):
        (home / "etc/ossec.conf").write_text(text)
        return ManagerConf.read(home)

    return write


def rule(number, extra=""):
    return f'<group name="g,"><rule id="{number}" level="3"{extra}></rule></group>'


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("<ossec_config></ossec_config>", "single"),
        (CLUSTER.format("<node_type>master</node_type><disabled>no</disabled>"), "master"),
        (CLUSTER.format("<node_type> worker </node_type>"), "worker"),
        (CLUSTER.format("<node_type>client</node_type><disabled>no</disabled>"), "worker"),
        (CLUSTER.format("<name>x</name>"), "master"),
        (CLUSTER.format("<node_type>worker</node_type><disabled>yes</disabled>"), "single"),
        ("<!-- " + CLUSTER.format("<node_type>worker</node_type>") + " -->", "single"),
        (
            CLUSTER.format("<node_type>master</node_type>")
            + CLUSTER.format("<node_type>worker</node_type>"),
            "worker",
        ),
        ("<other><cluster><node_type>worker</node_type></cluster></other>", "single"),
    ],
)
def test_the_role_is_that_of_a_cluster_that_is_not_disabled(read, text, role):
    assert read(text).role == role


def test_a_home_without_a_configuration_loads_the_usual_folders(home):
    (home / "etc/ossec.conf").unlink()
    (home / "etc/rules/a.xml").write_text(rule(100100))
    conf = ManagerConf.read(home)
    assert conf.role == "single"
    assert [r.id for r in conf.rules(without=frozenset(), wanted=frozenset())] == [100100]


def test_a_configuration_that_wazuh_cannot_read_has_a_place(home, read):
    with pytest.raises(InstallError) as caught:
        read("<ossec_config>\n<a></b>\n</ossec_config>")
    assert str(caught.value).startswith(f"{home / 'etc/ossec.conf'}:2")


def test_an_element_that_analysisd_refuses_has_a_place(read):
    conf = read("<ossec_config><ruleset>\n<nonsense>x</nonsense></ruleset></ossec_config>")
    with pytest.raises(InstallError, match=r":2: element 'nonsense' is not allowed here"):
        conf.files()


def test_the_last_ruleset_counts_and_ours_are_left_out(home, read):
    (home / "etc/rules/a.xml").write_text(rule(100100))
    (home / "etc/rules/ours.xml").write_text(rule(110001))
    (home / "etc/x").mkdir()
    (home / "etc/x/b.xml").write_text(rule(100200, ' overwrite="yes"'))
    conf = read(
        "<ossec_config><ruleset><rule_dir>etc/x</rule_dir></ruleset>"
        "<ruleset><rule_dir>etc/rules</rule_dir><rule_include>etc/x/b.xml</rule_include>"
        "</ruleset></ossec_config>"
    )
    ours = frozenset({home / "etc/rules/ours.xml"})
    seen = list(conf.rules(without=ours, wanted=frozenset()))
    assert [(r.id, r.overwrites, r.at.path.name) for r in seen] == [
        (100100, False, "a.xml"),
        (100200, True, "b.xml"),
    ]


def test_variables_in_rules_are_replaced(home, read):
    (home / "etc/rules/a.xml").write_text('<var name="ID">110001</var>' + rule("$ID"))
    conf = read("<ossec_config><ruleset><rule_dir>etc/rules</rule_dir></ruleset></ossec_config>")
    assert [r.id for r in conf.rules(without=frozenset(), wanted=frozenset())] == [110001]


def test_stock_files_are_read_only_for_numbers_that_matter(home, read):
    (home / "ruleset/rules/0001-x.xml").write_text(rule(110001))
    conf = read("<ossec_config></ossec_config>")
    assert list(conf.rules(without=frozenset(), wanted=frozenset({5}))) == []
    seen = list(conf.rules(without=frozenset(), wanted=frozenset({110001})))
    assert [r.id for r in seen] == [110001]


def test_something_that_is_no_file_is_not_opened(home, read):
    (home / "etc/rules/a.xml").mkdir()
    conf = read("<ossec_config><ruleset><rule_dir>etc/rules</rule_dir></ruleset></ossec_config>")
    assert list(conf.rules(without=frozenset(), wanted=frozenset())) == []


@pytest.mark.parametrize(
    ("option", "hits"),
    [
        ("<rule_exclude>a.xml</rule_exclude>", ["a.xml"]),
        ("<rule_exclude>etc/rules/a.xml</rule_exclude>", ["a.xml"]),
        ("<rule_exclude>ruleset/rules/a.xml</rule_exclude>", []),
        ("<rule_exclude>b.xml</rule_exclude>", []),
        ("<decoder_exclude>a.xml</decoder_exclude>", []),
    ],
)
def test_an_exclusion_hits_by_name_or_path(read, option, hits):
    conf = read(f"<ossec_config><ruleset>{option}</ruleset></ossec_config>")
    assert [found.name for found in conf.excluded("etc/rules", ["a.xml"])] == hits
