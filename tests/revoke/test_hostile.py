"""Whatever an alert holds, it is refused or means exactly what its parameters allow."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from revoke_world import github_token

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.agentkit.protocol import Request, parse
from wazuh_pack.revoke.find import find_targets
from wazuh_pack.revoke.settings import load_settings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
TOKEN = github_token()
NEARLY = st.sampled_from(
    [TOKEN, "acme/shop", "17", "../..", "glpat-" + "a" * 20, "eyJ.eyJ.x", "\n", "\u202e17"]
)
VALUE = JSON | NEARLY | st.lists(NEARLY, max_size=3) | st.builds("{}{}".format, NEARLY, NEARLY)
DATA = st.fixed_dictionaries({}, optional={"secret": VALUE, "id": VALUE, "repo": VALUE})
LIKELY = st.fixed_dictionaries(
    {
        "secret": st.just(TOKEN) | VALUE,
        "id": st.just("17") | st.integers() | VALUE,
        "repo": st.just("acme/shop") | VALUE,
    }
)
FORMS = {
    "token": re.escape(TOKEN),  # nothing above makes another whose checksum is right
    "run_id": r"[1-9][0-9]{0,18}",
    "repository": r"[A-Za-z0-9-]{1,39}/(?!\.\.?$)[\w.-]{1,100}",
}
WORDS = st.lists(st.text(max_size=12) | st.sampled_from(["--field", "--action", "data.x"]))
TOKENS = "[revoke-token]\n[github]\nactions = token\n[when-leak]\nrules = 1\nfield = data.secret\n"
RUNS = """[revoke-token]
[github]
actions = run-cancel
[when-run]
rules = 1
action = github.run-cancel
field = data.id
from = repository=data.repo
"""


@pytest.fixture(scope="module", params=[TOKENS, RUNS], ids=["tokens", "runs"])
def configured(tmp_path_factory, request):
    path = Path(tmp_path_factory.mktemp("etc")) / "revoke.ini"
    path.write_text(request.param)
    path.chmod(0o640)
    return load_settings(str(path))


def test_an_alert_never_means_more_than_its_parameters_allow(configured):
    capabilities = configured.instances["github"].kind.capabilities
    meant = []

    @settings(max_examples=300, deadline=None)
    @given(data=LIKELY | DATA | JSON, words=st.just([]) | st.just([]) | WORDS)
    def holds(data, words):
        request = Request(action="add", arguments=words, alert={"data": data}, rule_id="1")
        try:
            targets = find_targets(request, configured)
        except MessageError:
            return
        meant.extend(targets)
        for target in targets:
            declared = capabilities[target.action].parameters
            assert set(target.values) == {parameter.name for parameter in declared}
            for name, value in target.values.items():
                assert re.fullmatch(FORMS[name], value, re.ASCII)

    holds()
    assert len(meant) > 1, "hardly an example came as far as the checks"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_message_is_a_request_or_refused(message):
    try:
        parse(message)
    except MessageError:
        return
