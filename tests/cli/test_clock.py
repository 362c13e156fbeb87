"""When logtest and explain let events happen, and in which time zone."""

import json
import time

import pytest

from wazuh_pack.cli import main
from wazuh_pack.verify.event_clock import EventClock

DECODERS = (
    '<decoder name="json"><prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder>'
    '</decoder><decoder name="shop"><program_name>^shop$</program_name></decoder>'
)
RULES = """
<group name="shop,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>a</description></rule>
  <rule id="100100" level="3">
    <if_sid>1</if_sid><field name="do">^deploy$</field><description>d</description>
  </rule>
  <rule id="100104" level="10" frequency="3" timeframe="60">
    <if_matched_sid>100100</if_matched_sid><same_field>who</same_field><description>m</description>
  </rule>
  <rule id="100200" level="5">
    <if_sid>1</if_sid><field name="do">^night$</field><time>11 pm - 1 am</time>
    <description>n</description>
  </rule>
  <rule id="100201" level="5">
    <if_sid>1</if_sid><field name="do">^sunday$</field><weekday>sunday</weekday>
    <description>w</description>
  </rule>
</group>
"""
SATURDAY = "2026-11-21T19:02:00Z"


@pytest.fixture
def options(tmp_path):
    for kind, text in (("rules", RULES), ("decoders", DECODERS)):
        (tmp_path / f"{kind}.xml").write_text(text, encoding="utf-8")
    return [
        "--no-stock",
        *("--rules", str(tmp_path / "rules.xml")),
        *("--decoders", str(tmp_path / "decoders.xml")),
    ]


@pytest.fixture
def told(tmp_path, options, capsys):
    """Return a function that gives the rules logtest finds, and what explain says of the last."""

    def tell(lines, *more):
        path = tmp_path / "events"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        assert main(["logtest", str(path), "--format", "json", *options, *more]) == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert main(["explain", str(path), *options, *more]) == 0
        rules = [int(row["rule"]["id"]) if row["rule"] else None for row in found]
        return rules, capsys.readouterr().out

    return tell


@pytest.fixture
def zone(monkeypatch):
    """Return a function that sets this machine's time zone."""

    def put(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


def deploy(moment=None):
    return json.dumps({"do": "deploy", "who": "eve"} | ({"time": moment} if moment else {}))


@pytest.mark.parametrize(("apart", "rule"), [("hour", 100100), ("second", 100104)])
def test_events_happen_at_the_times_they_name(told, apart, rule):
    form = "2026-11-21T{}:00:00Z" if apart == "hour" else "2026-11-21T10:00:{}Z"
    rules, said = told([deploy(form.format(number)) for number in (10, 11, 12)])
    assert rules[-1] == rule
    assert f"rule {rule} level" in said
    assert "(the event's own)" in said


@pytest.mark.parametrize(("gap", "rule"), [("3600", 100100), ("2", 100104)])
def test_times_can_be_given(told, gap, rule):
    named = "2020-01-01T00:00:00Z"
    rules, said = told([deploy(named)] * 3, "--at", SATURDAY, "--gap", gap, "--tz", "UTC")
    assert rules[-1] == rule
    assert "Time\n  Saturday 2026-11-21 " in said
    assert "+0000 (as asked for)\n" in said


@pytest.mark.parametrize(
    ("zone_name", "event", "at", "rule"),
    [
        ("UTC", "night", SATURDAY, None),
        ("UTC", "night", "2026-11-21T23:30Z", 100200),
        ("UTC", "sunday", SATURDAY, None),
        ("Asia/Tokyo", "sunday", SATURDAY, 100201),
        ("America/New_York", "night", "2026-11-21T23:30:00", 100200),
        ("America/New_York", "night", "2026-11-22T04:30:00Z", 100200),
        ("America/New_York", "night", "2026-07-22T03:30:00Z", 100200),
        ("America/New_York", "night", "2026-07-22T05:30:00Z", None),
    ],
)
def test_hours_and_days_are_those_of_the_manager_s_zone(told, zone, zone_name, event, at, rule):
    line = json.dumps({"do": event})
    zone("Etc/GMT+6")
    assert told([line], "--at", at, "--tz", zone_name)[0] == [rule]
    zone(zone_name)
    rules, said = told([line], "--at", at)
    assert rules == [rule]
    assert f"rule {rule} level" in said if rule else "no rule" in said


def test_the_hour_that_comes_twice_has_two_offsets(told, zone):
    zone("Europe/Berlin")
    for at, offset in (("2026-10-25T00:30Z", "+0200"), ("2026-10-25T01:30Z", "+0100")):
        assert f"Sunday 2026-10-25 02:30:00 {offset}" in told([deploy()], "--at", at)[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tz", "Nowhere/Land"], "no time zone 'Nowhere/Land'"),
        (["--tz", "../etc/passwd"], "no time zone"),
        (["--at", "noon"], "'noon' is no time"),
        (["--at", "0001-01-01T00:00"], "is no time"),
        (["--at", "9999-12-31T23:59-23:59"], "is no time"),
        (["--gap", "5"], "--gap goes with --at"),
    ],
)
@pytest.mark.parametrize("command", ["logtest", "explain"])
def test_wrong_times_and_zones_are_usage_errors(capsys, options, command, arguments, said):
    assert main([command, __file__, *options, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_events_without_a_time_go_on_from_the_one_before():
    wall = iter((1000.0, 2000.0, 2005.0, 2006.0, 2007.0, 2008.0))
    clock = EventClock(wall=lambda: next(wall))
    named = "2026-11-21T00:00:{}Z x"
    events = ["none", named.format("30"), "none", named.format("00"), "2026-11-20T00:00:00Z x"]
    found = [clock.moment(event.encode()).seconds for event in events]
    assert found == [2000, 1795219230, 1795219231, 1795219231, 1795132800]
