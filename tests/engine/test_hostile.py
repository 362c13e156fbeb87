"""Lines made to hurt: nothing raises, and the work grows no faster than the line.

Work is counted in lines of the engine's own Python that are executed. What one such line costs is
linear in its operands: string operations, and the regular expressions of ``osregex_shapes`` and
``predecode``, which have nothing to go back to. The osregex scan is counted for itself in
``test_expressions_osregex``; PCRE2 has its own match limit, as in analysisd.
"""

import json
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wazuh_pack import resources
from wazuh_pack.engine import Mode, Ruleset
from wazuh_pack.verify.explain import explain
from wazuh_pack.verify.rulesets import load_pack

LONGEST = 65535

HEADERS = [
    b"",
    b"Jan  1 00:00:00 host prog[1]: ",
    b"Jan  1 00:00:00 host sshd[1]: ",
    b"2026-01-01T00:00:00.000000+00:00 host prog: ",
    b"[T1 2026.01.01 00:00: UTC] [Sender ",
    b"1234567890.123    12 ",
    b"[Tue Jan  1 00:00:00 2026] ",
    b"ossec: Alert Level: 3; Rule: 5710 - x; Location: y;",
    b"Jan  1 00:00:00 host prog|local0:info x[",
    b'{"a": "',
    b'{"security_scan": {"a": ',
    b"Jan  1 00:00:00 host [ID 1 ",
]
UNITS = [
    *(b"a", b" ", b"1 ", b"a=1 ", b'a="1" ', b'"', b"\xff", b"\0", b"((", b"{", b"[", b'{"a":'),
    *(b"[1,", b"\\", b"../", b"1.1.1.1 ", b"\t", b",", b"a:b ", b"\xc3\xa9", b'"a.b":1,', b" ;"),
    *(b"][", b"]=:0", b'"a":{"b":1},', b"[Sender ]", b"\\u0041", b"\\ud800", b"a|", b":/", b",10="),
]


@pytest.fixture(scope="module")
def ruleset():
    """The pack over the recorded stock rules, or over our equivalents without them."""
    stock = resources.content().parents[2] / "shared/wazuh-4.14.7/ruleset"
    lists = {path.name: path for path in resources.content().glob("*/lists/*")}
    return load_pack(resources.tree(), stock=stock if stock.is_dir() else None, lists=lists)


def work(call):
    """How many lines of Python the call executes."""
    count = 0

    def each(_frame, event, _argument):
        nonlocal count
        count += event == "line"
        return each

    before = sys.gettrace()
    sys.settrace(lambda *_: each)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("header", HEADERS)
