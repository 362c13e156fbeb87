"""osregex: a table of its peculiarities, and the equality of all ways to match."""

import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wazuh_pack.engine import osregex_scan
from wazuh_pack.engine.expression import Kind, Match, compile_expression, fold
from wazuh_pack.engine.matching import exhausted
from wazuh_pack.engine.osregex_parse import Op, parse
from wazuh_pack.engine.osregex_program import build
from wazuh_pack.engine.osregex_scan import scan
from wazuh_pack.engine.osregex_shapes import Nothing, Scanned, Translated, Verbatim, matcher
from wazuh_pack.errors import ExpressionError

WITHOUT_CAPTURES = {
    "literals ignore case": [
        (b"Fail", b"login FAILED", 9),
        (b"a.b", b"a.b", 2),
        (b"a.b", b"axb", None),
        (b"x+", b"x+", 1),
        (b"x+", b"xx", None),
        (rb"\$\|\(\)\\", b"$|()\\", 4),
        (rb"\<b>", b"<b>", 2),
        (b"tail", b"head\0tail", None),
    ],
    "anchors stand at the ends of an alternative only": [
        (b"^ab", b"cab", None),
        (b"^ab", b"AB", 1),
        (b"ab$", b"abab", 3),
        (b"ab$", b"abc", None),
        (b"a^b", b"a^b", 2),
        (b"a$b", b"a$b", 2),
    ],
    "an empty alternative matches at once, with a dollar sign only an empty text": [
        (b"", b"abc", 0),
        (b"", b"", 0),
        (b"^", b"abc", 0),
        (b"$", b"", 0),
        (b"$", b"abc", None),
        (b"^$", b"", 0),
        (b"nope|", b"text", 0),
    ],
    "a non-ASCII literal never matches, a class does": [
        ("é".encode(), "é".encode(), None),
        (b"ok|\xe9", b"\xe9 ok", 3),
        (rb"\Sx", b"\xffx", 1),
        (rb"\D\W\.", b"\x80\x80\x80", 2),
    ],
    "blank and tab differ": [
        (rb"\s", b"a b", 1),
        (rb"\s", b"a\tb", None),
        (rb"\t", b"a\tb", 1),
    ],
    "a trailing repeat reports an end of its own": [
        (rb"\w+", b"hello world", 5),
        (rb"\w+", b"hello", 0),
        (rb"id=\d*", b"id=42 x", 5),
        (rb"id=\d*", b"id=", 2),
        (rb"abc\w*", b"abcde", 2),
        (rb"\d*", b" 1", -1),
    ],
    "a plus that gave way in vain takes one byte unseen, a star does not": [
        (rb"\w+ab", b"xaab", None),
        (rb"\w*ab", b"xaab", 3),
    ],
    "four points of return are remembered, not five": [
        (rb"^\.*b\.*c\.*d\.*e!", b"bcde e!", 6),
        (rb"^\.*a\.*b\.*c\.*d\.*e!", b"abcde e!", None),
    ],
    "an escape behind one that a plus gave way to may be taken for matched": [
        (rb"\w+\d\sq", b"a1-", 2),
        (rb"\w+\d\s+q", b"a1q", 2),
        (rb"\w+\d\s+q", b"aaq", None),
    ],
    "a text may end before one star, not before two": [
        (rb"a\s*", b"a", 0),
        (rb"a\s*\w*", b"a", None),
        (rb"key=(\S*)\s*;*", b"key=val", None),
    ],
    "of two adjacent parentheses the second is a literal": [
        (b"()", b"ab", None),
        (b"()", b"a(b", 1),
        (b"(a)(b)", b"ab", None),
    ],
    "a search restarts behind the first byte of a failed attempt": [
        (b"aab", b"aaab", 3),
        (rb"\d\d:", b"1:22:", 4),
        (rb"x\w+:y", b"x1:x2:y", 6),
        (rb"\s*x", b"  x", 2),
    ],
}

WITH_CAPTURES = [
    (rb"user (\S+) from (\d+.\d+)", b"User Root from 10.2 x", Match(18, (b"Root", b"10.2"))),
    (rb"(\w+):", b"a b: c", Match(3, (b"b",))),
    (rb'name="(\.*)"', b'name="x Y" z="w"', Match(9, (b"x Y",))),
    (b"(a)|(b)", b"b", Match(0, (b"b",))),
    (b"(x)(y)|y(z)", b"yz", Match(1, (b"z",))),
    (b"(a)(b)", b"a(b", Match(2, (b"a",))),
    (rb"(\w+) (\w+)$", b"one two", Match(4, (b"one", b"two"))),
    (rb"^(\d+) ", b"12 3", Match(2, (b"12",))),
    (rb"(\d+)$", b"a12", Match(1, (b"12",))),
    (rb"q\s*(\d)", b"q  5", Match(3, (b"5",))),
    (rb"key=(\S+)\s*$", b"key=val  ", Match(6, (b"val",))),
    (rb"key=(\S+)\s*$", b"key=val", Match(6, (b"",))),
    (b"plain", b"a PLAIN word", Match(6)),
    # A group's end lies before its start here; the real daemon dies.
    (rb"(\d*)x\w(\d*)$", b"x9 ZY_", None),
    (rb"\w(\d*)$", b"a bc_", None),
]

