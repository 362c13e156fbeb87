"""Kubernetes: what a service account's token or a binding gives.

A token that is bound to a pod or a secret ends with it; there is no call that revokes it by itself.
What it is bound to is read from its claims only after the cluster has said that it is genuine.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, ClassVar

from wazuh_pack.agentkit.config import yes_or_no
from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.revoke.call import GONE, Call, Check, Memory, Plan, Reply, call, change, checked
from wazuh_pack.revoke.errors import Failure, NotFound, Refused
from wazuh_pack.revoke.providers.base import (
    Capability,
    Option,
    Parameter,
    Planner,
    Provider,
    Rate,
    Values,
    table,
    token,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wazuh_pack.revoke.target import Target

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_OBJECT = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_ROLE = r"(?!\.{1,2}$)[A-Za-z0-9:._-]{1,253}"
_NAMESPACE = Parameter(name="namespace", pattern=_LABEL)
_KEPT = ("labels", "annotations")
_BOOTSTRAP = "kubernetes.io/bootstrapping"
_SYSTEM = ("kube-system", "kube-public", "kube-node-lease")
_MERGE = {"Content-Type": "application/merge-patch+json"}
_REVIEW = "/apis/authentication.k8s.io/v1/tokenreviews"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_LEGACY = "kubernetes.io/serviceaccount/"


def _resource(name: str) -> Parameter:
    """Return a guard: an event that names its resource means this one and no other."""
    return Parameter(name="resource", pattern=name, optional=True)


def _name(pattern: str = _OBJECT) -> Parameter:
    return Parameter(name="name", pattern=pattern)


class Kubernetes(Provider):
    """See the module."""

    name = "kubernetes"
    rate = Rate(300, 60)
    options: ClassVar[Mapping[str, Option]] = {"allow_system_namespaces": yes_or_no}
    capabilities = table(
        Capability(
            name="token",
            parameters=(token("jwt"),),
            effect="deletes the pod or the secret that a service account's token is bound to",
            rights="create tokenreviews; delete pods and secrets where it may act",
            verified="the cluster no longer takes the token as genuine (within 60 s)",
            calls=("DELETE /api/v1/namespaces/{namespace}/{kind}/{name}",),
        ),
        Capability(
            name="secret",
            parameters=(_name(), _NAMESPACE),
            effect="deletes a service account's token secret; other secrets are refused",
            rights="get and delete secrets where it may act",
            verified="the secret is not there",
            calls=("DELETE /api/v1/namespaces/{namespace}/secrets/{name}",),
        ),
        Capability(
            name="pod",
            parameters=(_name(), _NAMESPACE),
            effect="deletes a pod, which ends its bound tokens; its controller makes another one",
            rights="get and delete pods where it may act",
            verified="the pod is not there, or another one of its name",
            calls=("DELETE /api/v1/namespaces/{namespace}/pods/{name}",),
        ),
        Capability(
            name="rolebinding",
            parameters=(_name(_ROLE), _NAMESPACE, _resource("rolebindings")),
            effect="deletes a role binding; everybody in it loses the role",
            rights="get, delete and create rolebindings, and bind on the roles to put back",
            undo="the binding is created as it was",
            verified="the binding is not there",
            calls=(f"DELETE {_RBAC}/namespaces/{{namespace}}/rolebindings/{{name}}",),
        ),
        Capability(
            name="clusterrolebinding",
            parameters=(_name(_ROLE), _resource("clusterrolebindings")),
            effect="deletes a cluster role binding; those of Kubernetes itself are refused",
            rights="get, delete and create clusterrolebindings, and bind on the roles to put back",
            undo="the binding is created as it was",
            verified="the binding is not there",
            calls=(f"DELETE {_RBAC}/clusterrolebindings/{{name}}",),
        ),
        Capability(
            name="cronjob-suspend",
            parameters=(_name(), _NAMESPACE),
            effect="suspends a cron job; running jobs go on",
            rights="get and patch cronjobs where it may act",
            undo="the cron job goes on",
            verified="it is suspended",
            calls=("PATCH /apis/batch/v1/namespaces/{namespace}/cronjobs/{name}",),
        ),
        Capability(
            name="node-cordon",
            parameters=(_name(),),
            effect="takes a node out of scheduling; running pods stay",
            rights="get and patch nodes",
            undo="the node is scheduled on again",
            verified="the node is unschedulable",
            calls=("PATCH /api/v1/nodes/{name}",),
        ),
    )

    def planners(self) -> Mapping[str, Planner]:
        """Return what plans each action, by its name."""
        namespaced = f"{_RBAC}/namespaces/{{namespace}}/rolebindings"
        cronjob = "/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}"
        return {
            "token": self._token,
            "secret": lambda values: _deletion("secrets", values),
            "pod": lambda values: _deletion("pods", values),
            "rolebinding": lambda values: _binding(namespaced, values),
            "clusterrolebinding": lambda values: _binding(f"{_RBAC}/clusterrolebindings", values),
            "cronjob-suspend": lambda values: _switch(cronjob, "suspend", values),
            "node-cordon": lambda values: _switch("/api/v1/nodes/{name}", "unschedulable", values),
        }

    def plan(self, target: Target) -> Plan:
        """Return what to do about a target."""
        if "namespace" in target.values:
            self._check_namespace(target.values["namespace"])
        return super().plan(target)

    def _check_namespace(self, namespace: str) -> None:
        if namespace in _SYSTEM and not self.access.options.get("allow_system_namespaces"):
            raise Refused(f"{namespace} is left alone unless allow_system_namespaces = yes")

    def _token(self, values: Values) -> Plan:
        # The claims are not believed yet, but somebody else's token must not be sent here.
        _bound_object(values["token"])
        review = call(
            "POST",
            _REVIEW,
            {},
            json={
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenReview",
                "spec": {"token": values["token"]},
            },
            genuine=_is_review,
        )

        def remember(reply: Reply) -> Memory:
            if reply.member("status", "authenticated") is not True:
                raise NotFound(
                    "the cluster does not take it as genuine: it has ended, or is another cluster's"
                )
            user = str(reply.member("status", "user", "username"))
            bound = _bound_object(values["token"])
            if user != f"system:serviceaccount:{bound['namespace']}:{bound['account']}":
                raise Refused("the token's claims and the cluster's answer differ")
            self._check_namespace(bound["namespace"])
            return bound

        def act(memory: Memory) -> tuple[Call, ...]:
            template = f"/api/v1/namespaces/{{namespace}}/{memory['kind']}/{{name}}"
            return (_delete(template, memory, memory["uid"]),)

        return Plan(
            look=review,
            remember=remember,
            act=act,
            check=checked(review, lambda r: r.member("status", "authenticated") is not True),
        )


def _bound_object(value: str) -> dict[str, str]:
    """Return the object a genuine token is bound to, from its claims.

    Raises:
        Failure: It is bound to nothing that could be deleted without harm to others.
        MessageError: It is not a service account's.
    """
    claims = _claims(value)
    new = claims.get("kubernetes.io")
    if not isinstance(new, dict):
        legacy = {
            name: claims.get(_LEGACY + name)
            for name in ("namespace", "secret.name", "service-account.name")
        }
        if not all(isinstance(item, str) and item for item in legacy.values()):
            raise MessageError("the token's claims name no service account")
        return {
            "kind": "secrets",
            "namespace": str(legacy["namespace"]),
            "account": str(legacy["service-account.name"]),
            "name": str(legacy["secret.name"]),
            "uid": "",
        }
    account = new.get("serviceaccount")
    if not isinstance(account, dict):
        raise MessageError("the token's claims name no service account")
    for kind, one in (("pods", "pod"), ("secrets", "secret")):
        bound = new.get(one)
        if isinstance(bound, dict):
            return {
                "kind": kind,
                "namespace": str(new.get("namespace")),
                "account": str(account.get("name")),
                "name": str(bound.get("name")),
                "uid": str(bound.get("uid") or ""),
            }
    raise Failure(
        "the token is bound to its service account alone: only removing the account, or its role "
        "bindings, ends it"
    )


def _claims(value: str) -> dict[str, Any]:
    payload = value.split(".")[1]
    try:
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise MessageError("the token's claims cannot be read")
    return found


def _deletion(kind: str, values: Values) -> Plan:
    template = f"/api/v1/namespaces/{{namespace}}/{kind}/{{name}}"
    get = _get(template, values, "Secret" if kind == "secrets" else "Pod")

    def remember(reply: Reply) -> Memory:
        if kind == "secrets" and reply.member("type") != "kubernetes.io/service-account-token":
            raise Refused("the secret is not a service account's token")
        return {"uid": str(reply.member("metadata", "uid"))}

    return Plan(
        look=get,
        absent=_absent(values),
        remember=remember,
        act=lambda memory: (_delete(template, values, memory["uid"]),),
        check=lambda memory: _other(get, memory["uid"]),
    )


def _get(template: str, values: Values, kind: str, *members: str) -> Call:
    """Return the call that shows one object; an answer that is another thing is not genuine."""

    def genuine(reply: Reply) -> bool:
        metadata = reply.member("metadata")
        return (
            reply.member("kind") == kind
            and isinstance(metadata, dict)
            and metadata.get("name") == values["name"]
            and bool(metadata.get("uid"))
            and all(isinstance(reply.member(name), dict) for name in members)
        )

    return call("GET", template, values, ok=frozenset({200}), gone=GONE, genuine=genuine)


def _is_review(reply: Reply) -> bool:
    return reply.member("kind") == "TokenReview" and isinstance(reply.member("status"), dict)


def _absent(values: Values) -> Callable[[Reply], bool]:
    """Return the test of an answer that the object is not there.

    A cluster asks for the right before it looks, so this one, which names the object, is no
    refusal; and a wrong URL would not know the name.
    """

    def absent(reply: Reply) -> bool:
        said = (reply.member("kind"), reply.member("reason"), reply.member("details", "name"))
        return reply.absent and said == ("Status", "NotFound", values["name"])

    return absent


def _delete(template: str, values: Values, uid: str) -> Call:
    """Return the deletion of the very object that was looked at."""
    body = {"preconditions": {"uid": uid}} if uid else None
    # 409: another object has the name by now
    return call("DELETE", template, values, json=body, gone=frozenset({404, 409}))


def _other(get: Call, uid: str) -> Check:
    """Return the check that the object, or the one of this uid, is not there."""
    return Check(
        get,
        lambda reply: reply.absent or reply.member("metadata", "uid") != uid,
    )


def _binding(template: str, values: Values) -> Plan:
    if values["name"].startswith("system:"):
        raise Refused("bindings of Kubernetes itself are left alone")
    place = {name: values[name] for name in ("name", "namespace") if name in values}
    one = f"{template}/{{name}}"
    kind = "RoleBinding" if "namespace" in values else "ClusterRoleBinding"
    get = _get(one, values, kind, "roleRef")

    def remember(reply: Reply) -> Memory:
        body = reply.body
        metadata = body["metadata"]
        if _BOOTSTRAP in (metadata.get("labels") or {}):
            raise Refused("bindings of Kubernetes itself are left alone")
        kept: dict[str, Any] = {name: metadata[name] for name in _KEPT if metadata.get(name)}
        again = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": {**place, **kept},
            "roleRef": body["roleRef"],
            "subjects": body.get("subjects") or [],
        }
        return {"uid": str(metadata["uid"]), "again": again}

    def undo(memory: Memory) -> tuple[Call, ...]:
        # 409: somebody has put it back already
        return (call("POST", template, values, json=memory["again"], gone=frozenset({409})),)

    return Plan(
        look=get,
        absent=_absent(values),
        remember=remember,
        act=lambda memory: (_delete(one, values, memory["uid"]),),
        check=lambda memory: _other(get, memory["uid"]),
        undo=undo,
    )


def _switch(template: str, member: str, values: Values) -> Plan:
    """Return a plan that sets a member of ``spec``, and takes it back."""
    kind = "CronJob" if member == "suspend" else "Node"
    get = _get(template, values, kind, "spec")

    def patch(*, on: bool) -> Call:
        body = {"spec": {member: on}}
        return call("PATCH", template, values, json=body, headers=_MERGE)

    return change(
        get,
        lambda reply: reply.member("spec", member) is True,
        patch(on=True),
        already="it is so already",
        undo=patch(on=False),
        absent=_absent(values),
    )
