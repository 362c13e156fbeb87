"""Sessions and their results."""

import json
from datetime import timedelta, timezone

import pytest

from wazuh_pack.engine import Levels, LoadFailure, Mode, Ruleset
from wazuh_pack.engine.trace import Failure

RULES = """
<group name="g,">
  <rule id="100" level="3">
    <decoded_as>json</decoded_as>
    <field name="Kind">^push$</field>
    <description>push</description>
  </rule>
  <rule id="101" level="5">
    <if_sid>100</if_sid>
    <field name="branch" negate="yes" type="pcre2">^main$</field>
    <user>eve</user>
    <description>push elsewhere</description>
  </rule>
  <rule id="102" level="7" frequency="2">
    <if_matched_sid>101</if_matched_sid>
    <description>again</description>
  </rule>
</group>
"""
PUSH = '{"Kind": "push", "branch": "dev", "user": "eve"}'


def test_a_result_tells_what_was_found(write_ruleset):
    result = write_ruleset(RULES).session().process(PUSH)
    assert (result.rule_id, result.level, result.alert) == (101, 5, True)
    assert (result.decoder, result.parent, result.predecoder) == ("json", None, {})
    assert result.data == {"Kind": "push", "branch": "dev", "dstuser": "eve"}


def test_bytes_and_text_are_the_same_event(write_ruleset):
    session = write_ruleset(RULES).session()
    assert session.process(PUSH.encode()).data == session.process(PUSH).data


def test_bytes_that_are_no_text_are_kept(write_ruleset):
    result = write_ruleset(RULES).session().process(b"\xff\xfe")
    assert result.as_logtest()["full_log"] == "\udcff\udcfe"


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("\ud800", b"\xed\xa0\x80"),
        ("a\udfffb\udcff", b"a\xed\xbf\xbfb\xff"),
        ("\ud83d\ude00", b"\xed\xa0\xbd\xed\xb8\x80"),
    ],
)
def test_halves_of_characters_are_bytes_too(write_ruleset, text, data):
    result = write_ruleset().session().process(text, location=text)
    assert result.occurrence.event.full_log == data
    assert result.occurrence.event.location == data
    assert "full_log" in result.as_alert()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    "time",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        1e15,
        -1e11,
        10**400,
        -62_104_060_801,
        253_370_764_800,
    ],
)
def test_a_time_that_no_calendar_has_refuses_the_event_alone(write_ruleset, mode, time):
    session = write_ruleset().session(mode=mode, manager="m")
    session.process("a", time=86400)
    refused = session.process("a", time=time)
    assert "no calendar" in refused.refused
    later = session.process("a")
    assert not later.refused
    assert later.as_alert()["timestamp"] == "1970-01-02T00:00:00.000+0000"


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("hours", [-14, 0, 14])
@pytest.mark.parametrize("time", [-62_104_060_800, -0.5, 1e10, 253_370_764_799])
def test_the_years_of_the_calendar_are_judged(write_ruleset, mode, hours, time):
    rule = (
        '<group name="x,"><rule id="100" level="3"><time>0:00 - 23:59</time>'
        "<weekday>weekdays,weekends</weekday><description>always</description></rule></group>"
    )
    zone = timezone(timedelta(hours=hours))
    session = write_ruleset(rule).session(mode=mode, manager="m", tz=zone)
    result = session.process("a", time=time)
    assert result.rule_id == 100
    assert result.as_alert()["timestamp"].endswith(f"{hours:+03d}00")


def test_a_clock_gone_wrong_refuses_the_event(write_ruleset):
    session = write_ruleset().session(clock=lambda: float("nan"))
    assert "no calendar" in session.process("a").refused
    assert not session.process("a", time=5).refused