DIFFERENT_WITH_CAPTURES = [
    (rb"(a\s*\w*)", b"a", None, Match(0, (b"a",))),
    (rb"(\d+) \w*\s*", b"7 ", None, Match(1, (b"7",))),
    (rb"v(\d*)\s*\w*\t*", b"v1", None, Match(1, (b"1",))),
]


@pytest.mark.parametrize("rows", WITHOUT_CAPTURES.values(), ids=WITHOUT_CAPTURES.keys())
def test_without_captures(rows):
    found = []
    for pattern, text, _ in rows:
        expression = compile_expression(pattern, Kind.OSREGEX)
        match = expression.search(text)
        assert expression.matches(text) is (match is not None)
        assert match is None or match.captures == ()
        found.append((pattern, text, None if match is None else match.end))
    assert found == rows


@pytest.mark.parametrize(("pattern", "text", "expected"), WITH_CAPTURES)
def test_captures_keep_the_case_of_the_text(pattern, text, expected):
    expression = compile_expression(pattern, Kind.OSREGEX, captures=True)
    assert expression.search(text) == expected
    assert expression.matches(text) is (expected is not None)


@pytest.mark.parametrize(("pattern", "text", "plain", "capturing"), DIFFERENT_WITH_CAPTURES)
def test_compiling_for_captures_can_change_whether_a_pattern_matches(
    pattern, text, plain, capturing
):
    assert compile_expression(pattern, Kind.OSREGEX).search(text) == plain
    assert compile_expression(pattern, Kind.OSREGEX, captures=True).search(text) == capturing


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (rb"\q", r"unknown escape '\\q' at byte 1"),
        (b"a\\", "unknown escape"),
        (rb"\>", "unknown escape"),
        (b"((a))", "nested"),
        (b"a)", "without"),
        (b"(a", "never closed"),
        (b"(a|b)", "inside a group"),
        (b"a" * 20481, "longer than 20480 bytes"),
    ],
)
def test_invalid_patterns_are_refused(pattern, reason):
    with pytest.raises(ExpressionError, match=reason):
        compile_expression(pattern, Kind.OSREGEX)


@pytest.mark.parametrize(
    ("pattern", "shape"),
    [
        (b"user (root)", Verbatim),
        (rb"^\d\d:\d\d$", Translated),
        (rb"^(\S+) \w+: \d", Translated),
        (rb"^(\S+) \.*: \d", Scanned),
        (rb"(\w+): ", Scanned),
        ("naïve".encode(), Nothing),
    ],
)
def test_the_fastest_exact_shape_is_chosen(pattern, shape):
    (alternative,) = parse(pattern.decode("latin-1"))
    assert isinstance(matcher(alternative, capturing=True), shape)


ESCAPES = st.sampled_from([rf"\{letter}" for letter in "wdspWDS.t("])
PIECES = st.one_of(
    st.sampled_from(["a", "b", "1", ":", " ", "=", "é", "+", "(", ")", "^", "$"]),
    ESCAPES,
    st.builds(str.__add__, ESCAPES, st.sampled_from("+*")),
)
PATTERNS = st.builds(
    lambda start, pieces, end: start + "".join(pieces) + end,
    st.sampled_from(["", "^"]),
    st.lists(PIECES, max_size=8),
    st.sampled_from(["", "", "$"]),
)
TEXTS = st.text(alphabet="aAb1:= (é\t", max_size=16).map(str.encode)


def alternatives(pattern):
    """The pattern's alternatives; none when it is invalid."""
    try:
        return parse(pattern)
    except ExpressionError:
        return ()


@settings(max_examples=400, deadline=None)
@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=4), st.booleans())
def test_every_shape_equals_the_scan_from_every_start(pattern, texts, with_captures):
    for alternative in alternatives(pattern):
        groups = any(token.op is Op.GROUP for token in alternative.tokens)
        capturing = groups and with_captures
        quick = matcher(alternative, capturing=capturing)
        # Without its head the program tries each start, however hopeless.
        program = replace(build(alternative, capturing=capturing), head=None)
        for text in map(fold, texts):
            marks = [None] * program.groups if capturing else None
            end = scan(program, text, marks)
            found = quick.find(text, capturing=capturing)
            assert (None if found is None else found.end) == end
            if end is not None and capturing:
                assert list(found.marks) == marks
            if not capturing:
                assert quick.test(text) is (end is not None)


