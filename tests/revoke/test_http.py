"""Whole sequences over real HTTP, against providers with a memory and with faults."""

import hashlib
import hmac
import json

import pytest
from revoke_samples import ACCOUNT, BINDING, GENUINE, KEY_DIGEST, LIVE, PUBLIC_KEY, REFUSED, UUID
from revoke_world import github_token, service_account_token

TOKEN = github_token()


@pytest.fixture
def manager(world, fake):
    """Return a function that configures one provider at the fake one's address."""

    def make(name, actions, *options, secrets="token = our-own-credential"):
        lines = [f"[{name}]", f"url = {fake.url}", f"actions = {actions}", *options]
        world.configure("\n".join(lines) + "\n")
        world.secrets(f"[{name}]\n{secrets}\n")
        return world

    return make


def outcomes(lines):
    return [line["outcome"] for line in lines]


def ask(world, action, first, command="add", **others):
    sources = [word for name in others for word in ("--from", f"{name}=data.{name}")]
    arguments = ["--field", "data.first", "--action", action, *sources]
    return world.ask(*arguments, command=command, data={"first": first, **others})


class GitHub:
    """Takes tokens to revoke, and forgets them."""

    def __init__(self, fake):
        self.live = {TOKEN}
        fake.route("POST", "/credentials/revoke", self.revoke)
        fake.route("GET", "/user", self.user)

    def revoke(self, body, headers):
        if "Authorization" in headers:
            return 403
        self.live -= set(json.loads(body)["credentials"])
        return 202

    def user(self, _, headers):
        live = headers["Authorization"].removeprefix("Bearer ") in self.live
        return (200, {"login": "x"}) if live else 401


@pytest.fixture
def github(manager, fake):
    world = manager("github", "token")
    world.provider = GitHub(fake)
    ask(world, "github.token", f"leaked: {TOKEN}")
    return world


def test_a_leaked_token_is_dead_afterwards(github, over_http):
    assert outcomes(github.run("github", over_http)) == ["revoked"]
    assert github.provider.live == set()


