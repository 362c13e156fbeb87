"""What is left out for speed changes no result: every index against plain evaluation."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wazuh_pack.engine import Mode, Ruleset
from wazuh_pack.engine.expression import Kind, compile_expression, fold
from wazuh_pack.engine.literal_index import LiteralIndex
from wazuh_pack.engine.literals import Literal
from wazuh_pack.engine.pcre_literals import all_texts, necessary
from wazuh_pack.errors import ExpressionError, XmlError
from wazuh_pack.xmlio import read_text, reader

# Patterns and what they say about the texts that they match.

PCRE2_ATOMS = [
    *(
        "a",
        "B",
        "ab",
        ".",
        "\\.",
        "\\d",
        "\\w",
        "\\s",
        "[ab]",
        "[^a]",
        "[]a]",
        "[a-c]",
        "[[:alpha:]]",
    ),
    *(
        "^",
        "$",
        "\\b",
        "(?i)",
        "(?s)",
        "\\n",
        "\\x41",
        "\\Q*\\E",
        "\\K",
        "\\1",
        "é",
        "{",
        "}",
        "\\{",
    ),
]
QUANTIFIERS = ["", "", "", "?", "*", "+", "??", "*?", "++", "{2}", "{0}", "{1,2}", "{,2}", "{ 1}"]
OPENINGS = ["(", "(?:", "(?>", "(?=", "(?!", "(?<=", "(?<!", "(?i:", "(?<n>", "(?|", "(?#"]
PCRE2 = st.recursive(
    st.sampled_from(PCRE2_ATOMS),
    lambda inner: st.one_of(
        st.builds(str.__add__, inner, st.sampled_from(QUANTIFIERS)),
        st.lists(inner, max_size=4).map("".join),
        st.builds("{}|{}".format, inner, inner),
        st.builds("{}{})".format, st.sampled_from(OPENINGS), inner),
        st.builds("^(?:{}|{})$".format, inner, inner),
    ),
    max_leaves=8,
).map(str.encode)
TEXTS = st.text(alphabet="aAbB.1 \n*{}é", max_size=8).map(str.encode)


def compiled(pattern, kind):
    try:
        return compile_expression(pattern, kind)
    except ExpressionError:
        return None


def fits(literals, text):
    return any(literal.find(fold(text)) >= 0 for literal in literals)


@settings(max_examples=500, deadline=None)
@given(PCRE2, st.lists(TEXTS, min_size=1, max_size=6))
def test_what_pcre2_patterns_are_said_to_need_is_in_every_match(pattern, texts):
    expression = compiled(pattern, Kind.PCRE2)
    if expression is None:
        return
    whole = all_texts(pattern)
    for text in texts:
        found = expression.plain().matches(text)
        assert expression.matches(text) is found
        assert whole is None or found is (text in whole)
        literals = necessary(pattern)
        assert not found or literals is None or fits(literals, text)


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        (b"^(?:repo|org)\\.create$", {b"repo.create", b"org.create"}),
        (b"^a?b$|^c[de]$", {b"ab", b"b", b"cd", b"ce"}),
        (b"^A$", {b"A"}),
        (b"^(?i)a$", None),
        (b"^(?>a|ab)$", None),
        (b"^a", None),
        (b"^a+$", None),
        (b"^(?:a$|b)$", None),
    ],
)
def test_patterns_for_a_few_whole_texts_are_recognised(pattern, texts):
    expected = texts and {text + end for text in texts for end in (b"", b"\n")}
    assert all_texts(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        (b"^User (?:root|admin) logged", ["^user root logged", "^user admin logged"]),
        (b"\\d+ failed (?:ssh|su)\\b.*from", [" failed ssh", " failed su"]),
        (b"(?i)Curl.+\\|\\s*(?:ba)?sh", ["curl"]),
        (b"(?=x)yes|[Nn]o", ["no", "yes"]),
        (b"a*b?", None),
        (b"\\x61bc", None),
        (b"abc\\K", None),
    ],
)
def test_pcre2_patterns_name_what_they_need(pattern, literals):
    found = necessary(pattern)
    shown = found and ["^" * one.at_start + one.text for one in found]
    assert (shown and sorted(shown)) == (literals and sorted(literals))


ATOMS = st.sampled_from([*"aAb1 -|^$({)!", "\\d", "\\w", "\\s", "\\.", "\\(", "\\|", "*", "+"])


@settings(max_examples=500, deadline=None)
@given(
    st.lists(ATOMS, max_size=8).map("".join).map(str.encode),
    st.sampled_from([Kind.OSREGEX, Kind.OSMATCH, Kind.STRING]),
    st.lists(st.text("aAb1 -|({^$", max_size=8).map(str.encode), min_size=1, max_size=6),
)
def test_what_other_patterns_are_said_to_need_is_in_every_match(pattern, kind, texts):
    expression = compiled(pattern, kind)
    if expression is None:
        return
    literals = expression.necessary()
    for text in texts:
        found = expression.plain().matches(text)
        assert expression.matches(text) is found
        assert not found or literals is None or fits(literals, text)


LITERALS = st.builds(
    Literal, st.text("ab", max_size=20), at_start=st.booleans(), at_end=st.booleans()
)


@given(
    st.lists(st.none() | st.lists(LITERALS, max_size=3), max_size=6),
    st.text("ab", max_size=20),
)
def test_an_index_of_literals_leaves_out_only_what_does_not_fit(entries, text):
    index = LiteralIndex(enumerate(entries))
    found = index.find(text)
    assert list(found) == sorted(set(found)) == list(index.each(text))
    for number, literals in enumerate(entries):
        if literals is None or any(literal.find(text) >= 0 for literal in literals):
            assert number in found


# Whole rulesets.

PATTERNS = ["a", "^a", "b$", "^a$", "^a$|^b$", "!a", "a|b", "^", "ab", "B"]
TYPES = st.sampled_from(["", ' type="osregex"', ' type="osmatch"', ' type="pcre2"'])
NEGATE = st.sampled_from(["", "", "", ' negate="yes"'])
CONDITIONS = st.one_of(
    st.builds(
        "<{0}{1}{2}>{3}</{0}>".format,
        st.sampled_from(["match", "regex", "id", "action", "program_name", "hostname", "user"]),
        TYPES,
        NEGATE,
        st.sampled_from(PATTERNS),
    ),
    st.builds(
        '<field name="{}"{}{}>{}</field>'.format,
        st.sampled_from(["x", "Y", "z.a"]),
        TYPES,
        NEGATE,
        st.sampled_from(PATTERNS),
    ),
    st.sampled_from(
        [
            "<decoded_as>json</decoded_as>",
            "<decoded_as>named</decoded_as>",
            "<if_fts/>",
            "<srcip>10.0.0.0/8</srcip>",
            '<srcip negate="yes">10.0.0.0/8</srcip>',
            "<same_field>x</same_field>",
            "<different_field>y</different_field>",
            "<same_id/>",
            "<same_location/>",
            "<global_frequency/>",
        ]
    ),
)
PARENTS = st.one_of(
    st.just("<if_sid>1</if_sid>"),
    st.integers(100, 111).map("<if_sid>{}</if_sid>".format),
    st.integers(100, 111).map("<if_matched_sid>{}</if_matched_sid>".format),
    st.sampled_from(["<if_group>base</if_group>", "<if_level>3</if_level>"]),
    st.just("<if_matched_group>g</if_matched_group>"),
    st.just("<if_sid>1</if_sid><check_diff/>"),
)
CORRELATES = re.compile("if_matched|check_diff")
COUNTS = re.compile("<(?:same|different|global)[^>]*>(?:[^<]*</[^>]*>)?")


def rule(number, parent, conditions, level, attributes):
    text = "".join(conditions)
    if not CORRELATES.search(parent):
        text, attributes = COUNTS.sub("", text), attributes.partition(" frequency")[0]
    return (
        f'<rule id="{number}" level="{level}"{attributes}>{parent}{text}'
        f"<group>g{level},</group><description>d</description></rule>"
    )


RULES = st.lists(
    st.tuples(
        PARENTS,
        st.lists(CONDITIONS, max_size=3),
        st.integers(0, 5),
        st.sampled_from(
            ["", ' noalert="1"', ' ignore="5"', ' frequency="2" timeframe="9"', ' frequency="3"']
        ),
    ),
    min_size=2,
    max_size=12,
)
WORDS = st.sampled_from(["a", "b", "ab", "c", "10.1.1.1", ""])
EVENTS = st.lists(
    st.tuples(
        st.one_of(
            st.dictionaries(
                st.sampled_from(["x", "y", "Z", "id", "action", "srcip", "user"]), WORDS, max_size=4
            ).map(json.dumps),
            WORDS.map("Jan  1 00:00:00 a named: {}".format),
            WORDS,
        ),
        st.sampled_from(["stdin", "[1] (a) 10.0.0.1->f", "[2] (b) 10.0.0.1->f"]),
        st.sampled_from([0, 1, 3, 8, 20, -4]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(rules=RULES, events=EVENTS, mode=st.sampled_from(Mode))
def test_indexes_a_trace_and_the_cache_change_no_answer(rules, events, mode, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    base = (
        '<group name="base,"><rule id="1" level="0" noalert="1"><category>syslog</category>'
        "<description>root</description></rule>"
    )
    body = "".join(rule(100 + number, *parts) for number, parts in enumerate(rules))
    (folder / "rules.xml").write_text(f"{base}{body}</group>", encoding="utf-8")
    (folder / "decoders.xml").write_text(
        '<decoder name="json"><prematch>^{</prematch>'
        "<plugin_decoder>JSON_Decoder</plugin_decoder></decoder>"
        '<decoder name="named"><program_name>^named</program_name></decoder>'
        '<decoder name="as"><prematch>^a</prematch></decoder>'
        '<decoder name="as"><parent>as</parent><regex>(b)</regex><order>id</order><fts>id</fts>'
        '</decoder><decoder name="digits"><prematch>\\d.\\d</prematch></decoder>',
        encoding="utf-8",
    )
    paths = [folder / "rules.xml"], [folder / "decoders.xml"]
    fast, slow = Ruleset.load(*paths), Ruleset.load(*paths, indexes=False)
    kept = [Ruleset.load(*paths, cache=folder / "cache") for _ in range(2)][1]
    sessions = [
        ruleset.session(mode=mode, manager="m", trace=trace)
        for ruleset, trace in ((fast, False), (slow, False), (fast, True), (kept, False))
    ]
    now = 1000.0
    for event, location, pause in events:
        now += pause
        answers = [one.process(event, location=location, time=now).as_logtest() for one in sessions]
        assert answers == [answers[0]] * 4


def test_rules_that_cannot_hold_are_not_tried(write_ruleset):
    body = "".join(
        f'<rule id="{100 + n}" level="3"><field name="action" type="pcre2">^a{n}$</field>'
        "<description>d</description></rule>"
        for n in range(50)
    ).replace('"action"', '"do"')
    ruleset = write_ruleset(f'<group name="g,">{body}</group>')
    (root,) = ruleset.roots
    session = ruleset.session(manager="m")
    seen = session.process('{"do": "a7"}').occurrence
    assert [node.rule.id for node in root.candidates(seen)] == [107]
    assert len(root.children) == 50


COUNTING = """
<group name="g,">
  <rule id="100" level="3"><field name="x">.</field><description>d</description></rule>
  <rule id="101" level="4" frequency="2" timeframe="20">
    <if_matched_sid>100</if_matched_sid><same_field>x</same_field><description>d</description>
  </rule>
