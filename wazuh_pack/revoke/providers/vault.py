"""HashiCorp Vault and OpenBao (base URL up to and with ``/v1``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from wazuh_pack.agentkit.config import words
from wazuh_pack.revoke.call import (
    GONE,
    Call,
    Check,
    Plan,
    always,
    call,
    change,
    checked,
    has,
    status,
    use,
)
from wazuh_pack.revoke.errors import Failure, Refused
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
    token,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEGMENT = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9_.@-]{1,128}"
_PATH = rf"{_SEGMENT}(?:/{_SEGMENT}){{0,12}}"
_PREFIX = rf"{_SEGMENT}/{_PATH}"
_TOKENS = "auth/"
_DATA = has("data", dict)
_ACCESSOR = r"[0-9A-Za-z-]{8,64}(?:\.[0-9A-Za-z]{1,32})?"


def _prefixes(text: str) -> tuple[str, ...]:
    """Parse paths whose leases may be revoked; what is below ``auth/`` are tokens.

    Raises:
        ValueError: A path is malformed, or a whole mount.
    """
    one = word(rf"(?!{_TOKENS}){_PREFIX}", "aws/creds")
    return tuple(one(path) for path in words(text))


class Vault(Provider):
    """See the module."""

    name = "vault"
    rate = Rate(300, 60)
    bare_rate = Rate(300, 60)
    options: ClassVar[Mapping[str, Option]] = {
        "namespace": word(_PATH, "team/ci"),
        "lease_prefixes": _prefixes,
    }
    capabilities = table(
        Capability(
            name="token",
            parameters=(token("vault-service"),),
            effect="revokes a token by itself, with all its children and leases",
            rights="",
            verified="the token is no longer accepted",
            calls=("POST /auth/token/revoke-self",),
        ),
        Capability(
            name="accessor",
            parameters=(Parameter(name="accessor", pattern=_ACCESSOR),),
            effect="revokes the token that has this accessor, with all its children and leases",
            rights=(
                "update on auth/token/revoke-accessor and auth/token/lookup-accessor; read on "
                "auth/token/lookup-self"
            ),
            verified="the accessor is unknown",
            calls=("POST /auth/token/revoke-accessor",),
        ),
        Capability(
            name="lease",
            parameters=(Parameter(name="lease_id", pattern=_PATH, below=True),),
            effect="revokes one lease; the credentials behind it stop working",
            rights="update on sys/leases/revoke and sys/leases/lookup",
            verified="the lease is unknown",
            calls=("POST /sys/leases/revoke",),
        ),
        Capability(
            name="lease-prefix",
            parameters=(Parameter(name="prefix", pattern=_PREFIX, below=True),),
            effect=(
                "revokes every lease below a path, such as aws/creds/deploy; lease_prefixes of "
                "revoke.ini says below which it may"
            ),
            rights="sudo and update on sys/leases/revoke-prefix/*, sudo and list on lookup",
            verified="no lease is listed below the path",
            calls=("POST /sys/leases/revoke-prefix/{prefix}",),
        ),
        Capability(
            name="entity",
            parameters=(Parameter(name="entity_id", pattern=UUID),),
            effect="disables an identity; none of its tokens works, batch tokens included",
            rights="read and update on identity/entity/id/*; read on auth/token/lookup-self",
            undo="the entity is enabled",
            verified="the entity is disabled",
            calls=("POST /identity/entity/id/{entity_id}",),
        ),
        Capability(
            name="approle-secret",
            parameters=(
                Parameter(name="secret_id_accessor", pattern=UUID),
                Parameter(name="role", pattern=_SEGMENT),
                Parameter(name="mount", pattern=_SEGMENT, optional=True),
            ),
            effect="destroys a secret id of an AppRole; its tokens stay until they end",
            rights="update on auth/<mount>/role/<role>/secret-id-accessor/destroy",
            calls=("POST /auth/{mount}/role/{role}/secret-id-accessor/destroy",),
        ),
    )

    def own_headers(self, send: Send) -> Mapping[str, str]:
        """Return the header of the configured token."""
        del send
        return {"X-Vault-Token": self.access.credential("token")}

    def planners(self) -> Mapping[str, Planner]:
        """Return what plans each action, by its name."""
        return {
            "token": self._token,
            "accessor": self._accessor,
            "lease": self._lease,
            "lease-prefix": self._lease_prefix,
            "entity": self._entity,
            "approle-secret": self._approle,
        }

    def _call(self, method: str, template: str, values: Values, **options: Any) -> Call:
        headers = dict(options.pop("headers", {}))
        namespace = self.access.options.get("namespace")
        if namespace:
            headers["X-Vault-Namespace"] = namespace
        return call(method, template, values, headers=headers, **options)

    def _token(self, values: Values) -> Plan:
        headers = {"X-Vault-Token": values["token"]}

        def with_it(method: str, template: str) -> Call:
            # 403 is the answer to a token that is not valid (any more), and to one that may not.
            refused = frozenset({403})
            return self._call(method, template, {}, headers=headers, own=False, gone=refused)

        look = replace(with_it("GET", "/auth/token/lookup-self"), genuine=_DATA)
        return use(look, with_it("POST", "/auth/token/revoke-self"), 403)

    def _accessor(self, values: Values) -> Plan:
        unknown = frozenset({400, 404})
        look = self._call(
            "POST",
            "/auth/token/lookup-accessor",
            {},
            json=dict(values),
            gone=unknown,
            genuine=_DATA,
        )
        # Having looked it up before, these credentials are known to have the right to: a refusal
        # afterwards means that the accessor is no more.
        again = replace(look, gone=unknown | {403})
        revoke = self._call(
            "POST", "/auth/token/revoke-accessor", {}, json=dict(values), gone=unknown
        )
        return Plan(
            own=self._itself("accessor", values["accessor"]),
            look=look,
            act=always(revoke),
            check=checked(again, status(400, 403, 404)),
        )

    def _itself(self, member: str, value: str) -> Check:
        """Return what shows whether the responder's own token has a value."""
        look = self._call("GET", "/auth/token/lookup-self", {}, genuine=_DATA)
        return Check(look, lambda reply: reply.member("data", member) == value)

    def _lease(self, values: Values) -> Plan:
        _check_no_token(values["lease_id"])
        body = {"lease_id": values["lease_id"]}
        unknown = frozenset({400, 404})
        look = self._call("POST", "/sys/leases/lookup", {}, json=body, gone=unknown, genuine=_DATA)
        revoke = self._call("POST", "/sys/leases/revoke", {}, json={**body, "sync": True})
        return Plan(look=look, act=always(revoke), check=checked(look, status(400, 404)))

    def _check_prefix(self, prefix: str) -> None:
        """Refuse what nobody listed: an event must not choose how much is revoked."""
        _check_no_token(prefix)
        allowed = self.access.options.get("lease_prefixes")
        if not allowed:
            raise Failure("revoke.ini does not say the 'lease_prefixes' for this action")
        if not any(f"{prefix}/".startswith(f"{path}/") for path in allowed):
            raise Refused("lease_prefixes of revoke.ini does not hold it")

    def _lease_prefix(self, values: Values) -> Plan:
        self._check_prefix(values["prefix"])
        revoke = self._call(
            "POST", "/sys/leases/revoke-prefix/{prefix:path}", values, json={"sync": True}
        )
        listing = self._call(
            "GET",
            "/sys/leases/lookup/{prefix:path}/",
            values,
            query={"list": "true"},
            gone=GONE,
            genuine=_DATA,
        )
        return Plan(look=listing, act=always(revoke), check=checked(listing, status(404)))

    def _entity(self, values: Values) -> Plan:
        template = "/identity/entity/id/{entity_id}"
        get = self._call("GET", template, values, gone=GONE, genuine=_DATA)

        def post(*, disabled: bool) -> Call:
            return self._call("POST", template, values, json={"disabled": disabled})

        return change(
            get,
            lambda reply: reply.member("data", "disabled") is True,
            post(disabled=True),
            already="it is disabled",
            own=self._itself("entity_id", values["entity_id"].lower()),
            undo=post(disabled=False),
        )

    def _approle(self, values: Values) -> Plan:
        destroy = self._call(
            "POST",
            "/auth/{mount}/role/{role}/secret-id-accessor/destroy",
            {"mount": "approle", **values},
            json={"secret_id_accessor": values["secret_id_accessor"]},
            ok=frozenset({204}),
            gone=GONE,
        )
        return Plan(act=always(destroy))


def _check_no_token(path: str) -> None:
    if path.startswith(_TOKENS):
        raise Refused("leases below auth/ are tokens, the responder's among them")
