"""Which files a choice of rulesets reads, and what tells that they have changed."""

import os

import pytest

from wazuh_pack.cli import main
from wazuh_pack.engine import LoadFailure
from wazuh_pack.errors import UsageError
from wazuh_pack.verify.choice import RulesetChoice

RULE = (
    '<group name="b,"><rule id="{}" level="4"><category>syslog</category>'
    "<description>d</description></rule></group>"
)
DECODERS = (
    '<decoder name="p"><program_name>x</program_name></decoder>'
    '<decoder name="n"><prematch>^</prematch></decoder>'
)
CONFIGURATION = """<ossec_config><ruleset><decoder_dir>custom/decoders</decoder_dir>
<rule_dir>custom/rules</rule_dir><list>custom/words</list></ruleset></ossec_config>"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def home(tmp_path):
    """A manager whose rules, decoders and lists lie in folders of its own choice."""
    write(tmp_path / "etc/ossec.conf", CONFIGURATION)
    write(tmp_path / "custom/rules/a.xml", RULE.format(1))
    write(tmp_path / "custom/decoders/d.xml", DECODERS)
    write(tmp_path / "custom/words", "a:b\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("custom/rules/a.xml", RULE.format(2)),
        ("custom/rules/new.xml", RULE.format(2)),
        ("custom/rules/a.xml", None),
        ("custom/decoders/d.xml", DECODERS + " "),
        ("custom/words", "a:c\n"),
        ("etc/ossec.conf", CONFIGURATION.replace("custom/words", "etc/x")),
        ("etc/ossec.conf", "<ossec_config>"),
    ],
)
def test_a_manager_s_files_are_watched_wherever_they_lie(home, name, text):
    choice = RulesetChoice(home=home)
    before = choice.stamp()
    assert choice.stamp() == before
    if text is None:
        (home / name).unlink()
    else:
        write(home / name, text)
        os.utime(home / name, (1, 1))
    assert choice.stamp() != before


def test_other_files_of_a_manager_are_not_watched(home):
    choice = RulesetChoice(home=home)
    before = choice.stamp()
    write(home / "etc/client.keys", "001 a any b\n")
    write(home / "custom/rules/notes.txt", "x")
    assert choice.stamp() == before


def test_a_folder_that_is_no_manager_s_is_named(tmp_path):
    with pytest.raises(UsageError) as caught:
        RulesetChoice(home=tmp_path).load()
    assert str(caught.value) == f"{tmp_path} is no manager's folder: it has no etc/ossec.conf"
    assert "/var/ossec" in caught.value.hint


def test_a_tree_without_a_configuration_is_loaded_whole(home):
    (home / "etc/ossec.conf").unlink()
    (home / "custom/rules").rename(home / "etc/rules")
    (home / "custom/decoders").rename(home / "etc/decoders")
    assert set(RulesetChoice(home=home).load().rules) == {1}


@pytest.mark.parametrize(
    ("decoders", "hint"),
    [
        (None, "no file of decoders is loaded"),
        ('<decoder name="n"><prematch>^</prematch></decoder>', "no decoder has a <program_name>"),
        ('<decoder name="p"><program_name>x</program_name></decoder>', "every decoder has a <pro"),
    ],
)
def test_what_is_missing_among_decoders_is_said(home, decoders, hint):
    file = home / "custom/decoders/d.xml"
    file.write_text(decoders, encoding="utf-8") if decoders else file.unlink()
    with pytest.raises(LoadFailure) as caught:
        RulesetChoice(home=home).load()
    missing = caught.value.diagnostics[-2]
    assert (missing.code, missing.hint.startswith(hint)) == ("2106", True)


def test_rules_alone_without_a_stock_ruleset_need_decoders(home):
    choice = RulesetChoice(rules=(home / "custom/rules",), bare=True)
    with pytest.raises(UsageError) as caught:
        choice.load()
    assert "no decoders are named" in str(caught.value)
    assert "--decoders" in caught.value.hint


def test_a_stock_ruleset_for_conformance_must_be_one(home, capsys):
    (home / "v.ndjson").write_text('{"log": "x", "actual": {}}\n', encoding="utf-8")
    stock = home / "custom"
    assert main(["conformance", str(home / "v.ndjson"), "--stock", str(stock / "rules")]) == 2
    said = capsys.readouterr().err
    assert f"{stock / 'rules'} is no stock ruleset: it has no folder 'rules'" in said
