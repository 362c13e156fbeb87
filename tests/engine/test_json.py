"""JSON as cJSON reads and prints it, and as fields."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wazuh_pack.engine.cjson import JsonError, parse, parse_exactly
from wazuh_pack.engine.cjson_print import print_compact, print_value
from wazuh_pack.engine.event import Event
from wazuh_pack.engine.jsondecode import decode_json


def fields(text, **options):
    event = decoded(text, **options)
    return {name.decode(): value for name, value in event.dynamic}


def decoded(text, *, keep_null=True, arrays_as_csv=False, **known):
    event = Event(full_log=text, location=b"x", time=0.0)
    event.static.update(known)
    decode_json(event, text, keep_null=keep_null, arrays_as_csv=arrays_as_csv)
    return event


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"0", b"0"),
        (b"-0", b"0"),
        (b"-0.0", b"0"),
        (b"007", b"7"),
        (b"5.", b"5"),
        (b"-.5", b"-0.500000"),
        (b"1.0", b"1"),
        (b"1e3", b"1000"),
        (b"1.5", b"1.500000"),
        (b"2147483647", b"2147483647"),
        (b"2147483648", b"2147483648.000000"),
        (b"-2147483648", b"-2147483648"),
        (b"-2147483649", b"-2147483649.000000"),
        (b"9007199254740993", b"9007199254740992.000000"),
        (b"1e309", b"inf"),
        (b"-1e309", b"-inf"),
        (b"1e-400", b"0"),
        (b"1e308", b"1000000000000000010979063629440455417404923096773118463368106829"[:63]),
        (b"1" * 63, b"111111111111111117539773326969663314154819854352782270908071936"),
        (b"true", b"true"),
        (b"false", b"false"),
        (b"null", b"null"),
        (b'""', b""),
        (b'"x"', b"x"),
    ],
)
def test_scalars_become_text(text, value):
    assert fields(b'{"v":' + text + b"}") == {"v": value}


@pytest.mark.parametrize(
    "text",
    [
        *(b".5", b"+1", b"0x10", b"NaN", b"Infinity", b"-Infinity", b"-", b"--1", b"1e", b"1-2"),
        *(b"True", b"nul", b"truex", b"1x", b"1 2", b"1" * 64, b"0." + b"0" * 62),
        *(b'"x', b"'x'", rb'"\x41"', rb'"\a"', rb'"\u12"', rb'"\ud83d"', rb'"\ude00"'),
        *(rb'"\ud83dx"', rb'"\ud83d\u0041"', rb'"x\"', b"[1,]", b"[1", b"{,}", b"{1:2}", b'{"a"}'),
        *(b'{"a":1,}', b"[1 2]", b"[}", b"", b'{"a":}'),
    ],
)
def test_any_error_leaves_no_field_at_all(text):
    assert fields(b'{"first":1,"v":' + text + b"}") == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'"\u0041\u00e9\u20ac"', "Aé€"),
        (rb'"\ud83d\ude00"', "😀"),
        (rb'"\uD83D\uDE00"', "😀"),
        (rb'"\b\f\n\r\t\/\\\""', '\b\f\n\r\t/\\"'),
        (b'"raw\ttab\x01"', "raw\ttab\x01"),
        (rb'"a\u0000b"', "a"),
        (rb'"a\u12G4b"', "a"),
        (rb'"\\u0000"', "\\u0000"),
    ],
)
def test_strings_and_their_escapes(text, value):
    assert fields(b'{"v":' + text + b"}") == {"v": value.encode()}


def test_bytes_that_are_not_utf_8_pass():
    event = decoded(b'{"\xff":"\xe9\\n"}')
    assert event.dynamic == [(b"\xff", b"\xe9\n")]


def test_blanks_are_all_bytes_up_to_the_space_and_text_may_follow():
    assert fields(b'\x01\x0b {\x02"a"\x03:\x041\x05,"b":2\x1f} x') == {"a": b"1", "b": b"2"}
    assert fields(b'\xef\xbb\xbf{"a":1}') == {"a": b"1"}


@pytest.mark.parametrize("text", [b"", b"x", b"1", b'"a"', b"[1]", b'[{"a":1}]', b"null", b"{}"])
def test_only_an_object_has_fields(text):
    assert fields(text) == {}


def test_nested_names_are_joined_with_dots():
    text = b'{"a":{"b":{"c":1},"":2},"":{"d":3},"e.f":4,"g":{}}'
    assert fields(text) == {"a.b.c": b"1", "a.": b"2", ".d": b"3", "e.f": b"4"}


def test_null_is_dropped_on_request():
    assert fields(b'{"a":null,"b":[null]}', keep_null=False) == {"b": b"[null]"}


def test_arrays_are_printed_for_reading():
    text = b'{"v":[1, 1.5 ,"a\\"b",[],{},null,true,{"x":[1],"y":{"z":0}}]}'
    assert fields(text)["v"] == (
        b'[1, 1.5, "a\\"b", [], {\n\t}, null, true,'
        b' {\n\t\t"x":\t[1],\n\t\t"y":\t{\n\t\t\t"z":\t0\n\t\t}\n\t}]'
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'[1,"two",3.5,null,true,false]', b"1,two,3.500000,null,true,false"),
        (b'["x",[1]]', b"x,"),
        (b'[[1],{"a":2},"x"]', b"x"),
        (b'["a,b","c"]', b"a,b,c"),
        (b"[1e300,2]", b"1000000000000000052504760255204420248704468581108159154915854115"[:63]),
        (b"[1e55,2]", b"10000000000000000102350670204085511496304388135324745728.000000,2"),
    ],
)
def test_arrays_with_commas(text, value):
    assert fields(b'{"v":' + text + b"}", arrays_as_csv=True) == {"v": value}


@pytest.mark.parametrize("size", [65534, 65535, 70000])
def test_a_csv_text_of_64_kib_is_no_field(size):
    text = b'{"v":["' + b"x" * size + b'"]}'
    assert len(fields(text, arrays_as_csv=True).get("v", b"")) == (size if size < 65535 else 0)
    assert fields(b'{"v":[]}', arrays_as_csv=True) == {}


@pytest.mark.parametrize(("last", "size"), [(25000, 65534), (25001, 0)])
def test_commas_count_in_a_csv_text(last, size):
    texts = ["x" * length for length in (0, 40000, 531, last)]
    text = f'{{"v":{json.dumps(texts)}}}'.encode()
    assert len(fields(text, arrays_as_csv=True).get("v", b"")) == size


def test_names_of_slots_fill_them_and_the_last_one_wins():
    event = decoded(b'{"srcip":1,"id":"a","systemname":"s","system_name":"t","SrcIP":2,"srcip":3}')
    assert event.static == {"srcip": b"3", "id": b"a", "system_name": b"s"}
    assert event.dynamic == [(b"system_name", b"t"), (b"SrcIP", b"2")]


def test_slots_are_only_filled_from_the_top():
    event = decoded(b'{"a":{"srcip":1}}')
    assert (event.static, event.dynamic) == ({}, [(b"a.srcip", b"1")])


def test_user_is_another_name_of_dstuser_while_that_is_free():
    assert decoded(b'{"user":"a"}').static == {"dstuser": b"a"}
    both = decoded(b'{"dstuser":"b","user":"a"}')
    assert (both.static, both.dynamic) == ({"dstuser": b"b"}, [(b"user", b"a")])
    assert decoded(b'{"user":"a","dstuser":"b"}').static == {"dstuser": b"b"}
    assert decoded(b'{"user":"","dstuser":""}').static == {"dstuser": b""}
    assert decoded(b'{"user":"a"}', dstuser=b"").static == {"dstuser": b"a"}


def test_duplicates_are_all_kept_and_the_first_is_looked_up():
    event = decoded(b'{"K":1,"k":2,"K":3}')
    assert event.dynamic == [(b"K", b"1"), (b"k", b"2"), (b"K", b"3")]
    assert event.lookup == {b"k": b"1"}


@pytest.mark.parametrize("size", [255, 256, 300])
def test_long_names_are_names_too(size):
    event = decoded(b'{"a":{"' + b"N" * size + b'":1}}')
    assert event.dynamic == [(b"a." + b"N" * size, b"1")]
    assert event.lookup == {b"a." + b"n" * size: b"1"}


def test_dynamic_fields_have_a_limit_and_slots_have_none():
    members = ",".join(f'"f{number}":{number}' for number in range(300))
    event = decoded(f'{{{members},"status":"late"}}'.encode())
    assert (len(event.dynamic), event.static) == (256, {"status": b"late"})


@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_nesting_has_a_limit(opening, closing):
    deepest = opening * 999 + b"1" + closing * 999
    assert len(fields(b'{"v":' + deepest + b"}")) == 1
    assert fields(b'{"v":' + opening + deepest + closing + b"}") == {}
    assert fields(b'{"v":' + b"[" * 1000 + b"]" * 1000 + b"}") == {}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1e20", b"1e+20"),
        ("12345678901", b"12345678901"),
        ("0.30000000000000004", b"0.3"),
        ("0.1", b"0.1"),
        ("3.141592653589793", b"3.1415926535897931"),
        ("0.7000000000000001", b"0.7"),
        ("1e999", b"null"),
        ("-0.0", b"0"),
    ],
)
def test_numbers_in_arrays_are_printed_as_cjson_prints_them(number, text):
    assert fields(f'{{"v":[{number}]}}'.encode())["v"] == b"[" + text + b"]"


def test_compact_print_is_what_logtest_makes_of_an_object():
    text = b' {"b" : 1.0, "a": [1e20, "\\u00e9\\/"], "b": {} } '
    assert print_compact(parse(text)) == '{"b":1,"a":[1e+20,"é/"],"b":{}}'.encode()
    assert print_compact(parse(b"null")) == b"null"


STRINGS = st.one_of(
    st.text(max_size=8).map(json.dumps),
    st.text(max_size=8).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.text('\\ud83dDe0"x/n', max_size=14).map(lambda text: f'"{text}"'),
)
NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.text("0123456789.eE+-", max_size=70),
)
BLANKS = st.sampled_from(["", "", "", " ", "\t", "\n", "\x01"])


def joined(items, blank):
    return ("," + blank).join(items)


def containers(inner):
    return st.one_of(
        st.tuples(st.lists(inner, max_size=4), BLANKS).map(lambda t: f"[{joined(*t)}{t[1]}]"),
        st.tuples(
            st.lists(st.tuples(STRINGS, BLANKS, inner).map(lambda t: f"{t[0]}{t[1]}:{t[2]}")),
            BLANKS,
        ).map(lambda t: f"{{{joined(*t)}{t[1]}}}"),
    )


SCALARS = st.one_of(STRINGS, NUMBERS, st.sampled_from(["null", "true", "false", "NaN", "nul"]))
TEXTS = st.one_of(
    st.recursive(SCALARS, containers, max_leaves=10).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    ),
    st.binary(max_size=20),
    st.text('{}[]":,\\u0123dDeE.- tfnrue', max_size=30).map(str.encode),
).map(lambda text: text.replace(b"\0", b""))


def outcome(parser, text):
    try:
        value = parser(text)
    except JsonError:
        return "refused"
    return print_compact(value), print_value(value)


@given(TEXTS, st.sampled_from([b"", b" x", b"}"]))
@example(b'{"a":"\\ud800"}', b"")
@example(b"01", b"")
@example(b'{"a":"\\u0000"}', b"")
@example(b"[" * 950 + b"]" * 950, b"")
@example(b"[" * 1001 + b"]" * 1001, b"")
@example(b"[" + b"9" * 64 + b"]", b"")
@example(b"[1." + b"9" * 63 + b"]", b"")
def test_the_fast_parser_agrees_with_the_exact_one(text, tail):
    whole = text + tail
    assert outcome(parse, whole) == outcome(lambda data: parse_exactly(data)[0], whole)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.text('aé"\\\n\x01😀'),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("abé"), inner),
        max_leaves=12,
    )
)
def test_what_the_standard_writes_is_read_and_printed_back(value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    assert print_compact(parse(text)) == text
    assert print_compact(parse_exactly(text)[0]) == text
    assert json.loads(print_value(parse(text))) == value


@given(TEXTS)
def test_any_text_is_decoded_without_an_exception(text):
    event = decoded(text)
    assert len(event.dynamic) <= 256
    assert all(name.lower() in event.lookup for name, _ in event.dynamic)
