"""Whatever an alert holds, it is refused or means exactly what its parameters allow."""

import json
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
NEARLY = st.sampled_from(
    [github_token(), "acme/shop", "17", "../..", "glpat-" + "a" * 20, "eyJ.eyJ.x", "\n", "\u202e17"]
)
VALUE = JSON | NEARLY | st.lists(NEARLY, max_size=3) | st.builds("{}{}".format, NEARLY, NEARLY)
INI = """[revoke-token]
[github]
actions = token run-cancel
[when-leak]
rules = 1
field = data.secret
[when-run]
rules = 1
action = github.run-cancel
field = data.id
from = repository=data.repo
"""


@pytest.fixture(scope="module")
def configured(tmp_path_factory):
    path = Path(tmp_path_factory.mktemp("etc")) / "revoke.ini"
    path.write_text(INI)
    path.chmod(0o640)
    return load_settings(str(path))


@settings(max_examples=300, deadline=None)
@given(
    data=JSON | st.fixed_dictionaries({}, optional={"secret": VALUE, "id": VALUE, "repo": VALUE}),
    words=st.lists(st.text(max_size=12) | st.sampled_from(["--field", "--action", "data.x"])),
)
def test_an_alert_never_means_more_than_its_parameters_allow(configured, data, words):
    request = Request(action="add", arguments=words, alert={"data": data}, rule_id="1")
    try:
        targets = find_targets(request, configured)
    except MessageError:
        return
    for target in targets:
        declared = configured.instances["github"].kind.capabilities[target.action].parameters
        assert set(target.values) <= {parameter.name for parameter in declared}
        for parameter in declared:
            if parameter.pattern and parameter.name in target.values:
                assert parameter.accepts(target.values[parameter.name])
            if parameter.tokens:
                assert target.values[parameter.name].isascii()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_message_is_a_request_or_refused(message):
    try:
        parse(message)
    except MessageError:
        return
