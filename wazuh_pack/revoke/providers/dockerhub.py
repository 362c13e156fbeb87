"""Docker Hub: personal and organisation access tokens, by their ids.

A token's value cannot be looked up there, so an alert has to name the id (the audit log does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from wazuh_pack.revoke.call import GONE, Call, Plan, call, change, deletion, has
from wazuh_pack.revoke.errors import Failure
from wazuh_pack.revoke.providers.base import (
    UUID,
    Capability,
    Option,
    Parameter,
    Planner,
    Provider,
    Rate,
    Send,
    Values,
    table,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


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
            name="organisation-token-deactivate",
            parameters=(Parameter(name="token_id", pattern=UUID),),
            effect="deactivates an organisation access token",
            rights="password or access token of an owner of the organisation",
            undo="the token is activated",
            verified="the token is shown as inactive",
            calls=("PATCH /v2/orgs/{organisation}/access-tokens/{token_id}",),
        ),
        Capability(
            name="organisation-token-delete",
            parameters=(Parameter(name="token_id", pattern=UUID),),
            effect="deletes an organisation access token",
            rights="password or access token of an owner of the organisation",
            verified="the token is not there",
            calls=("DELETE /v2/orgs/{organisation}/access-tokens/{token_id}",),
        ),
    )

    def own_headers(self, send: Send) -> Mapping[str, str]:
        """Log in, and return the header of the session."""
        user = self.access.option("user")
        body = {"identifier": user, "secret": self.access.credential("password")}
        login = call("POST", "/v2/auth/token", {}, json=body, own=False, ok=frozenset({200}))
        session = send(login).member("access_token")
        if not isinstance(session, str) or not session.isprintable():
            raise Failure("POST /v2/auth/token: the answer holds no token")
        return {"Authorization": f"Bearer {session}"}

    def planners(self) -> Mapping[str, Planner]:
        """Return what plans each action, by its name."""
        own, organisation = "/v2/access-tokens", "/v2/orgs/{organisation}/access-tokens"
        return {
            "token-deactivate": lambda values: _deactivation(own, values),
            "token-delete": lambda values: _deletion(own, values),
            "organisation-token-deactivate": lambda values: _deactivation(
                organisation, self._organisation(values)
            ),
            "organisation-token-delete": lambda values: _deletion(
                organisation, self._organisation(values)
            ),
        }

    def _organisation(self, values: Values) -> Values:
        return {**values, "organisation": self.access.option("organisation")}


def _deletion(place: str, values: Values) -> Plan:
    one = f"{place}/{{token_id}}"
    return deletion(call("DELETE", one, values, gone=GONE), _get(one, values))


def _get(one: str, values: Values) -> Call:
    return call("GET", one, values, ok=frozenset({200}), gone=GONE, genuine=has("is_active", bool))


def _deactivation(place: str, values: Values) -> Plan:
    one = f"{place}/{{token_id}}"

    def patch(*, active: bool) -> Call:
        body = {"is_active": active}
        return call("PATCH", one, values, json=body, ok=frozenset({200}))

    return change(
        _get(one, values),
        lambda reply: reply.member("is_active") is False,
        patch(active=False),
        already="it is inactive",
        undo=patch(active=True),
    )
