"""What holds for every action of every provider."""

import inspect
import re
from pathlib import Path

import pytest
from revoke_samples import NEEDS_A_KEY, TARGETS, actions, bound, remembered, target

from wazuh_pack.revoke import reference
from wazuh_pack.revoke.find import find_tokens
from wazuh_pack.revoke.providers import NAMES, provider
from wazuh_pack.revoke.tokens import FORMATS


def capability(action):
    name, _, capability = action.partition(".")
    return provider(name).capabilities[capability]


@pytest.fixture(params=sorted(TARGETS))
def action(request):
    return request.param


@pytest.fixture
def plan(action):
    return bound(action.partition(".")[0]).plan(target(action))


def test_there_is_a_sample_of_every_action():
    assert set(actions()) == set(TARGETS) | NEEDS_A_KEY


def test_a_sample_fits_its_parameters(action):
    values = dict(TARGETS[action][0])
    for parameter in capability(action).parameters:
        value = values.pop(parameter.name, None)
        if parameter.tokens:
            assert [t.value for t in find_tokens(value) if t.kind in parameter.tokens] == [value]
        else:
            assert parameter.optional or parameter.accepts(value)
    assert values == {}


def shown(text):
    return re.sub(r"\{[a-z_]+\}", "{}", text)


def test_the_declared_calls_are_the_ones_made(action, plan):
    calls = plan.act(remembered(action, plan))
    declared = [call.rstrip() for call in capability(action).calls]

    found = [call.shown.rstrip() for call in calls]
    if action.startswith("github.runner"):  # of a repository or of the organisation
        found = [re.sub(r"/(repos/\{repository\}|orgs/\{org\})/", "/{owner}/", f) for f in found]
    if action == "kubernetes.token":
        found = [f.replace("/pods/", "/{kind}/") for f in found]
    assert [shown(f) for f in found] == [shown(d) for d in declared]


def test_an_action_has_an_undo_and_a_check_if_and_only_if_it_says_so(action, plan):
    declared = capability(action)

    assert (plan.undo is not None) == declared.reversible
    assert (plan.check(remembered(action, plan)) is not None) == bool(declared.verified)


def test_an_action_without_rights_sends_no_credentials_of_ours(action, plan):
    memory = remembered(action, plan)
    check = plan.check(memory)
    calls = [*plan.act(memory), plan.look, check.call if check else None]

    if not capability(action).rights:
        assert {call.own for call in calls if call} == {False}


def test_what_can_be_taken_back_needs_no_secret_for_it(action):
    declared = capability(action)

    assert not (declared.reversible and any(p.secret for p in declared.parameters))


def test_no_secret_is_in_what_is_shown_or_remembered(action, plan):
    aim = target(action)
    memory = remembered(action, plan)
    calls = [*plan.act(memory), *(plan.undo(memory) if plan.undo else ())]
    text = repr([plan.look, *calls, memory, aim]) + aim.label + " ".join(c.shown for c in calls)

    assert "our-own-credential" not in text
    for name in aim.secret:
        assert aim.values[name] not in text


def test_a_secret_is_never_part_of_a_path(action, plan):
    aim = target(action)
    for call in plan.act(remembered(action, plan)):
        assert not any(aim.values[name] in call.path for name in aim.secret)
        assert not any(aim.values[name] in str(dict(call.query)) for name in aim.secret)


def test_every_path_stays_below_the_base_url(action, plan):
    for call in plan.act(remembered(action, plan)):
        assert call.path == "" or call.path.startswith("/")
        assert not re.search(r"//|/\.\.?(/|$)|[?#\s\\]", call.path)


@pytest.mark.parametrize("name", NAMES)
def test_a_provider_describes_itself(name):
    kind = provider(name)

    assert kind.name == name
    assert inspect.getdoc(inspect.getmodule(kind))
    for action, declared in kind.capabilities.items():
        assert action == declared.name
        assert declared.effect
        assert declared.calls
        assert {t for p in declared.parameters for t in p.tokens} <= {f.kind for f in FORMATS}
        assert all(p.pattern or p.tokens for p in declared.parameters)


NO_PATHS = ("aws.", "webhook.")
HOSTILE = ["", ".", "..", "../x", "a/../b", "a//b", "/a", "a/", "a\n", "a?b", "a#b", "a%2e", "a\\b"]


@pytest.mark.parametrize("name", sorted(t for t in TARGETS if not t.startswith(NO_PATHS)))
@pytest.mark.parametrize("value", [*HOSTILE, "a;b", "a\x00"])
def test_no_parameter_takes_what_would_change_the_path(name, value):
    for parameter in capability(name).parameters:
        assert not (parameter.pattern and parameter.accepts(value)), parameter.name


def test_an_unknown_provider_is_an_error():
    with pytest.raises(KeyError):
        provider("evil")


def test_the_reference_shows_the_capabilities_as_they_are():
    path = Path(__file__).resolve().parents[2] / "docs/reference/revocation.md"

    assert path.read_text() == reference.page() + "\n", (
        "wazuh-pack respond providers --reference > docs/reference/revocation.md"
    )


def test_the_reference_has_a_row_for_every_action():
    page = reference.page()

    assert [action for action in actions() if page.count(f"| `{action}` | ") != 1] == []
