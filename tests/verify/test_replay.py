"""What a replay compares: the engine's answers, in the vectors' own terms, field by field.

The suites here expect nothing, so that all that the engine says comes out as a difference.
"""

import json
from collections import defaultdict

import pytest

from wazuh_pack.engine import Mode
from wazuh_pack.verify.conformance import (
    Failure,
    differences,
    run_byte_classes,
    run_expressions,
    run_suite,
)

ABSENT = "<absent>"
ROOT = (
    '<group name="base,"><rule id="1" level="0" noalert="1"><category>syslog</category>'
    "<description>r</description></rule></group>"
)
DECODERS = (
    '<decoder name="p"><program_name>^p$</program_name></decoder>'
    '<decoder name="n"><prematch>^</prematch></decoder>'
)


def rule(rule_id, inside, level=3, attributes=""):
    return (
        f'<rule id="{rule_id}" level="{level}"{attributes}>{inside}'
        "<description>d</description></rule>"
    )


def ruleset(folder, *rules):
    """Write a ruleset of some rules as a suite has it."""
    text = f'{ROOT}<group name="g,">{"".join(rules)}</group>'
    (folder / "rules.xml").write_text(text, encoding="utf-8")
    (folder / "decoders.xml").write_text(DECODERS, encoding="utf-8")


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def suite(tmp_path):
    """Return a function that writes a suite of events, each with an empty answer."""

    def write(rules, events, answers=None):
        ruleset(tmp_path, *rules)
        rows = [event if isinstance(event, dict) else {"event": event} for event in events]
        write_lines(tmp_path / "events.ndjson", rows)
        for name in ("expected", "expected_daemon"):
            write_lines(tmp_path / f"{name}.ndjson", [{}] * (answers or len(rows)))
        return tmp_path

    return write


def said(result):
    """Return by event what was found where nothing was expected."""
    found = defaultdict(dict)
    for failure in result.failures:
        assert failure.expected == ABSENT
        found[failure.index][failure.field] = failure.actual
    return [found[index] for index in range(len(found))]


def rule_ids(result):
    return [answer["rule"]["id"] if answer.get("rule") else None for answer in said(result)]


@pytest.mark.parametrize(
    ("expected", "actual", "found"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 1}}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", 1, 2)]),
        ({"a": {"b": 1}}, {"a": {}}, [("a.b", 1, ABSENT)]),
        ({"a": {}}, {"a": {"b": 1}}, [("a.b", ABSENT, 1)]),
        ({"a": {}}, {}, [("a", {}, ABSENT)]),
        ({}, {"a": None}, [("a", ABSENT, None)]),
        ({"a": None}, {"a": {}}, [("a", None, {})]),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, [("a", ["x", "y"], ["y", "x"])]),
        ({"a": ["x"]}, {"a": ["x", "y"]}, [("a", ["x"], ["x", "y"])]),
        ({"a": ["x", "y"]}, {"a": ["x"]}, [("a", ["x", "y"], ["x"])]),
        ({"a": []}, {"a": {}}, [("a", [], {})]),
        ({"a": ""}, {"a": []}, [("a", "", [])]),
        ({"a": 1}, {"a": "1"}, [("a", 1, "1")]),
        ({"a": 1, "b": 1}, {"a": True, "b": 2}, [("a", 1, True), ("b", 1, 2)]),
        ({"a": [1, True]}, {"a": [1.0, True]}, []),
        ({"a": [True]}, {"a": [1]}, [("a", [True], [1])]),
        ({"a": [0]}, {"a": [False]}, [("a", [0], [False])]),
        ({"a": [[{"b": 1}]]}, {"a": [[{"b": True}]]}, [("a", [[{"b": 1}]], [[{"b": True}]])]),
        ({"a": [{"b": 1}]}, {"a": [{"c": 1}]}, [("a", [{"b": 1}], [{"c": 1}])]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 1}]}, [("a", [{"b": 1}], [{"b": 1, "c": 1}])]),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"c": 2, "b": 1}]}, []),
        ({"a": [[]]}, {"a": [{}]}, [("a", [[]], [{}])]),
        (7, 8, [("", 7, 8)]),
    ],
)
def test_whatever_differs_is_named_with_its_path(expected, actual, found):
    assert list(differences(expected, actual)) == found


def test_paths_continue_the_one_that_is_given():
    assert list(differences({"a": 1}, {"a": 2}, "events.0")) == [("events.0.a", 1, 2)]


