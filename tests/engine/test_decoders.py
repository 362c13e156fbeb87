"""Loading decoders: what is understood, warned of and refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wazuh_pack.diagnostics import Severity
from wazuh_pack.engine.decoder_model import Offset, Plugin
from wazuh_pack.engine.decoders import LoadError, load_decoders
from wazuh_pack.engine.expression import Kind, compile_expression, fold
from wazuh_pack.engine.root_index import RootIndex, first_bytes
from wazuh_pack.errors import ExpressionError

BASE = """
<decoder name="with-program"><program_name>^p$</program_name></decoder>
<decoder name="without"><prematch>^without</prematch></decoder>
"""


@pytest.fixture
def load(tmp_path):
    """Return a function that loads decoder files given as texts, after two plain decoders."""

    def load_texts(*texts, base=BASE):
        paths = []
        for number, text in enumerate((base, *texts)):
            path = tmp_path / f"{number:02}.xml"
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        return load_decoders(paths)

    return load_texts


@pytest.fixture
def load_one(load):
    """Return a function that loads one more root and returns it."""

    def load_options(options):
        decoders, logged = load(f'<decoder name="d">{options}</decoder>')
        root = (*decoders.without_program, *decoders.with_program)[1:]
        (found,) = [entry.decoder for entry in root if entry.decoder.name == b"d"]
        return found, [(note.severity, note.code) for note in logged]

    return load_options


@pytest.fixture
def refused(load):
    """Return a function that loads texts which are refused and returns the messages' numbers."""

    def load_texts(*texts, base=BASE):
        with pytest.raises(LoadError) as caught:
            load(*texts, base=base)
        return [note.code for note in caught.value.diagnostics]

    return load_texts


def child(name, options, parent="without"):
    return f'<decoder name="{name}"><parent>{parent}</parent>{options}</decoder>'


REGEX = "<regex>(x)</regex><order>x</order>"


def test_a_decoder_has_what_its_element_says(load_one):
    decoder, logged = load_one(
        '<Prematch type="PCRE2">^a</Prematch><regex offset="After_Prematch">b(c)(d)</regex>'
        "<order>srcip, user,  some.name x </order><type>firewall</type><accumulate/>"
        "<fts>name, srcip, location</fts><ftscomment>seen</ftscomment>"
    )
    assert logged == []
    assert (decoder.prematch.kind, decoder.regex.kind) == (Kind.PCRE2, Kind.OSREGEX)
    assert decoder.regex_offset is Offset.PARENT
    assert decoder.order == ("srcip", "dstuser", b"some.name")
    assert (decoder.type, decoder.accumulate, decoder.ftscomment) == ("firewall", True, b"seen")
    assert (decoder.fts, decoder.fts_slots) == (True, {"name", "srcip", "location"})


def test_texts_of_one_kind_are_joined_and_the_last_type_counts(load_one):
    decoder, _ = load_one('<prematch type="pcre2">^a</prematch><prematch>b\\d</prematch>')
    assert (decoder.prematch.pattern, decoder.prematch.kind) == (rb"^ab\d", Kind.OSREGEX)


def test_a_plug_in_has_options(load_one):
    decoder, logged = load_one(
        '<prematch>^x</prematch><plugin_decoder offset="after_prematch">JSON_Decoder'
        "</plugin_decoder><json_null_field>Discard</json_null_field>"
        "<json_array_structure>CSV</json_array_structure>"
    )
    assert (decoder.plugin, decoder.plugin_offset) == (Plugin.JSON, Offset.PREMATCH)
    assert (decoder.keep_null, decoder.arrays_as_csv, logged) == (False, True, [])


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ('<prematch type="osmatch">x</prematch>', (Severity.WARNING, "7601")),
        ('<prematch type="">x</prematch>', (Severity.WARNING, "7601")),
        ('<prematch offset="x">x</prematch>', (Severity.ERROR, "7601")),
        (
            '<prematch>x</prematch><regex offset="x">(x)</regex><order>x</order>',
            (Severity.WARNING, "7601"),
        ),
        ("<prematch>x</prematch><json_null_field>x</json_null_field>", (Severity.WARNING, "7602")),
        (
            "<prematch>x</prematch><json_null_field>empty</json_null_field>",
            (Severity.WARNING, "7603"),
        ),
        (
            "<prematch>x</prematch><json_array_structure>x</json_array_structure>",
            (Severity.WARNING, "7602"),
        ),
        (
            '<program_name type="x">x</program_name>',
            (Severity.WARNING, "7601"),
        ),
    ],
)
def test_odd_values_are_noted_and_replaced(load_one, options, note):
    decoder, logged = load_one(options)
    assert logged == [note]
    assert decoder.prematch_offset is decoder.regex_offset is Offset.WHOLE
    assert (decoder.keep_null, decoder.arrays_as_csv) == (True, False)


