"""Reading ossec.conf as Wazuh's reader does, with lxml's precision about errors."""

from pathlib import Path

import pytest

from wazuh_pack.errors import InstallError
from wazuh_pack.install.conftext import parse, veil
from wazuh_pack.location import Location

CONF = Path("ossec.conf")


def test_veiling_keeps_length_and_line_ends():
    data = b"<a><!-- x\r\ny -- z -->\\<b &amp; \\\\<c/></a>"
    veiled = veil(data, CONF)
    assert len(veiled) == len(data)
    assert veiled.count(b"\r\n") == 1
    assert b"-" not in veiled
    assert b"<b" not in veiled
    assert b"<c/>" in veiled


def test_offsets_point_into_the_file():
    data = b"\xef\xbb\xbf<!-- \xe9 --><ossec_config>\n <x y='>'>v</x><z/></ossec_config>"
    conf = parse(data, CONF)
    found = {element.name: element for element in conf.sections()}
    assert data[found["x"].start : found["x"].end] == b"<x y='>'>v</x>"
    assert data[found["x"].body : found["x"].close] == b"v"
    assert data[found["z"].start : found["z"].end] == b"<z/>"
    assert conf.location(found["x"]) == Location(CONF, 2, 2)


def test_only_elements_directly_in_an_ossec_config_are_sections():
    data = b"<ossec_config><a><b/></a></ossec_config><agent_config><c/></agent_config>"
    assert [element.name for element in parse(data, CONF).sections()] == ["a"]


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"<ossec_config>\n  <a></b>\n</ossec_config>", 2, "<a> of line 2 is closed by </b>"),
        (b"<ossec_config>\n", 2, "<ossec_config> of line 1 is not closed"),
        (b"<a/>\n</ossec_config>\n", 2, "</ossec_config> closes nothing"),
        (b"<!-- a -->\n<ossec_config>\n<!-- b", 3, "a comment is not closed"),
        (b"<?xml version='1.0'?>\n<ossec_config/>", 1, "declaration"),
        (b"</w><w>", 1, "malformed"),
    ],
    ids=["wrong end", "no end", "no start", "open comment", "XML declaration", "wrapper's name"],
)
def test_what_wazuh_refuses_is_reported_where_it_stands(data, line, message):
    with pytest.raises(InstallError, match=message) as caught:
        parse(data, CONF)
    assert caught.value.at.path == CONF
    assert caught.value.at.line == line
    assert caught.value.at.column > 0


def test_declared_entities_are_never_expanded():
    data = b'<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]-->\n<a>&x;</a>'
    (element,) = parse(data, CONF).elements
    assert "root" not in element.text(".")
