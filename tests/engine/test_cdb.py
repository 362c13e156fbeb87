import pytest

from wazuh_pack.engine.cdb import CdbList, Lookup, list_name, lookup, parse_list
from wazuh_pack.engine.expression import Kind, compile_expression


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (b"key:value\n", {b"key": b"value"}),
        (b"key:\n", {b"key": b""}),
        (b":value\n", {b"": b"value"}),
        (b"key\n", {}),
        (b"a:b:c\n", {b"a": b"b:c"}),
        (b"key:value\r\n", {b"key": b"value"}),
        (b" key : value \n", {b" key ": b" value "}),
        (b'"a:b":value\n', {b"a:b": b"value"}),
        (b'"a:b" :value\n', {b"a:b": b"value"}),
        (b'"a:b\n', {}),
        (b'"a"\n', {}),
        (b'key:"a value"\n', {b"key": b"a value"}),
        (b'key:x"y"z\n', {b"key": b"y"}),
        (b'key:"open\n', {}),
        (b"key:a\0b\n", {b"key": b"a"}),
        (b'a:"b":c\n', {b"a": b"b"}),
        (b'"a"x"b:v\n', {b"a": b"v"}),
        (b'"a":b:c\n', {b"a": b"b:c"}),
        (b'key:"a"b"c\n', {b"key": b"a"}),
        (b"key:last line", {b"key": b"last line"}),
    ],
)
def test_a_line_gives_its_entry(line, entry):
    assert parse_list(line) == entry


def test_the_first_of_equal_keys_counts():
    assert parse_list(b"k:1\nk:2\n") == {b"k": b"1"}


def test_an_overlong_line_continues_as_a_line_of_its_own():
    assert parse_list(b"a:" + b"x" * 65532 + b"b:2\n")[b"b"] == b"2"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("etc/lists/x", b"etc/lists/x"),
        ("etc/lists/x.cdb", b"etc/lists/x"),
        ("x", b"ruleset/rules/x"),
    ],
)
def test_a_list_is_called_as_the_configuration_says(text, name):
    assert list_name(text) == name


def test_rules_may_name_the_compiled_file():
    entry = CdbList(b"etc/lists/x", {})
    assert entry.named(b"etc/lists/x.cdb")
    assert not entry.named(b"x")


ENTRIES = {b"10.": b"net", b"10.1.2.3": b"host", b"evil": b"bad"}
HOST = compile_expression(b"^host$", Kind.OSMATCH)
NET = compile_expression(b"^net$", Kind.OSMATCH)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"10.1.2.3", b"mid"),
        (b"10.1.2.", b"mid"),
        (b"10.1", b"net"),
        (b"10.12.3.4", b"net"),
        (b"10", None),
        (b".5", b"dot"),
        (b"5.", None),
    ],
)
def test_the_longest_prefix_that_ends_in_a_dot_counts(value, found):
    entries = {b"10.": b"net", b"10.1.": b"mid", b".": b"dot"}
    assert lookup(Lookup.ADDRESS_MATCH_KEY, entries, value, None) is (found is not None)
    for other in (b"net", b"mid", b"dot"):
        check = compile_expression(b"^" + other + b"$", Kind.OSMATCH)
        holds = lookup(Lookup.ADDRESS_MATCH_KEY_VALUE, entries, value, check)
        assert holds is not (other == found)


@pytest.mark.parametrize("value", [b"10." * 1000, b"10." + b"." * 60_000, b"." * 60_000])
def test_a_value_of_many_dots_is_looked_up_like_any_other(value):
    inside = value.startswith(b"10.")
    assert lookup(Lookup.ADDRESS_MATCH_KEY, ENTRIES, value, None) is inside
    assert lookup(Lookup.NOT_ADDRESS_MATCH_KEY, ENTRIES, value, None) is not inside
    assert lookup(Lookup.ADDRESS_MATCH_KEY_VALUE, ENTRIES, value, NET) is not inside
    assert lookup(Lookup.ADDRESS_MATCH_KEY, {value: b""}, value, None)
    assert not lookup(Lookup.ADDRESS_MATCH_KEY, {}, value, None)


@pytest.mark.parametrize(
    ("kind", "value", "check", "holds"),
    [
        (Lookup.MATCH_KEY, b"evil", None, True),
        (Lookup.MATCH_KEY, b"EVIL", None, False),
        (Lookup.NOT_MATCH_KEY, b"evil", None, False),
        (Lookup.NOT_MATCH_KEY, b"good", None, True),
        (Lookup.MATCH_KEY_VALUE, b"10.1.2.3", HOST, True),
        (Lookup.MATCH_KEY_VALUE, b"10.1.2.3", NET, False),
        (Lookup.MATCH_KEY_VALUE, b"10.1.2.3", None, False),
        (Lookup.ADDRESS_MATCH_KEY, b"10.9.9.9", None, True),
        (Lookup.ADDRESS_MATCH_KEY, b"11.9.9.9", None, False),
        (Lookup.NOT_ADDRESS_MATCH_KEY, b"10.9.9.9", None, False),
        (Lookup.NOT_ADDRESS_MATCH_KEY, b"11.9.9.9", None, True),
        (Lookup.ADDRESS_MATCH_KEY_VALUE, b"10.1.2.3", HOST, False),
        (Lookup.ADDRESS_MATCH_KEY_VALUE, b"10.1.2.3", NET, True),
        (Lookup.ADDRESS_MATCH_KEY_VALUE, b"10.9.9.9", NET, False),
        (Lookup.ADDRESS_MATCH_KEY_VALUE, b"11.9.9.9", NET, True),
    ],
)
def test_a_lookup_answers_as_analysisd_does(kind, value, check, holds):
    assert lookup(kind, ENTRIES, value, check) is holds