PREMATCH = "<prematch>x</prematch>"
AFTER_PREMATCH = '<plugin_decoder offset="after_prematch">JSON_Decoder</plugin_decoder>'


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ("", ["1231"]),
        ("<parent></parent>" + "<x/>", [""]),
        ("<type>syslog</type>", ["2108", "2107"]),
        (f"{PREMATCH}<Type>syslog</Type>", [""]),
        (f"{PREMATCH}<type>Syslog</type>", [""]),
        (f"{PREMATCH}<order>x</order>", ["2107"]),
        (f"{PREMATCH}<fts>id</fts>", ["2107"]),
        (f"{PREMATCH}<regex>(x)</regex>", ["2107"]),
        (f"{PREMATCH}<regex>(x</regex><order>x</order>", ["1452", "2107"]),
        ("<prematch>\\q</prematch>", ["1452", "2107"]),
        (f"{PREMATCH}<regex>(x)</regex><order></order>", [""]),
        (f"{PREMATCH}<regex>(x)</regex><order>a, ,b</order>", [""]),
        (f"{PREMATCH}<regex>(x)</regex><order>{'a,' * 256}b</order>", [""]),
        (f"{PREMATCH}{REGEX}<fts>y</fts>", [""]),
        (f"{PREMATCH}<regex>(x)(y)</regex><order>id,x</order><fts>x</fts>", [""]),
        (f'{PREMATCH}<regex offset="after_parent">(x)</regex><order>x</order>', ["2120", "2107"]),
        (f'{PREMATCH}<regex offset="after_regex">(x)</regex><order>x</order>', ["2120", "2107"]),
        ('<prematch offset="after_parent">x</prematch>', ["2120", "2107"]),
        ('<prematch offset="after_regex">x</prematch>', ["2107"]),
        ('<prematch>x</prematch><prematch offset="after_parent">x</prematch>', ["2109", "2107"]),
        (f"{PREMATCH}<plugin_decoder>Json_Decoder</plugin_decoder>", ["2110"]),
        (f'{PREMATCH}<plugin_decoder offset="x">JSON_Decoder</plugin_decoder>', ["2107"]),
        (
            f'{PREMATCH}<plugin_decoder offset="after_parent">JSON_Decoder</plugin_decoder>',
            ["2120", "2107"],
        ),
        (
            f"<program_name>x</program_name>{AFTER_PREMATCH}",
            ["2120", "2107"],
        ),
        (f"{PREMATCH}<plugin_decoder>JSON_Decoder</plugin_decoder>{REGEX}", ["2111"]),
        (f"<prematch>{'x' * 1024}</prematch>", ["1104", "2108", "2107"]),
        (
            f"<prematch>{'x' * 1000}</prematch><prematch>{'x' * 24}</prematch>",
            ["1104", "2108", "2107"],
        ),
    ],
)
def test_impossible_decoders_are_refused(refused, options, codes):
    assert refused(f'<decoder name="d">{options}</decoder>') == [*codes, "1202"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", []),
        ("<!-- nothing -->", ["1231"]),
        ("<decoder name='d'>", ["1226"]),
        ("<var name='V'>x</var><decoder name='d'><prematch>^$W</prematch></decoder>", ["1227"]),
        ("<rule name='d'><prematch>x</prematch></rule>", ["1230"]),
        ("<decoder><prematch>x</prematch></decoder>", ["1230"]),
        ("<decoder id='d'><prematch>x</prematch></decoder>", ["1230"]),
        ("<decoder name='d' id='x'><prematch>x</prematch></decoder>", ["1230"]),
        ("<decoder name='d' status='x' id='x'><prematch>x</prematch></decoder>", ["1230"]),
    ],
)
def test_impossible_files_are_refused(refused, text, codes):
    assert refused(text) == [*codes, "1202"]


def test_a_missing_file_is_only_a_warning_and_the_users_file_may_be_empty(tmp_path):
    users = tmp_path / "local_decoder.xml"
    users.write_text("", encoding="utf-8")
    base = tmp_path / "base.xml"
    base.write_text(BASE, encoding="utf-8")
    _, logged = load_decoders([base, users, tmp_path / "absent.xml"])
    assert [(note.severity, note.code) for note in logged] == [(Severity.WARNING, "1103")]


def test_both_kinds_of_roots_must_exist(refused):
    assert refused(base='<decoder name="d"><prematch>x</prematch></decoder>') == ["2106", "2105"]
    assert refused(base='<decoder name="d"><program_name>x</program_name></decoder>') == [
        "2106",
        "2105",
    ]


def test_a_diagnostic_names_file_and_line(load, tmp_path):
    with pytest.raises(LoadError) as caught:
        load('\n<decoder name="d">\n<nonsense/>\n</decoder>')
    first, last = caught.value.diagnostics
    assert (first.at.path, first.at.line) == (tmp_path / "01.xml", 3)
    assert last.at.path == tmp_path / "01.xml"


def test_an_order_may_name_256_fields(load_one):
    names = ",".join(f"f{number}" for number in range(256))
    decoder, _ = load_one(f"{PREMATCH}<regex>(x)</regex><order>{names}</order>")
    assert len(decoder.order) == 256


def test_a_backslash_keeps_a_comma_in_a_name(load_one):
    decoder, _ = load_one(f"{PREMATCH}<regex>(x)</regex><order>a\\,b,c</order>")
    assert decoder.order == (b"a,b", b"c")


