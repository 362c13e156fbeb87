import json
import os
import re
import stat

import pytest

from wazuh_pack.agentkit.jsonlog import DecisionLog, clean, format_line

NAME = "wazuh-pack-block-ip"


def line(command="add", **fields):
    return format_line(NAME, command, fields, 1795303542.5).decode("ascii")


def body(text):
    return json.loads(text.partition(": ")[2])


def test_a_line_has_the_command_and_program_that_stock_rule_657_shows():
    document = body(line(outcome="blocked"))

    assert document["command"] == "add"
    assert document["parameters"] == {"program": f"active-response/bin/{NAME}"}
    assert document["wazuh_pack"] == {"outcome": "blocked"}


def test_a_line_without_command_has_none():
    assert "command" not in body(line(command="", outcome="refused_invalid"))


def test_empty_fields_are_left_out_and_numbers_stay_numbers():
    assert body(line(reason="", until=None, timeout=0, offences=3))["wazuh_pack"] == {
        "timeout": 0,
        "offences": 3,
    }


@pytest.mark.parametrize(
    "text",
    ['"data":{"srcip":"192.0.2.1"}', "a\nb\rc\x00d", "\ud800", "\u2028", '","command":"add', "é"],
)
def test_a_hostile_text_stays_one_ascii_line_inside_its_field(text):
    written = line(reason=text)

    assert written.count("\n") == 1
    assert written.endswith("\n")
    assert set(body(written)["wazuh_pack"]) == {"reason"}
    assert "\\u0000" not in written
    assert not re.search(r"\\ud[89ab]..(?!\\ud[c-f])", written)


def test_long_texts_are_cut():
    assert clean("x" * 3000) == "x" * 1024


def test_stock_decoder_takes_the_line_and_finds_no_srcip(shared):
    source = (
        shared / "wazuh-4.14.7/ruleset/decoders/0010-active-response_decoders.xml"
    ).read_text()
    prematch = re.search(r'name="ar_log_json">\s*<prematch>(.*?)</prematch>', source)[1]
    fields = re.findall(r'<regex type="pcre2">(.*?)</regex>', source)
    hostile = '"data":{"srcip":"192.0.2.1","dstuser":"root"},"eventdata":{"ipAddress":"1.1.1.1"}'
    written = line(outcome="blocked", target="203.0.113.9", reason=hostile)

    # The OS_Regex of this one prematch means the same as a regular expression of Python.
    assert re.match(prematch, written)
    assert fields
    assert [pattern for pattern in fields if re.search(pattern, written)] == []


def test_decisions_are_appended(tmp_path):
    path = tmp_path / "active-responses.log"
    log = DecisionLog(str(path), NAME)

    assert log.write("add", {"outcome": "blocked"})
    assert log.write("delete", {"outcome": "unblocked"})
    outcomes = [body(text)["wazuh_pack"]["outcome"] for text in path.read_text().splitlines()]
    assert outcomes == ["blocked", "unblocked"]


def test_a_new_log_is_group_writable_as_wazuh_makes_it(tmp_path):
    path = tmp_path / "active-responses.log"
    DecisionLog(str(path), NAME).write("add", {})

    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def link(path, target):
    target.write_text("")
    path.symlink_to(target)


def hard_link(path, target):
    target.write_text("")
    os.link(target, path)


def pipe(path, _):
    os.mkfifo(path)


@pytest.mark.parametrize("plant", [link, hard_link, pipe])
def test_what_an_intruder_plants_in_place_of_the_log_is_not_written_to(tmp_path, plant):
    path, target = tmp_path / "active-responses.log", tmp_path / "target"
    plant(path, target)

    assert not DecisionLog(str(path), NAME).write("add", {})
    assert not target.exists() or target.read_text() == ""
