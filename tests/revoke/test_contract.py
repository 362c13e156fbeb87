"""Every call against the provider's own description: Prism answers only requests that fit it."""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from revoke_samples import TARGETS, bound, remembered, target

from wazuh_pack.revoke.providers import provider
from wazuh_pack.revoke.providers.base import Rate
from wazuh_pack.revoke.settings import Instance
from wazuh_pack.revoke.transport import HttpTransport

DESCRIBED = ("github", "gitlab", "vault", "kubernetes", "azuredevops")
# The descriptions are extracts: these calls exist, but not there.
NOT_DESCRIBED = {
    "POST /repos/{repository}/keys",
    "GET /installation/repositories",
    "GET /users/{user_id}",
    "POST /runners/verify",
    "GET /projects/{project}/pipelines",
    "GET /projects/{project}/jobs",
    "GET /projects/{project}/jobs/{job_id}",
    "GET /projects/{project}/access_tokens/{token_id}",
    "GET /groups/{group}/access_tokens/{token_id}",
    "GET /projects/{project}/deploy_tokens/{token_id}",
    "GET /groups/{group}/deploy_tokens/{token_id}",
    "POST /apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
    "POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    # Prism takes a parameter for one segment, Vault for the rest of the path.
    "POST /sys/leases/revoke-prefix/{prefix}",
    "GET /sys/leases/lookup/{prefix}/",
}
# The token in the body is all that it takes, but the description wants credentials everywhere.
WANTS_CREDENTIALS = {"DELETE /runners"}


def prism():
    """Return the program that serves descriptions, or None."""
    place = os.environ.get("WAZUH_PACK_PRISM") or shutil.which("prism")
    return place if place and Path(place).exists() else None


@pytest.fixture(scope="session")
def served(shared):
    """Return a function that gives the URL at which a provider's description is served."""
    program = prism()
    if program is None or not shutil.which("node"):
        pytest.skip("no Prism (export WAZUH_PACK_PRISM=$(tools/prism/install.sh))")
    running = {}

    def serve(name):
        if name not in running:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            description = shared / f"openapi/{name}-revocation.json"
            # node itself: a wrapper would leave the server behind when it is ended
            process = subprocess.Popen(
                [
                    *("node", Path(program).resolve(), "mock", description),
                    *("-p", str(port), "-h", "127.0.0.1"),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            running[name] = process, f"http://127.0.0.1:{port}"
            for line in process.stdout:
                if "Prism is listening" in line:
                    break
            else:
                pytest.fail(f"Prism does not serve {description}")
        return running[name][1]

    yield serve
    for process, _ in running.values():
        process.kill()
        process.wait()
        process.stdout.close()


def calls_of(action):
    plan = bound(action.partition(".")[0]).plan(target(action))
    memory = remembered(action, plan)
    check = plan.check(memory)
    return [
        *([plan.own.call] if plan.own else []),
        *([plan.look] if plan.look else []),
        *([plan.place] if plan.place else []),
        *plan.act(memory),
        *([check.call] if check else []),
        *(plan.undo(memory) if plan.undo else ()),
    ]


@pytest.fixture
def ask(served):
    """Return a function that makes a call of a provider against its description."""
    transports = []

    def ask(name, call):
        url = served(name)
        kind = provider(name)
        instance = Instance(name=name, kind=kind, url=url, actions=(), rate=Rate(1, 1))
        transport = HttpTransport(instance)
        transports.append(transport)
        own = bound(name).own_headers(lambda _: None) if call.own else {}
        return transport.send(call, own)

    yield ask
    for transport in transports:
        transport.close()


@pytest.mark.parametrize("action", [a for a in sorted(TARGETS) if a.partition(".")[0] in DESCRIBED])
def test_every_call_fits_the_providers_description(ask, action):
    tried = 0
    for call in calls_of(action):
        if call.shown in NOT_DESCRIBED:
            continue
        tried += 1
        if call.shown in WANTS_CREDENTIALS:
            call = dataclasses.replace(call, own=True)  # noqa: PLW2901 -- as the description wants it
        reply = ask(action.partition(".")[0], call)
        assert reply.status in call.ok, f"{call.shown}: {reply.status} {json.dumps(reply.body)}"
    assert tried or action == "vault.lease-prefix"


def test_a_call_that_does_not_fit_is_noticed(ask):
    (call,) = [c for c in calls_of("github.token") if c.method == "POST"]
    wrong = type(call)(method="POST", template="", path=call.path, json={"credentials": []})

    assert ask("github", wrong).status == 422


def test_a_call_without_credentials_is_noticed(ask):
    (call,) = [c for c in calls_of("gitlab.runner-pause") if c.json == {"paused": True}]
    bare = type(call)(method="PUT", template="", path=call.path, json=call.json, own=False)

    assert ask("gitlab", bare).status == 401
