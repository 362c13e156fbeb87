"""The conditions of a rule: what each option takes, and what it says when it does not hold."""

import json
from datetime import timedelta, timezone

import pytest

from wazuh_pack.engine.conditions import DynamicField, StaticField
from wazuh_pack.engine.event import Event
from wazuh_pack.engine.occurrence import Occurrence
from wazuh_pack.engine.trace import Failure

TUESDAY_1030 = 1_795_516_200.0  # 2026-11-24 10:30 UTC
EASTERN = timezone(timedelta(hours=-5))
LISTS = {"users": "eve:1\n", "hosts": "10.0.:inside\n"}


@pytest.fixture
def session(write_ruleset):
    """Return a function that opens a session of a ruleset with rule 100 of some options."""

    def load(options, *, watch=None, tz=timezone.utc, size=1, **ruleset):
        rules = (
            f'<group name="g,"><rule id="100" level="3" maxsize="{size}">{options}'
            "<description>d</description></rule></group>"
        )
        loaded = write_ruleset(rules, lists=LISTS, **ruleset)
        assert loaded.diagnostics == ()
        return loaded.session(trace=True, watch=watch, tz=tz)

    return load


@pytest.fixture
def failure(session):
    """Return a function that says why an event does not match; None when it does."""

    def judge(options, event, *, time=TUESDAY_1030, **ruleset):
        event = json.dumps(event) if isinstance(event, dict) else event
        result = session(options, **ruleset).process(event, time=time)
        (step,) = result.trace.of(100)
        assert step.matched is (result.rule_id == 100)
        return step.failure

    return judge


NETWORKS = "<srcip>10.0.0.0/8</srcip><srcip>!192.0.2.7</srcip>"
IN_NETWORKS = "in 10.0.0.0/8, !192.0.2.7"
NEW = "a combination of the decoder's fts fields not seen before"
OTHERS = '<dstip negate="yes">10.0.0.0/8</dstip>'


@pytest.mark.parametrize(
    ("options", "event"),
    [
        ("<decoded_as>json</decoded_as>", {"a": 1}),
        ("<program_name>^app$</program_name>", "Oct 11 22:14:15 web app: x"),
        ("<hostname>^web$</hostname>", "Oct 11 22:14:15 web app: x"),
        ("<location>^stdin$</location>", "x"),
        ("<match>LOGIN</match>", "a login"),
        ('<regex negate="yes">\\d</regex>', "a login"),
        ('<field name="Some.Key">^v$</field>', {"some": {"kEY": "v"}}),
        ('<field name="k" negate="yes">^v$</field>', {"k": "w"}),
        (NETWORKS, {"srcip": "10.9.9.9"}),
        (NETWORKS, {"srcip": "192.0.2.7"}),
        (OTHERS, {"dstip": "192.0.2.7"}),
        (OTHERS, {"dstip": "no address"}),
        ("<srcport>^22$</srcport>", {"srcport": "22"}),
        ("<user>eve</user>", {"dstuser": "eve", "srcuser": "bob"}),
        ("<user>eve</user>", {"srcuser": "eve"}),
        ("<compiled_rule>is_simple_http_request</compiled_rule>", {"url": "/a"}),
        ("<time>10:30 - 11</time>", "x"),
        ("<time>10 - 10:30</time>", "x"),
        ("<time>!11 - 12</time>", "x"),
        ("<weekday>tuesday</weekday>", "x"),
        ("<weekday>weekdays</weekday>", "x"),
        ('<list field="user">etc/lists/users</list>', {"srcuser": "eve", "dstuser": "bob"}),
        ('<list field="user">etc/lists/users</list>', {"dstuser": "eve"}),
        ('<list field="Own">etc/lists/users</list>', {"own": "eve"}),
        (
            '<list field="own" lookup="match_key_value" check_value="^1$">etc/lists/users</list>',
            {"own": "eve"},
        ),
        (
            '<list field="srcip" lookup="address_match_key">etc/lists/hosts</list>',
            {"srcip": "10.0.3.4"},
        ),
    ],
)
def test_a_condition_holds(failure, options, event):
    assert failure(options, event) is None


