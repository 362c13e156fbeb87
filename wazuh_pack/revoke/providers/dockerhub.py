"""Docker Hub: personal and organisation access tokens, by their ids.

A token's value cannot be looked up there, so an alert has to name the id (the audit log does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from wazuh_pack.revoke.call import Call, Memory, Plan, Reply, always, call, checked, status
from wazuh_pack.revoke.errors import AlreadyDone, Failure
from wazuh_pack.revoke.providers.base import (
    UUID,
    Capability,
    Option,
    Parameter,
    Provider,
    Rate,
    Send,
    table,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.revoke.target import Target

_GONE = frozenset({404})
_NOT_FOUND = 404


class DockerHub(Provider):
    """See the module."""

    name = "dockerhub"
    url = "https://hub.docker.com"
    rate = Rate(60, 60)
    secrets = ("password",)
    options: ClassVar[Mapping[str, Option]] = {
        "user": word(r"[a-z0-9_.-]{2,64}", "acme-ci"),
        "organisation": word(r"[a-z0-9_.-]{2,64}", "acme"),
    }
    capabilities = table(
        Capability(
            name="token-deactivate",
            parameters=(Parameter(name="token_id", pattern=UUID),),
            effect="deactivates one of the configured user's access tokens",
            rights="password or access token of the token's owner",
            undo="the token is activated",
            verified="the token is shown as inactive",
            calls=("PATCH /v2/access-tokens/{token_id}",),
        ),
        Capability(
            name="token-delete",
            parameters=(Parameter(name="token_id", pattern=UUID),),
            effect="deletes one of the configured user's access tokens",
            rights="password or access token of the token's owner",
            verified="the token is not there",
            calls=("DELETE /v2/access-tokens/{token_id}",),
        ),
        Capability(
            name="organisation-token",
            parameters=(Parameter(name="token_id", pattern=UUID),),
            effect="deletes an organisation access token",
            rights="password or access token of an owner of the organisation",
            verified="the token is not there",
            calls=("DELETE /v2/orgs/{organisation}/access-tokens/{token_id}",),
        ),
    )

    def own_headers(self, send: Send) -> Mapping[str, str]:
        """Log in, and return the header of the session."""
        user = self.access.options.get("user")
        if not user:
            raise Failure("revoke.ini does not say the 'user' to log in as")
        body = {"identifier": user, "secret": self.access.credential("password")}
        login = call("POST", "/v2/auth/token", {}, json=body, own=False, ok=frozenset({200}))
        session = send(login).member("access_token")
        if not isinstance(session, str) or not session.isprintable():
            raise Failure("POST /v2/auth/token: the answer holds no token")
        return {"Authorization": f"Bearer {session}"}

    def plan(self, target: Target) -> Plan:
        """Return what to do about a target."""
        if target.action == "organisation-token":
            organisation = self.access.options.get("organisation")
            if not organisation:
                raise Failure("revoke.ini does not say the 'organisation' for this action")
            values = {**target.values, "organisation": organisation}
            return _deletion("/v2/orgs/{organisation}/access-tokens/{token_id}", values)
        template = "/v2/access-tokens/{token_id}"
        if target.action == "token-delete":
            return _deletion(template, target.values)
        return _deactivation(template, target.values)


def _deletion(template: str, values: Mapping[str, str]) -> Plan:
    delete = call("DELETE", template, values, gone=_GONE)
    get = call("GET", template, values, gone=_GONE)
    return Plan(act=always(delete), check=checked(get, status(404)))


def _deactivation(template: str, values: Mapping[str, str]) -> Plan:
    get = call("GET", template, values, gone=_GONE)

    def patch(*, active: bool) -> Call:
        body: dict[str, Any] = {"is_active": active}
        return call("PATCH", template, values, json=body, ok=frozenset({200}), gone=_GONE)

    def inactive(reply: Reply) -> bool:
        return reply.status == _NOT_FOUND or reply.member("is_active") is False

    def remember(reply: Reply) -> Memory:
        if inactive(reply):
            raise AlreadyDone("it is inactive")
        return {}

    return Plan(
        look=get,
        remember=remember,
        act=always(patch(active=False)),
        check=checked(get, inactive),
        undo=always(patch(active=True)),
    )
