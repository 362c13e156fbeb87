import json
import os

import pytest

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.agentkit.protocol import ADD, DELETE, check_keys, parse, program_name
from wazuh_pack.agentkit.stdin import LineReader


def message(**changes):
    document = {
        "version": 1,
        "origin": {"name": "node01", "module": "wazuh-execd"},
        "command": "add",
        "parameters": {
            "extra_args": ["--timeout", "60"],
            "alert": {
                "rule": {"id": "110001"},
                "id": "1795303542.0",
                "agent": {"id": "003"},
                "data": {"srcip": "203.0.113.9"},
            },
            "program": "active-response/bin/x",
        },
    }
    document.update(changes)
    return json.dumps(document).encode()


def test_a_message_of_wazuh_4_becomes_a_request():
    request = parse(message())

    assert request.action == ADD
    assert request.arguments == ("--timeout", "60")
    assert request.alert["data"] == {"srcip": "203.0.113.9"}
    assert request.address_field == "data.srcip"
    assert (request.rule_id, request.alert_id, request.agent_id) == (
        "110001",
        "1795303542.0",
        "003",
    )


def test_delete_is_the_other_action():
    assert parse(message(command="delete")).action == DELETE


def test_a_message_of_the_api_has_neither_rule_nor_id():
    request = parse(message(parameters={"extra_args": [], "alert": {"data": {}}}))

    assert (request.rule_id, request.alert_id, request.agent_id) == ("", "", "")


WAZUH_5 = {
    "@timestamp": "2026-08-14T10:00:00.000Z",
    "event": {"kind": "alert"},
    "source": {"ip": "203.0.113.9", "port": 40112},
    "user": {"name": "octo"},
    "wazuh": {
        "active_response": {
            "name": "block",
            "executable": "wazuh-pack-block-ip",
            "extra_arguments": "--timeout 60",
            "location": "local",
            "agent_id": None,
            "type": "stateful",
            "stateful_timeout": 180,
        },
        "agent": {"id": "001", "name": "build-1"},
        "event": {"id": "f166aa6b-3b97-42c6-9700-37e0863a425d"},
        "rule": {"id": "d5cc0e71-bcbb-4adc-98de-caed210cebf2"},
    },
    "command": "enable",
}
"""In the form that wazuh-execd of 5.x gives the manager's document."""


def wazuh5(**settings):
    ours = {**WAZUH_5["wazuh"]["active_response"], **settings}
    return parse(
        json.dumps({**WAZUH_5, "wazuh": {**WAZUH_5["wazuh"], "active_response": ours}}).encode()
    )


def test_a_message_of_wazuh_5_becomes_the_same_kind_of_request():
    request = wazuh5()

    assert (request.action, request.arguments) == (ADD, ("--timeout", "60"))
    assert (request.address_field, request.timeout) == ("source.ip", 180)
    assert request.alert["source"]["ip"] == "203.0.113.9"
    assert (request.rule_id, request.alert_id, request.agent_id) == (
        "d5cc0e71-bcbb-4adc-98de-caed210cebf2",
        "f166aa6b-3b97-42c6-9700-37e0863a425d",
        "001",
    )


@pytest.mark.parametrize("words", [None, "", []])
def test_without_extra_arguments_wazuh_5_sends_null(words):
    assert wazuh5(extra_arguments=words).arguments == ()


@pytest.mark.parametrize(
    ("kind", "seconds", "timeout"),
    [("stateless", 180, None), ("stateful", None, None), ("stateful", 0, None),
     ("stateful", "60", None), ("stateful", True, None), (None, 180, None)],
)  # fmt: skip
def test_a_timeout_counts_where_wazuh_5_would_keep_it_too(kind, seconds, timeout):
    assert wazuh5(type=kind, stateful_timeout=seconds).timeout is timeout


def test_disable_is_delete_in_wazuh_5():
    document = {"wazuh": {"active_response": {}}, "command": "disable"}

    assert parse(json.dumps(document).encode()).action == DELETE


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80"])
def test_bytes_that_are_not_utf8_do_not_switch_the_response_off(bad):
    line = message().replace(b"node01", b"node" + bad)

    assert parse(line).action == ADD