def test_dynamic_fields_of_the_key_must_come_first_in_the_order_before(load_one):
    decoder, _ = load_one(
        f"{PREMATCH}<fts>zz</fts><regex>(x)(y)(z)</regex><order>b,a,id</order><fts>A, b,data</fts>"
    )
    assert (decoder.fts_fields, decoder.fts_slots) == ((b"b", b"A"), {"data"})


def test_children_take_name_and_id_of_their_parent_unless_they_keep_their_own(load):
    decoders, _ = load(
        child("kid", PREMATCH)
        + child("own", PREMATCH + "<use_own_name>true</use_own_name>")
        + child("kid2", PREMATCH + "<use_own_name>True</use_own_name>")
    )
    (root,) = decoders.without_program
    assert [kid.name for kid in root.children] == [b"without", b"own", b"without"]
    assert [kid.parent for kid in root.children] == [b"without"] * 3
    assert root.children[0].id == root.decoder.id == decoders.id_of(b"without")
    assert root.children[1].id == decoders.id_of(b"own") != root.decoder.id


def test_names_of_children_and_built_in_decoders_have_ids(load):
    decoders, _ = load(child("kid", PREMATCH))
    known = [decoders.id_of(name) for name in (b"kid", b"windows_eventchannel", b"without")]
    assert 0 not in known
    assert len(set(known)) == 3
    assert decoders.id_of(b"unknown") == 0


def test_a_child_goes_to_every_root_of_that_name_loaded_before(load):
    root = '<decoder name="r"><{0}>x</{0}></decoder>'
    decoders, _ = load(
        root.format("prematch")
        + root.format("program_name")
        + child("kid", PREMATCH, parent="r")
        + root.format("prematch")
    )
    counts = [len(entry.children) for entry in decoders.without_program]
    assert counts == [0, 1, 0]
    (first,), (second,) = decoders.without_program[1].children, decoders.with_program[1].children
    assert first is second


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ([PREMATCH + REGEX, PREMATCH + REGEX], ["2102"]),
        ([REGEX, REGEX + "<fts>id</fts>"], ["2103"]),
        ([PREMATCH, REGEX], ["2104"]),
        ([REGEX, "<type>syslog</type>"], ["2104"]),
        ([REGEX.replace("<regex", '<regex offset="after_regex"')], ["2120"]),
    ],
)
def test_children_that_continue_each_other_have_rules(refused, options, codes):
    text = "".join(child("kid", option) for option in options)
    assert refused(text) == [*codes, "2105", "2106", "1202"]


def test_children_of_one_name_form_a_chain(load):
    decoders, _ = load(
        child("kid", PREMATCH + REGEX)
        + child("kid", REGEX.replace("<regex", '<regex offset="after_regex"'))
        + child("kid", "<plugin_decoder>JSON_Decoder</plugin_decoder>")
        + child("other", REGEX)
    )
    assert [kid.chained for kid in decoders.without_program[0].children] == [
        *(True, True, False, False)
    ]


@pytest.mark.parametrize("parent", ["nobody", "kid"])
def test_a_parent_must_be_a_root(refused, parent):
    text = child("kid", PREMATCH) + child("kid2", PREMATCH, parent=parent)
    assert refused(text) == ["2101", "2106", "1202"]


def test_roots_are_asked_in_load_order_when_the_text_allows(load):
    texts = ["^a", "b", "^[x]|^A", "^\\d-", "^\\d+", "^\\w:", "^\\|", "^\\<x"]
    decoders, _ = load(
        *(f'<decoder name="{n}"><prematch>{t}</prematch></decoder>' for n, t in enumerate(texts))
    )
    index, plain = RootIndex(decoders), RootIndex(decoders, plain=True)

    def asked(text):
        assert plain.for_text(fold(text)) == index._without_program
        return [int(root.decoder.name) for root, _ in index.for_text(fold(text))]

    assert asked(b"abc") == [0, 1, 2, 4, 5]
    assert asked(b"a:") == [0, 2, 4, 5]
    assert asked(b"[x]") == [2, 4]
    assert asked(b"7-") == [3, 4, 5]
    assert asked(b"|") == [4, 6]
    assert asked(b"<x") == [4, 7]
    assert asked(b"") == [4]


ATOMS = st.sampled_from(
    [*"abA1 -|^$({)", "\\d", "\\w", "\\s", "\\.", "\\p", "\\(", "\\|", "\\<", "\\\\", "*", "+"]
)


@given(
    st.lists(ATOMS, max_size=6).map(lambda atoms: ("^" + "".join(atoms)).encode()),
    st.text("abAB12 -|({<\\$^\n", max_size=6).map(str.encode),
)
def test_a_root_that_is_not_asked_would_not_have_matched(pattern, text):
    try:
        expression = compile_expression(pattern, Kind.OSREGEX)
    except ExpressionError:
        return
    allowed = first_bytes(expression)
    if allowed is not None and not (text and text[0] in allowed):
        assert not expression.matches(text)
