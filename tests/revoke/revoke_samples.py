"""One made-up target per action, and what its provider would say about it beforehand."""

from revoke_world import github_token, service_account_token

from wazuh_pack.revoke.call import Reply
from wazuh_pack.revoke.providers import NAMES, provider
from wazuh_pack.revoke.providers.base import Access
from wazuh_pack.revoke.target import Target

UUID = "4ab5ce07-7d6c-4a5c-8a51-3f2d0b6a1d11"
ACCOUNT = {
    "iss": "https://kubernetes.default.svc",
    "kubernetes.io": {
        "namespace": "ci",
        "serviceaccount": {"name": "builder", "uid": "u1"},
        "pod": {"name": "build-1", "uid": "u2"},
    },
}
USER = {"username": "system:serviceaccount:ci:builder"}
GENUINE = {"kind": "TokenReview", "status": {"authenticated": True, "user": USER}}
REFUSED = {"kind": "TokenReview", "status": {"user": {}}}
BINDING = {
    "kind": "RoleBinding",
    "metadata": {
        "name": "ci-admin",
        "namespace": "ci",
        "uid": "u",
        "resourceVersion": "5",
        "labels": {"app": "ci"},
    },
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
    "subjects": [{"kind": "ServiceAccount", "name": "builder", "namespace": "ci"}],
}
CLUSTER_BINDING = {**BINDING, "kind": "ClusterRoleBinding"}
POD = {"kind": "Pod", "metadata": {"name": "build-1", "uid": "u2"}}
# A made-up key; its fingerprint is what ssh-keygen -lf says of it.
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
KEY_DIGEST = "ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA"
REPOSITORY = {"repository": "acme/shop"}
LIVE = {"id": 5, "revoked": False, "active": True}
GLPAT = {"token": "glpat-" + "a1B2" * 5}


