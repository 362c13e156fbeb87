import pytest
from revoke_world import github_token

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.agentkit.protocol import Request
from wazuh_pack.revoke.errors import NoTarget, NotEnabled
from wazuh_pack.revoke.find import find_targets
from wazuh_pack.revoke.settings import load_settings

TOKEN = github_token()
INI = """
[github]
actions = token run-cancel workflow deploy-key
organisation = acme
[gitlab]
url = https://gitlab.example.com/api/v4
actions = runner-pause any-token token
[webhook]
url = https://hooks.example.com/x
[when-leak]
rules = 110512
field = data.leak.secret
decoder = json
location = /var/log/leaks.json
[when-run]
rules = 110530
action = github.run-force-cancel github.run-cancel
field = data.run.id
from = repository=data.run.repo
"""


@pytest.fixture
def find(world):
    world.configure(INI)
    settings = load_settings(world.place.config)

    def find(*arguments, rule="110512", decoder="json", location="/var/log/leaks.json", **data):
        alert = {"data": data, "decoder": {"name": decoder}, "location": location}
        request = Request(action="add", arguments=arguments, alert=alert, rule_id=rule)
        return [(t.name, dict(t.values)) for t in find_targets(request, settings)]

    return find


def test_a_rule_says_which_field_holds_tokens(find):
    text = f"pushed {TOKEN} and glrt-{'a' * 20}"

    assert find(leak={"secret": text}) == [
        ("github.token", {"token": TOKEN}),
        ("gitlab.any-token", {"token": "glrt-" + "a" * 20}),
    ]


def test_of_several_actions_the_first_that_is_allowed_and_fits_is_taken(find):
    found = find(rule="110530", run={"id": "17", "repo": "acme/shop"})

    assert found == [("github.run-cancel", {"run_id": "17", "repository": "acme/shop"})]


def test_numbers_and_lists_of_texts_are_read_as_text(find):
    assert find(rule="110530", run={"id": 17, "repo": "acme/shop"})[0][1]["run_id"] == "17"
    assert find(leak={"secret": ["x", TOKEN]})[0][1]["token"] == TOKEN


def test_the_arguments_can_say_everything(find):
    arguments = [
        "--field",
        "data.k",
        "--action",
        "github.deploy-key",
        "--from",
        "repository=data.r",
    ]

    assert find(*arguments, rule="1", k="5", r="acme/shop") == [
        ("github.deploy-key", {"key_id": "5", "repository": "acme/shop"})
    ]
    assert find("--when", "leak", leak={"secret": TOKEN})[0][0] == "github.token"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--field"], "not pairs"),
        (["--url", "https://evil"], "none of --when"),
        (["--field", "a;b"], "--field is missing or malformed"),
        (["--action", "github.token"], "--field is missing"),
        (["--field", "a", "--field", "b"], "--field is there twice"),
        (["--field", "data.a", "--action", "rm -rf"], "value of --action"),
        (["--field", "data.a", "--from", "x"], "value of --from"),
        (["--when", "leak", "--field", "data.a"], "--when goes with no other"),
        (["--when", "none"], "no section of the name"),
        (["--field", "data.a", "--action", "evil.token"], "not enabled in revoke.ini: evil.token"),
        (["--field", "data.a", "--action", "github.evil"], r"\[github\] has no action 'evil'"),
        (["--field", "data.a", "--action", "github.runner"], "not enabled"),
    ],
)
def test_arguments_that_are_not_understood_are_refused(find, arguments, reason):
    with pytest.raises(MessageError, match=reason):
        find(*arguments, rule="1", a=TOKEN)


def test_what_revoke_ini_says_of_a_rule_goes_before_the_arguments(find):
    words = ["--field", "data.other", "--action", "github.run-cancel"]

    assert find(*words, leak={"secret": TOKEN}, other="17") == [("github.token", {"token": TOKEN})]


def test_a_part_of_a_field_can_be_picked(find):
    words = ["--field", "data.message", "--action", "gitlab.runner-pause"]
    text = "RUNNER: by 'root', runner_id: '943'"
    pick = ["--pick", r"runner_id:\x20'([0-9]+)'$"]

    assert find(*words, *pick, rule="1", message=text) == [
        ("gitlab.runner-pause", {"runner_id": "943"})
    ]
    with pytest.raises(MessageError, match="does not hold what 'pick' looks for"):
        find(*words, *pick, rule="1", message="runner_id: 943")
    with pytest.raises(MessageError, match="does not hold what 'pick' looks for"):
        find(*words, *pick, rule="1", message="x" * 5000 + text)
    for bad in ("(", "a", "(a)(b)"):
        with pytest.raises(MessageError, match="value of --pick is malformed"):
            find(*words, "--pick", bad, rule="1", message=text)


