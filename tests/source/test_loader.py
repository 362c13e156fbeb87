"""Loading content: what is read, and how problems are reported."""

import pytest

from wazuh_pack import resources, source
from wazuh_pack.limits import Level
from wazuh_pack.model import Condition, Count, Operator, Sequence


def problems(content):
    return [
        (item.at.path.name, item.at.line, item.at.column, item.message)
        for item in source.load(content.root)[1]
    ]


def detection(content, what):
    content.detection("one", what)
    catalog, found = source.load(content.root)

    assert found == ()
    return catalog.detection("one")


def test_the_committed_content_has_no_problem():
    catalog, found = source.load(resources.content())

    assert found == ()
    assert len(catalog.detections) >= 1


def test_a_condition_carries_its_field_operator_and_values(content):
    matcher = detection(content, "match: {'src.name|startswith|i': [a, b]}").matcher

    assert matcher.all == (
        Condition("src.name", Operator.STARTSWITH, ("a", "b"), ignore_case=True),
    )


def test_scalars_follow_yaml_1_2(content):
    matcher = detection(
        content, "match: {src.a: no, src.b: 0123, src.c: 12:30, src.d: true}"
    ).matcher

    assert [condition.values for condition in matcher.all] == [
        ("no",),
        ("0123",),
        ("12:30",),
        ("true",),
    ]


def test_not_negates_and_any_gives_alternatives(content):
    matcher = detection(
        content,
        """
        match:
          src.a: x
          not: {src.b: y}
          any:
            - {src.c: z}
            - {not: {src.d: w}}
        """,
    ).matcher

    assert matcher.alternatives() == (
        (
            Condition("src.a", Operator.EQUALS, ("x",)),
            Condition("src.b", Operator.EQUALS, ("y",), negated=True),
            Condition("src.c", Operator.EQUALS, ("z",)),
        ),
        (
            Condition("src.a", Operator.EQUALS, ("x",)),
            Condition("src.b", Operator.EQUALS, ("y",), negated=True),
            Condition("src.d", Operator.EQUALS, ("w",), negated=True),
        ),
    )


def test_a_count_and_a_sequence_are_read(content):
    content.detection("base")
    content.detection("many", "count: {of: base, at_least: 5, within: 5m, group_by: [src.ip]}")
    content.detection("then", "sequence: {first: many, then: base, within: 1h}")
    catalog, found = source.load(content.root)

    assert found == ()
    assert catalog.detection("many").correlation == Count(
        of=("base",), count=5, within=300, group_by=("src.ip",)
    )
    assert catalog.detection("then").correlation == Sequence(
        first=("many",), then=("base",), within=3600
    )


def test_severity_becomes_a_level(content):
    assert detection(content, "match: {src.a: b}").severity is Level.HIGH


@pytest.mark.parametrize(
    ("what", "line", "column", "message"),
    [
        ("match: {src.a|like: x}", 6, 9, "unknown modifier 'like'"),
        ("match: {srcuser: x}", 6, 9, "Wazuh tests both user fields together"),
        (
            "match: {srcip: 1.2.3.4, 'src.a|cidr': 10.0.0.0/8}",
            6,
            25,
            "src.a is no address field of Wazuh",
        ),
        ("match: {src.a|exists: false}", 6, 23, "Wazuh cannot ask for an absent field"),
        ("match: {src.a: x, src.a: y}", 6, 19, "the key 'src.a' stands here twice"),
        ("match: [x]", 6, 8, "expected a mapping"),
        (
            "count: {of: one, at_least: 1, within: 5m}",
            6,
            28,
            "expected a whole number from 2 to 9999",
        ),
        ("count: {of: one, at_least: 2, within: 5}", 6, 39, "expected a duration"),
        ("count: {of: one, within: 5m}", 6, 8, "missing: at_least"),
        ("mtach: {src.a: x}", 6, 1, "unknown key 'mtach'"),
        ("match: {src.a: ''}", 6, 16, "an empty value matches nothing useful"),
        (
            "match: {src.a: x}\nresponse: {action: block, field: srcip, timeout: 1h}",
            7,
            20,
            "'block' is not known here",
        ),
        (
            "match: {src.a: x}\nresponse: {action: block-ip, field: srcip, revoke: x.y}",
            7,
            52,
            "block-ip knows no 'revoke'",
        ),
        (
            "match: {src.a: x}\nresponse: {action: block-ip, field: srcip}",
            7,
            11,
            "how long to block is missing",
        ),
        (
            "match: {src.a: x}\nresponse: {action: revoke-token, field: a b}",
            7,
            41,
            "'a b' is not a field such as github.repo",
        ),
        (
            "match: {src.a: x}\nresponse: {action: revoke-token, field: a, revoke: [github]}",
            7,
            53,
            "'github' is not provider.action such as github.runner",
        ),
        (
            "match: {src.a: x}\nresponse: {action: revoke-token, field: a, pick: '(a)(b)'}",
            7,
            50,
            "the pattern needs one group, and no < > &",
        ),
        (
            "match: {src.a: x}\nresponse: {action: revoke-token, field: a, pick: '('}",
            7,
            50,
            "not a pattern: missing ), unterminated subpattern at position 0",
        ),
    ],
)
def test_a_problem_names_line_and_column(content, what, line, column, message):
    content.detection("one", what)

    assert ("one.yml", line, column, message) in problems(content)