@pytest.mark.parametrize(
    ("options", "event", "found"),
    [
        ("<decoded_as>json</decoded_as>", "x", Failure("decoded_as", "json", b"other", b"json")),
        (
            "<program_name>^app$</program_name>",
            "x",
            Failure("program_name", "match of osmatch ^app$", None),
        ),
        (
            "<hostname>^web$</hostname>",
            "Oct 11 22:14:15 web2 app: x",
            Failure("hostname", "match of osmatch ^web$", b"web2"),
        ),
        (
            "<location>^/x$</location>",
            "x",
            Failure("location", "match of osmatch ^/x$", b"stdin"),
        ),
        ("<match>y</match>", "x", Failure("match", "match of osmatch y", b"x")),
        (
            '<regex negate="yes">\\d</regex>',
            "a 1",
            Failure("regex", "no match of osregex \\d", b"a 1"),
        ),
        (
            '<field name="k" negate="yes">^v$</field>',
            {"a": 1},
            Failure("field", "no match of osregex ^v$", None, b"k"),
        ),
        (NETWORKS, {"srcip": "11.0.0.1"}, Failure("srcip", IN_NETWORKS, b"11.0.0.1")),
        (NETWORKS, {"dstip": "10.0.0.1"}, Failure("srcip", IN_NETWORKS, None)),
        (NETWORKS, {"srcip": "10.1"}, Failure("srcip", IN_NETWORKS, b"10.1")),
        (OTHERS, {"dstip": "10.0.0.1"}, Failure("dstip", "not in 10.0.0.0/8", b"10.0.0.1")),
        (OTHERS, {"a": 1}, Failure("dstip", "not in 10.0.0.0/8", None)),
        (
            "<user>eve</user>",
            {"dstuser": "bob", "srcuser": "eve"},
            Failure("user", "match of osmatch eve", b"bob"),
        ),
        (
            "<compiled_rule>is_simple_http_request</compiled_rule>",
            "x",
            Failure("compiled_rule", "is_simple_http_request", b"x", b"is_simple_http_request"),
        ),
        ("<time>11 - 12</time>", "x", Failure("time", "11:00 - 12:00", b"10:30")),
        ("<time>!10 - 12</time>", "x", Failure("time", "not 10:00 - 12:00", b"10:30")),
        ("<weekday>sunday, monday</weekday>", "x", Failure("weekday", "one of 0, 1", b"2")),
        ("<if_fts/>", "x", Failure("if_fts", NEW, b"x")),
        ("<check_diff/>", "x", Failure("check_diff", "a text other than the last one", b"x")),
        (
            '<list field="user">etc/lists/users</list>',
            {"srcuser": "bob", "dstuser": "eve"},
            Failure("list", "match_key in etc/lists/users", b"bob", b"user"),
        ),
        (
            '<list field="own" lookup="not_match_key">etc/lists/users</list>',
            {"a": 1},
            Failure("list", "not_match_key in etc/lists/users", None, b"own"),
        ),
    ],
)
def test_a_condition_that_fails_says_what_it_saw_and_wanted(failure, options, event, found):
    assert failure(options, event) == found


@pytest.mark.parametrize(("event", "seen"), [("12345", None), ("1234", None), ("123", b"3")])
def test_an_event_is_at_least_as_long_as_maxsize(failure, event, seen):
    found = failure("", event, size=4)
    assert found == (seen and Failure("maxsize", "at least 4 bytes", seen))


def test_an_event_without_decoder_is_decoded_as_nothing(failure):
    decoders = (
        '<decoder name="named"><program_name>\\.+</program_name></decoder>'
        '<decoder name="json"><prematch>^{</prematch></decoder>'
    )
    found = failure("<decoded_as>json</decoded_as>", "x", decoders=decoders)
    assert found == Failure("decoded_as", "json", None, b"json")


