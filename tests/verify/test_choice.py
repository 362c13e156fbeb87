"""Which files a choice of rulesets reads, and what tells that they have changed."""

import os

import pytest

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
    write(tmp_path / "custom/rules/a.xml", RULE.format(100))
    write(tmp_path / "custom/decoders/d.xml", DECODERS)
    write(tmp_path / "custom/words", "a:b\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("custom/rules/a.xml", RULE.format(101)),
        ("custom/rules/new.xml", RULE.format(101)),
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
