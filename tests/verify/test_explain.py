"""What explain says, one situation a test."""

import json

import pytest

from wazuh_pack.cli import main
from wazuh_pack.engine import Ruleset
from wazuh_pack.verify.explain import explain

DECODERS = """
<decoder name="json"><prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
<decoder name="web"><program_name>^web$</program_name><prematch>^GET</prematch></decoder>
<decoder name="app"><program_name>^web$|^app$</program_name></decoder>
<decoder name="app-login">
  <parent>app</parent><prematch>^login </prematch>
  <regex offset="after_prematch">^(\\w+) from (\\S+)</regex><order>srcuser, srcip</order>
</decoder>
<decoder name="app-out">
  <parent>app</parent><prematch>^logout </prematch>
  <regex offset="after_prematch">^user=(\\w+)</regex><order>srcuser</order>
</decoder>
<decoder name="rest"><prematch>^</prematch></decoder>
"""
RULES = """
<group name="base,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>a</description></rule>
  <rule id="2" level="0"><category>firewall</category><description>walls</description></rule>
</group>
<group name="app,">
  <rule id="100100" level="0">
    <if_sid>1</if_sid><decoded_as>json</decoded_as><description>JSON</description>
  </rule>
  <rule id="100101" level="3">
    <if_sid>100100</if_sid><field name="act">^login$</field><field name="who">^eve$</field>
    <field name="place">^home$</field><description>Login of $(who)</description>
  </rule>
  <rule id="100102" level="12">
    <if_sid>100100</if_sid><field name="act">^root$</field><description>Root</description>
  </rule>
  <rule id="100103" level="2">
    <if_sid>100100</if_sid><field name="who">^eve$</field><description>Eve</description>
  </rule>
  <rule id="100104" level="5">
    <if_sid>100101</if_sid><field name="how">^badly$</field><description>Badly</description>
  </rule>
  <rule id="100105" level="10" frequency="4" timeframe="60">
    <if_matched_sid>100101</if_matched_sid><same_field>from</same_field>
    <description>Often</description>
  </rule>
  <rule id="100106" level="5"><if_sid>2</if_sid><match>x</match><description>W</description></rule>
  <rule id="100107" level="5">
    <if_sid>100100</if_sid><list field="who">etc/lists/none</list><description>L</description>
  </rule>
  <rule id="100108" level="3">
    <if_sid>100100</if_sid><field name="act">^login$</field><description>Later</description>
  </rule>
</group>
"""
EVENT = '{"act":"login","who":"eve","place":"home"}'


@pytest.fixture(scope="module")
def ruleset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ruleset")
    (folder / "rules.xml").write_text(RULES, encoding="utf-8")
    (folder / "decoders.xml").write_text(DECODERS, encoding="utf-8")
    return Ruleset.load([folder / "rules.xml"], [folder / "decoders.xml"])


@pytest.fixture
def told(ruleset):
    """Return a function that explains the last of several events; sections by their titles."""

    def tell(*events, rule=None, trace=True):
        session = ruleset.session(trace=trace, manager="m")
        for number, event in enumerate(events):
            result = session.process(event, time=1000 + number)
        return {found.title: list(found.lines) for found in explain(ruleset, result, rule)}

    return tell


def test_the_way_down_is_shown_with_what_was_asked(told):
    lines = told(EVENT)["Rules"]
    assert lines[:3] == [
        "1 (level 0, never a result itself) a",
        "  100100 (level 0) JSON",
        "    + decoded_as json: json, saw json",
    ]
    assert "      + field who: match of osregex ^eve$, saw eve" in lines
    assert told(EVENT)["Result"] == ["rule 100101 level 3: Login of eve", "an alert"]


def test_decoding_shows_every_decision(told):
    lines = told("Nov 21 10:00:00 host web: login eve from 192.0.2.1")["Decoding"]
    assert lines == [
        "web: program_name '^web$' matches",
        "web: prematch '^GET' does not match",
        "app: program_name '^web$|^app$' matches",
        "app: prematch '^login ' matches",
        "app: regex '^(\\\\w+) from (\\\\S+)' matches: srcuser = 'eve', srcip = '192.0.2.1'",
        "field srcuser = eve",
        "field srcip = 192.0.2.1",
    ]


