"""Which rule an event ends at: loading, links, order, overwriting."""

import pytest

from wazuh_pack.engine import LoadFailure, Mode, Ruleset
from wazuh_pack.verify.vectors import read_steps


def group(body, name="g,"):
    return f'<group name="{name}">{body}</group>'


def rule(rule_id, level=3, options="", **attributes):
    extra = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return (
        f'<rule id="{rule_id}" level="{level}"{extra}>{options}'
        f"<description>rule {rule_id}</description></rule>"
    )


def fired(ruleset, *events, mode=Mode.LOGTEST):
    session = ruleset.session(mode=mode)
    return [session.process(event).rule_id for event in events]


def codes(ruleset):
    return [found.code for found in ruleset.diagnostics]


def test_the_first_matching_sibling_wins_and_level_0_comes_first(write_ruleset):
    ruleset = write_ruleset(
        group(
            rule(100, 3, "<match>a</match>")
            + rule(101, 5, "<match>a</match>")
            + rule(102, 0, "<match>ab</match>")
            + rule(103, 5, "<match>a</match>")
        )
    )
    assert fired(ruleset, "a", "ab") == [101, 102]


def test_accuracy_0_sorts_behind_all_others(write_ruleset):
    ruleset = write_ruleset(
        group(rule(100, 15, "<match>a</match>", accuracy=0) + rule(101, 1, "<match>a</match>"))
    )
    assert fired(ruleset, "a") == [101]


def test_children_decide_before_their_parent(write_ruleset):
    ruleset = write_ruleset(
        group(
            rule(100, 3, "<match>a</match>")
            + rule(101, 5, "<if_sid>100</if_sid><match>b</match>")
            + rule(102, 9, "<if_sid>101</if_sid><match>c</match>")
        )
    )
    assert fired(ruleset, "a", "ab", "abc", "b") == [100, 101, 102, None]


def test_noalert_lets_the_search_go_on(write_ruleset):
    ruleset = write_ruleset(
        group(
            rule(100, 0, "<match>a</match>", noalert=1)
            + rule(101, 5, "<if_sid>100</if_sid><match>b</match>")
            + rule(102, 3, "<match>a</match>")
        )
    )
    assert fired(ruleset, "a", "ab") == [102, 101]


@pytest.mark.parametrize("text", ["100,101", "100 101", " 100 , ,101", "100,999,101"])
def test_a_rule_may_have_several_parents(write_ruleset, text):
    ruleset = write_ruleset(
        group(
            rule(100, 3, "<match>a</match>")
            + rule(101, 3, "<match>b</match>")
            + rule(102, 5, f"<if_sid>{text}</if_sid><match>x</match>")
        )
    )
    assert fired(ruleset, "ax", "bx", "x") == [102, 102, None]


def test_a_trailing_comma_also_hangs_the_rule_below_its_category(write_ruleset):
    ruleset = write_ruleset(
        group(rule(100, 3, "<match>a</match>") + rule(101, 5, "<if_sid>100,</if_sid>"))
    )
    assert fired(ruleset, "b") == [101]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("<if_sid>999</if_sid>", ["7617", "7619"]),
        ("<if_sid>1x</if_sid>", ["7618"]),
        ("<if_sid>100\n</if_sid>", ["7607"]),
        ("<if_level>x</if_level>", ["7609"]),
        ("<if_level>0</if_level>", ["7609"]),
        ("<if_group>none</if_group>", ["7610"]),
        ("<category>squid</category>", ["7611"]),
        ("<if_matched_sid>x</if_matched_sid>", ["7615"]),
        ("<if_matched_sid>999</if_matched_sid>", ["7620"]),
        ('<list field="id">etc/lists/none</list>', ["7616"]),
        ('<match negate="maybe">x</match>', ["7600"]),
        ('<match type="glob">x</match>', ["7600"]),
    ],
)
def test_loading_warns_by_number(write_ruleset, options, expected):
    ruleset = write_ruleset(group(rule(100, 3, "<match>a</match>") + rule(101, 5, options)))
    assert codes(ruleset) == expected


def test_diagnostics_say_where(write_ruleset):
    ruleset = write_ruleset("\n\n" + group("\n" + rule(100, 3, "<if_sid>9</if_sid>")))
    assert [found.at.line for found in ruleset.diagnostics] == [4, 4]
    assert ruleset.diagnostics[0].at.path.name == "01_rules.xml"


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<rule>", ["1226", "1220"]),
        ("<x name='a'><rule id='100' level='1'></rule></x>", ["", "1220"]),
        ("<group><rule id='100' level='1'></rule></group>", ["", "1220"]),
        ("<group name='a'></group>", ["", "1220"]),
        ("<group name='a'><x></x></group>", ["", "1220"]),
        ("<group name='a'><rule id='100' level='1'></rule></group>", ["", "1220"]),
        (group(rule(100, 17)), ["", "", "1220"]),
        (group(rule("x", 1)), ["", "", "1220"]),
        (group(rule(100, 3, "<nonsense>a</nonsense>")), ["", "1220"]),
        (group(rule(100, 3, "<Same_ID/>")), ["", "1220"]),
        (group(rule(100, 3, "<regex>(</regex>")), ["5107", "1220"]),
        (group(rule(100, 3, "<srcip>x</srcip>")), ["1237", "1220"]),
        (group(rule(100, 3, "<category>x</category>")), ["1273", "1220"]),
        (group(rule(100, 3, "<options>x</options>")), ["1235", "", "1220"]),
        (group(rule(100, 3, "<weekday>x</weekday>")), ["1241", "1274", "1220"]),
        (group(rule(100, 3, "<time>99 - 1</time>")), ["1240", "1274", "1220"]),
        (group(rule(100, 3, "<match>a</match>", frequency=3)), ["", "1220"]),
        ("<!-- -->", ["1202", "1220"]),
    ],
)
def test_loading_stops_where_analysisd_would(write_ruleset, xml, expected):
    with pytest.raises(LoadFailure) as caught:
        write_ruleset(xml)
    assert [found.code for found in caught.value.diagnostics] == expected


