"""Composite rules, ignore, check_diff: what depends on earlier events."""

import json
import sys
import threading

import pytest

from wazuh_pack.engine import DiffStore, Mode, memory
from wazuh_pack.engine.memory import EVENTS_KEPT

BASE = (
    '<rule id="100" level="3"><match>a</match><description>base</description></rule>'
    '<rule id="101" level="4"><match>b</match><description>other</description></rule>'
)


def composite(options="", *, rule_id=200, level=10, frequency=3, timeframe=60, source=None):
    source = source or "<if_matched_sid>100</if_matched_sid>"
    return (
        f'<rule id="{rule_id}" level="{level}" frequency="{frequency}" timeframe="{timeframe}">'
        f"{source}{options}<description>composite</description></rule>"
    )


@pytest.fixture(params=[True, False], ids=["indexed", "plain"])
def load(write_ruleset, request):
    """Return a function that loads the base rules and some composites."""

    def write(*rules):
        body = f'<group name="grp,">{BASE}{"".join(rules)}</group>'
        return write_ruleset(body, indexes=request.param)

    return write


def ids(session, events, **kwargs):
    return [session.process(event, **kwargs).rule_id for event in events]


def test_every_third_event_fires_with_frequency_3(load):
    assert ids(load(composite()).session(), ["a"] * 7) == [100, 100, 200, 100, 100, 200, 100]


def test_every_event_after_the_first_fires_with_frequency_2(load):
    session = load(composite(frequency=2)).session()
    assert ids(session, ["a"] * 4) == [100, 200, 200, 200]


def test_events_older_than_the_timeframe_do_not_count(load):
    session = load(composite()).session()
    times = [0, 30, 61, 91, 92]
    found = [session.process("a", time=1000.0 + time).rule_id for time in times]
    assert found == [100, 100, 100, 100, 200]


def test_the_clock_follows_the_last_explicit_time(load):
    session = load(composite(timeframe=10)).session()
    assert session.process("a", time=1000.0).rule_id == 100
    assert session.process("a").rule_id == 100
    assert session.process("a", time=1010.0).rule_id == 200


def test_a_given_clock_tells_the_time(load):
    times = iter([1000.0, 1001.0, 1100.0])
    session = load(composite(timeframe=10)).session(clock=lambda: next(times))
    assert ids(session, ["a"] * 3) == [100, 100, 100]


@pytest.mark.parametrize(
    ("options", "expected"), [("", [100, 100, 100]), ("<global_frequency/>", [100, 100, 200])]
)
def test_agents_are_counted_apart(load, options, expected):
    session = load(composite(options)).session()
    found = [
        session.process("a", location=f"[00{number}] (h{number}) any->x").rule_id
        for number in range(1, 4)
    ]
    assert found == expected


def event(**fields):
    return json.dumps({**fields, "m": "a"})


@pytest.mark.parametrize(
    ("options", "events", "fires"),
    [
        ("<same_srcip/>", [{"srcip": "1.1.1.1"}] * 3, True),
        (
            "<same_srcip/>",
            [{"srcip": "1.1.1.1"}, {"srcip": "2.2.2.2"}, {"srcip": "1.1.1.1"}],
            False,
        ),
        ("<same_srcip/>", [{}] * 3, False),
        ("<same_user/>", [{"dstuser": "u"}] * 3, True),
        ("<same_location/>", [{}] * 3, True),
        ("<different_location/>", [{}] * 3, False),
        ("<different_srcip/>", [{"srcip": "1.1.1.1"}] * 3, False),
        ("<different_srcip/>", [{}] * 3, True),
        ("<different_url/>", [{"url": "/1"}, {"url": "/2"}, {"url": "/3"}], True),
        ("<same_field>K.x</same_field>", [{"k.x": "1"}] * 3, True),
        ("<same_field>k</same_field>", [{"k": "1"}, {"k": "1"}, {"k": "2"}], False),
        ("<same_field>srcip</same_field>", [{"srcip": "1.1.1.1"}] * 3, False),
        ("<different_field>k</different_field>", [{"k": "1"}, {"k": "2"}, {"k": "3"}], True),
        ("<different_field>k</different_field>", [{"k": "1"}] * 3, False),
        ("<different_field>zz</different_field>", [{}] * 3, True),
        ("<same_srcgeoip/>", [{}] * 3, False),
        ("<different_srcgeoip/>", [{}] * 3, True),
    ],
)
def test_fields_must_be_the_same_or_differ(load, options, events, fires):
    session = load(composite(options)).session()
    found = ids(session, [event(**fields) for fields in events])
    assert found[-1] == (200 if fires else 100)


