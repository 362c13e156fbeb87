"""Jenkins: API tokens of users, jobs, builds and agents.

The responder signs in with an API token of its own, which needs no crumb (since 2.96).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, ClassVar

from wazuh_pack.revoke.call import Call, Memory, Plan, Reply, always, call, checked
from wazuh_pack.revoke.errors import AlreadyDone, Failure
from wazuh_pack.revoke.providers.base import (
    NUMBER,
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
    from collections.abc import Callable, Mapping

    from wazuh_pack.revoke.target import Target

_USER = r"[A-Za-z0-9_@-][A-Za-z0-9._@-]{0,127}"
_ITEM = r"(?!\.{1,2}(?:/|$))[^/\\?*%!|:<>&;\x00-\x1f]{1,128}"
_JOB = Parameter(name="job", pattern=rf"{_ITEM}(?:/{_ITEM}){{0,10}}")
_TOKENS = "/user/{user}/descriptorByName/jenkins.security.ApiTokenProperty"
_DONE = frozenset({200, 201, 204, 302, 303})  # many calls answer with a redirect to a page
_GONE = frozenset({404})
_NOT_FOUND = 404


class Jenkins(Provider):
    """See the module."""

    name = "jenkins"
    rate = Rate(120, 60)
    options: ClassVar[Mapping[str, Option]] = {"user": word(_USER, "wazuh")}
    capabilities = table(
        Capability(
            name="user-tokens",
            parameters=(Parameter(name="user", pattern=_USER),),
            effect="revokes every API token of a user; whatever uses one of them stops",
            rights="Overall/Administer",
            calls=(f"POST {_TOKENS}/revokeAll",),
        ),
        Capability(
            name="user-token",
            parameters=(
                Parameter(name="token_id", pattern=UUID),
                Parameter(name="user", pattern=_USER),
            ),
            effect="revokes one API token of a user",
            rights="Overall/Administer",
            calls=(f"POST {_TOKENS}/revoke",),
        ),
        Capability(
            name="job-disable",
            parameters=(_JOB,),
            effect="disables a job; running builds go on",
            rights="Job/Configure and Job/Read",
            undo="the job is enabled",
            verified="the job is disabled",
            calls=("POST /job/{job}/disable",),
        ),
        Capability(
            name="build-stop",
            parameters=(Parameter(name="number", pattern=NUMBER), _JOB),
            effect="stops a build",
            rights="Job/Cancel and Job/Read",
            verified="the build does not run",
            calls=("POST /job/{job}/{number}/stop",),
        ),
    )

    def own_headers(self, send: Send) -> Mapping[str, str]:
        """Return the header of the configured user's API token."""
        del send
        user = self.access.options.get("user")
        if not user:
            raise Failure("revoke.ini does not say the 'user' to sign in as")
        pair = f"{user}:{self.access.credential('token')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}

    def plan(self, target: Target) -> Plan:
        """Return what to do about a target."""
        values = dict(target.values)
        own = str(self.access.options.get("user", ""))
        if target.action.startswith("user-") and values["user"].lower() == own.lower():
            raise Failure("the responder does not revoke its own user's tokens")
        if "job" in values:
            values["job"] = "/job/".join(values["job"].split("/"))
        plans: dict[str, Callable[[Mapping[str, str]], Plan]] = {
            "user-tokens": _user_tokens,
            "user-token": _user_token,
            "job-disable": _job,
            "build-stop": _build,
        }
        return plans[target.action](values)


def _post(template: str, values: Mapping[str, str], **options: Any) -> Call:
    return call("POST", template, values, ok=_DONE, gone=_GONE, **options)


def _user_tokens(values: Mapping[str, str]) -> Plan:
    return Plan(act=always(_post(f"{_TOKENS}/revokeAll", values)))


def _user_token(values: Mapping[str, str]) -> Plan:
    form = {"tokenUuid": values["token_id"]}
    return Plan(act=always(_post(f"{_TOKENS}/revoke", values, form=form)))


def _job(values: Mapping[str, str]) -> Plan:
    template = "/job/{job:path}"
    get = call(
        "GET",
        f"{template}/api/json",
        values,
        query={"tree": "buildable"},
        ok=frozenset({200}),
        gone=_GONE,
    )

    def disabled(reply: Reply) -> bool:
        return reply.status == _NOT_FOUND or reply.member("buildable") is False

    def remember(reply: Reply) -> Memory:
        if disabled(reply):
            raise AlreadyDone("it is disabled")
        return {}

    return Plan(
        look=get,
        remember=remember,
        act=always(_post(f"{template}/disable", values)),
        check=checked(get, disabled),
        undo=always(_post(f"{template}/enable", values)),
    )


def _build(values: Mapping[str, str]) -> Plan:
    template = "/job/{job:path}/{number}"
    get = call(
        "GET",
        f"{template}/api/json",
        values,
        query={"tree": "building"},
        ok=frozenset({200}),
        gone=_GONE,
    )
    return Plan(
        act=always(_post(f"{template}/stop", values)),
        check=checked(
            get, lambda reply: reply.status == _NOT_FOUND or reply.member("building") is False
        ),
    )