def test_only_the_daemon_drops_firewall_events_that_lack_a_field(write_ruleset):
    ruleset = write_ruleset(
        '<group name="f,"><rule id="2" level="3"><category>firewall</category>'
        "<description>packet</description></rule></group>",
        decoders=(
            '<decoder name="p"><program_name>x</program_name></decoder>'
            '<decoder name="fw"><type>firewall</type><prematch>^{</prematch>'
            "<plugin_decoder>JSON_Decoder</plugin_decoder></decoder>"
        ),
    )
    names = ("action", "srcip", "dstip", "srcport", "dstport", "protocol")
    whole = json.dumps(dict.fromkeys(names, "1"))
    part = json.dumps(dict.fromkeys(names[1:], "1"))
    for mode, expected in ((Mode.LOGTEST, [2, 2]), (Mode.DAEMON, [2, None])):
        session = ruleset.session(mode=mode)
        assert [session.process(event).rule_id for event in (whole, part)] == expected


def test_no_trace_is_kept_unless_asked_for(write_ruleset):
    assert write_ruleset(RULES).session().process(PUSH).trace is None


def test_a_trace_names_the_first_failing_condition(write_ruleset):
    session = write_ruleset(RULES).session(trace=True)
    trace = session.process('{"Kind": "push", "branch": "main", "user": "eve"}').trace
    assert trace.decoder == b"json"
    assert [(step.rule.id, step.matched) for step in trace.steps] == [
        (1, True),
        (100, True),
        (101, False),
    ]
    assert trace.of(101)[0].failure == Failure(
        "field", "no match of pcre2 ^main$", b"main", b"branch"
    )
    assert trace.of(102) == []


def test_a_trace_shows_an_absent_value(write_ruleset):
    session = write_ruleset(RULES).session(trace=True)
    trace = session.process('{"Kind": "push", "branch": "dev"}').trace
    assert trace.of(101)[0].failure == Failure("user", "match of osmatch eve", None)


def test_a_trace_shows_a_search_that_found_too_little(write_ruleset):
    session = write_ruleset(RULES).session(trace=True)
    failure = session.process(PUSH).trace.of(102)[0].failure
    assert (failure.option, failure.wanted) == (
        "if_matched_sid",
        "1 earlier events within 360 s",
    )


def test_a_manager_home_is_loaded_as_its_configuration_says(tmp_path):
    for folder in ("etc/rules", "etc/decoders", "etc/lists", "ruleset/rules", "ruleset/decoders"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "ruleset/rules/0010-base.xml").write_text(
        '<group name="b,"><rule id="1" level="0" noalert="1"><category>syslog</category>'
        "<description>root</description></rule></group>",
        encoding="utf-8",
    )
    (tmp_path / "ruleset/decoders/0010-x.xml").write_text(
        '<decoder name="p"><program_name>x</program_name></decoder>'
        '<decoder name="n"><prematch>^</prematch><regex>(\\S+)</regex><order>url</order></decoder>',
        encoding="utf-8",
    )
    (tmp_path / "etc/rules/local_rules.xml").write_text(
        '<group name="l,"><rule id="100001" level="3"><list field="url">etc/lists/bad</list>'
        "<description>bad</description></rule></group>",
        encoding="utf-8",
    )
    (tmp_path / "etc/lists/bad").write_text("evil:\n", encoding="utf-8")
    without = Ruleset.from_manager_home(tmp_path)
    assert without.session().process("evil").rule_id == 100001
    (tmp_path / "etc/ossec.conf").write_text(
        "<ossec_config><ruleset><decoder_dir>ruleset/decoders</decoder_dir>"
        "<rule_dir>ruleset/rules</rule_dir></ruleset></ossec_config>",
        encoding="utf-8",
    )
    ruleset = Ruleset.from_manager_home(tmp_path)
    assert set(ruleset.rules) == {1}
    assert ruleset.levels == Levels(alert=1, mail=7)