@pytest.mark.parametrize(
    "faults",
    [
        ["drop"],
        ["hang"],
        ["trickle"],
        [None, "trickle"],
        [(403, {"message": "You have exceeded a secondary rate limit"})],
        [None, "drop"],
        [None, "hang"],
        [(500, {"message": "x"})],
        [(429, None, {"Retry-After": "30"})],
        [(503, None, {"Retry-After": "30"}), "drop", (502, None)],
        [(403, None, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795303600"})],
    ],
    ids=str,
)
def test_faults_on_the_way_do_not_keep_it_alive(github, fake, over_http, faults):
    fake.faults.extend(faults)
    lines = github.run("github", over_http)

    assert outcomes(lines)[-1] == "revoked"
    assert set(outcomes(lines)[:-1]) == {"retrying"}
    assert github.provider.live == set()
    assert TOKEN not in github.log.read_text()


def test_a_redirect_is_not_followed(github, fake, over_http):
    fake.faults.extend([None, (307, None, {"Location": f"{fake.url}/elsewhere"})])
    (line,) = github.run("github", over_http)

    assert line["outcome"] == "failed"
    assert fake.calls() == ["GET /user", "POST /credentials/revoke"]


def test_neither_netrc_nor_a_proxy_of_the_environment_has_a_say(
    github, fake, over_http, monkeypatch, tmp_path
):
    (tmp_path / ".netrc").write_text("default login evil password evil\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert outcomes(github.run("github", over_http)) == ["revoked"]
    assert "Authorization" not in fake.seen[1][3]


@pytest.mark.parametrize("body", [b"<html>", b"[" * 100_000, b"\xff\xfe"])
def test_an_answer_that_is_not_json_is_no_harm(github, fake, over_http, body):
    said = {True: (200, {"login": "x"}), False: (401, body.decode("latin-1"))}
    fake.route("GET", "/user", lambda *_: said[bool(github.provider.live)])

    assert outcomes(github.run("github", over_http)) == ["revoked"]


def test_an_endless_answer_is_cut_off(github, fake, over_http):
    fake.route("POST", "/credentials/revoke", lambda *_: (202, "x" * (9 << 20)))
    (line,) = github.run("github", over_http)

    assert (line["outcome"], line["reason"]) == ("failed", "an answer is larger than 8388608 bytes")


def test_nobody_listening_is_tried_again_until_it_is_given_up(world, over_http):
    world.configure(
        "[github]\nurl = http://127.0.0.1:9\nactions = token\n", general="give_up_after = 10m"
    )
    ask(world, "github.token", TOKEN)
    lines = world.run("github", over_http)

    assert outcomes(lines) == ["retrying", "failed"]
    assert lines[1]["reason"] == "given up: GET /user: no answer: ConnectionError"


def test_a_gitlab_runner_is_paused_and_goes_on(manager, fake, over_http):
    world = manager("gitlab", "runner-pause")
    runner = {"paused": False}
    fake.route("GET", "/runners/5", lambda *_: (200, runner))
    fake.route("PUT", "/runners/5", lambda body, _: (200, runner.update(json.loads(body))))
    ask(world, "gitlab.runner-pause", 5)
    assert outcomes(world.run("gitlab", over_http)) == ["revoked"]
    assert runner["paused"] is True
    ask(world, "gitlab.runner-pause", 5, command="delete")

    assert outcomes(world.run("gitlab", over_http)) == ["restored"]
    assert runner["paused"] is False
    assert {headers["PRIVATE-TOKEN"] for *_, headers in fake.seen} == {"our-own-credential"}


@pytest.mark.parametrize(
    ("action", "path", "others"),
    [
        ("token-id", "/personal_access_tokens/self", {}),
        ("project-token-id", "/personal_access_tokens/self", {"project": "7"}),
        ("group-token-id", "/personal_access_tokens/self", {"group": "7"}),
        ("user-block", "/user", {}),
    ],
)
def test_gitlabs_responder_does_not_end_itself(manager, fake, over_http, action, path, others):
    world = manager("gitlab", action)
    fake.route("GET", path, lambda *_: (200, {**LIVE, "id": 5, "state": "active"}))
    ask(world, f"gitlab.{action}", 5, **others)
    (line,) = world.run("gitlab", over_http)

    assert (line["outcome"], line["reason"]) == ("refused_allowlist", "own_credential")
    assert fake.calls() == [f"GET {path}"]


@pytest.mark.parametrize("lease", ["auth/token/create/h123", "auth/userpass/login/mallory/h9"])
def test_the_lease_of_a_token_is_left_alone(manager, lease):
    world = manager("vault", "lease")
    (line,) = ask(world, "vault.lease", lease)

    assert line["outcome"] == "refused_allowlist"


def test_a_gitlab_token_revokes_itself(manager, fake, over_http):
    world = manager("gitlab", "token")
    live = {"glpat-" + "a1B2" * 5}
    itself = "/personal_access_tokens/self"

    def with_token(answer):
        return lambda _, headers: answer(headers["PRIVATE-TOKEN"])

    fake.route("GET", itself, with_token(lambda token: (200, LIVE) if token in live else 401))
    fake.route("DELETE", itself, with_token(lambda token: live.discard(token) or 204))
    ask(world, "gitlab.token", "glpat-" + "a1B2" * 5)

    assert outcomes(world.run("gitlab", over_http)) == ["revoked"]
    assert live == set()


def test_a_token_that_is_not_accepted_may_be_alive_elsewhere(manager, fake, over_http):
    world = manager("gitlab", "token")
    for method in ("GET", "DELETE"):
        fake.route(method, "/personal_access_tokens/self", lambda *_: 401)
    ask(world, "gitlab.token", "glpat-" + "a1B2" * 5)
    (line,) = world.run("gitlab", over_http)

    assert line["outcome"] == "not_found"
    assert line["reason"] == (
        "GET /personal_access_tokens/self: the token is not accepted here: it is revoked, or of "
        "another server (401)"
    )


def test_a_github_token_of_another_server_is_not_called_revoked(github, fake, over_http):
    github.provider.live.clear()
    (line,) = github.run("github", over_http)

    assert line["outcome"] == "not_found"
    assert fake.calls() == ["GET /user"]


def test_a_vault_entity_is_disabled_and_enabled(manager, fake, over_http):
    world = manager("vault", "entity", "namespace = team/ci")
    entity = {"disabled": False}
    path = f"/identity/entity/id/{UUID}"
    fake.route("GET", "/auth/token/lookup-self", lambda *_: (200, {"data": {"entity_id": ""}}))
    fake.route("GET", path, lambda *_: (200, {"data": entity}))
    fake.route("POST", path, lambda body, _: entity.update(json.loads(body)) or 204)
    ask(world, "vault.entity", UUID)
    assert outcomes(world.run("vault", over_http)) == ["revoked"]
    assert entity["disabled"]
    ask(world, "vault.entity", UUID, command="delete")

    assert outcomes(world.run("vault", over_http)) == ["restored"]
    assert {headers["X-Vault-Namespace"] for *_, headers in fake.seen} == {"team/ci"}


class Cluster:
    """A namespace with a pod and a role binding."""

    RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/ci/rolebindings"
    POD = "/api/v1/namespaces/ci/pods/build-1"

    def __init__(self, fake):
        self.pods = {"u2"}
        self.bindings = [BINDING]
        self.deleted = []
        fake.route("POST", "/apis/authentication.k8s.io/v1/tokenreviews", self.review)
        fake.route("DELETE", self.POD, self.delete_pod)
        fake.route("GET", f"{self.RBAC}/ci-admin", self.get)
        fake.route("DELETE", f"{self.RBAC}/ci-admin", lambda *_: self.bindings.clear() or 200)
        fake.route("POST", self.RBAC, lambda body, _: self.bindings.append(json.loads(body)) or 201)

    def review(self, *_):
        return 201, GENUINE if self.pods else REFUSED

    def delete_pod(self, body, _):
        uid = json.loads(body)["preconditions"]["uid"]
        self.pods.discard(uid)
        return 200

    def get(self, *_):
        return (200, self.bindings[0]) if self.bindings else 404


def test_the_pod_that_a_genuine_token_is_bound_to_is_deleted(manager, fake, over_http):
    world = manager("kubernetes", "token")
    cluster = Cluster(fake)
    ask(world, "kubernetes.token", service_account_token(ACCOUNT))

    assert outcomes(world.run("kubernetes", over_http)) == ["revoked"]
    assert cluster.pods == set()


@pytest.mark.parametrize(
    ("review", "outcome", "reason"),
    [
        (
            REFUSED,
            "not_found",
            "the cluster does not take it as genuine: it has ended, or is another cluster's",
        ),
        (
            {
                "kind": "TokenReview",
                "status": {
                    "authenticated": True,
                    "user": {"username": "system:serviceaccount:a:b"},
                },
            },
            "refused_allowlist",
            "the token's claims and the cluster's answer differ",
        ),
    ],
)
def test_forged_claims_delete_nothing(manager, fake, over_http, review, outcome, reason):
    world = manager("kubernetes", "token")
    Cluster(fake)
    fake.route("POST", "/apis/authentication.k8s.io/v1/tokenreviews", lambda *_: (201, review))
    ask(world, "kubernetes.token", service_account_token(ACCOUNT))
    (line,) = world.run("kubernetes", over_http)

    assert (line["outcome"], line.get("reason")) == (outcome, reason)
    assert [method for method, *_ in fake.seen] == ["POST"]


@pytest.mark.parametrize("namespace", ["kube-system", "kube-public"])
def test_system_namespaces_are_left_alone(manager, namespace):
    world = manager("kubernetes", "pod")
    (line,) = ask(world, "kubernetes.pod", "coredns-1", namespace=namespace)

    assert line["outcome"] == "refused_allowlist"
    assert line["reason"].startswith(f"{namespace} is left alone")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://token.actions.githubusercontent.com", "sub": "repo:acme/shop"},
        {"kubernetes.io/serviceaccount/namespace": "ci", "sub": "x" * 20},
        ["kubernetes.io"] * 5,
        {"kubernetes.io": {"namespace": "ci", "serviceaccount": ["x"], "pod": {"name": "x"}}},
    ],
)
def test_somebody_elses_token_is_not_sent_to_the_cluster(manager, claims):
    world = manager("kubernetes", "token")
    (line,) = ask(world, "kubernetes.token", service_account_token(claims))

    assert line["outcome"] == "refused_invalid"


def test_a_token_that_is_bound_to_its_account_alone_is_left_to_people(manager):
    world = manager("kubernetes", "token")
    claims = {"kubernetes.io": {"namespace": "ci", "serviceaccount": {"name": "builder"}}}
    (line,) = ask(world, "kubernetes.token", service_account_token(claims))

    assert line["outcome"] == "failed"
    assert "bound to its service account alone" in line["reason"]


def test_a_legacy_tokens_secret_is_deleted(manager, fake, over_http):
    world = manager("kubernetes", "token")
    claims = {
        "kubernetes.io/serviceaccount/namespace": "ci",
        "kubernetes.io/serviceaccount/secret.name": "builder-token-x",
        "kubernetes.io/serviceaccount/service-account.name": "builder",
    }
    cluster = Cluster(fake)
    path = "/api/v1/namespaces/ci/secrets/builder-token-x"
    fake.route("DELETE", path, lambda *_: cluster.pods.clear() or 200)
    ask(world, "kubernetes.token", service_account_token(claims))

    assert outcomes(world.run("kubernetes", over_http)) == ["revoked"]


def test_bindings_of_kubernetes_itself_are_left_alone(manager):
    world = manager("kubernetes", "clusterrolebinding")
    (line,) = ask(world, "kubernetes.clusterrolebinding", "system:node")

    assert line["outcome"] == "refused_allowlist"


def test_a_secret_that_is_no_token_is_not_deleted(manager, fake, over_http):
    world = manager("kubernetes", "secret")
    path = "/api/v1/namespaces/ci/secrets/database"
    found = {"kind": "Secret", "type": "Opaque", "metadata": {"name": "database", "uid": "u"}}
    fake.route("GET", path, lambda *_: (200, found))
    ask(world, "kubernetes.secret", "database", namespace="ci")
    (line,) = world.run("kubernetes", over_http)

    assert line["reason"] == "the secret is not a service account's token"
    assert [method for method, *_ in fake.seen] == ["GET"]


def test_a_binding_that_kubernetes_made_itself_is_left_alone(manager, fake, over_http):
    world = manager("kubernetes", "clusterrolebinding")
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    metadata = {"name": "cluster-admin", "uid": "u", "labels": labels}
    found = {"kind": "ClusterRoleBinding", "metadata": metadata, "roleRef": {"name": "x"}}
    path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/cluster-admin"
    fake.route("GET", path, lambda *_: (200, found))
    ask(world, "kubernetes.clusterrolebinding", "cluster-admin", resource="clusterrolebindings")
    (line,) = world.run("kubernetes", over_http)

    assert line["reason"] == "bindings of Kubernetes itself are left alone"
    assert [method for method, *_ in fake.seen] == ["GET"]


def test_another_binding_of_the_same_name_is_not_deleted(manager, fake, over_http):
    world = manager("kubernetes", "rolebinding")
    cluster = Cluster(fake)
    ask(world, "kubernetes.rolebinding", "ci-admin", namespace="ci")
    world.run("kubernetes", over_http)
    (body,) = [body for method, _, body, _ in fake.seen if method == "DELETE"]

    assert json.loads(body) == {"preconditions": {"uid": BINDING["metadata"]["uid"]}}
    assert cluster.bindings == []


class Repository:
    """A repository's deploy keys."""

    def __init__(self, fake, *keys):
        self.keys = dict(enumerate(keys, 5))
        self.fake = fake
        fake.route("GET", "/repos/acme/shop/keys", self.list)
        fake.route("POST", "/repos/acme/shop/keys", self.add)
        for number in self.keys:
            path = f"/repos/acme/shop/keys/{number}"
            fake.route("GET", path, lambda *_, n=number: 200 if n in self.keys else 404)
            fake.route("DELETE", path, lambda *_, n=number: (self.keys.pop(n, None) and 204) or 404)

    def list(self, *_):
        return 200, [
            {"id": n, "title": "ci", "key": k, "read_only": False} for n, k in self.keys.items()
        ]

    def add(self, body, _):
        self.keys[99] = json.loads(body)["key"]
        self.added = json.loads(body)
        return 201, {}


OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"


def test_a_deploy_key_is_found_by_its_fingerprint_and_put_back(manager, fake, over_http):
    world = manager("github", "deploy-key-fingerprint")
    served = Repository(fake, OTHER_KEY, PUBLIC_KEY)
    words = {"repository": "acme/shop"}
    ask(world, "github.deploy-key-fingerprint", f"SHA256:{KEY_DIGEST}", **words)
    assert outcomes(world.run("github", over_http)) == ["revoked"]
    assert list(served.keys.values()) == [OTHER_KEY]
    ask(world, "github.deploy-key-fingerprint", f"SHA256:{KEY_DIGEST}", command="delete", **words)

    assert outcomes(world.run("github", over_http)) == ["restored"]
    assert served.added == {"title": "ci", "key": PUBLIC_KEY, "read_only": False}


@pytest.mark.parametrize(
    ("keys", "outcome", "reason"),
    [
        ([OTHER_KEY, "not a key", "ssh-rsa !!!"], "already_revoked", None),
        ([OTHER_KEY] * 100, "failed", "the key is not among the first 100; remove it by its id"),
    ],
)
def test_a_fingerprint_that_no_key_has_removes_nothing(
    manager, fake, over_http, keys, outcome, reason
):
    world = manager("github", "deploy-key-fingerprint")
    Repository(fake, *keys)
    ask(
        world,
        "github.deploy-key-fingerprint",
        f"SHA256:{KEY_DIGEST}",
        repository="acme/shop",
    )
    (line,) = world.run("github", over_http)

    assert (line["outcome"], line.get("reason")) == (outcome, reason)
    assert [method for method, *_ in fake.seen] == ["GET"]


def test_a_role_binding_is_put_back_as_it_was(manager, fake, over_http):
    world = manager("kubernetes", "rolebinding")
    cluster = Cluster(fake)
    ask(world, "kubernetes.rolebinding", "ci-admin", namespace="ci")
    assert outcomes(world.run("kubernetes", over_http)) == ["revoked"]
    assert cluster.bindings == []
    ask(world, "kubernetes.rolebinding", "ci-admin", command="delete", namespace="ci")

    assert outcomes(world.run("kubernetes", over_http)) == ["restored"]
    assert cluster.bindings == [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "ci-admin", "namespace": "ci", "labels": {"app": "ci"}},
            "roleRef": BINDING["roleRef"],
            "subjects": BINDING["subjects"],
        }
    ]