def test_arrays_are_compared_however_deep():
    texts = ["[" * 900 + inside + "]" * 900 for inside in ("1", "1", "true")]
    one, same, other = map(json.loads, texts)
    assert list(differences({"a": one}, {"a": same})) == []
    assert [path for path, *_ in differences({"a": one}, {"a": other})] == ["a"]


LOGIN = rule(100, "<match>login</match>")


def test_events_without_answers_and_answers_without_events_fail_by_their_number(suite):
    folder = suite([LOGIN], ["login", "login"])
    for name, count in (("expected", 1), ("expected_daemon", 4)):
        text = (folder / "expected.ndjson").read_text(encoding="utf-8").splitlines()[0] + "\n"
        (folder / f"{name}.ndjson").write_text(text * count, encoding="utf-8")
    surplus = run_suite(folder)
    (failure,) = [found for found in surplus.failures if found.index == 1]
    assert (failure.field, failure.expected) == ("event", ABSENT)
    assert failure.actual["full_log"] == "login"
    assert (surplus.passed, surplus.failed) == (0, 2)
    missing = run_suite(folder, mode=Mode.DAEMON)
    assert [found for found in missing.failures if found.index > 1] == [
        Failure(2, "event", {}, ABSENT),
        Failure(3, "event", {}, ABSENT),
    ]
    assert (missing.passed, missing.failed) == (0, 4)


def test_a_refused_ruleset_is_named_for_every_event(suite):
    result = run_suite(suite(["<bad"], ["login", "login"]))
    assert result.failures == [
        Failure(0, "loading", "events", "refused"),
        Failure(1, "loading", "events", "refused"),
    ]


def test_each_mode_is_asked_for_its_own_answers(suite):
    folder = suite([rule(100, "<match>login</match>", level=0)], ["login"])
    assert rule_ids(run_suite(folder)) == ["100"]
    assert rule_ids(run_suite(folder, mode=Mode.DAEMON)) == [None]


@pytest.mark.parametrize(
    ("sleeps", "ids"),
    [
        ([0, 20, 20], ["100", "100", "200"]),
        ([0, 40, 40], ["100", "100", "100"]),
        ([60, 0, 60], ["100", "100", "200"]),
        ([60, 1, 60], ["100", "100", "100"]),
    ],
)
def test_the_clock_goes_on_by_what_the_events_wait(suite, sleeps, ids):
    attributes = ' frequency="3" timeframe="60"'
    matched = "<if_matched_sid>100</if_matched_sid>"
    composite = rule(200, matched, level=10, attributes=attributes)
    events = [{"event": "login", "sleep": sleep} for sleep in sleeps]
    assert rule_ids(run_suite(suite([LOGIN, composite], events))) == ids


def test_sessions_are_apart_but_for_what_check_diff_keeps(suite):
    changed = rule(101, "<if_sid>100</if_sid><check_diff/>")
    events = [{"event": f"login {word}", "session": word} for word in "aab"]
    result = run_suite(suite([LOGIN, changed], events))
    assert [(found["rule"]["id"], found["rule"]["firedtimes"]) for found in said(result)] == [
        ("100", 1),
        ("100", 2),
        ("101", 1),
    ]


def test_host_and_place_of_an_event_are_those_of_the_recording(suite):
    by_host = rule(101, '<hostname type="pcre2">^.manager.$</hostname>', level=5)
    by_place = rule(102, "<location>^/var/log/x$</location>", level=6)
    folder = suite([by_host, by_place], ["x", {"event": "x", "location": "/var/log/x"}])
    result = run_suite(folder)
    assert rule_ids(result) == ["101", "102"]
    assert [found["location"] for found in said(result)] == ["stdin", "/var/log/x"]


def loading(folder):
    """Return what loading a suite logs, in the terms of ``load.json``."""
    (folder / "load.json").write_text("{}", encoding="utf-8")
    found = [failure for failure in run_suite(folder).failures if failure.index == -1]
    assert {failure.field for failure in found} == {"exit", "messages"}
    return {failure.field: failure.actual for failure in found}


def message(level, code, *args):
    return {"level": level, "code": code, "args": list(args)}


CRITICAL = message("CRITICAL", 1220, "etc/rules/rules.xml")


@pytest.mark.parametrize(
    ("rules", "messages"),
    [
        ([LOGIN], []),
        ([LOGIN, LOGIN], [message("WARNING", 7612, "100")]),
        (
            [rule(100, "<match>x</match>", attributes=' noalert="no"')],
            [message("WARNING", None, "noalert")],
        ),
        (
            [rule(100, '<match type="glob">x</match>')],
            [message("WARNING", 7600, "glob", "type")],
        ),
    ],
)
def test_warnings_of_loading_have_level_number_and_names(tmp_path, rules, messages):
    ruleset(tmp_path, *rules)
    assert loading(tmp_path) == {"exit": 0, "messages": messages}


