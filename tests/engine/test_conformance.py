"""Everything recorded from a real analysisd, replayed; and that the comparison notices things."""

import json
from collections import defaultdict

import pytest

from wazuh_pack.engine import Mode
from wazuh_pack.verify.conformance import differences, run_suite

AREAS = {
    "load": "loading",
    "pre": "pre-decoding",
    "dec": "decoders",
    "json": "json",
    "rule": "rules",
    "tree": "tree",
    "list": "lists",
    "comp": "correlation",
}


@pytest.fixture
def report(record_property):
    """Return a function that shows an area in the summary and fails on any difference."""

    def check(area, results):
        passed = sum(result.passed for result in results)
        total = sum(result.total for result in results)
        record_property("conformance", (area, passed, total))
        worst = [
            f"{result.name} {failure.index} {failure.field}:"
            f" {failure.expected!r} != {failure.actual!r}"
            for result in results
            for failure in result.failures[:3]
        ]
        assert total > 0
        assert passed == total, "\n".join(worst[:40])

    return check


def suites(shared, prefix):
    return sorted((shared / "conformance/micro").glob(f"{prefix}*-*"))


@pytest.mark.parametrize("prefix", sorted(AREAS))
def test_micro_suites_give_what_logtest_gave(shared, report, prefix):
    report(AREAS[prefix], [run_suite(path) for path in suites(shared, prefix)])


def test_micro_suites_give_what_the_daemon_gave(shared, report):
    report("daemon", [run_suite(path, mode=Mode.DAEMON) for path in suites(shared, "")])


def test_random_events_over_random_rules_give_what_logtest_gave(shared, report):
    folders = sorted((shared / "conformance/fuzz_events").glob("synth*"))
    report("random synthetic", [run_suite(path) for path in folders])


def test_random_events_over_the_stock_rules_give_what_logtest_gave(shared, report):
    stock = shared / "wazuh-4.14.7/ruleset"
    report("random stock", [run_suite(shared / "conformance/fuzz_events/stock", stock=stock)])


def test_stock_logs_give_what_logtest_gave(shared, report):
    report("stock tests", [run_suite(shared / "wazuh-4.14.7/stock_vectors.ndjson")])


def test_stock_logs_with_testing_rules_give_what_logtest_gave(shared, report):
    vectors = shared / "wazuh-4.14.7/runtests_vectors.ndjson"
    report("stock and testing rules", [run_suite(vectors)])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rule", "id"), "9"),
        (("rule", "level"), 4),
        (("rule", "groups"), ["b"]),
        (("rule", "mail"), 0),
        (("data", "srcip"), "10.0.0.2"),
        (("alert",), False),
        (("extra",), 1),
        (("decoder",), None),
    ],
)
def test_the_comparison_notices_a_changed_field(path, value):
    expected = {
        "decoder": "d",
        "data": {"srcip": "10.0.0.1"},
        "rule": {"id": "7", "level": 3, "groups": ["a"], "mail": False},
        "alert": True,
    }
    actual = json.loads(json.dumps(expected))
    target = actual
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    assert [found[0] for found in differences(expected, actual)] == [".".join(path)]


def test_the_comparison_takes_equal_numbers_for_equal():
    assert not list(differences({"a": [1, 2.5]}, {"a": [1.0, 2.5]}))


@pytest.fixture
def tiny_suite(tmp_path):
    """Return a function that writes a suite of one rule and two events."""

    def write(**changes):
        (tmp_path / "rules.xml").write_text(
            '<group name="base,"><rule id="1" level="0" noalert="1"><category>syslog</category>'
            '<description>r</description></rule></group><group name="g,"><rule id="100" level="3">'
            "<match>hello</match><description>d</description></rule></group>",
            encoding="utf-8",
        )
        (tmp_path / "decoders.xml").write_text(
            '<decoder name="p"><program_name>x</program_name></decoder>'
            '<decoder name="n"><prematch>^</prematch></decoder>',
            encoding="utf-8",
        )
        expected = {
            "decoder": "n",
            "parent": None,
            "predecoder": {},
            "data": {},
            "rule": {
                "level": 3,
                "description": "d",
                "id": "100",
                "firedtimes": 1,
                "mail": False,
                "groups": ["g"],
            },
            "alert": True,
            "location": "stdin",
            "full_log": "hello",
        }
        second = {**expected, "rule": {**expected["rule"], "firedtimes": 2}, **changes}
        events = [{"event": "hello", "session": "s"}] * 2
        for name, rows in (("events", events), ("expected", [expected, second])):
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (tmp_path / f"{name}.ndjson").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_a_suite_that_agrees_passes(tiny_suite):
    result = run_suite(tiny_suite())
    assert (result.passed, result.failed, result.failures) == (2, 0, [])


def test_a_suite_that_differs_names_event_and_field(tiny_suite):
    result = run_suite(tiny_suite(alert=False))
    assert (result.passed, result.failed) == (1, 1)
    (failure,) = result.failures
    assert (failure.index, failure.field) == (1, "alert")
    assert (failure.expected, failure.actual) == (False, True)


def test_a_missing_event_fails(tiny_suite):
    suite = tiny_suite()
    text = (suite / "events.ndjson").read_text(encoding="utf-8")
    (suite / "events.ndjson").write_text(text.splitlines()[0], encoding="utf-8")
    result = run_suite(suite)
    assert (result.passed, result.failed) == (1, 1)
    assert [(failure.index, failure.field) for failure in result.failures] == [(1, "event")]


def test_areas_cover_all_suites(shared):
    found = defaultdict(int)
    for path in (shared / "conformance/micro").iterdir():
        found[path.name.partition("-")[0]] += 1
    assert set(found) == set(AREAS)