def test_a_binding_is_put_back_after_a_repeated_event_too(manager, fake, over_http):
    world = manager("kubernetes", "rolebinding")
    cluster = Cluster(fake)
    ask(world, "kubernetes.rolebinding", "ci-admin", namespace="ci")
    world.run("kubernetes", over_http)
    world.clock.now += 601
    ask(world, "kubernetes.rolebinding", "ci-admin", namespace="ci")
    assert outcomes(world.run("kubernetes", over_http)) == ["not_found"]
    ask(world, "kubernetes.rolebinding", "ci-admin", command="delete", namespace="ci")

    assert outcomes(world.run("kubernetes", over_http)) == ["restored"]
    assert [binding["subjects"] for binding in cluster.bindings] == [BINDING["subjects"]]


def test_a_runners_labels_come_back_after_a_repeated_event_too(manager, fake, over_http):
    world = manager("github", "runner-labels", "organisation = acme")
    path = "/orgs/acme/actions/runners/5/labels"
    labels = ["gpu", "big"]
    fake.route(
        "GET",
        path,
        lambda *_: (200, {"labels": [{"name": name, "type": "custom"} for name in labels]}),
    )

    def put(body, _):
        labels[:] = json.loads(body)["labels"]
        return 200, {"labels": []}

    fake.route("PUT", path, put)
    ask(world, "github.runner-labels", 5)
    world.run("github", over_http)
    labels.append("late")
    world.clock.now += 601
    ask(world, "github.runner-labels", 5)
    assert outcomes(world.run("github", over_http)) == ["revoked"]
    ask(world, "github.runner-labels", 5, command="delete")

    assert outcomes(world.run("github", over_http)) == ["restored"]
    assert labels == ["big", "gpu", "late"]