@pytest.mark.parametrize(
    ("rules", "messages"),
    [
        (
            ["\n\n<rule id='1'"],
            [message("ERROR", 1226, "etc/rules/rules.xml", "id", "1", "3"), CRITICAL],
        ),
        (
            [LOGIN, LOGIN, rule(101, "<regex>(</regex>")],
            [message("WARNING", 7612, "100"), message("ERROR", 5107, "regex", "101"), CRITICAL],
        ),
    ],
)
def test_the_last_message_of_a_refused_ruleset_is_critical(tmp_path, rules, messages):
    ruleset(tmp_path, *rules)
    assert loading(tmp_path) == {"exit": 1, "messages": messages}


def test_a_file_elsewhere_is_named_in_full(tmp_path):
    ruleset(tmp_path, LOGIN)
    elsewhere = tmp_path / "broken.xml"
    elsewhere.write_text("<group", encoding="utf-8")
    (tmp_path / "ruleset.xml").write_text(
        "<ruleset><decoder_dir>etc/decoders</decoder_dir>"
        f"<rule_include>{elsewhere}</rule_include></ruleset>",
        encoding="utf-8",
    )
    assert [found["args"][0] for found in loading(tmp_path)["messages"]] == [str(elsewhere)] * 2


def folder_of_rules(folder, **files):
    (folder / "rules").mkdir()
    for name, rules in files.items():
        text = f'<group name="g,">{"".join(rules)}</group>'
        (folder / f"rules/{name}.xml").write_text(text, encoding="utf-8")
    (folder / "rules/0.xml").write_text(ROOT, encoding="utf-8")
    (folder / "decoders.xml").write_text(DECODERS, encoding="utf-8")


def numbered(first, count):
    """Return rules that each log one warning, which names the rule."""
    return [
        rule(first + number, f"<if_group>none{first + number}</if_group>")
        for number in range(count)
    ]


@pytest.mark.parametrize("surplus", [0, 1, 3])
def test_of_each_file_the_last_50_messages_are_kept(tmp_path, surplus):
    folder_of_rules(tmp_path, a=numbered(1000, 50 + surplus), b=numbered(2000, 2))
    names = [found["args"][-1] for found in loading(tmp_path)["messages"]]
    first = [str(number) for number in range(1000 + surplus, 1050 + surplus)]
    assert names == [*first, "2000", "2001"]


def test_what_is_printed_at_once_is_none_of_the_50(tmp_path):
    bad_time = rule(3000, "<time>- 5</time>")
    folder_of_rules(tmp_path, a=[*numbered(1000, 25), bad_time, *numbered(1025, 26)])
    found = loading(tmp_path)["messages"]
    assert found[0] == message("ERROR", 1240, "- 5")
    assert [each["args"][-1] for each in found[1:]] == [str(n) for n in range(1001, 1051)]


@pytest.fixture
def stock(tmp_path):
    """Return a function that writes a file of vectors, and a stock ruleset beside it."""

    def write(vectors, *rules, name="stock_vectors.ndjson"):
        folder = tmp_path / "ruleset"
        (folder / "lists").mkdir(parents=True)
        for kind, text in (
            ("rules", f'{ROOT}<group name="g,">{"".join(rules)}</group>'),
            ("decoders", DECODERS),
        ):
            (folder / kind).mkdir()
            (folder / kind / "0010-all.xml").write_text(text, encoding="utf-8")
        write_lines(tmp_path / name, vectors)
        return tmp_path / name

    return write


def vector(log, actual=None, location="stdin"):
    return {"log": log, "location": location, "actual": actual or {}}


def test_a_vector_has_the_answer_and_the_rule_in_short(stock):
    path = stock([vector("login"), vector("other")], LOGIN)
    first, second = said(run_suite(path))
    assert (first["rule_id"], first["level"], first["groups"]) == ("100", 3, ["g"])
    assert first["rule"]["description"] == "d"
    assert (first["full_log"], first["decoder"], first["alert"]) == ("login", "n", True)
    assert "previous_output" not in first
    nothing = [second[key] for key in ("rule", "rule_id", "level", "groups", "data")]
    assert nothing == [None] * 5


def test_vectors_are_sessions_apart_at_the_manager(stock):
    by_host = rule(101, '<hostname type="pcre2">^.manager.$</hostname>', level=5)
    by_place = rule(102, "<location>^/var/log/x$</location>", level=6)
    path = stock([vector("x"), vector("x", location="/var/log/x"), vector("x")], by_host, by_place)
    found = said(run_suite(path))
    assert [each["rule_id"] for each in found] == ["101", "102", "101"]
    assert [each["rule"]["firedtimes"] for each in found] == [1, 1, 1]


