"""Corners that no recorded vector shows; each was decided by how analysisd 4.14.7 behaves.

They were found by giving random rulesets, events and files to both and comparing the answers.
"""

import pytest

from wazuh_pack.engine import DiffStore, LoadFailure, Mode

CATCH_ALL = '<decoder name="named"><program_name></program_name></decoder>'
DIFF = (
    '<group name="x,"><rule id="100" level="3"><check_diff/><description>d</description></rule>'
    "</group>"
)


def rule_ids(session, events):
    return [session.process(event).rule_id for event in events]


def test_a_regex_without_groups_is_a_decoder_like_any_other(write_ruleset):
    decoders = (
        '<decoder name="d"><prematch>^user</prematch><regex>name=</regex><order>x</order>'
        f"</decoder>{CATCH_ALL}"
    )
    ruleset = write_ruleset(decoders=decoders)
    found = ruleset.session().process("user name=a")
    assert (ruleset.diagnostics, found.decoder, found.data) == ((), "d", {})


@pytest.mark.parametrize(
    ("host", "fires"),
    [
        ("h", True),
        ("(h)", True),
        ("h/", True),
        ("h/i", False),
        ("..", True),
        ("../h", True),
        ("nowhere/..", False),
        ("h" * 255, True),
        ("h" * 256, False),
    ],
)
def test_check_diff_needs_a_host_that_can_be_a_folder(write_ruleset, host, fires):
    session = write_ruleset(DIFF).session()
    lines = [f"Dec 29 10:00:01 {host} app: {text}" for text in ("one", "two")]
    assert rule_ids(session, lines) == [None, 100 if fires else None]


def test_a_host_below_the_folder_of_another_is_kept():
    store = DiffStore()
    assert store.exchange(b"h/i", 1, b"a") is None
    assert store.exchange(b"h/i", 1, b"b") is None
    assert store.exchange(b"h", 1, b"a") is None
    assert store.exchange(b"h/i", 1, b"c") is None
    assert store.exchange(b"h/i", 1, b"d") == b"c"
    assert store.exchange(b"h/./i", 1, b"e") == b"d"


def test_the_daemon_drops_what_the_decoder_of_alerts_cannot_read(write_ruleset):
    decoders = (
        '<decoder name="d"><prematch>^ossec</prematch>'
        "<plugin_decoder>OSSECAlert_Decoder</plugin_decoder></decoder>"
        f"{CATCH_ALL}"
    )
    ruleset = write_ruleset(decoders=decoders)
    found = [ruleset.session(mode=mode).process("ossec: no alert") for mode in Mode]
    assert [result.decoder for result in found] == ["d", None]


def rule(options, number=100):
    return f'<rule id="{number}" level="3">{options}<description>d</description></rule>'


def test_what_is_printed_at_once_stands_before_what_was_noted_earlier(write_ruleset):
    late = rule("<if_sid>1,7</if_sid>") + rule("<time>- 5</time>", 101)
    ruleset = write_ruleset(f'<group name="x,">{late}</group>')
    assert [found.code for found in ruleset.diagnostics] == ["1240", "7617"]
    assert ruleset.refusal == ""


def test_a_bad_category_is_printed_at_once(write_ruleset):
    late = rule("<if_sid>1,7</if_sid>") + rule("<category>x</category>", 101)
    with pytest.raises(LoadFailure) as failure:
        write_ruleset(f'<group name="x,">{late}</group>')
    assert [found.code for found in failure.value.diagnostics] == ["1273", "7617", "1220"]


def test_messages_show_names_as_they_were_written(write_ruleset):
    with pytest.raises(LoadFailure) as failure:
        write_ruleset('<group name="x,"><rule idé="1" level="3"><x/></rule></group>')
    assert "'idé'" in failure.value.diagnostics[0].message
    with pytest.raises(LoadFailure) as failure:
        write_ruleset('<group name="x,"><rulé></group>')
    assert "'rulé'" in failure.value.diagnostics[0].message