def test_docker_hub_is_logged_in_to_first(manager, fake, over_http):
    secret = "password = our-own-password"
    world = manager("dockerhub", "token-deactivate", "user = acme-ci", secrets=secret)
    token = {"is_active": True}
    path = f"/v2/access-tokens/{UUID}"
    fake.route("POST", "/v2/auth/token", lambda *_: (200, {"access_token": "session-1"}))
    fake.route("GET", path, lambda *_: (200, token))
    fake.route("PATCH", path, lambda body, _: (200, token.update(json.loads(body))))
    ask(world, "dockerhub.token-deactivate", UUID)

    assert outcomes(world.run("dockerhub", over_http)) == ["revoked"]
    assert json.loads(fake.seen[0][2]) == {"identifier": "acme-ci", "secret": "our-own-password"}
    assert {headers["Authorization"] for *_, headers in fake.seen[1:]} == {"Bearer session-1"}
    assert b"session-1" not in world.everything_written()


def test_a_jenkins_job_in_a_folder_is_disabled(manager, fake, over_http):
    world = manager("jenkins", "job-disable", "user = wazuh")
    job = {"buildable": True}
    base = "/job/team/job/deploy%20app"
    fake.route("GET", f"{base}/api/json", lambda *_: (200, job))
    fake.route("POST", f"{base}/disable", lambda *_: job.update(buildable=False) or (302, None))
    ask(world, "jenkins.job-disable", "team/deploy app")

    assert outcomes(world.run("jenkins", over_http)) == ["revoked"]
    assert {headers["Authorization"] for *_, headers in fake.seen} == {
        "Basic d2F6dWg6b3VyLW93bi1jcmVkZW50aWFs"
    }


