"""Rendering: what a detection becomes in XML."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from wazuh_pack import render, resources, source
from wazuh_pack.errors import PackError
from wazuh_pack.render.patterns import literal
from wazuh_pack.source import ids

pcre2 = pytest.importorskip("pcre2")


def rendered(content, lock=None):
    catalog, found = source.load(content.root)
    assert found == ()
    return render.build(catalog, lock or ids.Lock())


def rules(content):
    build = rendered(content)
    numbers = {str(number): key for key, number in build.rule_ids().items()}
    return {
        numbers[node.get("id")]: node
        for text in build.files.values()
        for node in etree.fromstring(text).iter("rule")
    }


def texts(node, tag):
    return [(dict(child.attrib), child.text) for child in node.iter(tag)]


def test_a_source_begins_with_its_gate(content):
    content.detection("one")
    gate = rules(content)["src/gate"]

    assert dict(gate.attrib) == {"id": "110000", "level": "0", "noalert": "1"}
    assert texts(gate, "decoded_as") == [({}, "json")]
    assert texts(gate, "field") == [({"name": "src.kind", "type": "pcre2"}, "^event$")]


def test_a_detection_hangs_from_the_gate(content):
    content.detection("one", "match: {src.action: [a, b.c]}")
    rule = rules(content)["one"]

    assert rule.get("level") == "12"
    assert texts(rule, "if_sid") == [({}, "110000")]
    assert texts(rule, "field") == [
        ({"name": "src.action", "type": "pcre2"}, r"^(?:a|b\.c)$"),
    ]
    assert texts(rule, "description") == [({}, "Src: $(src.actor) did it")]
    assert texts(rule, "group") == [({}, "cicd_sec_1,")]


@pytest.mark.parametrize(
    ("condition", "element"),
    [
        ("src.a|contains: x", ("field", {"name": "src.a", "type": "pcre2"}, "x")),
        ("src.a|startswith: x", ("field", {"name": "src.a", "type": "pcre2"}, "^x")),
        ("src.a|endswith|i: x", ("field", {"name": "src.a", "type": "pcre2"}, "(?i)x$")),
        (r"src.a|re: 'x+\d'", ("field", {"name": "src.a", "type": "pcre2"}, r"x+\d")),
        ("src.a|re: 'a<b>&'", ("field", {"name": "src.a", "type": "pcre2"}, r"a\x3cb\x3e\x26")),
        ("src.a|exists: true", ("field", {"name": "src.a", "type": "pcre2"}, "^")),
        ("action: x", ("action", {"type": "pcre2"}, "^x$")),
        ("user: x", ("user", {"type": "pcre2"}, "^x$")),
        ("log|contains: x", ("regex", {"type": "pcre2"}, "x")),
        ("srcip|cidr: 10.0.0.0/8", ("srcip", {}, "10.0.0.0/8")),
    ],
)
def test_each_operator_becomes_its_element(content, condition, element):
    content.detection("one", f"match: {{{condition}}}")
    rule = rules(content)["one"]
    tag, attributes, text = element

    assert texts(rule, tag) == [(attributes, text)]


def test_alternatives_become_rules_of_their_own(content):
    content.detection("one", "match: {src.a: x, any: [{src.b: y}, {src.c: z}]}")
    found = rules(content)

    assert [name for name, _ in texts(found["one"], "field")] == [
        {"name": "src.a", "type": "pcre2"},
        {"name": "src.b", "type": "pcre2"},
    ]
    assert [name for name, _ in texts(found["one/or-2"], "field")] == [
        {"name": "src.a", "type": "pcre2"},
        {"name": "src.c", "type": "pcre2"},
    ]


def test_an_exception_is_a_silent_child_of_every_alternative(content):
    content.detection("one", "match: {any: [{src.b: y}, {src.c: z}]}\nunless: [{src.actor: robot}]")
    found = rules(content)
    exception = found["one/unless-1"]

    assert exception.get("level") == "0"
    assert texts(exception, "if_sid") == [
        ({}, f"{found['one'].get('id')}, {found['one/or-2'].get('id')}")
    ]


def test_a_count_of_one_rule_uses_its_id(content):
    content.detection("base")
    content.detection(
        "many",
        "count: {of: base, at_least: 5, within: 5m, group_by: [src.ip, srcip], distinct: [src.u]}",
    )
    found = rules(content)
    rule = found["many"]

    assert (rule.get("frequency"), rule.get("timeframe")) == ("5", "300")
    assert texts(rule, "if_matched_sid") == [({}, found["base"].get("id"))]
    assert texts(rule, "same_field") == [({}, "src.ip")]
    assert texts(rule, "same_srcip") == [({}, None)]
    assert texts(rule, "different_field") == [({}, "src.u")]


def test_a_count_of_several_rules_uses_a_group_and_so_does_every_other_count_of_them(content):
    content.detection("a")
    content.detection("b", "match: {src.action: b}")
    content.detection("both", "count: {of: [a, b], at_least: 3, within: 5m}")
    content.detection("only-a", "count: {of: a, at_least: 9, within: 5m}")
    found = rules(content)
    both, only = (texts(found[name], "if_matched_group")[0][1] for name in ("both", "only-a"))

    assert both == f"wp_correlate_{found['both'].get('id')}"
    assert set(texts(found["a"], "group")[0][1].split(",")) >= {both, only}
    assert only not in texts(found["b"], "group")[0][1]


@pytest.mark.parametrize(
    ("refined", "places"), [("[a, b]", 2), ("alternatives", 2), ("[twice, a]", 3)]
)
def test_a_rule_of_several_places_is_not_counted_through_a_group(content, refined, places):
    content.detection("a")
    content.detection("b", "match: {src.action: b}")
    content.detection("alternatives", "match: {any: [{src.b: y}, {src.c: z}]}")
    content.detection("twice", "refines: [a, b]\nmatch: {src.d: x}")
    content.detection("child", f"refines: {refined}\nmatch: {{src.e: x}}")
    content.detection("both", "count: {of: [a, child], at_least: 3, within: 5m}")

    with pytest.raises(PackError, match=f"counts child .* {places} places"):
        rendered(content)


def test_a_rule_of_several_places_is_counted_by_its_id(content):
    content.detection("a")
    content.detection("b", "match: {src.action: b}")
    content.detection("child", "refines: [a, b]\nmatch: {src.e: x}")
    content.detection("many", "count: {of: child, at_least: 3, within: 5m}")
    found = rules(content)

    assert texts(found["many"], "if_matched_sid") == [({}, found["child"].get("id"))]


def test_rules_stand_after_those_they_name(content):
    content.detection("a-last", "count: {of: z-first, at_least: 3, within: 5m}")
    content.detection("z-first")
    order = [key for key in rules(content) if key != "src/gate"]

    assert order == ["z-first", "a-last"]


def test_a_rule_stands_before_those_that_it_shall_be_tried_before(content):
    content.detection("a", "match: {src.action: a}")
    content.detection("b", "match: {src.b: x}\nbefore: [a]")
    content.detection("c", "match: {src.c: x}\nbefore: [a, b]")
    order = [key for key in rules(content) if key != "src/gate"]

    assert order == ["c", "b", "a"]


def test_rendering_twice_gives_the_same_bytes(content):
    content.detection("one", "match: {any: [{src.b: y}, {src.c: z}]}")
    first = rendered(content)

    assert rendered(content, first.update.lock).files == first.files


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("match: {src.a|re: '(?<n>x)'}", r"cannot carry \(\?<"),
        ("match: {user|startswith: a, user|endswith: b}", "'user' only once"),
        ("match: {'log|contains': a, 'log|re': b}", "'log' only once"),
    ],
)
def test_what_one_rule_cannot_say_is_refused_with_its_place(content, what, message):
    content.detection("one", what)

    with pytest.raises(PackError, match=rf"one\.yml:6:\d+: .*{message}"):
        rendered(content)


@given(text=st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_a_literal_pattern_matches_its_text_and_survives_the_xml(text):
    pattern = literal(text)
    encoded = text.encode("utf-8", "surrogatepass")
    whole = f"^{pattern}$".encode("utf-8", "surrogatepass")

    assert not set("<>&") & set(pattern)
    match = pcre2.compile(whole, jit=False).match(encoded)
    assert match is not None


def test_files_sort_after_stock_and_before_local_rules():
    catalog, _ = source.load(resources.content())
    names = [name.split("/")[1] for name in render.build(catalog, ids.Lock()).files]

    assert all(
        re.fullmatch(r"9\d{3}-wazuh-pack-[a-z0-9-]+(_decoders)?\.xml", name) for name in names
    )
    assert all("0999-zzz.xml" < name < "local_rules.xml" for name in names)