@pytest.mark.parametrize(("event", "location"), [("", "x"), ("\0a", "x"), ("a", "")])
def test_only_the_daemon_takes_an_empty_event_or_location(write_ruleset, event, location):
    ruleset = write_ruleset()
    logtest, daemon = (
        ruleset.session(mode=mode).process(event, location=location) for mode in Mode
    )
    assert logtest.as_logtest()["codemsg"] == -1
    assert daemon.decoder == "other"


OSSEC_ALERT = (
    "ossec: Alert Level: 5; Rule: 100 - x; Location: (h) 1.2.3.4->/x; srcip: 9.9.9.9;  the log"
)


def test_only_the_daemon_can_read_an_alert_of_another_ossec(write_ruleset):
    decoders = (
        '<decoder name="d"><prematch>^ossec</prematch>'
        f"<plugin_decoder>OSSECAlert_Decoder</plugin_decoder></decoder>{CATCH_ALL}"
    )
    ruleset = write_ruleset(f'<group name="x,">{rule("")}</group>', decoders=decoders)
    logtest, daemon = (ruleset.session(mode=mode).process(OSSEC_ALERT) for mode in Mode)
    assert (logtest.rule_id, logtest.data, logtest.output()["location"]) == (None, {}, "stdin")
    assert (daemon.rule_id, daemon.data) == (100, {"srcip": "9.9.9.9"})
    assert daemon.output()["location"] == "stdin|(h) 1.2.3.4->/x"


def test_the_daemon_counts_how_often_a_rule_fired_by_the_hour(write_ruleset):
    ruleset = write_ruleset(f'<group name="x,">{rule("")}</group>')
    begin = 1_790_000_000 // 3600 * 3600
    found = {
        mode: [
            session.process("a", time=begin + seconds).rule["firedtimes"]
            for session in [ruleset.session(mode=mode)]
            for seconds in (0.0, 3599.9, 3600.0, 3700.0, 7200.0)
        ]
        for mode in Mode
    }
    assert found == {Mode.LOGTEST: [1, 2, 3, 4, 5], Mode.DAEMON: [1, 2, 1, 2, 1]}


def test_the_daemon_archives_an_alert_of_another_ossec_whose_rule_has_level_0(write_ruleset):
    decoders = (
        '<decoder name="d"><prematch>^ossec</prematch>'
        f"<plugin_decoder>OSSECAlert_Decoder</plugin_decoder></decoder>{CATCH_ALL}"
    )
    quiet = rule("").replace('level="3"', 'level="0"')
    ruleset = write_ruleset(f'<group name="x,">{quiet}</group>', decoders=decoders)
    result = ruleset.session(mode=Mode.DAEMON).process(OSSEC_ALERT)
    assert result.output()["rule"] == {"id": "100", "mail": False, "groups": ["x"]}
    assert not result.alert


def test_long_ids_of_parents_lose_their_upper_bits(write_ruleset):
    """4294967296 is 2 to the 32nd."""
    late = rule("<match>a</match>") + rule(f"<if_sid>{2**32 + 100}</if_sid>", 101)
    ruleset = write_ruleset(
        f'<group name="x,">{late}{rule("<if_sid>99999999999</if_sid>", 102)}</group>'
    )
    assert rule_ids(ruleset.session(), ["a", "b"]) == [101, None]
    assert "'1215752191'" in ruleset.diagnostics[0].message


def test_the_searched_text_is_compiled_before_the_protocol(write_ruleset):
    options = (
        "<if_matched_regex>(</if_matched_regex>"
        '<protocol type="pcre2">(</protocol><action type="pcre2">a</action>'
    )
    with pytest.raises(LoadFailure) as failure:
        write_ruleset(f'<group name="x,">{rule(options)}</group>')
    assert [found.code for found in failure.value.diagnostics] == ["1450", "1220"]