HOSTILE = {
    "nothing": b"null",
    "text": b'"add"',
    "array": b"[]",
    "not json": b"{",
    "two documents": message() + message(),
    "nan": message().replace(b'"version": 1', b'"version": NaN'),
    "too deep": b"[" * 60000,
    "too many digits": b'{"version": 1' + b"0" * 5000 + b', "parameters": {}}',
    "no parameters": b'{"version": 1, "command": "add"}',
    "version is text": message(version="1"),
    "version is true": message(version=True),
    "version 2": message(version=2),
    "origin is text": message(origin="execd"),
    "command is missing": message(command=None),
    "command is a list": message(command=["add"]),
    "command of another version": message(command="enable"),
    "command with blank": message(command="add "),
    "alert is text": message(parameters={"extra_args": [], "alert": "x"}),
    "arguments are text": message(parameters={"extra_args": "--field x", "alert": {}}),
    "argument is a number": message(parameters={"extra_args": [1], "alert": {}}),
    "argument is huge": message(parameters={"extra_args": ["x" * 2049], "alert": {}}),
    "too many arguments": message(parameters={"extra_args": ["x"] * 33, "alert": {}}),
    "wazuh 5 without response": b'{"wazuh": {}, "command": "enable"}',
    "wazuh 5 with 4's command": b'{"wazuh": {"active_response": {}}, "command": "add"}',
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
def test_anything_else_is_refused(line):
    with pytest.raises(MessageError):
        parse(line)


@pytest.mark.parametrize("value", ["a b", "x" * 65, "", 5, None, {"id": 1}, "1\n2", "\u0661"])
def test_an_identifier_that_could_harm_the_log_is_left_out(value):
    parameters = {"extra_args": [], "alert": {"rule": {"id": value}, "id": value}}
    request = parse(message(parameters=parameters))

    assert (request.rule_id, request.alert_id) == ("", "")


@pytest.mark.parametrize(("answer", "expected"), [("continue", True), ("abort", False)])
def test_execd_is_asked_whether_keys_are_new(answer, expected):
    from_execd, execd_writes = os.pipe()
    execd_reads, to_execd = os.pipe()
    os.write(execd_writes, message() + b"\n" + message(command=answer) + b"\n")
    reader = LineReader(from_execd)
    reader.read()

    assert check_keys(reader, to_execd, "x", ["203.0.113.9"]) is expected
    question = json.loads(os.read(execd_reads, 65536))
    assert question["command"] == "check_keys"
    assert question["parameters"] == {"keys": ["203.0.113.9"]}
    assert question["origin"] == {"name": "x", "module": "active-response"}
    for fd in (from_execd, execd_writes, execd_reads, to_execd):
        os.close(fd)


def test_another_answer_to_check_keys_is_refused():
    from_execd, execd_writes = os.pipe()
    os.write(execd_writes, message() + b"\n")

    with pytest.raises(MessageError, match="neither continue nor abort"):
        check_keys(LineReader(from_execd), execd_writes, "x", ["k"])
    for fd in (from_execd, execd_writes):
        os.close(fd)


def test_every_message_of_a_real_execd_is_understood(shared):
    lines = (shared / "samples/active-response/execd-messages.ndjson").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    requests = [
        parse(json.dumps(entry["message"]).encode())
        for entry in entries
        if entry["direction"] == "execd to script"
    ]

    assert [request.action for request in requests] == [ADD] * 6 + [DELETE] * 2
    assert [request.rule_id for request in requests] == [
        *("5712", "110900", "110900", "110901", "91311", "110900"),
        *("5712", "110901"),
    ]


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("active-response/bin/wazuh-pack-block-ip", "wazuh-pack-block-ip"),
        ("/var/ossec/active-response/bin/x.py", "x.py"),
        ("bin/a b", "unnamed"),
        ("bin/a\nb", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_the_log_name_is_the_scripts_own(argument, name):
    assert program_name(argument) == name