@pytest.mark.parametrize("where", ["the source", "the detection"])
def test_an_alert_about_a_response_cannot_start_one(content, where):
    what = "match: {src.a: x}\nresponse: {action: block-ip, field: srcip, timeout: 1h}"
    if where == "the source":
        text = (content.root / "src/source.yml").read_text()
        content.write("src/source.yml", f"{text}groups: [active_response]\n")
    else:
        what = f"groups: [active_response]\n{what}"
    content.detection("one", what)

    assert [message for *_, message in problems(content)] == [
        "alerts about a response never start one"
    ]


def test_what_revokes_is_for_high_and_critical_detections(content):
    path = content.root / "src/one.yml"
    content.detection("one", "match: {src.a: x}\nresponse: {action: revoke-token, field: src.a}")
    assert problems(content) == []
    path.write_text(path.read_text().replace("severity: high", "severity: medium"))

    assert problems(content) == [
        ("one.yml", 7, 11, "what revokes is for high and critical detections")
    ]


def test_all_problems_are_reported_at_once(content):
    content.detection("one", "match: {src.a|like: x}")
    content.detection("two", "match: {src.a|like: x}\nseverty: low")

    assert [(name, line) for name, line, _, _ in problems(content)] == [
        ("one.yml", 6),
        ("two.yml", 6),
        ("two.yml", 7),
    ]


def test_broken_yaml_is_a_problem_of_its_file_only(content):
    content.detection("one")
    content.write("src/two.yml", "id: two\n  title: [")
    catalog, found = source.load(content.root)

    assert [item.id for item in catalog.detections] == ["one"]
    assert [(item.code, item.at.path.name) for item in found] == [("WP100", "two.yml")]


def test_a_file_that_is_not_utf_8_is_a_problem(content):
    (content.root / "src/two.yml").write_bytes(b"id: \xff\n")

    assert problems(content) == [("two.yml", 0, 0, "not UTF-8 text")]


def test_an_unknown_reference_is_a_problem(content):
    content.detection("one", "refines: [nobody]\nmatch: {src.a: x}")

    assert problems(content)[0][3] == "no detection 'nobody'"


def test_a_circle_of_detections_is_a_problem(content):
    content.detection("one", "refines: [two]\nmatch: {src.a: x}")
    content.detection("two", "refines: [one]\nmatch: {src.a: x}")

    assert problems(content)[0][3] == (
        "detections stand after one another in a circle: one -> two -> one"
    )


@pytest.mark.parametrize("order", ["before: [two]", "before: [one, two]"])
def test_an_order_that_contradicts_itself_is_a_problem(content, order):
    content.detection("one", f"{order}\nmatch: {{src.a: x}}")
    content.detection("two", "before: [one]\nmatch: {src.a: y}")

    assert problems(content)[0][3] in {
        "detections stand after one another in a circle: one -> two -> one",
        "'one' is not tried beside this one, so no order can be given to them",
    }


@pytest.mark.parametrize(
    "other", ["refines: [5716]\nmatch: {src.a: y}", "count: {of: one, at_least: 3, within: 5m}"]
)
def test_only_detections_of_the_same_parents_have_an_order(content, other):
    content.detection("one", "before: [two]\nmatch: {src.a: x}")
    content.detection("two", other)

    assert problems(content)[0][3] == (
        "'two' is not tried beside this one, so no order can be given to them"
    )


def test_an_order_names_detections(content):
    content.detection("one", "before: [nobody]\nmatch: {src.a: x}")

    assert problems(content)[0][3] == "no detection 'nobody'"


def test_overlapping_blocks_of_ids_are_a_problem(content):
    content.source("other", order=2, block="110050-110150")
    content.detection("one")

    assert problems(content)[0][3] == "rule_ids overlap those of src (110000-110099)"


def test_a_detection_needs_an_event_that_fires_and_one_that_does_not(content):
    content.detection("one")
    text = (content.root / "src/one.yml").read_text()
    content.write("src/one.yml", text[: text.index("  quiet:")] + "  quiet: []\n")

    assert problems(content)[0][3] == "no case under 'quiet'"