@pytest.mark.parametrize(("status", "outcome"), [(200, "revoked"), (302, "failed")])
def test_a_redirect_is_no_proof_that_jenkins_revoked(manager, fake, over_http, status, outcome):
    world = manager("jenkins", "user-tokens", "user = wazuh")
    path = "/user/mallory/descriptorByName/jenkins.security.ApiTokenProperty/revokeAll"
    fake.route("GET", "/user/mallory/api/json", lambda *_: (200, {"id": "mallory"}))
    fake.route("POST", path, lambda *_: status)
    ask(world, "jenkins.user-tokens", "mallory")

    assert outcomes(world.run("jenkins", over_http)) == [outcome]


def test_jenkins_does_not_take_the_responders_own_user(manager):
    world = manager("jenkins", "user-tokens", "user = wazuh")
    (line,) = ask(world, "jenkins.user-tokens", "Wazuh")

    assert line["reason"] == "the responder does not revoke its own user's tokens"


@pytest.mark.parametrize("send_token", ["yes", "no"])
def test_a_webhook_is_signed_and_holds_the_token_only_when_wanted(
    manager, fake, over_http, send_token
):
    secret = "signing_key = shared-with-the-receiver"
    world = manager("webhook", "token", f"send_token = {send_token}", secrets=secret)
    fake.route("POST", "/", lambda *_: 202)
    ask(world, "webhook.token", f"x {TOKEN}")
    assert outcomes(world.run("webhook", over_http)) == ["revoked"]
    ((_, _, body, headers),) = fake.seen
    digest = hmac.new(b"shared-with-the-receiver", body, hashlib.sha256).hexdigest()

    assert headers["X-Wazuh-Pack-Signature"] == f"sha256={digest}"
    assert (TOKEN in body.decode()) == (send_token == "yes")
    assert json.loads(body)["kind"] == "github-personal"