def test_a_group_counts_events_of_all_its_rules(load):
    source = "<if_matched_group>grp</if_matched_group>"
    assert ids(load(composite(source=source)).session(), ["a", "b", "a"]) == [100, 101, 200]


def test_a_rule_with_two_places_feeds_a_group_twice(write_ruleset):
    source = "<if_matched_group>twice</if_matched_group>"
    ruleset = write_ruleset(
        f'<group name="grp,">{BASE}</group>'
        '<group name="twice,"><rule id="102" level="5"><if_sid>100,101</if_sid><match>x</match>'
        f"<description>d</description></rule>{composite(source=source)}</group>"
    )
    assert ids(ruleset.session(), ["ax", "ax"]) == [102, 200]


def test_events_counted_by_sid_are_lost_to_groups(load):
    source = "<if_matched_group>grp</if_matched_group>"
    by_group = composite(source=source, rule_id=201, frequency=2, level=12)
    session = load(composite(frequency=9), by_group).session()
    assert ids(session, ["a", "a", "b", "b"]) == [100, 100, 101, 201]


def test_any_event_counts_for_a_regex(load):
    source = "<if_matched_regex>^\\w</if_matched_regex>"
    assert ids(load(composite(source=source)).session(), ["a", "b", "a"]) == [100, 101, 200]


def test_a_regex_search_gives_up_at_another_agent(load):
    source = "<if_matched_regex>^\\w</if_matched_regex>"
    session = load(composite(source=source, frequency=2)).session()
    session.process("a")
    assert session.process("a", location="[001] (h) any->x").rule_id == 100


def test_only_texts_that_match_count_for_a_regex(load):
    source = "<if_matched_regex>^b</if_matched_regex>"
    session = load(composite(source=source)).session()
    assert ids(session, ["a", "a", "a", "b", "b", "a"]) == [100, 100, 100, 101, 101, 200]


def test_only_events_of_the_same_decoder_type_count_for_a_regex(write_ruleset):
    decoders = (
        '<decoder name="named"><program_name>\\.+</program_name></decoder>'
        '<decoder name="i"><prematch>^i</prematch><type>ids</type></decoder>'
        '<decoder name="other"><prematch>^</prematch></decoder>'
    )
    ruleset = write_ruleset(
        '<group name="grp,"><rule id="2" level="0" noalert="1"><category>ids</category>'
        "<description>root</description></rule>"
        '<rule id="102" level="3"><category>ids</category><match>a</match>'
        "<description>intrusion</description></rule>"
        f"{BASE}{composite(source='<if_matched_regex>a$</if_matched_regex>')}</group>",
        decoders=decoders,
    )
    session = ruleset.session()
    assert ids(session, ["ia", "ia", "a", "a", "ia", "a"]) == [102, 102, 100, 100, 102, 200]


def test_a_composite_whose_rule_is_unknown_finds_nothing(load):
    source = "<if_sid>100</if_sid><if_matched_sid>999</if_matched_sid>"
    session = load(composite(source=source, frequency=2)).session()
    assert ids(session, ["a"] * 3) == [100] * 3


def test_a_watch_learns_of_every_search(load, watcher):
    ids(load(composite()).session(watch=watcher), ["a", "b", "a"])
    assert watcher.told == [b"a", (200, None), b"b", b"a", (200, b"a")]


def test_events_of_others_in_between_are_passed_over(load):
    session = load(composite()).session()
    places = [f"[00{number}] (h) any->x" for number in (1, 2, 1, 2, 1)]
    found = [session.process("a", location=place).rule_id for place in places]
    assert found == [100, 100, 100, 100, 200]


def test_events_with_other_values_in_between_are_passed_over(load):
    session = load(composite("<same_field>k</same_field>")).session()
    found = ids(session, [event(k=value) for value in "12212"])
    assert found == [100, 100, 100, 100, 200]


