"""The provider vault against a real OpenBao, with no more rights than its table asks for."""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
import requests
from test_http import ask, outcomes

SELF = 'path "auth/token/lookup-self" { capabilities = ["read"] }'
POLICIES = {
    "accessor": f"""
        {SELF}
        path "auth/token/revoke-accessor" {{ capabilities = ["update"] }}
        path "auth/token/lookup-accessor" {{ capabilities = ["update"] }}""",
    "lease": """
        path "sys/leases/revoke" { capabilities = ["update"] }
        path "sys/leases/lookup" { capabilities = ["update"] }""",
    "lease-prefix": """
        path "sys/leases/revoke-prefix/*" { capabilities = ["update", "sudo"] }
        path "sys/leases/lookup/*" { capabilities = ["list", "sudo"] }""",
    "entity": f"""
        {SELF}
        path "identity/entity/id/*" {{ capabilities = ["read", "update"] }}""",
    "approle-secret": """
        path "auth/approle/role/+/secret-id-accessor/destroy" { capabilities = ["update"] }""",
    "token": "",
}


class Bao:
    """A server in memory, and its root."""

    def __init__(self, url):
        self.url = f"{url}/v1"

    def call(self, method, path, *, token="root", json=None):  # noqa: S107 -- made up for this server
        return requests.request(
            method, f"{self.url}/{path}", headers={"X-Vault-Token": token}, json=json, timeout=10
        )

    def ask(self, method, path, **json):
        answer = self.call(method, path, json=json or None)
        answer.raise_for_status()
        return answer.json() if answer.content else {}

    def works(self, token):
        return self.call("GET", "auth/token/lookup-self", token=token).status_code == 200

    def token(self, *policies, **options):
        found = self.ask("POST", "auth/token/create", policies=list(policies), **options)
        return found["auth"]

    def responder(self, action):
        """Return a token that may do what one action needs, and nothing else."""
        name = f"may-{action}"
        self.ask("PUT", f"sys/policies/acl/{name}", policy=POLICIES[action] or "# nothing")
        return self.token(name, no_default_policy=True)["client_token"]


@pytest.fixture(scope="session")
def bao(tmp_path_factory):
    program = os.environ.get("WAZUH_PACK_OPENBAO")
    if not program or not Path(program).exists():
        pytest.skip("no OpenBao (export WAZUH_PACK_OPENBAO=$(tools/openbao/install.sh))")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("bao")
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(program, "server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token"),
                f"-dev-listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
            cwd=home,
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
        )
    try:
        served = Bao(f"http://127.0.0.1:{port}")
        wait_for(served, process, home / "log")
        fill(served)
        yield served
    finally:
        process.kill()
        process.wait()