def test_azure_devops_checks_by_the_users_list(manager, fake, over_http):
    world = manager("azuredevops", "token", "organisation = acme")
    token = {"authorizationId": UUID, "isValid": True}
    base = "/acme/_apis/tokenadmin"
    fake.route("POST", f"{base}/revocations", lambda *_: token.update(isValid=False) or 204)
    fake.route(
        "GET", f"{base}/personalaccesstokens/aad.VXNlckRl", lambda *_: (200, {"value": [token]})
    )
    ask(world, "azuredevops.token", UUID, subject="aad.VXNlckRl")

    assert outcomes(world.run("azuredevops", over_http)) == ["revoked"]
    assert json.loads(fake.seen[1][2]) == [{"authorizationId": UUID}]


@pytest.mark.parametrize(
    ("page", "outcome"),
    [
        ({"value": []}, "not_found"),
        ({"value": [], "continuationToken": "page-2"}, "unverified"),
        ({"value": [{"authorizationId": UUID, "isValid": False}]}, "already_revoked"),
    ],
)
def test_a_list_that_does_not_show_it_proves_nothing(manager, fake, over_http, page, outcome):
    world = manager("azuredevops", "token", "organisation = acme")
    base = "/acme/_apis/tokenadmin"
    fake.route("POST", f"{base}/revocations", lambda *_: 204)
    fake.route("GET", f"{base}/personalaccesstokens/aad.VXNlckRl", lambda *_: (200, page))
    ask(world, "azuredevops.token", UUID, subject="aad.VXNlckRl")

    assert outcomes(world.run("azuredevops", over_http))[-1] == outcome


