"""Azure DevOps: personal access tokens, by their authorisation's id.

A token's value cannot be looked up there; auditing events name the id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from wazuh_pack.revoke.call import Check, Memory, Plan, Reply, always, call
from wazuh_pack.revoke.errors import Failure
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

    def own_headers(self, send: Send) -> Mapping[str, str]:
        """Return the header of the configured token."""
        del send
        return {"Authorization": f"Bearer {self.access.credential('token')}"}

    def plan(self, target: Target) -> Plan:
        """Return what to do about a target."""
        organisation = self.access.options.get("organisation")
        if not organisation:
            raise Failure("revoke.ini does not say the 'organisation' for this action")
        values = {**target.values, "organisation": organisation}
        revoke = call(
            "POST",
            "/{organisation}/_apis/tokenadmin/revocations",
            values,
            query={"isPublic": "false", **_VERSION},
            json=[{"authorizationId": values["authorisation_id"]}],
            ok=frozenset({200, 204}),
        )
        if "subject" not in values:
            return Plan(act=always(revoke))
        return Plan(act=always(revoke), check=lambda memory: _check(values, memory))


def _check(values: Mapping[str, str], _: Memory) -> Check:
    listing = call(
        "GET",
        "/{organisation}/_apis/tokenadmin/personalaccesstokens/{subject}",
        values,
        query={"pageSize": "200", **_VERSION},
        ok=frozenset({200}),
    )

    def not_valid(reply: Reply) -> bool:
        found = reply.member("value")
        same = [
            item
            for item in (found if isinstance(found, list) else [])
            if isinstance(item, dict)
            and str(item.get("authorizationId")).lower() == values["authorisation_id"].lower()
        ]
        return not any(item.get("isValid") for item in same)

    return Check(listing, not_valid)