LONGER = st.lists(
    st.builds(
        str.__mul__, st.text(alphabet="aAb1:= (\t", min_size=1, max_size=4), st.integers(1, 8)
    ),
    max_size=6,
).map(lambda parts: "".join(parts).encode())


@settings(max_examples=400, deadline=None)
@given(PATTERNS, st.lists(LONGER, min_size=1, max_size=4), st.booleans())
def test_a_scan_that_takes_notes_from_the_first_failure_on_answers_the_same(
    pattern, texts, with_captures
):
    for alternative in alternatives(pattern):
        groups = any(token.op is Op.GROUP for token in alternative.tokens)
        capturing = groups and with_captures
        program = build(alternative, capturing=capturing)
        for text in map(fold, texts):
            answers = []
            for patience in (sys.maxsize, 1):
                marks = [None] * program.groups if capturing else None
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(osregex_scan, "PATIENCE", patience)
                    answers.append((scan(program, text, marks), marks))
            assert answers[0] == answers[1]


class CountedSteps(dict):
    """The steps of a program; counts the turns that a scan takes."""

    turns = 0

    def __getitem__(self, index):
        self.turns += 1
        return super().__getitem__(index)


# What analysisd walks over from thousands of starts or points of return: the pattern, what is
# repeated, and what ends every attempt in vain.
HOSTILE = [
    (rb"](\S+):(\d+)$", b"]=:0", b" "),
    (rb"](\S+):(\d+)$", b"]", b":" * 3000 + b" "),
    (rb"[(\S+)]$", b"[-]", b" "),
    (rb"^(\S+)/(\S+):(\d+)", b":/", b" "),
    (rb"^(\S+)\t(\S+)\t(\S+)\t\d+/(\w+)\t(\.+)\t(\w+)\t(\S+)", b"\ta", b"\n"),
    (rb"\S+,\S+,(\S+),(\S+),(EVENT),\d+,(\S+),\S+,\S+,", b",", b" event,!"),
    (rb"id=\S+:\d+ x", b"id=", b":" * 3000 + b" "),
    (rb"a\w+b\d+c", b"ab", b"b" * 3000 + b" "),
]


@pytest.mark.parametrize("size", [2_000, 20_000])
@pytest.mark.parametrize(("pattern", "unit", "ending"), HOSTILE)
def test_the_turns_of_a_scan_grow_no_faster_than_the_text(pattern, unit, ending, size):
    (alternative,) = parse(pattern.decode("latin-1"))
    program = build(alternative, capturing=b"(" in pattern)
    text = fold((unit * size)[:size] + ending)
    steps = CountedSteps(program.steps)
    assert scan(replace(program, steps=steps), text, [None] * program.groups) is None
    assert steps.turns <= 12 * len(text) + 10_000


@pytest.mark.parametrize("captures", [False, True])
def test_a_scan_that_fails_too_often_is_no_match_and_is_reported(monkeypatch, captures):
    exhausted.patterns.clear()
    monkeypatch.setattr(osregex_scan, "BUDGET_BASE", 5)
    monkeypatch.setattr(osregex_scan, "BUDGET_PER_BYTE", 0)
    text = b"]=:0" * 2000 + b" ]a:1"
    expression = compile_expression(rb"](\S+):(\d+)$", Kind.OSREGEX, captures=captures)
    assert expression.search(text) is None
    assert not expression.matches(text)
    assert exhausted.patterns == [expression.pattern] * 2
    exhausted.patterns.clear()
    monkeypatch.undo()
    assert expression.matches(text)
    assert exhausted.patterns == []


@pytest.mark.parametrize("unit", [b"a", b"1 ", b"a=1 ", b'":', b"\xff", b"x:[", b"(("])
@pytest.mark.parametrize(
    "pattern",
    [
        rb"(\w+): (\.+) from (\S+):(\S+)/(\S+) to (\S+)",
        rb"\S+ \S+ \S+ \S+ \S+ (\d+) ",
        rb"(\d*),(\d*),\S*",
        rb"^\w+\s+\d*\p*x|\.*\.*\.*\.*\.*!",
        rb"\d\d\d\d-\d\d|\w\w\w\s+\d+$",
    ],
)
def test_texts_of_64_kib_are_worked_off_with_at_most_a_few_looks_at_each_byte(pattern, unit):
    looks = 0

    class Counting(str):
        """A text that counts how often a single byte of it is looked at."""

        __slots__ = ()

        def __getitem__(self, key):
            nonlocal looks
            looks += isinstance(key, int)
            return str.__getitem__(self, key)

    text = (unit * 65536)[:65535]
    expression = compile_expression(pattern, Kind.OSREGEX, captures=True)
    expression.search(text, Counting(fold(text)))
    assert looks <= 20 * len(text)