def test_the_events_of_a_vector_follow_each_other_within_a_second(stock):
    matched = "<if_matched_sid>100</if_matched_sid>"
    often = rule(200, matched, level=10, attributes=' frequency="3" timeframe="1"')
    steps = [{"log": f"login {number}", "actual": {}} for number in range(3)]
    path = stock([{"location": "stdin", "events": steps}], LOGIN, often)
    result = run_suite(path)
    assert (result.passed, result.failed) == (0, 1)
    (found,) = said(result)
    ids = [found[f"events.{number}.rule_id"] for number in range(3)]
    assert ids == ["100", "100", "200"]
    assert found["events.2.previous_output"] == "login 1\nlogin 0"


def test_the_only_event_of_a_vector_has_no_number(stock):
    step = {"log": "login", "actual": {}}
    (found,) = said(run_suite(stock([{"location": "stdin", "events": [step]}], LOGIN)))
    assert found["rule_id"] == "100"


MORE = f'<group name="more,">{rule(300, "<if_sid>100</if_sid>", level=5)}</group>'


def add_testing_rules(folder):
    (folder / "testing-ruleset").mkdir(parents=True)
    (folder / "testing-ruleset/more_rules.xml").write_text(MORE, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "rule_id"), [("stock_vectors.ndjson", "100"), ("runtests_vectors.ndjson", "300")]
)
def test_testing_rules_are_for_runtests_alone(stock, tmp_path, name, rule_id):
    path = stock([vector("login")], LOGIN, name=name)
    add_testing_rules(tmp_path)
    assert said(run_suite(path))[0]["rule_id"] == rule_id


@pytest.mark.parametrize("beside", ["ruleset", "vectors", "both"])
def test_testing_rules_beside_the_stock_ruleset_come_first(stock, tmp_path, beside):
    path = stock([vector("login")], LOGIN, name="runtests_vectors.ndjson")
    (tmp_path / "elsewhere").mkdir()
    moved = path.rename(tmp_path / "elsewhere" / path.name)
    if beside in {"ruleset", "both"}:
        add_testing_rules(tmp_path)
    if beside in {"vectors", "both"}:
        add_testing_rules(moved.parent)
        other = moved.parent / "testing-ruleset/more_rules.xml"
        other.write_text(MORE.replace("300", "301"), encoding="utf-8")
    found = said(run_suite(moved, stock=tmp_path / "ruleset"))
    assert found[0]["rule_id"] == ("301" if beside == "vectors" else "300")


def test_expressions_differ_by_number_and_field(tmp_path):
    path = tmp_path / "some.ndjson"
    rows = [
        {"pattern": "a", "string": "a", "match": True},
        {"pattern": "^b", "string": "ab", "match": True},
    ]
    write_lines(path, rows)
    assert run_expressions(path).failures == [Failure(1, "match", True, False)]


def test_the_language_of_expressions_can_be_told_from_the_vectors(tmp_path):
    path = tmp_path / "some.ndjson"
    question = {"pattern": "^[0-9]", "string": "12"}
    write_lines(path, [{**question, "match": True, "end": 0, "captures": []}])
    assert run_expressions(path).failures == []
    no_match = {"match": False, "end": None, "captures": []}
    write_lines(path, [{**question, **no_match, "match_nosub": False, "end_nosub": None}])
    assert run_expressions(path).failures == []


def test_byte_classes_differ_by_number_and_byte(tmp_path):
    path = tmp_path / "byte_classes.json"
    digits = list(b"0123456789")
    tables = {
        "classes": {r"\d": digits, r"\s": [9], r"\t": [9]},
        "literals_matching_other_bytes": {
            "osregex": [[65, [65, 97]], [98, [98]]],
            "osmatch": [[66, [66, 98]]],
            "pcre2": [[97, [65, 97]]],
        },
    }
    path.write_text(json.dumps(tables), encoding="utf-8")
    result = run_byte_classes(path)
    assert result.failures == [
        Failure(1, r"\s", [9], [32]),
        Failure(4, "osregex 98", [98], [66, 98]),
        Failure(6, "pcre2 97", [65, 97], [97]),
    ]
    assert (result.passed, result.failed) == (4, 3)


def test_byte_classes_may_be_of_one_kind_or_none(tmp_path):
    path = tmp_path / "byte_classes.json"
    path.write_text("{}", encoding="utf-8")
    assert run_byte_classes(path).total == 0