def test_an_event_that_fired_is_used_up_for_its_group(load):
    source = "<if_matched_group>grp</if_matched_group>"
    found = ids(load(composite(source=source)).session(), ["a"] * 6)
    assert found == [100, 100, 200, 100, 100, 200]


@pytest.mark.parametrize(
    ("events", "last"),
    [(["a", "a"], 100), (["a", '{"k":"1","m":"a"}'], 200), (['{"k":"1","m":"a"}', "a"], 200)],
)
def test_two_events_without_fields_do_not_differ(load, events, last):
    session = load(composite("<different_field>k</different_field>", frequency=2)).session()
    assert ids(session, events)[-1] == last


BY_GROUP = "<if_matched_group>grp</if_matched_group>"
BY_REGEX = "<if_matched_regex>^a</if_matched_regex>"


@pytest.mark.parametrize(
    ("source", "options", "events", "found", "looked_at", "used_up"),
    [
        (None, "", ["a", "a"], 1, 1, False),
        (None, "", ["a", "b", "a"], 1, 1, False),
        (BY_GROUP, "", ["a", "b", "a"], 2, 2, False),
        (BY_REGEX, "", ["b", "a", "a"], 1, 2, False),
        (None, "", [("a", 0), ("a", 60)], 1, 1, False),
        (None, "", [("a", 0), ("a", 61)], 0, 0, False),
        (None, "", [("a", 0), ("a", 0, 1), ("a", 0)], 1, 1, False),
        (None, "<global_frequency/>", [("a", 0), ("a", 0, 1), ("a", 0)], 2, 2, False),
        (BY_REGEX, "", [("a", 0), ("a", 0, 1), ("a", 0)], 0, 0, False),
        (None, "<same_field>k</same_field>", [event(k=k) for k in "1211"], 2, 3, False),
        (BY_GROUP, "", ["a"] * 7, 2, 3, True),
    ],
)
def test_a_census_tells_how_far_a_search_came(
    load, source, options, events, found, looked_at, used_up
):
    session = load(composite(options, source=source, frequency=4)).session(trace=True)
    for text, second, *agent in (one if isinstance(one, tuple) else (one, 0) for one in events):
        place = f"[00{agent[0]}] (h) any->x" if agent else "stdin"
        result = session.process(text, time=1000.0 + second, location=place)
    (step,) = result.trace.of(200)
    counted = step.census
    assert (counted.found, counted.looked_at, counted.used_up) == (found, looked_at, used_up)


def test_an_event_used_by_a_higher_level_stops_a_lower_one(load):
    low = composite(rule_id=201, level=8, frequency=2, options="<match>ax</match>")
    session = load(composite(), low).session()
    assert ids(session, ["a", "a", "a", "a", "ax"]) == [100, 100, 200, 100, 201]


def test_the_counted_events_are_shown_newest_first(load):
    session = load(composite(frequency=4)).session()
    results = [session.process(f"a{number}") for number in range(4)]
    assert results[2].previous_output is None
    assert results[3].previous_output == "a2\na1\na0"
    assert results[3].rule["frequency"] == 4


def test_a_single_counted_event_is_not_shown(load):
    session = load(composite(frequency=2)).session()
    assert [session.process("a").previous_output for _ in range(2)] == [None, None]


def test_at_most_eleven_events_are_shown(load):
    session = load(composite(frequency=20)).session()
    last = [session.process(f"a{number}") for number in range(20)][-1]
    assert last.rule_id == 200
    assert last.previous_output.splitlines()[0] == "a18"
    assert len(last.previous_output.splitlines()) == 11


def test_a_full_memory_forgets_ten_events_and_what_is_older_than_the_largest_frequency(load):
    ruleset = load(composite(frequency=5, timeframe=99999))
    session = ruleset.session()
    for _ in range(3):
        session.process("a", time=1000.0)
    for _ in range(EVENTS_KEPT - 3):
        session.process("b", time=1003.0)
    assert session.process("a", time=1003.0).rule_id == 100
    assert session.process("a", time=1003.0).rule_id == 100