@pytest.mark.parametrize(
    ("tz", "clock", "day"), [(timezone.utc, b"02:30", b"0"), (EASTERN, b"21:30", b"6")]
)
def test_times_and_days_are_the_managers(failure, tz, clock, day):
    sunday = TUESDAY_1030 - 2 * 86400 - 8 * 3600
    assert failure("<time>5 - 6</time>", "x", tz=tz, time=sunday).seen == clock
    assert failure("<weekday>friday</weekday>", "x", tz=tz, time=sunday).seen == day
    today = "sunday" if tz is timezone.utc else "saturday"
    assert failure(f"<weekday>{today}</weekday>", "x", tz=tz, time=sunday) is None


FTS = (
    '<decoder name="named"><program_name>\\.+</program_name></decoder>'
    '<decoder name="seen"><prematch>^u=</prematch><regex>^u=(\\w+)</regex><order>dstuser</order>'
    "<fts>dstuser</fts></decoder>"
    '<decoder name="other"><prematch>^</prematch></decoder>'
)


def test_a_combination_of_fields_is_new_once(session):
    opened = session("<if_fts/>", decoders=FTS)
    events = ["u=a 1", "u=a 2", "u=b 1", "x"]
    assert [opened.process(event).rule_id for event in events] == [100, None, 100, None]


def test_a_watch_learns_what_is_remembered_of_events(session, watcher):
    opened = session("<if_fts/><check_diff/>", decoders=FTS, watch=watcher)
    for event in ("Oct 11 22:14:15 web app: x", "Oct 11 22:14:15 web app: y", "u=a 1"):
        opened.process(event)
    told = [found for found in watcher.told if isinstance(found, tuple)]
    assert told[:2] == [("check_diff", (b"web", 100))] * 2
    assert told[3:] == []
    assert told[2][0] == "check_diff"
    opened = session("<if_fts/>", decoders=FTS, watch=watcher)
    opened.process("u=a 1")
    assert watcher.told[-1] == ("if_fts", b"seen  a      ")


@pytest.mark.parametrize(("size", "ids"), [(65535, [None, 100]), (65536, [None, None])])
def test_check_diff_leaves_long_texts_alone(session, size, ids):
    opened = session("<check_diff/>")
    assert [opened.process(letter * size).rule_id for letter in "ab"] == ids


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("h", "h", True),
        ("(h)", "h", True),
        ("(h)x)", "h", True),
        ("(h", "h", True),
        ("h)", "h", False),
        ("((h)", "h", False),
    ],
)
def test_check_diff_knows_a_host_by_what_is_in_parentheses(session, first, second, same):
    opened = session("<check_diff/>")
    events = [f"Oct 11 22:14:15 {host} app: {host}" for host in (first, f"{second} ")]
    found = [opened.process(event).rule_id for event in events]
    assert found == [None, 100 if same else None]


def test_check_diff_keeps_its_texts_by_rule(write_ruleset):
    rules = "".join(
        f'<rule id="{number}" level="3"><match>{word}</match><check_diff/>'
        "<description>d</description></rule>"
        for number, word in ((100, "a"), (101, "b"))
    )
    opened = write_ruleset(f'<group name="g,">{rules}</group>').session()
    found = [opened.process(event).rule_id for event in ("a1", "b1", "a2", "b2")]
    assert found == [None, None, 100, 101]


def test_readers_read_the_field_of_their_name():
    event = Event(full_log=b"x", location=b"y", time=0.0)
    event.static["url"] = b"/"
    event.add_dynamic(b"Key", b"v")
    seen = Occurrence(event, b"h", 0, timezone.utc)
    assert (StaticField("url")(seen), StaticField("id")(seen)) == (b"/", None)
    assert (DynamicField(b"key")(seen), DynamicField(b"no")(seen)) == (b"v", None)