def test_thresholds_and_the_last_ruleset_element_count(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rules.xml").write_text(
            f'<group name="{name},"><rule id="{ord(name) - ord("a") + 1}" level="4">'
            "<category>syslog</category><description>d</description></rule></group>",
            encoding="utf-8",
        )
    (tmp_path / "decoders").mkdir()
    (tmp_path / "decoders/x.xml").write_text(
        '<decoder name="p"><program_name>x</program_name></decoder>'
        '<decoder name="n"><prematch>^</prematch></decoder>',
        encoding="utf-8",
    )
    (tmp_path / "etc").mkdir()
    sections = "".join(
        f"<ruleset><decoder_dir>decoders</decoder_dir><rule_dir>{name}</rule_dir></ruleset>"
        for name in ("a", "b")
    )
    (tmp_path / "etc/ossec.conf").write_text(
        f"<ossec_config>{sections}<alerts><log_alert_level>5</log_alert_level></alerts>"
        "</ossec_config>",
        encoding="utf-8",
    )
    ruleset = Ruleset.from_manager_home(tmp_path)
    result = ruleset.session().process("a")
    assert (result.rule_id, result.alert) == (2, False)
    assert Ruleset.from_manager_home(tmp_path, levels=Levels()).session().process("a").alert


@pytest.fixture
def home(tmp_path):
    """Return a function that gives a home: stock and own files, and this configuration."""
    for folder, rule in (("ruleset", 1), ("etc", 2)):
        (tmp_path / folder / "rules").mkdir(parents=True)
        (tmp_path / folder / "decoders").mkdir()
        (tmp_path / folder / "rules/r.xml").write_text(
            f'<group name="b,"><rule id="{rule}" level="4"><category>syslog</category>'
            "<description>root</description></rule></group>",
            encoding="utf-8",
        )
        (tmp_path / folder / "decoders/d.xml").write_text(
            '<decoder name="p"><program_name>x</program_name></decoder>'
            '<decoder name="n"><prematch>^</prematch></decoder>',
            encoding="utf-8",
        )

    def configured(text):
        (tmp_path / "etc/ossec.conf").write_text(text, encoding="utf-8")
        return tmp_path

    return configured


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<ruleset><rule_dir>nowhere</rule_dir></ruleset>",
        "<ruleset><rule_dir>etc/rules</rule_dir><decoder_dir>nowhere</decoder_dir></ruleset>",
    ],
)
def test_only_the_daemon_falls_back_to_stock_files(home, tmp_path, inside, cached):
    folder = home(f"<ossec_config>{inside}</ossec_config>")
    cache = tmp_path / "cache" if cached else None
    for _ in range(2):
        ruleset = Ruleset.from_manager_home(folder, cache=cache)
        assert ruleset.session(mode=Mode.DAEMON).process("x").rule_id == 1
        assert "logtest takes no stock files" in ruleset.session().process("x").refused


def test_files_chosen_by_hand_are_no_fallback(home, tmp_path):
    folder = home("<ossec_config></ossec_config>")
    cache = tmp_path / "cache"
    assert Ruleset.from_manager_home(folder, cache=cache).refusal
    stock = folder / "ruleset"
    loaded = Ruleset.load([stock / "rules"], [stock / "decoders"], cache=cache)
    assert loaded.session().process("x").rule_id == 1


def test_variables_of_the_configuration_stand_for_nothing(home):
    """analysisd applies them in rules and decoders only."""
    folder = home(
        '<var name="R">etc/rules</var><ossec_config><ruleset><rule_dir>$R</rule_dir></ruleset>'
        "</ossec_config>"
    )
    assert set(Ruleset.from_manager_home(folder).rules) == {1}


def test_what_analysisd_refuses_of_a_configuration_is_all_told(home):
    folder = home("<ossec_config>\n<ruleset>\n<bogus>x</bogus></ruleset></ossec_config>")
    with pytest.raises(LoadFailure) as caught:
        Ruleset.from_manager_home(folder)
    found = [(item.code, item.at.path, item.at.line) for item in caught.value.diagnostics]
    conf = folder / "etc/ossec.conf"
    assert found == [("1230", conf, 3), ("1202", conf, 0), ("1202", conf, 0)]


def test_a_broken_configuration_fails_to_load(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ossec.conf").write_text("<ossec_config>", encoding="utf-8")
    with pytest.raises(LoadFailure) as caught:
        Ruleset.from_manager_home(tmp_path)
    assert caught.value.diagnostics[0].code == "1226"
