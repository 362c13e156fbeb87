"""Wazuh's XML dialect: leniencies, refusals and variables."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wazuh_pack.errors import XmlError
from wazuh_pack.xmlio import apply_variables, read_file, read_text

PATH = Path("rules.xml")


def only(text):
    (node,) = read_text(text, PATH)
    return node


def refusal(text):
    with pytest.raises(XmlError) as caught:
        read_text(text, PATH)
    assert caught.value.code == "1226"
    return caught.value.message, caught.value.at.line


def test_an_element_has_name_attributes_content_children_and_line():
    node = only(b'\n<group name="a,b" x=\'"\'>\n  <rule id="1">text</rule>\n </group>')
    assert (node.name, node.line, node.path) == ("group", 2, PATH)
    assert node.attributes == (("name", b"a,b"), ("x", b'"'))
    assert node.attribute("x") == b'"'
    assert node.attribute("y") is None
    (rule,) = node.children
    assert (rule.name, rule.content, rule.line) == ("rule", b"text", 3)


def test_the_content_is_the_untrimmed_text_after_the_last_child():
    assert only(b"<a> one <b>x</b> two\n</a>").content == b" two\n"
    assert only(b"<a> one\n </a>").content == b" one\n "


def test_text_outside_of_elements_is_ignored_and_roots_stand_side_by_side():
    roots = read_text(b"\xef\xbb\xbfx <a>1</a> > \\< & <b>2</b> y", PATH)
    assert [(node.name, node.content) for node in roots] == [("a", b"1"), ("b", b"2")]


def test_entities_stay_as_they_are():
    assert only(b"<a>&lt;b&amp;</a>").content == b"&lt;b&amp;"


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (rb"<a>x \< y</a>", rb"x \< y"),
        (rb"<a>x\\</a>", rb"x\\"),
        (rb"<a>\\\<b</a>", rb"\\\<b"),
        (rb"<a>\<\<</a>", rb"\<\<"),
        (b"<a>1 > 0 & >></a>", b"1 > 0 & >>"),
    ],
)
def test_a_backslash_keeps_the_next_opening_bracket_as_text(text, content):
    assert only(text).content == content


def test_an_odd_backslash_before_the_closing_tag_swallows_it():
    assert refusal(b"<a>x\\</a>") == ("the file ends inside an element", 1)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (b"<a>x<!-- c -->y</a>", b"xy"),
        (b"<a>x<! c !>y</a>", b"xy"),
        (b"<a>x<!-->y</a>", b"xy"),
        (b"<a>x<!---->y</a>", b"xy"),
        (b"<a>x<!-- <b> -- > --->y</a>", b"xy"),
        (b"<a<!-- in the name -->>x</a<!-- here too -->>", b"x"),
    ],
)
def test_comments_vanish_wherever_they_are(text, content):
    assert only(text).content == content


def test_a_comment_between_backslash_and_bracket_keeps_the_escape():
    assert only(rb"<a>x\<!-- c --><b</a>").content == rb"x\<b"


def test_an_element_closed_in_its_tag_leaves_a_bracket_to_its_parent():
    node = only(b'<a><b/><c x="1"/></a>')
    assert [child.name for child in node.children] == ["b", "c"]
    assert node.content == b">"


def test_blanks_may_follow_the_equals_sign_and_newlines_separate_attributes():
    assert only(b"<a x= \"1\"\n\ty=\n'2' >t</a>").attributes == (("x", b"1"), ("y", b"2"))


def test_a_text_ends_at_its_first_nul():
    node = only(b'<a x="1\0z">t\0u</a>')
    assert (node.attributes, node.content) == ((("x", b"1"),), b"t")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (b"<a>\n<b>x</B>", "element 'b' not closed", 2),
        (b"<a>x</a >", "element 'a' not closed", 1),
        (b"<a><b></a></b>", "element 'b' not closed", 1),
        (b"</a>", "element closed that is not open", 1),
        (b"<a>\n", "the file ends inside an element", 2),
        (b"<", "the file ends inside an element", 1),
        (b"<a>x<", "the file ends inside an element", 1),
        (b"<a>\n<!-- x", "comment not closed", 2),
        (b'<a x="1" x="2">', "attribute 'x' is given twice", 1),
        (b'<a x ="1">', "attribute 'x' has no value", 1),
        (b"<a x>", "attribute 'x' has no value", 1),
        (b"< a>", "attribute 'a' has no value", 1),
        (b"<a x=1>", "the value of attribute 'x' is not in quotes", 1),
        (b'<a x="1>2">', "the value of attribute 'x' is not closed", 1),
        (b'<a x="1"y="2">', "attribute 'x' with the value '1' is not followed by a blank", 1),
        (b'<?xml version="1.0"?>', "attribute 'version' with the value '1.0' is not", 1),
        (b'<a x="1', "the file ends inside an attribute", 1),
    ],
)
def test_what_the_reader_refuses_names_the_line(text, message, line):
    found, where = refusal(text)
    assert found.startswith(message)
    assert where == line


def test_texts_have_a_limit():
    longest = b"x" * 20479
    assert only(b"<a>" + longest + b"</a>").content == longest
    assert refusal(b"<a>\n" + longest + b"\n\n</a>") == ("text too long", 3)
    assert only(b'<a y="' + longest + b'"></a>').attribute("y") == longest
    assert refusal(b'<a y="' + longest + b'xx"></a>') == ("attribute 'y' is too long", 1)
    assert refusal(b"<" + longest + b"xx></a>") == ("text too long", 1)


def test_attributes_and_nesting_have_limits():
    attributes = [f'a{number}="1"'.encode() for number in range(49)]
    assert len(only(b"<a " + b" ".join(attributes) + b"></a>").attributes) == 49
    assert refusal(b"<a " + b" ".join(attributes) + b" ></a>") == ("too many attributes", 1)
    deep = b"<a>" * 1024 + b"</a>" * 1024
    assert only(deep).name == "a"
    assert refusal(b"<a>" * 1025) == ("elements are nested too deeply", 1)


def test_the_byte_255_after_an_opening_bracket_ends_the_file():
    assert refusal(b"<a><\xff</a>") == ("the file ends inside an element", 1)
    assert refusal(b"<a><!-- -\xff --></a>") == ("comment not closed", 1)
    assert read_text(b"<a></a>\\<\xff<b>", PATH)[0].name == "a"


def test_a_file_that_cannot_be_opened_has_its_own_number(tmp_path):
    with pytest.raises(XmlError) as caught:
        read_file(tmp_path / "absent.xml")
    assert caught.value.code == "1103"


def test_an_error_shows_file_and_line():
    with pytest.raises(XmlError, match=r"^rules\.xml:2: element 'a' not closed$"):
        read_text(b"<a>\n</b>", PATH)


NAMES = st.text("abcXY_-", min_size=1, max_size=6)
TEXTS = st.text("abc $.|,'&;>=/!-\n\té", max_size=12).map(str.encode)
TREES = st.recursive(
    st.tuples(NAMES, TEXTS, st.just(())),
    lambda inner: st.tuples(NAMES, TEXTS, st.lists(inner, max_size=3).map(tuple)),
    max_leaves=12,
)


def written(tree):
    name, text, children = tree
    inside = b"".join(written(child) for child in children)
    return b"<%s>%s%s</%s>" % (name.encode(), inside, text, name.encode())


def as_tree(node):
    return node.name, node.content, tuple(as_tree(child) for child in node.children)


@given(TREES)
def test_what_is_written_is_what_is_read(tree):
    assert as_tree(only(written(tree))) == tree


@given(st.text("<>/!-\\\"'= ab\n\0\xff", max_size=60).map(lambda text: text.encode("latin-1")))
def test_any_bytes_are_read_or_refused(text):
    lines = []
    try:
        lines = [node.line for node in read_text(text, PATH)]
    except XmlError as error:
        lines = [error.at.line]
    assert all(1 <= line <= text.count(b"\n") + 1 for line in lines)


def resolved(text):
    return apply_variables(read_text(text, PATH))


def variable_refusal(text):
    with pytest.raises(XmlError) as caught:
        resolved(text)
    assert caught.value.code == "1227"
    return caught.value.message


def test_variables_are_replaced_in_texts_and_attributes_and_disappear():
    (node,) = resolved(b'<var name="AB">1|2</var><a x="$ab.">^$AB $AB|$aB,$AB</a>')
    assert node.attributes == (("x", b"1|2."),)
    assert node.content == b"^1|2 1|2|1|2,1|2"


def test_texts_of_two_bytes_are_never_looked_at():
    (node,) = resolved(b'<var name="A">x</var><a y="$A">$A</a>')
    assert (node.attribute("y"), node.content) == (b"$A", b"$A")


def test_a_use_before_the_definition_stays():
    first, second = resolved(b'<a>$AB</a><var name="AB">x</var><b>$AB</b>')
    assert (first.content, second.content) == (b"$AB", b"x")


def test_a_definition_counts_at_any_depth_for_what_follows():
    (node,) = resolved(b'<g><var name="AB">x</var><a>$AB</a></g>')
    assert [(child.name, child.content) for child in node.children] == [("a", b"x")]


def test_an_unknown_variable_makes_the_file_fail_once_one_is_defined():
    assert only(rb"<a>\$\d $x</a>").content == rb"\$\d $x"
    assert variable_refusal(rb'<var name="V">x</var><a>\$\d</a>') == r"unknown variable '\d'"
    assert variable_refusal(b'<var name="V">x</var><a y="a$z-1"></a>') == "unknown variable 'z-1'"


def test_dollars_without_a_name_and_parentheses_are_exempt():
    (node,) = resolved(b'<var name="V">x</var><a>a$ $$ $(field) b$</a>')
    assert node.content == b"a$ $$ $(field) b$"


def test_a_variable_after_a_parenthesis_lands_too_far_to_the_left():
    (node,) = resolved(b'<var name="V">new</var><a>x $(f) $V</a>')
    assert node.content == b"x $new"


def test_the_first_definition_of_a_name_counts():
    node = resolved(b'<var name="V">1</var><var name="v">2</var><a>-$V</a>')[0]
    assert node.content == b"-1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'<var nam="V">x</var>', "only the attribute 'name' is allowed in a variable"),
        (b"<var>x</var>", "the variable has no name"),
        (b"<var>x</var><a><b>text</b></a>", "the variable has no name"),
        (b'<a><var>x</var></a><b name="V">text</b>', "the variable has no name"),
        (b'<var name="' + b"v" * 256 + b'">x</var>', "the name of the variable is too long"),
        (
            b'<var name="v">x</var><a>$' + b"n" * 256 + b"</a>",
            "the name of a variable is longer than '255'",
        ),
    ],
)
def test_malformed_definitions_and_uses_are_refused(text, message):
    assert variable_refusal(text) == message


def test_a_nameless_variable_takes_the_next_attribute_called_name():
    (node,) = resolved(b'<var>x</var><a name="V">-$V</a>')
    assert node.content == b"-x"


def test_the_children_of_a_definition_go_to_the_element_before_it():
    (node,) = resolved(b'<a><b></b></a><var name="V"><c>t</c></var>')
    assert [child.name for child in node.children] == ["b", "c"]


def test_an_attribute_called_var_is_a_definition_and_ends_the_attributes():
    (node,) = resolved(b'<a x="1" VAR="2" name="V" y="3">-$V</a><b z="-$V">t</b>')[:1]
    assert node.attributes == (("x", b"1"),)


def test_deep_files_with_variables_are_no_problem():
    (node,) = resolved(b'<var name="V">x</var>' + b"<a>" * 1000 + b"-$V" + b"</a>" * 1000)
    while node.children:
        (node,) = node.children
    assert node.content == b"-x"


def test_every_stock_file_is_read(shared):
    paths = sorted((shared / "wazuh-4.14.7/ruleset").rglob("*.xml"))
    assert len(paths) == 288
    assert all(apply_variables(read_file(path)) for path in paths)
