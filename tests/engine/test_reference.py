"""The example of docs/reference/engine.md does what the page says."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/engine.md"
BASE = '<group name="base,"><rule id="1" level="0" noalert="1"><category>syslog</category>'
RULES = """
<group name="ci,">
  <rule id="100100" level="3"><decoded_as>json</decoded_as><field name="event">^deploy$</field>
    <description>deploy by $(actor)</description></rule>
  <rule id="100101" level="8"><if_sid>100100</if_sid><field name="actor">^root$</field>
    <description>deploy by root</description></rule>
  <rule id="100102" level="12"><if_sid>100100</if_sid><list field="actor">etc/lists/blocked</list>
    <description>deploy by $(actor), who is blocked</description></rule>
</group>
"""
DECODERS = """
<decoder name="json"><prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
<decoder name="named"><program_name>^x$</program_name></decoder>
"""


def test_the_example_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    code, printed = re.findall(r"```(?:python)?\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for name, text in (
        ("ruleset/rules/0010-base.xml", f"{BASE}<description>d</description></rule></group>"),
        ("ruleset/decoders/0010-base.xml", DECODERS),
        ("rules/9000-ci.xml", RULES),
        ("decoders/none.txt", ""),
        ("lists/blocked", "mallory:\n"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(code, {})  # noqa: S102 - the page's own example
    assert capsys.readouterr().out == printed
