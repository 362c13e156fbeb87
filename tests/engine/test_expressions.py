"""osmatch, PCRE2, plain strings, and what all expressions have in common."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wazuh_pack.engine.expression import Kind, Match, compile_expression, fold
from wazuh_pack.errors import ExpressionError

OSMATCH = [
    (b"", b"", True),
    (b"", b"anything", True),
    (b"denied", b"access DENIED by policy", True),
    (b"DENIED", b"access denied", True),
    (b"denied", b"den ied", False),
    (b"denied", b"deni", False),
    (b"one|two", b"number TWO", True),
    (b"one|two", b"three", False),
    (b"one||two", b"three", True),
    (b"^start", b"START here", True),
    (b"^start", b"restart", False),
    (b"end$", b"the End", True),
    (b"end$", b"ended", False),
    (b"^whole$", b"WHOLE", True),
    (b"^whole$", b"whole\n", False),
    (b"^$", b"", True),
    (b"^$", b"x", False),
    (b"^", b"x", True),
    (b"$", b"x", True),
    (b"^^x", b"^x", True),
    (b"x$$", b"x$", True),
    (b"a^b$c", b"A^B$C", True),
    (rb"a\.b", rb"a\.b", True),
    (rb"a\.b", b"a.b", False),
    (b"x.*y", b"x.*y", True),
    (b"!root", b"root", False),
    (b"!root", b"user", True),
    (b"!^a|b$", b"xb", False),
    (b"!^a|b$", b"bx", True),
    (b"!!x", b"a!x", False),
    (b"a|!b", b"c", False),
    (b"a|!b", b"!B", True),
    ("ü".encode(), "ü".encode(), False),
    ("^ü".encode(), "über".encode(), True),
    ("ü$".encode(), "menü".encode(), True),
    ("^ü$".encode(), "Ü".encode(), False),
    (b"tail", b"head\0tail", False),
    (b"head$", b"head\0tail", True),
    (b"^he\0x", b"hello", True),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), OSMATCH)
def test_osmatch_matches_fixed_text_in_any_case(pattern, text, expected):
    expression = compile_expression(pattern, Kind.OSMATCH)
    assert expression.matches(text) is expected
    assert expression.search(text) == (Match(-1) if expected else None)


def test_osmatch_refuses_only_what_is_too_long():
    assert compile_expression(b"a" * 20480, Kind.OSMATCH).matches(b"a" * 20480)
    with pytest.raises(ExpressionError, match="longer than 20480 bytes"):
        compile_expression(b"a" * 20481, Kind.OSMATCH)


@settings(deadline=None)
@given(st.binary(max_size=12), st.binary(max_size=30))
def test_a_leading_exclamation_mark_negates_an_osmatch_pattern(pattern, text):
    plain = compile_expression(b"^" + pattern, Kind.OSMATCH)
    negated = compile_expression(b"!^" + pattern, Kind.OSMATCH)
    assert plain.matches(text) is not negated.matches(text)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (b"Accept", b"Accept", True),
        (b"Accept", b"accept", False),
        (b"Accept", b"Accepted", False),
        (b"^a$", b"a", False),
        (b"!a", b"!a", True),
        (b"a|b", b"a", False),
        (b"", b"", True),
        (b"a\0b", b"a\0c", True),
        ("ü".encode(), "ü".encode(), True),
    ],
)
def test_a_string_is_compared_byte_for_byte(pattern, text, expected):
    expression = compile_expression(pattern, Kind.STRING)
    assert expression.matches(text) is expected
    assert expression.search(text) == (Match(-1) if expected else None)


PCRE2 = [
    (b"", b"abc", Match(-1)),
    (b"b+", b"abbc", Match(2)),
    (b"B", b"abc", None),
    (b"(?i)B", b"abc", Match(1)),
    (b".", "é".encode(), Match(0)),
    (b"(?i)\xc9", b"\xe9", None),
    (b"^(a)?(b)?(c)?$", b"b", Match(0, (b"", b"b"))),
    (b"(a)?b", b"b", Match(0)),
    (b"(a)|(b)|(c)", b"a", Match(0, (b"a",))),
    (b"(?'who'\\w+)@", b"to root@host", Match(7, (b"root",))),
    (b"(x*)$", b"ax", Match(1, (b"x",))),
    (b"()", b"a", Match(-1, (b"",))),
    (b"\\x{41}\\x4", b"A\x04", Match(1)),
    (b"(*UTF)\xc3\xa9", b"\xc3\xa9", Match(1)),
    (b"(*UTF)a", b"a\xff", None),
    (b"b", b"a\0b", None),
    (b"a$", b"a\0b", Match(0)),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), PCRE2)
def test_pcre2_matches_bytes_and_captures_up_to_the_highest_group_set(pattern, text, expected):
    expression = compile_expression(pattern, Kind.PCRE2)
    assert expression.search(text) == expected
    assert expression.matches(text) is (expected is not None)


@pytest.mark.parametrize(("pattern", "groups"), [(b"a", 0), (b"(a)(?:b)(?'n'c)?", 2)])
def test_pcre2_tells_how_many_groups_a_pattern_has(pattern, groups):
    assert compile_expression(pattern, Kind.PCRE2).groups == groups


@pytest.mark.parametrize("pattern", [b"(", b"[a", b"a{2,1}", b"\\1", b"a\\", rb"\u0041", rb"\U"])
def test_pcre2_refuses_what_the_library_refuses_without_options(pattern):
    with pytest.raises(ExpressionError, match="PCRE2"):
        compile_expression(pattern, Kind.PCRE2)


def test_reaching_the_match_limit_of_pcre2_is_no_match():
    text = b"a" * 12 + b"b"
    assert compile_expression(b"(a|aa)+$|b", Kind.PCRE2).search(text) == Match(12)
    assert compile_expression(b"(*LIMIT_MATCH=99)(a|aa)+$|b", Kind.PCRE2).search(text) is None


KINDS = st.sampled_from(Kind)


@settings(deadline=None)
@given(KINDS, st.binary(max_size=20), st.binary(max_size=40), st.booleans())
def test_arbitrary_bytes_never_raise_anything_but_an_expression_error(
    kind, pattern, text, captures
):
    try:
        expression = compile_expression(pattern, kind, captures=captures)
    except ExpressionError:
        return
    assert expression.kind is kind
    assert expression.pattern == pattern
    found = expression.search(text)
    assert expression.matches(text) is (found is not None)


@settings(deadline=None)
@given(KINDS, st.text(alphabet="aB1 :^$|!", max_size=6), st.text(alphabet="aAbB1 :", max_size=9))
def test_a_folded_text_given_along_changes_nothing(kind, pattern, text):
    expression = compile_expression(pattern.encode(), kind)
    data = text.encode()
    assert expression.matches(data, fold(data)) is expression.matches(data)
    assert expression.search(data, fold(data)) == expression.search(data)


def test_folding_ends_at_nul_and_knows_ascii_letters_only():
    assert fold("AbÉ1".encode("latin-1") + b"\0Z") == "abÉ1"
