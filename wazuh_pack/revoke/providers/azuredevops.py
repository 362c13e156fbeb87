"""Azure DevOps: personal access tokens, by their authorisation's id.

A token's value cannot be looked up there; auditing events name the id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from wazuh_pack.revoke.call import Call, Memory, Plan, Reply, always, call, checked, has
from wazuh_pack.revoke.errors import AlreadyDone, NotFound
from wazuh_pack.revoke.providers.base import (
    UUID,
    Capability,
    Option,
    Parameter,
    Planner,
    Provider,
    Rate,
    Values,
    table,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION = {"api-version": "7.1-preview.1"}


class AzureDevOps(Provider):
    """See the module."""

    name = "azuredevops"
    url = "https://vssps.dev.azure.com"
    rate = Rate(60, 60)
    options: ClassVar[Mapping[str, Option]] = {
        "organisation": word(r"[A-Za-z0-9][A-Za-z0-9-]{0,49}", "acme")
    }
    capabilities = table(
        Capability(
            name="token",
            parameters=(
                Parameter(name="authorisation_id", pattern=UUID),
                Parameter(
                    name="subject", pattern=r"[a-z]{2,8}\.[A-Za-z0-9_-]{8,512}", optional=True
                ),
            ),
            effect="revokes a personal access token of any user of the organisation",
            rights="Entra token of an organisation administrator, scope vso.tokenadministration",
            verified="given the user's descriptor: the token is not listed as valid",
            calls=("POST /{organisation}/_apis/tokenadmin/revocations",),
        ),
    )

    def planners(self) -> Mapping[str, Planner]:
        """Return what plans each action, by its name."""
        return {"token": self._token}

    def _token(self, values: Values) -> Plan:
        values = {**values, "organisation": self.access.option("organisation")}
        revoke = call(
            "POST",
            "/{organisation}/_apis/tokenadmin/revocations",
            values,
            query={"isPublic": "false", **_VERSION},
            json=[{"authorizationId": values["authorisation_id"]}],
            ok=frozenset({204}),
        )
        if "subject" not in values:
            return Plan(act=always(revoke))
        return _listed(revoke, values)


def _listed(revoke: Call, values: Values) -> Plan:
    """Return the plan of a revocation with the list of a user's tokens before and after it."""
    listing = call(
        "GET",
        "/{organisation}/_apis/tokenadmin/personalaccesstokens/{subject}",
        values,
        query={"pageSize": "200", **_VERSION},
        ok=frozenset({200}),
        genuine=has("value", list),
    )

    def same(reply: Reply) -> list[dict[str, Any]]:
        return [
            item
            for item in reply.member("value")
            if isinstance(item, dict)
            and str(item.get("authorizationId")).lower() == values["authorisation_id"].lower()
        ]

    def remember(reply: Reply) -> Memory:
        found = same(reply)
        if found and not any(item.get("isValid") for item in found):
            raise AlreadyDone("it is not valid any more")
        if not found and not reply.member("continuationToken"):
            raise NotFound("the user has no token of this id")
        return {}

    def not_valid(reply: Reply) -> bool:
        found = same(reply)
        if not found and reply.member("continuationToken"):
            return False  # on one of the pages that follow: nothing is proved
        return not any(item.get("isValid") for item in found)

    return Plan(
        look=listing, remember=remember, act=always(revoke), check=checked(listing, not_valid)
    )