def test_twice_the_line_is_no_more_than_twice_the_work(ruleset, header):
    for unit in UNITS:
        counts = []
        for size in (LONGEST // 16, LONGEST // 8):
            session = ruleset.session(manager="m")
            # What is prepared once and kept must not count.
            session.process(header + unit)
            line = (header + unit * size)[:size]
            counts.append(work(lambda s=session, e=line: s.process(e).as_logtest()))
        assert counts[1] <= 2.4 * counts[0] + 5_000, (unit, counts)


def everything(result):
    """Ask a result for all that it can tell."""
    for shown in (result.as_logtest(), result.as_alert(), result.output()):
        if not result.is_too_deep:
            json.dumps(shown)
    return (result.rule, result.decoder, result.parent, result.data, result.predecoder)


@pytest.mark.parametrize("header", HEADERS)
def test_the_longest_lines_are_judged(ruleset, header):
    sessions = [ruleset.session(mode=mode, manager="m") for mode in Mode]
    for number, unit in enumerate(UNITS):
        everything(sessions[number % 2].process((header + unit * LONGEST)[:LONGEST]))


@pytest.mark.parametrize("depth", [899, 900, 901, 999, 1000, 1001, 30_000])
@pytest.mark.parametrize("opening", ['{"a":', "["])
@pytest.mark.parametrize("mode", Mode)
def test_json_as_deep_as_it_gets_is_judged(ruleset, mode, depth, opening):
    closing = "}" if opening.startswith("{") else "]"
    inner = opening * depth + "1" + closing * depth
    session = ruleset.session(mode=mode, manager="m", trace=True)
    for event in (inner, f'{{"b": {inner}}}', opening * depth):
        result = session.process(event)
        everything(result)
        assert explain(ruleset, result)


RULES = """
<var name="WORDS">a|b</var>
<group name="g,">
  <rule id="100" level="3"><match>a</match><description>$(x) $(srcip) $(a.b)</description></rule>
  <rule id="101" level="4" frequency="2" timeframe="60">
    <if_matched_sid>100</if_matched_sid><same_field>x</same_field><different_field>y</different_field>
    <description>d</description>
  </rule>
  <rule id="102" level="5"><if_sid>100</if_sid><regex>(\\S+):(\\d+)$|^\\.*\\.*b</regex>
    <description>d</description></rule>
  <rule id="103" level="5"><if_sid>100</if_sid><field name="x" type="pcre2">^(a+)+$</field>
    <description>d</description></rule>
  <rule id="104" level="5"><if_sid>100</if_sid>
    <list field="srcip" lookup="address_match_key">etc/lists/l</list>
    <description>d</description></rule>
  <rule id="105" level="5"><if_sid>100</if_sid><check_diff/><description>d</description></rule>
  <rule id="106" level="5"><if_sid>100</if_sid><srcip>10.0.0.0/8</srcip><time>6 pm - 8 am</time>
    <weekday>weekdays</weekday><description>d</description></rule>
  <rule id="107" level="6" frequency="2" timeframe="60"><if_matched_regex>a</if_matched_regex>
    <same_location/><description>d</description></rule>
  <rule id="108" level="6"><if_group>g</if_group><if_fts/><description>d</description></rule>
</group>
"""
DECODERS = """
<decoder name="json"><prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
<decoder name="pf"><program_name>^pf</program_name>
  <plugin_decoder>PF_Decoder</plugin_decoder></decoder>
<decoder name="symantec"><program_name>^sym</program_name>
  <plugin_decoder>SymantecWS_Decoder</plugin_decoder></decoder>
<decoder name="sonic"><program_name>^sonic</program_name>
  <plugin_decoder>SonicWall_Decoder</plugin_decoder></decoder>
<decoder name="alert"><program_name>^ossec</program_name>
  <plugin_decoder>OSSECAlert_Decoder</plugin_decoder></decoder>
<decoder name="as"><prematch>^a</prematch></decoder>
<decoder name="as"><parent>as</parent><prematch offset="after_parent">\\S+ </prematch>
  <regex offset="after_prematch">(\\S+):(\\S+)</regex><order>srcip, x</order>
  <fts>srcip</fts></decoder>
<decoder name="as"><parent>as</parent><regex offset="after_regex" type="pcre2">(b)|(\\d+)</regex>
  <order>id, y</order></decoder>
<decoder name="other"><prematch>^</prematch></decoder>
"""

PIECES = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [
            *(b"a", b"b ", b":", b"1", b"\0", b"\xff", b"{", b"}", b'"x":', b'"a",', b'"srcip":'),
            *(b'"10.1.1.1"', b"[", b"]", b",", b"null", b"1e999", b"-", b"\\u00", b"\\", b"\n"),
            *(b"Jan  1 00:00:00 h ", b"pf: (1) p: ", b"sym: ,10=", b"sonic: pri=1 c=1 m=1 src="),
            *(b"ossec: Alert Level: 3; Rule: 100 - x; Location: y; ", b"$(x)", b"2026-01-01 "),
        ]
    ),
    st.builds(bytes.__mul__, st.binary(min_size=1, max_size=3), st.integers(1, 3000)),
)
LINES = st.lists(PIECES, max_size=8).map(b"".join)
PLACES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([b"stdin", b"[1] (a) 1.2.3.4->f", b"[", b"[1", b"(s) u@h->/x", b"(", b"\0"]),
)
TIMES = st.none() | st.floats(0, 4e9) | st.floats()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(st.tuples(LINES, PLACES, TIMES), min_size=1, max_size=8))
def test_no_line_raises_and_text_and_bytes_agree(events, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for name, text in (("r.xml", RULES), ("d.xml", DECODERS), ("l", "10.:net\n")):
        (folder / name).write_text(text, encoding="utf-8")
    ruleset = Ruleset.load([folder / "r.xml"], [folder / "d.xml"], {"etc/lists/l": folder / "l"})
    for mode in Mode:
        sessions = [ruleset.session(mode=mode, manager="m", trace=trace) for trace in (True, False)]
        for line, place, now in events:
            answers = []
            for session in sessions:
                event = line if session is sessions[0] else line.decode("utf-8", "surrogateescape")
                result = session.process(event, location=place, time=now)
                everything(result)
                explain(ruleset, result, 102) if result.trace else None
                answers.append(result.as_logtest())
            assert answers[0] == answers[1]
            assert set(answers[0]) >= {"decoder", "predecoder", "data", "rule", "alert"}


def test_a_match_given_up_is_told_by_the_result(write_ruleset):
    rules = (
        '<group name="g,"><rule id="100" level="3">'
        '<field name="x" type="pcre2">^(a+)+$</field><description>d</description></rule>'
        '<rule id="101" level="3"><field name="x" type="pcre2">b$</field>'
        "<description>d</description></rule></group>"
    )
    session = write_ruleset(rules).session(manager="m")
    result = session.process(json.dumps({"x": "a" * 40 + "b"}))
    assert result.exhausted == (b"^(a+)+$",)
    assert result.rule_id == 101
    assert session.process('{"x": "b"}').exhausted == ()
