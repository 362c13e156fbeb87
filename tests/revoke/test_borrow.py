"""Secrets of the responder that are kept in Vault."""

import json

import pytest
from test_http import ask, outcomes

from wazuh_pack.agentkit.errors import ConfigError
from wazuh_pack.revoke.context import load_context

PLACE = "vault:secret/data/ci/gitlab#token"
OWN = "glpat-" + "Z9y8" * 5


@pytest.fixture
def manager(world, fake):
    world.configure(
        f"[gitlab]\nurl = {fake.url}/api/v4\nactions = runner-pause token\n"
        f"[vault]\nurl = {fake.url}/v1\nactions = token\n"
    )
    world.secrets(f"[gitlab]\ntoken = {PLACE}\n[vault]\ntoken = our-own-vault-token\n")
    runner = {"paused": False}
    fake.route("GET", "/api/v4/runners/5", lambda *_: (200, runner))
    fake.route("PUT", "/api/v4/runners/5", lambda body, _: (200, runner.update(json.loads(body))))
    return world


def keep(fake, answer):
    fake.route("GET", "/v1/secret/data/ci/gitlab", lambda *_: answer)


@pytest.mark.parametrize(
    "body", [{"data": {"data": {"token": OWN}, "metadata": {}}}, {"data": {"token": OWN}}]
)
def test_a_secret_is_read_from_vault_for_each_job_and_kept_nowhere(manager, fake, over_http, body):
    keep(fake, (200, body))
    ask(manager, "gitlab.runner-pause", 5)

    assert outcomes(manager.run("gitlab", over_http)) == ["revoked"]
    sent = [headers.get("PRIVATE-TOKEN") for _, path, _, headers in fake.seen if "v4" in path]
    assert set(sent) == {OWN}
    assert fake.seen[0][3]["X-Vault-Token"] == "our-own-vault-token"
    assert OWN.encode() not in manager.everything_written()


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        ((403, None), "failed", "GET /{secret}: the credentials do not have the right"),
        ((404, None), "failed", "GET /{secret}: not found"),
        ((200, {"data": {"other": "x"}}), "failed", "GET /{secret}: it has no text called token"),
    ],
)
def test_without_the_secret_it_fails_and_says_why(
    manager, fake, over_http, answer, outcome, reason
):
    keep(fake, answer)
    ask(manager, "gitlab.runner-pause", 5)
    (line,) = manager.run("gitlab", over_http)

    assert line["outcome"] == outcome
    assert line["reason"].startswith(reason)


def test_vault_that_is_down_is_waited_for(manager, fake, over_http):
    keep(fake, (200, {"data": {"token": OWN}}))
    fake.faults.extend([(503, None), "drop"])
    ask(manager, "gitlab.runner-pause", 5)

    assert outcomes(manager.run("gitlab", over_http)) == ["retrying", "retrying", "revoked"]


def test_our_own_secret_is_known_once_it_is_read(manager, fake, over_http):
    keep(fake, (200, {"data": {"token": OWN}}))
    ask(manager, "gitlab.token", OWN)
    (line,) = manager.run("gitlab", over_http)

    assert (line["outcome"], line["reason"]) == ("refused_allowlist", "own_credential")
    assert not any(path.startswith("/api/v4") for _, path, _, _ in fake.seen)


INTERNAL = (
    "[gitlab]\nurl = {url}/api/v4\nactions = token\n"
    "[gitlab-internal]\nprovider = gitlab\nurl = {url}/internal\nactions = token\n"
    "[vault]\nurl = {url}/v1\n"
)


@pytest.fixture
def two(manager, fake):
    """Return a manager whose second GitLab has its token in Vault."""
    manager.configure(INTERNAL.format(url=fake.url), general="give_up_after = 1m")
    manager.secrets(f"[gitlab-internal]\ntoken = {PLACE}\n[vault]\ntoken = our-own-vault-token\n")
    return manager


def test_the_secret_of_another_instance_is_ours_too(two, fake, over_http):
    keep(fake, (200, {"data": {"token": OWN}}))
    ask(two, "gitlab.token", OWN)
    (line,) = two.run("gitlab", over_http)

    assert (line["outcome"], line["reason"]) == ("refused_allowlist", "own_credential")
    assert {path for _, path, _, _ in fake.seen} == {"/v1/secret/data/ci/gitlab"}


@pytest.mark.parametrize(
    ("answer", "last", "reason"),
    [
        ((403, None), "failed", "cannot tell whether it is our own: [gitlab-internal] GET"),
        ((503, None), "failed", "given up: GET /{secret}: the provider is out of order"),
    ],
)
def test_what_may_be_ours_is_not_revoked(two, fake, over_http, answer, last, reason):
    keep(fake, answer)
    ask(two, "gitlab.token", "glpat-" + "a1B2" * 5)
    line = two.run("gitlab", over_http)[-1]

    assert line["outcome"] == last
    assert line["reason"].startswith(reason)
    assert {path for _, path, _, _ in fake.seen} == {"/v1/secret/data/ci/gitlab"}


def test_vaults_own_secret_cannot_be_in_it(manager, over_http):
    manager.secrets(f"[vault]\ntoken = {PLACE}\n")
    ask(manager, "vault.token", "hvs." + "C" * 95)
    (line,) = manager.run("vault", over_http)

    assert line["reason"] == "the secrets of Vault itself cannot be in Vault"


def test_without_a_vault_the_place_means_nothing(manager, fake, over_http):
    manager.configure(f"[gitlab]\nurl = {fake.url}/api/v4\nactions = runner-pause\n")
    manager.secrets(f"[gitlab]\ntoken = {PLACE}\n")
    ask(manager, "gitlab.runner-pause", 5)
    (line,) = manager.run("gitlab", over_http)

    assert "revoke.ini has no [vault]" in line["reason"]


@pytest.mark.parametrize("text", ["vault:secret", "vault:a/../b#x", "vault:a/b", "vault:a/b#x y"])
def test_a_place_that_is_malformed_is_told(manager, text):
    manager.secrets(f"[gitlab]\ntoken = {text}\n")
    with pytest.raises(ConfigError, match="no place in Vault"):
        load_context(manager.place)