def test_an_action_whose_answer_got_lost_can_still_be_taken_back(manager, fake, over_http):
    world = manager("kubernetes", "rolebinding")
    cluster = Cluster(fake)

    def delete(*_):
        found = 200 if cluster.bindings else 404
        cluster.bindings.clear()
        fake.lost = fake.lost + 1
        return found if fake.lost > 1 else (500, None)

    fake.lost = 0
    fake.route("DELETE", f"{Cluster.RBAC}/ci-admin", delete)
    ask(world, "kubernetes.rolebinding", "ci-admin", namespace="ci")
    assert outcomes(world.run("kubernetes", over_http)) == ["retrying", "revoked"]
    ask(world, "kubernetes.rolebinding", "ci-admin", command="delete", namespace="ci")

    assert outcomes(world.run("kubernetes", over_http)) == ["restored"]
    assert len(cluster.bindings) == 1


@pytest.mark.parametrize(
    "page",
    [
        [{"id": number, "token_id": 1000 + number} for number in range(30)],
        [{"id": 77, "token_id": 5}, {"id": 78, "token_id": 6}],
        ["x"],
    ],
)
def test_a_list_that_was_not_filtered_shows_nothing(manager, fake, over_http, page):
    world = manager("github", "organisation-token", "organisation = acme")
    fake.route("GET", "/orgs/acme/personal-access-tokens", lambda *_: (200, page))
    ask(world, "github.organisation-token", 5)
    (line,) = world.run("github", over_http)

    assert line["outcome"] == "failed"
    assert "the answer is not the provider's" in line["reason"]
    assert {method for method, *_ in fake.seen} == {"GET"}
