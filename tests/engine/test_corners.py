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
