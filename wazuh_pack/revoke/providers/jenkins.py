"""Jenkins: API tokens of users, jobs, builds and agents.

The responder signs in with an API token of its own, which needs no crumb (since 2.96).
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from wazuh_pack.revoke.call import GONE, Call, Plan, always, call, change, has, no_page
from wazuh_pack.revoke.errors import Refused
from wazuh_pack.revoke.providers.base import (
    NUMBER,
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

_USER = r"[A-Za-z0-9_@-][A-Za-z0-9._@-]{0,127}"
_ITEM = r"(?!\.{1,2}(?:/|$))[^/\\?*%!@#$^&|<>\[\]:;\x00-\x1f]{1,128}"
_JOB = Parameter(name="job", pattern=rf"{_ITEM}(?:/{_ITEM}){{0,10}}")
_TOKENS = "/user/{user}/descriptorByName/jenkins.security.ApiTokenProperty"
_DONE = frozenset({200, 201, 204, 302, 303})  # many calls answer with a redirect to a page
# Where the effect cannot be looked at, a redirect may as well lead to somebody's login page.
_SILENT = frozenset({200})


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
        pair = f"{self.access.option('user')}:{self.access.credential('token')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}

    def planners(self) -> Mapping[str, Planner]:
        """Return what plans each action, by its name."""
        return {
            "user-tokens": self._user_tokens,
            "user-token": self._user_token,
            "job-disable": _job,
            "build-stop": _build,
        }

    def _user_tokens(self, values: Values) -> Plan:
        self._check_user(values)
        return _with_user(f"{_TOKENS}/revokeAll", values)

    def _user_token(self, values: Values) -> Plan:
        self._check_user(values)
        form = {"tokenUuid": values["token_id"]}
        return _with_user(f"{_TOKENS}/revoke", values, form=form)

    def _check_user(self, values: Values) -> None:
        if values["user"].lower() == str(self.access.options.get("user", "")).lower():
            raise Refused("the responder does not revoke its own user's tokens")


def _with_user(template: str, values: Values, **options: Any) -> Plan:
    """Return the plan of a call whose effect cannot be looked at; the user can.

    Jenkins answers it with nothing but the status; a 404 is no proof of anything.
    """
    revoke = call("POST", template, values, ok=_SILENT, genuine=no_page, **options)
    return Plan(look=_look("/user/{user}", values, "id"), act=always(revoke))


def _post(template: str, values: Values) -> Call:
    return call("POST", template, values, ok=_DONE)


def _look(template: str, values: Values, member: str) -> Call:
    return call(
        "GET",
        f"{template}/api/json",
        values,
        query={"tree": member},
        ok=frozenset({200}),
        gone=GONE,
        genuine=has(member),
    )


def _place(values: Values) -> Values:
    """Return the values with a job's folders as Jenkins' paths name them."""
    return {**values, "job": "/job/".join(values["job"].split("/"))}


def _job(values: Values) -> Plan:
    template, values = "/job/{job:path}", _place(values)
    return change(
        _look(template, values, "buildable"),
        lambda reply: reply.member("buildable") is False,
        _post(f"{template}/disable", values),
        already="it is disabled",
        undo=_post(f"{template}/enable", values),
    )


def _build(values: Values) -> Plan:
    template, values = "/job/{job:path}/{number}", _place(values)
    return change(
        _look(template, values, "building"),
        lambda reply: reply.member("building") is False,
        _post(f"{template}/stop", values),
        already="it does not run",
        # Who sees a job sees its builds.
        place=replace(_look("/job/{job:path}", values, "buildable"), gone=frozenset()),
    )
