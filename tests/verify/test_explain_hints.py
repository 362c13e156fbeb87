"""The advice of explain: one trap a row."""

import pytest

from wazuh_pack.engine import Ruleset
from wazuh_pack.engine.expression import Kind, compile_expression
from wazuh_pack.verify.explain import explain
from wazuh_pack.verify.explain_hints import about_pattern

PCRE2, OSREGEX, OSMATCH, STRING = Kind.PCRE2, Kind.OSREGEX, Kind.OSMATCH, Kind.STRING


@pytest.mark.parametrize(
    ("kind", "pattern", "value", "said"),
    [
        (PCRE2, b"^Root$", b"root", "only upper and lower case differ; (?i)"),
        (STRING, b"Root", b"root", "only upper and lower case differ"),
        (STRING, b"root", b"root ", "only blanks around it differ"),
        (STRING, b"root", b"the root", "it is only a part of the value"),
        (STRING, b"root", b"eve", None),
        (OSREGEX, b"^deploy$", b"Deployed", "it would match without the $"),
        (OSMATCH, b"^deploy", b"a deploy", "it would match without the ^"),
        (PCRE2, b"^b$", b"abc", "it would match without ^ and $"),
        (OSREGEX, b"^\\w+$", b" root", "it would match without the blanks around the value"),
        (OSREGEX, b"^a.*z", b"abcz", 'it would match as type="pcre2"; osregex knows no'),
        (OSMATCH, b"user[0-9]", b"user7", 'it would match as type="pcre2"; osmatch knows no'),
        (OSMATCH, b"id \\d\\p", b"id 7%", 'it would match as type="osregex"'),
        (
            OSREGEX,
            b"^event=(\\S+) ip=(\\d+)",
            b"event=deploy from=1",
            "it matches up to '^event=(\\\\S+) ', but not 'ip=(\\\\d+)' behind that",
        ),
        (PCRE2, b"user (\\w+) on (\\d+)", b"user eve at 7", "it matches up to 'user (\\\\w+) '"),
        (OSREGEX, b"abc", b"xyz", None),
        (PCRE2, b"abc|abd", b"abx", None),
    ],
)
def test_what_alone_keeps_a_pattern_from_matching_is_named(kind, pattern, value, said):
    hints = list(about_pattern(compile_expression(pattern, kind), value))
    assert len(hints) == (said is not None)
    assert not hints or hints[0].startswith(said)


DECODERS = """
<decoder name="json"><prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
<decoder name="named"><program_name>^x$</program_name></decoder>
<decoder name="other"><prematch>^</prematch></decoder>
"""
RULE = """
<group name="g,">
  <rule id="1" level="0"><category>syslog</category><description>root</description></rule>
  <rule id="100100" level="3"><if_sid>1</if_sid>{}<description>d</description></rule>
</group>
"""


@pytest.fixture
def advice(tmp_path):
    """Return a function that tells what explain advises about the one condition of a rule."""

    def tell(condition, event):
        files = (
            ("r.xml", RULE.format(condition)),
            ("d.xml", DECODERS),
            ("l", "mallory:\n10.1.:\n"),
        )
        for name, content in files:
            (tmp_path / name).write_text(content, encoding="utf-8")
        rules, decoders, file = (tmp_path / name for name, _ in files)
        ruleset = Ruleset.load([rules], [decoders], {"etc/lists/l": file})
        result = ruleset.session(trace=True, manager="m").process(event)
        lines = explain(ruleset, result, 100100)[-1].lines
        return [line.strip().removeprefix("> ") for line in lines if line.strip().startswith(">")]

    return tell


@pytest.mark.parametrize(
    ("condition", "event", "said"),
    [
        ('<field name="actor">a</field>', '{"github":{"actor":"a"}}', "a field github.actor"),
        ('<field name="usrname">a</field>', '{"username":"a"}', "a field username"),
        ('<field name="id.x">a</field>', '{"other":"a"}', None),
        ('<field name="actor">a</field>', "plain text", "no fields at all: decoder other took it"),
        ('<field name="actor" negate="yes">a</field>', '{"actor":"a"}', None),
        ("<srcip>10.0.0.1</srcip>", '{"srcip":"10.0.0.2"}', None),
        ('<match type="pcre2">Plain</match>', "plain", "only upper and lower case differ"),
    ],
)
def test_a_condition_that_fails_comes_with_advice(advice, condition, event, said):
    hints = advice(condition, event)
    assert len(hints) == (said is not None)
    assert said is None or said in hints[0]


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("Mallory", "the list has mallory: keys are compared byte for byte"),
        (" mallory", "the list has it without the blanks around it"),
        ("10.1", "the list has 10.1. with a dot"),
        ("eve", "no key of the list is like it; it has 2"),
    ],
)
def test_a_value_that_a_list_lacks_is_compared_with_its_keys(advice, who, said):
    condition = '<list field="who" lookup="match_key">etc/lists/l</list>'
    (hint,) = advice(condition, f'{{"who":"{who}"}}')
    assert hint.startswith(said)
