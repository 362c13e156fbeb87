"""Running cases: what counts as firing, and what a case's failure says."""

import pytest

from wazuh_pack import render, resources, source
from wazuh_pack.errors import PackError
from wazuh_pack.model import Step
from wazuh_pack.source import ids
from wazuh_pack.verify import cases, drift
from wazuh_pack.verify.lint import lint
from wazuh_pack.verify.rulesets import load_pack


@pytest.fixture
def outcomes(content, tmp_path):
    """Render the folder and run its cases; return problem by (detection, fires)."""

    def run():
        catalog, found = source.load(content.root)
        assert found == ()
        build = render.build(catalog, ids.Lock())
        drift.write(build, tmp_path / "tree", tmp_path / "ids.lock")
        ruleset = load_pack(tmp_path / "tree", stock=resources.stock(), lists={})
        assert [str(item) for item in ruleset.diagnostics] == []
        return {
            (item.detection.id, item.case.fires): item.problem
            for item in cases.run(catalog, catalog.detections, build.rule_ids(), ruleset)
        }

    return run


def test_a_good_detection_passes(content, outcomes):
    content.detection("one")

    assert outcomes() == {("one", True): "", ("one", False): ""}


def test_a_case_that_does_not_fire_says_what_happened(content, outcomes):
    content.detection("one", event="{kind: event, action: other}")

    assert outcomes()["one", True].startswith("did not fire; the last event gave ")


def test_a_near_miss_that_fires_is_a_failure(content, outcomes):
    content.detection("one", near="{kind: event, action: a, more: true}")

    assert outcomes()["one", False] == "fired at event 1, but must not"


def test_a_skeleton_fails_until_it_is_filled_in(content, outcomes):
    from wazuh_pack.cli import main  # noqa: PLC0415 - only here

    content.detection("one")
    assert main(["new", "src", "two", "--content", str(content.root)]) == 0

    assert outcomes()["two", True].startswith("did not fire")


COUNT = """\
id: many
title: Many
message: many
why: It matters.
severity: high
count: {{of: base, at_least: 3, within: 1m, group_by: [src.ip]}}
attack: [T1195]
cicd_sec: [1]
references: [https://example.org/]
tests:
  fires:
    - name: fires
      from: made up
      events:
        - event: {{kind: event, action: a, ip: 192.0.2.1}}
          repeat: {repeat}
          every: {every}
  quiet:
    - {{name: quiet, from: made up, event: {{kind: event, action: a, ip: 192.0.2.1}}}}
"""


@pytest.mark.parametrize(
    ("repeat", "every", "problem"),
    [
        (3, "10s", ""),
        (2, "10s", "did not fire; the last event gave rule "),
        (3, "40s", "did not fire; the last event gave rule "),
        (6, "1s", "fired at event 3 of 6, not at the last only"),
    ],
)
def test_a_count_fires_at_its_last_event_on_the_cases_own_clock(
    content, outcomes, repeat, every, problem
):
    content.detection("base", "match: {src.action: a}")
    content.write("src/many.yml", COUNT.format(repeat=repeat, every=every))
    found = outcomes()["many", True]

    assert found.startswith(problem)
    assert bool(found) is bool(problem)


def test_vary_gives_each_repetition_its_value(content):
    content.detection("one")
    catalog, _ = source.load(content.root)
    step = Step(event={"a": {"b": 0}, "c.d": 0}, repeat=3, vary=(("a.b", (1, 2)), ("c.d", (9,))))
    raw = [item.event for _, item in cases.expand_steps(catalog, "src", [step], 0.0)]

    assert raw == [{"a": {"b": 1}, "c.d": 9}, {"a": {"b": 2}, "c.d": 9}, {"a": {"b": 1}, "c.d": 9}]


def test_vary_of_a_path_that_is_not_there_is_an_error(content):
    content.detection("one")
    catalog, _ = source.load(content.root)
    step = Step(event={"a": 1}, vary=(("b", (1,)),))

    with pytest.raises(PackError, match="the event has no 'b'"):
        list(cases.expand_steps(catalog, "src", [step], 0.0))


def test_lint_knows_attacks_techniques(content):
    content.detection("one")
    text = (content.root / "src/one.yml").read_text()
    content.write("src/one.yml", text.replace("T1195", "T9999"))
    catalog, _ = source.load(content.root)

    assert [item.code for item in lint(catalog)] == ["WP201"]


def test_a_thousand_detections_render_and_prove_themselves(tmp_path):
    """The content will grow to 600; `make bench` measures the time."""
    from content_folder import Content  # noqa: PLC0415 - a helper of the tests

    folder = tmp_path / "content"
    folder.mkdir()
    content = Content(folder)
    for number in range(10):
        name = f"src{number}"
        first = 110000 + number * 200
        content.source(name, order=number, block=f"{first}-{first + 199}", kind=f"event{number}")
        for index in range(100):
            content.detection(
                f"d{number}-{index}",
                f"match: {{src.action: a{index}}}",
                source=name,
                event=f"{{kind: event{number}, action: a{index}, actor: octo}}",
                near=f"{{kind: event{number}, action: a{index}x, actor: octo}}",
            )
    catalog, found = source.load(folder)
    assert found == ()
    build = render.build(catalog, ids.Lock())
    drift.write(build, tmp_path / "tree", tmp_path / "ids.lock")
    ruleset = load_pack(tmp_path / "tree", lists={})
    results = list(cases.run(catalog, catalog.detections, build.rule_ids(), ruleset))

    assert len(results) == 2000
    assert [item.problem for item in results if item.problem] == []