@pytest.mark.parametrize(
    ("at_once", "times", "kept"),
    [
        (2, [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]),
        (2, [0, 0, 0, 0, 0, 0], [0, 0, 0, 0]),
        (10, [0, 0, 0, 0, 0, 0], [0]),
        (2, [0, 0, 0, 50, 101, 161], [101, 161]),
    ],
)
def test_a_full_memory_keeps_the_latest(load, monkeypatch, at_once, times, kept):
    monkeypatch.setattr(memory, "EVENTS_KEPT", 5)
    monkeypatch.setattr(memory, "EVICTED_AT_ONCE", at_once)
    session = load(composite(frequency=62, timeframe=9)).session()
    for time in times:
        session.process("a", time=1000.0 + time)
    assert [seen.second - 1000 for seen in session._memory.events] == kept


IGNORING = (
    '<rule id="102" level="6" ignore="60"><if_sid>100</if_sid><match>x</match>'
    "<description>child</description></rule>"
)


def answers(session, times):
    results = [session.process("ax", time=1000.0 + time) for time in times]
    return [(result.rule_id, result.alert) for result in results]


def test_logtest_shows_a_muted_rule_without_alert(load):
    found = answers(load(IGNORING).session(), [0, 10, 59, 60, 61, 62])
    assert found == [
        (102, True),
        (102, False),
        (102, False),
        (102, True),
        (102, True),
        (102, False),
    ]


def test_the_daemon_reports_a_muted_rules_parent(load):
    found = answers(load(IGNORING).session(mode=Mode.DAEMON), [0, 10, 60, 61])
    assert found == [(102, True), (100, True), (102, True), (100, True)]


DIFF = (
    '<rule id="102" level="6"><if_sid>100</if_sid><check_diff/>'
    "<description>changed</description></rule>"
)


def test_check_diff_tells_a_changed_text(load):
    session = load(DIFF).session()
    results = [session.process(text) for text in ("a1", "a1", "a2", "a1")]
    assert [result.rule_id for result in results] == [100, 100, 102, 102]
    assert results[2].previous_output == "Previous output:\na1"
    assert results[2].as_logtest()["previous_log"] == "a1"


def test_check_diff_keeps_hosts_and_rules_apart():
    diffs = DiffStore()
    assert diffs.exchange(b"h", 1, b"x") is None
    assert diffs.exchange(b"i", 1, b"y") is None
    assert diffs.exchange(b"h", 2, b"z") is None
    assert diffs.exchange(b"h", 1, b"w") == b"x"


def test_check_diff_takes_a_host_for_a_path():
    diffs = DiffStore()
    for host, text in ((b"a", b"1"), (b"aX", b"2"), (b"a//b", b"3"), (b"a/../c", b"4")):
        assert diffs.exchange(host, 1, text) is None
    for host, before in ((b"a/", b"1"), (b"aX", b"2"), (b"a/./b", b"3"), (b"c", b"4")):
        assert diffs.exchange(host, 1, b"new") == before


def test_check_diff_may_be_shared_between_sessions(load):
    ruleset, diffs = load(DIFF), DiffStore()
    assert ruleset.session(diffs=diffs).process("a1").rule_id == 100
    assert ruleset.session(diffs=diffs).process("a2").rule_id == 102
    assert ruleset.session().process("a2").rule_id == 100


def test_sessions_of_several_threads_may_share_check_diff():
    """Every text is the one before exactly one other."""
    diffs, threads, times = DiffStore(), 4, 3000
    found = [[] for _ in range(threads)]
    together = threading.Barrier(threads)

    def work(number):
        together.wait()
        for turn in range(times):
            found[number].append(diffs.exchange(b"h", 1, b"%d %d" % (number, turn)))

    working = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in working:
            thread.start()
        for thread in working:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    before = [text for texts in found for text in texts] + [diffs.exchange(b"h", 1, b"")]
    assert len(before) == len(set(before)) == threads * times + 1


def test_sessions_do_not_influence_each_other(load):
    ruleset = load(composite(frequency=2))
    first, second = ruleset.session(), ruleset.session()
    assert ids(first, ["a", "a"]) == [100, 200]
    assert ids(second, ["a"]) == [100]


def test_firedtimes_counts_per_session(load):
    ruleset = load()
    session = ruleset.session()
    assert [session.process("a").rule["firedtimes"] for _ in range(2)] == [1, 2]
    assert ruleset.session().process("a").rule["firedtimes"] == 1