</group>
"""


@pytest.mark.parametrize(("between", "expected"), [(10, 100), (101, 101)])
def test_an_event_older_than_the_one_before_it_ends_a_search(write_ruleset, between, expected):
    session = write_ruleset(COUNTING.replace(">.<", ">\\.<")).session(manager="m")
    for actor, time in (("a", 100), ("b", between)):
        assert session.process(f'{{"x": "{actor}"}}', time=time).rule_id == 100
    assert session.process('{"x": "a"}', time=105).rule_id == expected


def test_a_condition_behind_one_with_effects_rules_nothing_out(write_ruleset):
    ruleset = write_ruleset(
        '<group name="g,"><rule id="100" level="3"><if_sid>1</if_sid><check_diff/>'
        '<list field="x">etc/lists/l</list><description>d</description></rule></group>',
        lists={"l": "a:\n"},
    )
    session = ruleset.session(manager="m")
    assert session.process('{"y": "noted, though x is missing"}').rule_id is None
    assert session.process('{"x": "a"}').rule_id == 100


# XML.

PIECES = st.sampled_from(
    [
        *("<a>", "</a>", "<b>", "</b>", '<a x="1">', '<a x="1" y="2">', '<b x="1" x="2">', "<a/>"),
        *(
            "text",
            "\\",
            "\n",
            " ",
            "<!-- c -->",
            "<!",
            "-->",
            "<",
            ">",
            "&lt;",
            "\0",
            "<a >",
            "</a >",
        ),
        *("<c\n x='1'>", "</c>", '<a var="1">', "é", "\x7f", '"', "=", "<A>", "</A>", "<a x=>"),
    ]
)


def read(data):
    try:
        return read_text(data, Path("f"))
    except XmlError as error:
        return error.message, error.at, error.code


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=14).map(lambda parts: ("<g>" + "".join(parts) + "</g>").encode()))
def test_the_xml_reader_reads_plain_elements_as_it_reads_all_others(data):
    quick = read(data)
    never = re.compile(b"(?!)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_PLAIN_ELEMENT", never)
        patch.setattr(reader, "_PLAIN_TAG", never)
        assert read(data) == quick