@pytest.mark.parametrize("option", [("--decoder", "github"), ("--location", "github")])
def test_arguments_can_say_where_the_event_must_come_from(find, option):
    words = ["--field", "data.a", *option]

    assert find(*words, rule="1", decoder="github", location="github", a=TOKEN)
    with pytest.raises(MessageError, match="is not github"):
        find(*words, rule="1", a=TOKEN)


def test_an_action_of_a_provider_that_is_not_configured_is_passed_over(find):
    words = ["--field", "data.a", "--action", "vault.entity", "--action", "gitlab.runner-pause"]

    assert find(*words, rule="1", a="5") == [("gitlab.runner-pause", {"runner_id": "5"})]


@pytest.mark.parametrize(
    ("words", "data", "kind"),
    [
        (["--action", "vault.entity"], {"a": "5"}, NotEnabled),
        ([], {"a": "hvs." + "a" * 95}, NotEnabled),
        (["--action", "gitlab.runner-pause"], {}, NoTarget),
        ([], {"a": "nothing here"}, NoTarget),
        (["--action", "github.run-cancel", "--from", "repository=data.b"], {"a": "5"}, NoTarget),
        (["--action", "gitlab.runner-pause"], {"a": "x"}, MessageError),
    ],
)
def test_nothing_to_do_is_told_apart_from_what_is_not_acceptable(find, words, data, kind):
    with pytest.raises(MessageError) as caught:
        find("--field", "data.a", *words, rule="1", **data)

    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"rule": "5"}, r"no \[when-...\] section of revoke.ini names rule 5"),
        ({"rule": ""}, "names rule .none."),
        ({"decoder": "other"}, "decoder is not json"),
        ({"location": "/var/log/forged"}, "location is not"),
        ({}, "no field data.leak.secret"),
        ({"leak": "x"}, "no field"),
        ({"leak": {"secret": {"x": 1}}}, "is not text"),
        ({"leak": {"secret": True}}, "is not text"),
        ({"leak": {"secret": [1]}}, "list of something else"),
        ({"leak": {"secret": ["x"] * 51}}, "list of something else"),
        ({"leak": {"secret": "x" * 65_537}}, "longer than"),
        ({"leak": {"secret": "nothing here"}}, "no token of a known form"),
        ({"leak": {"secret": TOKEN[:-1] + "A"}}, "no token of a known form"),
        (
            {"leak": {"secret": "hvs." + "a" * 95}},
            "not enabled in revoke.ini: any action for vault",
        ),
    ],
)
def test_alerts_that_do_not_fit_are_refused(find, options, reason):
    with pytest.raises(MessageError, match=reason):
        find(**options)


@pytest.mark.parametrize("value", ["0", "-1", "1/../2", "1\n", " 1", "1e3", "١٢", "1" * 30, ""])
def test_an_identifier_must_have_exactly_its_form(find, value):
    with pytest.raises(MessageError, match="not of the form of 'run_id'"):
        find(rule="110530", run={"id": value, "repo": "acme/shop"})


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("12345678901.000000", "12345678901"),
        ("9007199254740991.000000", "9007199254740991"),
        ("9007199254740993.000000", None),  # a double cannot tell it from its neighbours
        ("12345678901.500000", None),
        ("12345678901.0", None),
        ("0.000000", None),
    ],
)
def test_a_large_number_is_read_as_wazuh_writes_it(find, value, number):
    alert = {"id": value, "repo": "acme/shop"}
    if number:
        assert find(rule="110530", run=alert)[0][1]["run_id"] == number
    else:
        with pytest.raises(MessageError, match="not of the form of 'run_id'"):
            find(rule="110530", run=alert)


@pytest.mark.parametrize(
    "value", ["acme", "acme/..", "../x", "acme/shop/x", "acme/shop?x", "a b/c", "acme/shop\n", "/"]
)
def test_a_repository_must_have_exactly_its_form(find, value):
    with pytest.raises(MessageError, match="not of the form of 'repository'"):
        find(rule="110530", run={"id": "1", "repo": value})


def test_a_refusal_holds_nothing_of_the_alert(find):
    with pytest.raises(MessageError) as caught:
        find(rule="110530", run={"id": TOKEN, "repo": "acme/shop"})

    assert TOKEN not in str(caught.value)
