import pytest
from revoke_world import github_token

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.agentkit.protocol import Request
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
        (["--field", "data.a", "--action", "evil.token"], "no provider with the action"),
        (["--field", "data.a", "--action", "github.evil"], "no provider with the action"),
        (["--field", "data.a", "--action", "github.runner"], "not enabled"),
    ],
)
def test_arguments_that_are_not_understood_are_refused(find, arguments, reason):
    with pytest.raises(MessageError, match=reason):
        find(*arguments, a=TOKEN)


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
    "value", ["acme", "acme/..", "../x", "acme/shop/x", "acme/shop?x", "a b/c", "acme/shop\n", "/"]
)
def test_a_repository_must_have_exactly_its_form(find, value):
    with pytest.raises(MessageError, match="not of the form of 'repository'"):
        find(rule="110530", run={"id": "1", "repo": value})


def test_a_refusal_holds_nothing_of_the_alert(find):
    with pytest.raises(MessageError) as caught:
        find(rule="110530", run={"id": TOKEN, "repo": "acme/shop"})

    assert TOKEN not in str(caught.value)