def denial(before):
    """Return what IAM says of the policy that ends sessions."""
    condition = {"DateLessThan": {"aws:TokenIssueTime": before}}
    statement = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": condition}
    return {"PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


OPTIONS = {
    "github": {"organisation": "acme"},
    "gitlab": {"group": "acme/platform"},
    "dockerhub": {"user": "acme-ci", "organisation": "acme"},
    "azuredevops": {"organisation": "acme"},
    "jenkins": {"user": "wazuh"},
    "vault": {"lease_prefixes": "aws/creds"},
}
CREDENTIALS = {
    "token": "our-own-credential",
    "password": "our-own-credential",
    "signing_key": "our-own-credential",
}

# action: (values, body of the reply to the look)
TARGETS = {
    "github.token": ({"token": github_token()}, {"login": "x"}),
    "github.installation-token": ({"token": "ghs_" + "a" * 36}, {"repositories": []}),
    "github.organisation-token": ({"token_id": "5"}, [{"id": 77, "token_id": 5}]),
    "github.sso-authorisation": ({"credential_id": "5"}, None),
    "github.deploy-key": (
        {"key_id": "5", **REPOSITORY},
        {"id": 5, "title": "ci", "key": "ssh-ed25519 AAAA", "read_only": True},
    ),
    "github.deploy-key-fingerprint": (
        {"fingerprint": "SHA256:" + KEY_DIGEST, **REPOSITORY},
        [{"id": 5, "title": "ci", "key": PUBLIC_KEY, "read_only": True}],
    ),
    "github.runner-labels": (
        {"runner_id": "5", **REPOSITORY},
        {
            "labels": [
                {"name": "self-hosted", "type": "read-only"},
                {"name": "gpu", "type": "custom"},
            ]
        },
    ),
    "github.runner": ({"runner_id": "5"}, {"id": 5}),
    "github.run-cancel": ({"run_id": "5", **REPOSITORY}, {"id": 5, "status": "queued"}),
    "github.run-force-cancel": ({"run_id": "5", **REPOSITORY}, {"id": 5, "status": "queued"}),
    "github.workflow": ({"workflow_id": "ci.yml", **REPOSITORY}, {"state": "active"}),
    "gitlab.token": (GLPAT, LIVE),
    "gitlab.any-token": (GLPAT, LIVE),
    "gitlab.group-token": (GLPAT, None),
    "gitlab.token-id": ({"token_id": "5"}, LIVE),
    "gitlab.project-token-id": ({"token_id": "5", "project": "acme/shop"}, LIVE),
    "gitlab.group-token-id": ({"token_id": "5", "group": "acme"}, LIVE),
    "gitlab.project-deploy-token": ({"token_id": "5", "project": "7"}, LIVE),
    "gitlab.group-deploy-token": ({"token_id": "5", "group": "7"}, LIVE),
    "gitlab.runner-pause": ({"runner_id": "5"}, {"paused": False}),
    "gitlab.runner-token": ({"token": "glrt-" + "a1B2" * 5}, {"id": 5}),
    "gitlab.pipeline-cancel": (
        {"pipeline_id": "5", "project": "7"},
        {"id": 5, "status": "running"},
    ),
    "gitlab.job-cancel": ({"job_id": "5", "project": "7"}, {"id": 5, "status": "running"}),
    "gitlab.user-block": ({"user_id": "5"}, {"state": "active"}),
    "vault.token": ({"token": "hvs." + "C" * 95}, {"data": {}}),
    "vault.accessor": ({"accessor": "8609694a-cdbc-db9b-d345-e782dbb562ed"}, {"data": {}}),
    "vault.lease": ({"lease_id": "aws/creds/deploy/abcd-1234"}, {"data": {}}),
    "vault.lease-prefix": ({"prefix": "aws/creds"}, {"data": {"keys": ["deploy/"]}}),
    "vault.entity": ({"entity_id": UUID}, {"data": {"disabled": False}}),
    "vault.approle-secret": ({"secret_id_accessor": UUID, "role": "ci"}, None),
    "kubernetes.token": ({"token": service_account_token(ACCOUNT)}, GENUINE),
    "kubernetes.secret": (
        {"name": "builder-token", "namespace": "ci"},
        {
            "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "builder-token", "uid": "u3"},
        },
    ),
    "kubernetes.pod": ({"name": "build-1", "namespace": "ci"}, POD),
    "kubernetes.rolebinding": ({"name": "ci-admin", "namespace": "ci"}, BINDING),
    "kubernetes.clusterrolebinding": ({"name": "ci-admin"}, CLUSTER_BINDING),
    "kubernetes.cronjob-suspend": (
        {"name": "nightly", "namespace": "ci"},
        {"kind": "CronJob", "metadata": {"name": "nightly", "uid": "u4"}, "spec": {}},
    ),
    "kubernetes.node-cordon": (
        {"name": "worker-1"},
        {"kind": "Node", "metadata": {"name": "worker-1", "uid": "u5"}, "spec": {}},
    ),
    "aws.access-key": ({"access_key_id": "AKIAABCDEFGH234567ZZ"}, {"UserName": "ci"}),
    "aws.role-sessions": ({"role": "deploy"}, denial("2026-01-01T00:00:00Z")),
    "aws.user-sessions": ({"user": "ci"}, denial("2026-01-01T00:00:00Z")),
    "dockerhub.token-deactivate": ({"token_id": UUID}, {"is_active": True}),
    "dockerhub.token-delete": ({"token_id": UUID}, {"is_active": True}),
    "dockerhub.organisation-token-deactivate": ({"token_id": UUID}, {"is_active": True}),
    "dockerhub.organisation-token-delete": ({"token_id": UUID}, {"is_active": True}),
    "azuredevops.token": (
        {"authorisation_id": UUID, "subject": "aad.VXNlckRlc2NyaXB0b3I"},
        {"value": [{"authorizationId": UUID, "isValid": True}]},
    ),
    "jenkins.user-tokens": ({"user": "mallory"}, {"id": "mallory"}),
    "jenkins.user-token": ({"user": "mallory", "token_id": UUID}, {"id": "mallory"}),
    "jenkins.job-disable": ({"job": "team/deploy app"}, {"buildable": True}),
    "jenkins.build-stop": ({"number": "5", "job": "team/deploy"}, {"building": True}),
    "webhook.token": (GLPAT, None),
    "webhook.identifier": ({"identifier": "session:5"}, None),
}
NEEDS_A_KEY = {"github.app-installation"}


def actions():
    return [f"{name}.{action}" for name in NAMES for action in provider(name).capabilities]


def bound(name, url="https://provider.example.com"):
    """Return a provider with everything it may want configured."""
    kind = provider(name)
    options = {key: kind.options[key](text) for key, text in OPTIONS.get(name, {}).items()}
    return kind(Access(url=url, options=options, credentials=CREDENTIALS))


def target(action):
    name, _, capability = action.partition(".")
    values = TARGETS[action][0]
    declared = provider(name).capabilities[capability].parameters
    return Target(name, capability, values, frozenset(p.name for p in declared if p.secret))


def remembered(action, plan):
    """Return what a plan remembers of the made-up look."""
    return plan.remember(Reply(200, {}, TARGETS[action][1])) if plan.look else {}