def test_a_regex_that_captures_nothing_shows_what_it_looked_at(told):
    lines = told("Nov 21 10:00:00 host app: logout eve")["Decoding"]
    assert lines[-1] == "app: regex '^user=(\\\\w+)' does not match: looked at 'eve'"


def test_a_condition_that_fails_is_shown_among_those_that_hold(told):
    event = '{"act":"login","who":"adam","place":"home"}'
    assert told(event, rule=100101)["Rule 100101"] == [
        "it was tried and does not hold:",
        "+ field act: match of osregex ^login$, saw login",
        "- field who: match of osregex ^eve$, saw adam",
        "+ field place: match of osregex ^home$, saw home",
    ]


def test_a_field_that_is_not_there_is_said_to_be_missing(told):
    event = '{"act":"login","who":"eve"}'
    lines = told(event, rule=100101)["Rule 100101"]
    assert lines[-1] == "- field place: match of osregex ^home$, the event has none"


def test_an_ancestor_that_fails_is_named(told):
    event = '{"act":"login","who":"adam"}'
    assert told(event, rule=100104)["Rule 100104"][0] == (
        "its ancestor 100101 was tried and does not hold:"
    )


def test_a_rule_before_it_that_won_is_named(told):
    assert told(EVENT, rule=100103)["Rule 100103"] == [
        (
            "it was never tried: rule 100101, tried before it among the children of the same "
            "parent (level 3 comes before level 2), holds"
        ),
        "    > below rule 100101 (if_sid) it would be tried when that one holds",
        "what 100103 itself asks, had it been tried:",
        "+ field who: match of osregex ^eve$, saw eve",
    ]
    assert "(it is loaded earlier)" in told(EVENT, rule=100108)["Rule 100108"][0]


def test_a_child_that_won_is_named(told):
    event = EVENT.replace("}", ',"how":"badly"}')
    assert told(event, rule=100101)["Rule 100101"] == [
        "its conditions hold, but rule 100104 below it is the result"
    ]


def test_the_other_type_of_event_is_named(told):
    assert told(EVENT, rule=100106)["Rule 100106"] == [
        "its ancestor 2 is for events of type firewall; this one is syslog"
    ]


def test_a_rule_that_is_not_loaded_shows_what_loading_said(told):
    lines = told(EVENT, rule=100107)["Rule 100107"]
    assert lines[0] == "it is not loaded"
    assert "etc/lists/none" in lines[1]
    assert told(EVENT, rule=77)["Rule 77"] == ["it is not loaded"]


@pytest.mark.parametrize("other", [10, 107, 1001, 7])
def test_what_loading_said_of_rules_with_longer_numbers_is_not_shown(told, other):
    assert told(EVENT, rule=other)[f"Rule {other}"] == ["it is not loaded"]


def test_the_result_itself_needs_no_reason(told):
    assert told(EVENT, rule=100101)["Rule 100101"] == ["it is the result"]


def test_a_rule_that_is_never_a_result_says_so(told):
    assert told("other", rule=1)["Rule 1"] == [
        "its conditions hold, but it is never a result itself (noalert)"
    ]


def test_a_search_that_finds_too_little_says_how_much(told):
    from_home, from_work = (EVENT.replace("}", f',"from":"{p}"}}') for p in ("home", "work"))
    lines = told(from_home, from_work, from_work, from_home, rule=100105)["Rule 100105"]
    assert lines == [
        "it was tried and does not hold:",
        (
            "- if_matched_sid: 3 earlier events within 60 s; 1 found among 3 of this agent, so "
            "this one is 2 of 4"
        ),
    ]
    lines = told(EVENT, EVENT, rule=100105)["Rule 100105"]
    assert lines[1].endswith("the event has no from, so nothing can be the same")


def test_events_that_were_counted_already_are_said_to_be_used_up(told):
    event = EVENT.replace("}", ',"from":"home"}')
    lines = told(*[event] * 5, rule=100105)["Rule 100105"]
    assert lines[1].endswith("the ones before have been used up by an alert")