def test_a_duplicate_id_is_skipped(write_ruleset):
    ruleset = write_ruleset(
        group(rule(100, 3, "<match>a</match>") + rule(100, 9, "<match>b</match>"))
    )
    assert codes(ruleset) == ["7612"]
    assert fired(ruleset, "a", "b") == [100, None]


def test_overwriting_an_unknown_rule_loads_it(write_ruleset):
    ruleset = write_ruleset(group(rule(100, 3, "<match>a</match>", overwrite="yes")))
    assert codes(ruleset) == ["7613"]
    assert fired(ruleset, "a") == [100]


def test_overwriting_replaces_conditions_but_not_links(write_ruleset):
    ruleset = write_ruleset(
        group(
            rule(100, 3, "<match>a</match>")
            + rule(101, 5, "<if_sid>100</if_sid><match>b</match>")
            + rule(102, 7, "<match>zz</match>")
            + rule(
                101,
                9,
                "<if_sid>102</if_sid><match>c</match>",
                overwrite="yes",
            )
        )
    )
    assert codes(ruleset) == ["7605"]
    session = ruleset.session()
    assert session.process("ab").rule_id == 100
    result = session.process("ac")
    assert (result.rule_id, result.level) == (101, 9)


def test_if_group_finds_words_of_rules_loaded_before(write_ruleset):
    ruleset = write_ruleset(
        group(rule(100, 3, "<match>a</match>"), "web,access_log,")
        + group(
            rule(101, 5, "<if_group>nothing|ACCESS</if_group><match>b</match>")
            + rule(102, 5, "<if_group>^access</if_group>")
            + rule(103, 5, "<if_group>^web</if_group><match>c</match>")
        )
    )
    assert codes(ruleset) == ["7610"]
    assert fired(ruleset, "ab", "ac", "a") == [101, 103, 100]


def test_if_level_takes_higher_levels_and_level_0(write_ruleset):
    ruleset = write_ruleset(
        group(
            rule(100, 3, "<match>a</match>")
            + rule(101, 9, "<match>b</match>")
            + rule(102, 0, "<match>c</match>")
            + rule(103, 12, "<if_level>5</if_level><match>x</match>")
        )
    )
    assert fired(ruleset, "ax", "bx", "cx") == [103, 103, 103]


def test_an_event_reaches_only_roots_of_its_category(write_ruleset):
    ruleset = write_ruleset(
        group(rule(100, 3)),
        decoders=(
            '<decoder name="p"><program_name>x</program_name></decoder>'
            '<decoder name="web"><type>web-log</type><prematch>^GET</prematch></decoder>'
        ),
    )
    assert fired(ruleset, "GET /", "POST /") == [None, 100]


def test_logtest_refuses_a_ruleset_that_logged_an_error(write_ruleset):
    ruleset = write_ruleset(group(rule(100, 3, f"<match>{'x' * 2048}</match>")))
    assert codes(ruleset) == ["1104"]
    refused = ruleset.session().process("a")
    assert refused.rule_id is None
    assert refused.as_logtest()["codemsg"] == -1
    assert ruleset.session(mode=Mode.DAEMON).process("a").rule_id == 100


def test_files_load_in_the_order_of_their_names(tmp_path, write_ruleset):
    write_ruleset()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "10_late.xml").write_text(group(rule(100, 3)), encoding="utf-8")
    ruleset = Ruleset.load([tmp_path / "b", tmp_path / "00_rules.xml"], [tmp_path / "decoders.xml"])
    assert [rule.id for rule in ruleset.rules.values()] == [100, 1]
    assert ruleset.diagnostics == ()


def test_a_long_chain_of_rules_is_followed_to_its_end(write_ruleset):
    chain = "".join(
        rule(number, 3, f"<if_sid>{number - 1}</if_sid>") for number in range(101, 2100)
    )
    ruleset = write_ruleset(group(rule(100, 3) + chain))
    assert fired(ruleset, "a") == [2099]


def test_leaving_rules_of_other_decoders_out_changes_nothing(shared):
    suite = shared / "conformance/fuzz_events/synth01"
    ruleset = Ruleset.load([suite / "rules.xml"], [suite / "decoders.xml"])
    quick, thorough = ruleset.session(), ruleset.session(trace=True)
    for step in read_steps(suite / "events.ndjson"):
        one = quick.process(step.event, location=step.location)
        other = thorough.process(step.event, location=step.location)
        assert one.as_logtest() == other.as_logtest()
