"""Choices: what they bring with them, and how they are remembered."""

from dataclasses import replace

import pytest

from wazuh_pack import resources
from wazuh_pack import source as content_source
from wazuh_pack.errors import UsageError
from wazuh_pack.install.choices import (
    Choices,
    check,
    check_value,
    narrowed,
    read_choices,
    remembered,
    with_dependencies,
)
from wazuh_pack.install.renumber import check_base, free_base, renumber
from wazuh_pack.source import ids
from wazuh_pack.source.scripts import response_scripts, wodle_scripts


@pytest.fixture
def load(content):
    def read():
        catalog, problems = content_source.load(content.root)
        assert not problems
        return catalog

    return read


@pytest.fixture
def chain(content, load):
    """Three sources; ``a`` counts what ``b`` finds, ``c`` stands alone."""
    for number, name in enumerate("abc", start=2):
        content.source(name, order=number, block=f"110{number}00-110{number}99", kind=name)
    content.detection("b-one", source="b", event="{kind: b, action: a}", near="{kind: b}")
    content.detection("c-one", source="c", event="{kind: c, action: a}", near="{kind: c}")
    count = "count: {of: b-one, at_least: 3, within: 1m}"
    content.detection("a-many", count, source="a")
    return load()


@pytest.mark.parametrize(
    "choices",
    [
        Choices(),
        Choices(sources=("b", "a"), responses=(), wodles=("t",), id_base=130000),
        Choices(collect={"a": {"path": "/x.log", "n.m": "1"}, "b": {}}),
        Choices(sources=(), responses=("block-ip",)),
        Choices(integrations=("revoke-token",)),
    ],
)
def test_what_is_remembered_is_what_was_chosen(choices):
    found = remembered(choices.options())
    assert found.options() == choices.options()
    assert found == replace(choices, sources=found.sources)
    assert found.collect == choices.collect


@pytest.mark.parametrize(
    ("options", "choices"),
    [
        ({"collect": (), "responses": True, "wodles": True}, Choices()),
        ({"collect": (), "responses": False, "wodles": False}, Choices(responses=(), wodles=())),
        ({"sources": "x", "id_base": "y", "other": True}, Choices()),
    ],
)
def test_what_an_earlier_version_remembered_is_understood(options, choices):
    assert remembered(options) == choices


def test_a_source_brings_those_that_its_detections_name(chain):
    wanted = Choices(sources=("a",), responses=(), wodles=())
    assert with_dependencies(wanted, chain, ()) == ("a", "b")
    assert with_dependencies(Choices(), chain, ()) is None


def test_scripts_bring_the_sources_of_what_they_report():
    catalog, _ = content_source.load(resources.content())
    choices = Choices(sources=("app-security",))
    found = with_dependencies(choices, catalog, wodle_scripts(resources.tree()))
    assert set(found) == {"app-security", "response", "security-scan"}


def test_narrowed_content_asks_for_chosen_responses_only():
    catalog, _ = content_source.load(resources.content())
    kept = narrowed(catalog, ("app-security",), ())
    assert [source.id for source in kept.sources] == ["app-security"]
    assert {detection.source for detection in kept.detections} == {"app-security"}
    assert [d.id for d in kept.detections if d.response] == []
    assert any(d.response for d in narrowed(catalog, None, None).detections)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sources: all\nresponses: true\nwodles: false\n", Choices(wodles=())),
        ("sources: app-security\n", Choices(sources=("app-security",))),
        ("integrations: revoke-token\n", Choices(integrations=("revoke-token",))),
        (
            "collect: {a: {path: /x, port: 12}, b: {}}\nid_base: 130000\n",
            Choices(collect={"a": {"path": "/x", "port": "12"}, "b": {}}, id_base=130000),
        ),
    ],
)
def test_a_file_of_choices_is_read(tmp_path, text, expected):
    path = tmp_path / "wazuh-pack.yml"
    path.write_text(text)
    assert read_choices(path) == expected


def test_only_a_response_that_integratord_can_start_is_given_to_it(chain):
    scripts = response_scripts(resources.tree())
    check(Choices(integrations=("revoke-token",)), chain, scripts, ())
    with pytest.raises(UsageError, match="no response that integratord can start 'block-ip'"):
        check(Choices(integrations=("block-ip",)), chain, scripts, ())


@pytest.mark.parametrize("value", ["", "a<b", "a>b", "a&b", "a\nb", "a\0b", "a\x1b[0m", "\u2028"])
def test_a_value_that_ossec_conf_cannot_carry_is_refused_without_repeating_it(value):
    with pytest.raises(UsageError) as caught:
        check_value("x", value)
    assert str(caught.value) == "the value of x cannot stand in ossec.conf"


def test_every_id_moves_by_the_same_distance():
    catalog, _ = content_source.load(resources.content())
    lock = ids.read(resources.content() / "ids.lock")
    moved, moved_lock = renumber(catalog, lock, 130000)
    before, after = lock.ids(), moved_lock.ids()
    assert {after[key] - number for key, number in before.items()} == {20000}
    assert {
        new.first_id - old.first_id for old, new in zip(catalog.sources, moved.sources, strict=True)
    } == {20000}


@pytest.mark.parametrize("base", [100000, 110000, 990000])
def test_a_base_is_a_thousand_in_the_range_of_six_digits(base):
    assert check_base(base) == base


@pytest.mark.parametrize("base", [0, 99000, 100500, 991000])
def test_another_base_is_refused(base):
    with pytest.raises(UsageError, match="cannot be the first rule id"):
        check_base(base)


@pytest.mark.parametrize(
    ("taken", "base"),
    [([], 100000), ([100001], 110000), ([100001, 119999], 120000), (range(1000000), None)],
)
def test_the_first_free_base_leaves_the_whole_range_free(taken, base):
    assert free_base(taken) == base
