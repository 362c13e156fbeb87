"""Lines of daemons, and which of them are about us."""

import pytest

from wazuh_pack.install.daemonlog import Message, Ours, parse, parse_json, reported

OURS = Ours(frozenset({110001, 110002}), frozenset({"9100-wazuh-pack-x.xml", "wazuh-pack-x"}))


def test_a_line_has_time_daemon_level_code_and_text():
    (message,) = parse(
        "2026/11/22 01:02:03 wazuh-modulesd:command: WARNING: (7612): Rule ID '1' is duplicated.\n"
    )
    assert message.time == "2026/11/22 01:02:03"
    assert (message.daemon, message.level, message.code) == (
        "wazuh-modulesd:command",
        "WARNING",
        "7612",
    )
    assert str(message) == "wazuh-modulesd:command: (7612): Rule ID '1' is duplicated."


def test_a_line_of_debugging_has_its_place_in_between():
    (message,) = parse(
        "2026/11/22 01:02:03 wazuh-execd[12] main.c:34 at main(): ERROR: no code: here\n"
    )
    assert (message.daemon, message.level, message.code, message.text) == (
        "wazuh-execd",
        "ERROR",
        "",
        "no code: here",
    )


def test_other_lines_are_dropped():
    assert parse("Started\n\n2026/11/22 nonsense\n") == []
    assert parse_json('nonsense\n[1]\n{"level":"error","description":"d","tag":"t"}\n') == [
        Message("d", "ERROR", "t")
    ]


def test_reported_messages_may_have_no_level():
    assert reported(["WARNING: (7612): a", "INFO: b", "(7612): c: d", 5]) == [
        Message("(7612): a", "WARNING"),
        Message("b", "INFO"),
        Message("(7612): c: d"),
        Message("5"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "(7612): Rule ID '110001' is duplicated. Only the first occurrence will be considered.",
        "(7616): List 'etc/lists/x' could not be loaded. Rule '110002' will be ignored.",
        "(7600): Invalid value 'x' for attribute 'y' in rule 110002.",
        "(1226): Error reading XML file 'etc/rules/9100-wazuh-pack-x.xml': (line 3).",
        "(1220): Error loading the rules: 'etc/rules/9100-wazuh-pack-x.xml'.",
        "(1312): Active response command not present: 'active-response/bin/wazuh-pack-x'.",
        "Something about 110001.",
    ],
)
def test_a_message_about_our_rule_or_file_is_ours(text):
    assert OURS.complaints([Message(text, "WARNING")]) != []


@pytest.mark.parametrize(
    ("text", "level"),
    [
        (
            "(7617): Signature ID '110001' was not found, in 'if_sid' of rule '100100'.",
            "WARNING",
        ),
        ("(7612): Rule ID '1100011' is duplicated.", "WARNING"),
        ("Total rules enabled: '110001x'", "WARNING"),
        ("(1226): Error reading XML file 'etc/rules/19100-wazuh-pack-x.xml'.", "ERROR"),
        ("listening on 0.110001.1", "WARNING"),
        ("(7612): Rule ID '110001' is duplicated.", "INFO"),
    ],
)
def test_a_message_about_something_else_is_not_ours(text, level):
    assert OURS.complaints([Message(text, level)]) == []


def test_a_complaint_is_told_once():
    message = Message("Rule ID '110001' is duplicated", "WARNING")
    assert OURS.complaints([message, message]) == [message]