def wait_for(served, process, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{served.url}/sys/health", timeout=5).status_code == 200:
                return
        except requests.ConnectionError:  # noqa: PERF203 -- it is not up yet
            time.sleep(0.05)
    pytest.fail(log.read_text()[-2000:])


def fill(bao):
    """Set up a user with an entity, an AppRole, and an authority whose certificates are leases."""
    bao.ask("POST", "sys/auth/userpass", type="userpass")
    bao.ask("POST", "auth/userpass/users/mallory", password="made-up")
    bao.ask("POST", "sys/auth/approle", type="approle")
    bao.ask("POST", "auth/approle/role/ci", token_policies="default")
    bao.ask("POST", "sys/mounts/pki", type="pki")
    bao.ask("POST", "pki/root/generate/internal", common_name="test", ttl="10h")
    bao.ask(
        "POST",
        "pki/roles/deploy",
        allowed_domains="example.com",
        allow_subdomains=True,
        generate_lease=True,
        max_ttl="1h",
    )


@pytest.fixture
def manager(world, bao):
    """Return a function that configures one action, with a responder of least rights."""

    def make(action):
        prefixes = "lease_prefixes = pki/issue\n"
        world.configure(f"[vault]\nurl = {bao.url}\nactions = {action}\n{prefixes}")
        world.secrets(f"[vault]\ntoken = {bao.responder(action)}\n")
        return world

    return make


@pytest.fixture
def run(over_http):
    return lambda world: outcomes(world.run("vault", over_http))


def login(bao):
    return bao.ask("POST", "auth/userpass/login/mallory", password="made-up")["auth"]


def test_a_leaked_token_revokes_itself_and_its_children(manager, bao, run):
    world = manager("token")
    leaked = bao.token("root")["client_token"]
    child = bao.call("POST", "auth/token/create", token=leaked, json={}).json()["auth"]
    ask(world, "vault.token", f"leaked: {leaked}")

    assert run(world) == ["revoked"]
    assert not bao.works(leaked)
    assert not bao.works(child["client_token"])
    ask(world, "vault.token", f"leaked: {child['client_token']}")
    assert run(world) == ["not_found"]


def test_a_token_that_may_not_end_itself_is_not_called_revoked(manager, bao, run):
    world = manager("token")
    bao.ask("PUT", "sys/policies/acl/data", policy='path "pki/certs" { capabilities = ["list"] }')
    leaked = bao.token("data", no_default_policy=True)["client_token"]
    ask(world, "vault.token", f"leaked: {leaked}")

    assert run(world) == ["not_found"]
    assert bao.call("LIST", "pki/certs", token=leaked).status_code == 200, "it still works"


def test_the_token_of_an_accessor_is_revoked(manager, bao, run):
    world = manager("accessor")
    leaked = bao.token("default")
    ask(world, "vault.accessor", leaked["accessor"])

    assert run(world) == ["revoked"]
    assert not bao.works(leaked["client_token"])
    ask(world, "vault.accessor", "8609694a-cdbc-db9b-d345-e782dbb562ed")
    assert run(world) == ["not_found"]


def test_the_responders_own_token_is_not_revoked_by_its_accessor(manager, bao, run):
    world = manager("accessor")
    own = world.etc.joinpath("revoke.secrets").read_text().partition("token = ")[2].strip()
    accessor = bao.ask("POST", "auth/token/lookup", token=own)["data"]["accessor"]
    ask(world, "vault.accessor", accessor)

    assert run(world) == ["refused_allowlist"]
    assert world.lines()[-1]["reason"] == "own_credential"
    assert bao.call("POST", "auth/token/lookup", json={"token": own}).status_code == 200


def test_the_responders_own_entity_is_not_disabled(manager, bao, run):
    world = manager("entity")
    bao.ask("PUT", "sys/policies/acl/entities", policy=POLICIES["entity"])
    bao.ask("POST", "auth/userpass/users/wazuh", password="made-up", token_policies="entities")
    own = bao.ask("POST", "auth/userpass/login/wazuh", password="made-up")["auth"]
    world.secrets(f"[vault]\ntoken = {own['client_token']}\n")
    ask(world, "vault.entity", own["entity_id"])

    assert run(world) == ["refused_allowlist"]
    assert bao.works(own["client_token"])


def test_an_entity_is_disabled_and_enabled(manager, bao, run):
    world = manager("entity")
    session = login(bao)
    ask(world, "vault.entity", session["entity_id"])
    assert run(world) == ["revoked"]
    assert not bao.works(session["client_token"])
    ask(world, "vault.entity", session["entity_id"], command="delete")

    assert run(world) == ["restored"]
    assert bao.works(session["client_token"])


def test_an_entity_that_is_not_there_is_said_to_be_out_of_sight(manager, run):
    world = manager("entity")
    ask(world, "vault.entity", "4ab5ce07-7d6c-4a5c-8a51-3f2d0b6a1d11")

    assert run(world) == ["not_found"]


def leased(bao):
    return bao.ask("POST", "pki/issue/deploy", common_name="a.example.com")["lease_id"]


def known(bao, lease):
    return bao.call("POST", "sys/leases/lookup", json={"lease_id": lease}).status_code == 200


def test_a_lease_is_revoked(manager, bao, run):
    world = manager("lease")
    lease, other = leased(bao), leased(bao)
    ask(world, "vault.lease", lease)

    assert run(world) == ["revoked"]
    assert (known(bao, lease), known(bao, other)) == (False, True)
    ask(world, "vault.lease", "pki/issue/deploy/nothing-there")
    assert run(world) == ["not_found"]


def test_all_leases_below_a_path_are_revoked(manager, bao, run):
    world = manager("lease-prefix")
    leases = [leased(bao), leased(bao)]
    ask(world, "vault.lease-prefix", "pki/issue/deploy")

    assert run(world) == ["revoked"]
    assert [known(bao, lease) for lease in leases] == [False, False]
    ask(world, "vault.lease-prefix", "pki/issue/other")
    assert run(world) == ["not_found"]


@pytest.mark.parametrize("prefix", ["auth/token", "auth/userpass", "pki/other", "pki"])
def test_no_event_ends_leases_that_nobody_listed(manager, bao, run, prefix):
    world = manager("lease-prefix")
    others = [login(bao)["client_token"], bao.token("default", ttl="1h")["client_token"]]
    (line,) = ask(world, "vault.lease-prefix", prefix)

    assert line["outcome"] in {"refused_allowlist", "refused_invalid"}
    assert run(world) == []
    assert [bao.works(token) for token in others] == [True, True]


def test_a_secret_id_is_destroyed(manager, bao, run):
    world = manager("approle-secret")
    role = bao.ask("GET", "auth/approle/role/ci/role-id")["data"]["role_id"]
    secret = bao.ask("POST", "auth/approle/role/ci/secret-id")["data"]

    def enter():
        body = {"role_id": role, "secret_id": secret["secret_id"]}
        return bao.call("POST", "auth/approle/login", json=body).status_code

    assert enter() == 200
    ask(world, "vault.approle-secret", secret["secret_id_accessor"], role="ci")
    assert run(world) == ["revoked"]
    assert enter() == 400


def test_our_own_secrets_can_lie_there(world, bao, fake, over_http):
    bao.ask("POST", "sys/mounts/kv", type="kv", options={"version": "2"})
    bao.ask("POST", "kv/data/ci/gitlab", data={"token": "our-own-credential"})
    bao.ask(
        "PUT",
        "sys/policies/acl/reads",
        policy='path "kv/data/ci/gitlab" { capabilities = ["read"] }',
    )
    own = bao.token("reads", no_default_policy=True)["client_token"]
    world.configure(
        f"[gitlab]\nurl = {fake.url}\nactions = runner-pause\n[vault]\nurl = {bao.url}\n"
    )
    world.secrets(f"[gitlab]\ntoken = vault:kv/data/ci/gitlab#token\n[vault]\ntoken = {own}\n")
    fake.route("GET", "/runners/5", lambda *_: (200, {"paused": True}))
    ask(world, "gitlab.runner-pause", 5)

    assert outcomes(world.run("gitlab", over_http)) == ["already_revoked"]
    assert fake.seen[0][3]["PRIVATE-TOKEN"] == "our-own-credential"


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("accessor", "8609694a-cdbc-db9b-d345-e782dbb562ed"),
        ("entity", "4ab5ce07-7d6c-4a5c-8a51-3f2d0b6a1d11"),
        ("lease", "pki/issue/deploy/nothing-there"),
        ("lease-prefix", "pki/issue/deploy"),
    ],
)
def test_without_the_right_it_fails_and_says_what_to_do(manager, bao, over_http, action, value):
    world = manager(action)
    world.secrets(f"[vault]\ntoken = {bao.responder('token')}\n")
    ask(world, f"vault.{action}", value)
    (line,) = world.run("vault", over_http)

    assert line["outcome"] == "failed"
    assert "do not have the right" in line["reason"]
