"""Every detection of the content, proved by its own events."""

import functools

import pytest

from wazuh_pack import render, resources, source
from wazuh_pack.source import ids
from wazuh_pack.verify import cases, drift
from wazuh_pack.verify.lint import lint
from wazuh_pack.verify.rulesets import load_pack

CATALOG, PROBLEMS = source.load(resources.content())
LOCK = ids.read(resources.content() / "ids.lock")


@functools.cache
def ruleset(stock=None):
    lists = {name: path for item in CATALOG.sources for name, path in item.lists}
    return load_pack(resources.tree(), stock=stock, lists=lists)


@pytest.mark.parametrize("detection", CATALOG.detections, ids=lambda item: item.id)
def test_a_detection_does_what_its_cases_say(detection):
    outcomes = list(cases.run(CATALOG, [detection], LOCK.ids(), ruleset()))

    assert [f"{item.case.at}: {item.problem}" for item in outcomes if not item.passed] == []
    assert {item.case.fires for item in outcomes} == {True, False}


@pytest.mark.parametrize("folder", CATALOG.sources, ids=lambda item: item.id)
def test_our_stock_equivalents_and_the_real_ruleset_agree(folder, shared):
    real = ruleset(shared / "wazuh-4.14.7/ruleset")
    own = ruleset()
    differing = []
    for detection in CATALOG.of_source(folder.id):
        for case in detection.cases:
            sent = list(cases.expand(CATALOG, folder.id, case))
            ours, theirs = own.session(), real.session()
            for event in sent:
                left = _ours(ours.process(event.line, location=event.location, time=event.time))
                right = _ours(theirs.process(event.line, location=event.location, time=event.time))
                if left != right:
                    differing.append((str(case.at), left, right))

    assert differing[:3] == []


def _ours(result):
    """What an event became; for rules that are not ours only that they are not."""
    ours = result.rule is not None and 110000 <= result.rule_id <= 119999
    return {
        "decoder": result.decoder,
        "data": result.data,
        "rule": result.rule if ours else "not ours",
        "alert": result.alert if ours else None,
    }


def test_the_content_has_no_problem():
    assert PROBLEMS == ()


def test_the_content_has_no_finding():
    assert [str(item) for item in lint(CATALOG)] == []


def test_committed_files_are_what_the_content_renders_to():
    build = render.build(CATALOG, LOCK)
    lock = resources.content() / "ids.lock"

    assert [str(item) for item in drift.compare(build, resources.tree(), lock)] == []


@pytest.mark.parametrize("kind", ["own equivalents", "real ruleset"])
def test_wazuh_loads_our_files_without_a_warning(kind, request):
    stock = None
    if kind == "real ruleset":
        stock = request.getfixturevalue("shared") / "wazuh-4.14.7/ruleset"
    tree = resources.tree()
    ours = [
        str(item)
        for item in ruleset(stock).diagnostics
        if item.at is not None and item.at.path.is_relative_to(tree)
    ]

    assert ours == []


def test_catalogue_ids_exist(shared):
    text = (shared / "detections/catalog.yaml").read_text(encoding="utf-8")
    known = {line.split(":", 1)[1].strip() for line in text.splitlines() if "id: " in line}
    used = {name for detection in CATALOG.detections for name in detection.catalogue}

    assert used - known == set()


def test_no_rule_answers_an_outcome_of_a_response():
    answering = {item.id for item in CATALOG.of_source("response") if item.response}

    assert answering == set()