def test_near_misses_come_by_what_holds(told):
    event = '{"act":"login","who":"adam","place":"work"}'
    near = [line for line in told(event)["Near misses"] if not line.startswith(" ")]
    assert [line.split()[0] for line in near] == ["100101", "100102"]
    assert near[0].endswith("1 of 3 conditions hold")


def test_a_refused_event_and_a_session_without_trace_say_so(ruleset, told):
    refused = ruleset.session(trace=True).process("x", location="[007")
    assert "not judged: " in str(explain(ruleset, refused)[0])
    assert "does not trace" in told("x", trace=False)["Event"][0]


def test_nothing_can_steer_the_terminal(told):
    sections = told('{"act":"\\u001b[2J","who":"\\u202e"}', rule=100101)
    assert all(line.isprintable() for lines in sections.values() for line in lines)


# the commands


@pytest.fixture
def options(tmp_path):
    for kind, text in (("rules", RULES), ("decoders", DECODERS)):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "all.xml").write_text(text, encoding="utf-8")
    return [
        "--no-stock",
        "--rules",
        str(tmp_path / "rules"),
        "--decoders",
        str(tmp_path / "decoders"),
    ]


def test_explain_takes_an_event_or_a_file(capsys, tmp_path, options):
    (tmp_path / "events").write_text(f"other\n{EVENT}\n", encoding="utf-8")
    for given in (EVENT, str(tmp_path / "events")):
        assert main(["explain", given, "--rule", "100103", *options]) == 0
        out = capsys.readouterr().out
        assert "rule 100101 level 3: Login of eve" in out
        assert "Rule 100103\n  it was never tried" in out


def test_explain_without_an_event_is_an_error(capsys, tmp_path, options):
    (tmp_path / "events").write_text("", encoding="utf-8")
    assert main(["explain", str(tmp_path / "events"), *options]) == 2
    assert "no event" in capsys.readouterr().err


def test_explain_does_not_take_the_name_of_what_it_cannot_read_for_an_event(
    capsys, tmp_path, options
):
    (tmp_path / "loop").symlink_to("loop")
    for name, reason in ((".", "Is a directory"), ("loop", "Too many levels of symbolic links")):
        path = tmp_path / name
        assert main(["explain", str(path), *options]) == 1
        assert f"error: cannot read {path}: {reason}" in capsys.readouterr().err


@pytest.mark.parametrize("event", ["x" * 5000, "{root}/no such file", "{root}/file/below", "a\0b"])
def test_explain_takes_for_an_event_what_names_no_file(capsys, tmp_path, options, event):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["explain", event.replace("{root}", str(tmp_path)), *options]) == 0
    assert "Result\n" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["argument", "file"])
def test_explain_takes_a_printed_object_for_one_event(capsys, tmp_path, options, kind):
    printed = json.dumps(json.loads(EVENT) | {"at": [1, {"a b": "c  d"}]}, indent=2)
    (tmp_path / "event").write_text(printed + "\n", encoding="utf-8")
    given = printed if kind == "argument" else str(tmp_path / "event")
    assert main(["explain", given, *options]) == 0
    out, err = capsys.readouterr()
    assert "rule 100101 level 3: Login of eve" in out
    assert "field place = home" in out
    assert "taken as one event" in err


def test_explain_says_what_it_cannot_take_for_one_event(capsys, options):
    assert main(["explain", f"[\n{EVENT},\n{EVENT}]", *options]) == 1
    err = capsys.readouterr().err
    assert "error: this is one JSON array over several lines" in err
    assert "jq -c '.[]'" in err
    assert main(["explain", f"other\n{EVENT}\n", *options]) == 0
    out, err = capsys.readouterr()
    assert "rule 100101 level 3: Login of eve" in out
    assert "the argument has 2 lines; the last is explained" in err


@pytest.mark.parametrize(
    ("form", "said"),
    [("text", "id: '100101'"), ("json", '"id":"100101"'), ("alert", '{"timestamp":"')],
)
def test_logtest_judges_with_any_ruleset(capsys, tmp_path, options, form, said):
    path = tmp_path / "events"
    deep = '{"' + ".".join("a" * 5000) + '":"x"}'
    path.write_text(f"{deep}\n{EVENT}\n", encoding="utf-8")
    assert main(["logtest", str(path), "--format", form, *options]) == 0
    assert said in capsys.readouterr().out
