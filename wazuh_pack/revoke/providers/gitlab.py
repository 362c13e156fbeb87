"""GitLab, self-managed and gitlab.com (base URL up to and with ``/api/v4``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from wazuh_pack.revoke.call import (
    GONE,
    Call,
    Check,
    Plan,
    Reply,
    always,
    call,
    change,
    checked,
    has,
    listed,
    status,
    use,
)
from wazuh_pack.revoke.providers.base import (
    Capability,
    Option,
    Parameter,
    Planner,
    Provider,
    Rate,
    Send,
    Values,
    number,
    table,
    token,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PLACE = r"[1-9][0-9]{0,18}|(?![.-])[A-Za-z0-9_.-]{1,255}(?:/(?![.-])[A-Za-z0-9_.-]{1,255}){0,20}"
_PROJECT = Parameter(name="project", pattern=_PLACE)
_GROUP = Parameter(name="group", pattern=_PLACE)
_ANY_TOKEN = (
    "gitlab-access",
    "gitlab-deploy",
    "gitlab-trigger",
    "gitlab-runner",
    "gitlab-feed",
    "gitlab-mail",
    "gitlab-agent",
    "gitlab-application-secret",
)
_FINAL = ("canceled", "success", "failed", "skipped")
_BLOCKED = ("blocked", "ldap_blocked", "banned")


class GitLab(Provider):
    """See the module."""

    name = "gitlab"
    rate = Rate(300, 60)
    options: ClassVar[Mapping[str, Option]] = {"group": word(_PLACE, "acme/platform")}
    capabilities = table(
        Capability(
            name="token",
            parameters=(token("gitlab-access"),),
            effect="revokes a personal, project or group access token by itself",
            rights="",
            verified="the token is no longer accepted",
            calls=("DELETE /personal_access_tokens/self",),
        ),
        Capability(
            name="any-token",
            parameters=(token(*_ANY_TOKEN),),
            effect=(
                "revokes a token of nearly any kind by its value; feed, mail and runner tokens "
                "and secrets of applications are reset, which breaks their other users"
            ),
            rights="administrator's token with scope api; feature api_admin_token_revoke",
            verified="the token is unknown, revoked or inactive",
            calls=("DELETE /admin/token",),
        ),
        Capability(
            name="group-token",
            parameters=(token("gitlab-access", "gitlab-deploy"),),
            effect="revokes a personal access or group deploy token that can reach the group",
            rights="Owner of the configured group, scope api",
            verified="for access tokens: the token is no longer accepted",
            calls=("POST /groups/{group}/tokens/revoke",),
        ),
        Capability(
            name="token-id",
            parameters=(number("token_id"),),
            effect="revokes a personal access token by its id",
            rights="administrator's token with scope api",
            verified="the token is shown as revoked",
            calls=("DELETE /personal_access_tokens/{token_id}",),
        ),
        Capability(
            name="project-token-id",
            parameters=(number("token_id"), _PROJECT),
            effect="revokes a project access token by its id",
            rights="Maintainer of the project, scope api",
            verified="the token is unknown or shown as revoked",
            calls=("DELETE /projects/{project}/access_tokens/{token_id}",),
        ),
        Capability(
            name="group-token-id",
            parameters=(number("token_id"), _GROUP),
            effect="revokes a group access token by its id",
            rights="Owner of the group, scope api",
            verified="the token is unknown or shown as revoked",
            calls=("DELETE /groups/{group}/access_tokens/{token_id}",),
        ),
        Capability(
            name="project-deploy-token",
            parameters=(number("token_id"), _PROJECT),
            effect="deletes a project's deploy token; deployments that pull with it stop",
            rights="Maintainer of the project, scope api",
            verified="the token is unknown or shown as revoked",
            calls=("DELETE /projects/{project}/deploy_tokens/{token_id}",),
        ),
        Capability(
            name="group-deploy-token",
            parameters=(number("token_id"), _GROUP),
            effect="deletes a group's deploy token; deployments that pull with it stop",
            rights="Owner of the group, scope api",
            verified="the token is unknown or shown as revoked",
            calls=("DELETE /groups/{group}/deploy_tokens/{token_id}",),
        ),
        Capability(
            name="runner-pause",
            parameters=(number("runner_id"),),
            effect="pauses a runner; it takes no new job",
            rights="administrator, or owner of the runner's project or group; scope manage_runner",
            undo="the runner goes on",
            verified="the runner is paused",
            calls=("PUT /runners/{runner_id}",),
        ),
        Capability(
            name="runner-token",
            parameters=(token("gitlab-runner"),),
            effect="deletes the runner that has this token; it must be registered anew",
            rights="",
            verified="the token is no longer accepted",
            calls=("DELETE /runners",),
        ),
        Capability(
            name="pipeline-cancel",
            parameters=(number("pipeline_id"), _PROJECT),
            effect="cancels a pipeline's jobs",
            rights="Developer of the project, scope api",
            verified="the pipeline's status is a final one",
            calls=("POST /projects/{project}/pipelines/{pipeline_id}/cancel",),
        ),
        Capability(
            name="job-cancel",
            parameters=(number("job_id"), _PROJECT),
            effect="cancels one job",
            rights="Developer of the project, scope api",
            verified="the job's status is a final one",
            calls=("POST /projects/{project}/jobs/{job_id}/cancel",),
        ),
        Capability(
            name="user-block",
            parameters=(number("user_id"),),
            effect="blocks a user: no sign-in, no use of any of the user's tokens",
            rights="administrator's token with scope api",
            undo="the user is unblocked",
            verified="the user is shown as blocked",
            calls=("POST /users/{user_id}/block",),
        ),
    )

    def own_headers(self, send: Send) -> Mapping[str, str]:
        """Return the header of the configured token."""
        del send
        return {"PRIVATE-TOKEN": self.access.credential("token")}

    def explain(self, call: Call, reply: Reply) -> str:
        """Say what a 404 of the administrator's call means."""
        if call.template == "/admin/token" and reply.absent:
            return "the token is unknown, or the feature api_admin_token_revoke is off"
        return ""

    def planners(self) -> Mapping[str, Planner]:
        """Return what plans each action, by its name."""
        return {
            "token": self._token,
            "any-token": self._any_token,
            "group-token": self._group_token,
            "token-id": self._token_id,
            "project-token-id": lambda values: _by_id("projects", "access_tokens", values),
            "group-token-id": lambda values: _by_id("groups", "access_tokens", values),
            "project-deploy-token": lambda values: _by_id("projects", "deploy_tokens", values),
            "group-deploy-token": lambda values: _by_id("groups", "deploy_tokens", values),
            "runner-pause": self._runner_pause,
            "runner-token": self._runner_token,
            "pipeline-cancel": lambda values: _cancel("pipelines", "pipeline_id", values),
            "job-cancel": lambda values: _cancel("jobs", "job_id", values),
            "user-block": self._user,
        }

    def _token(self, values: Values) -> Plan:
        revoke = _with_token("DELETE", values["token"], ok=frozenset({204}))
        return use(_use(values["token"]), revoke, 401)

    def _any_token(self, values: Values) -> Plan:
        body = {"token": values["token"]}
        revoke = call("DELETE", "/admin/token", {}, json=body, ok=frozenset({204}))
        identify = call(
            "POST",
            "/admin/token",
            {},
            json=body,
            ok=frozenset({200}),
            gone=GONE,
            genuine=has("id"),
        )
        return change(identify, _inactive, revoke, already="it is revoked")

    def _group_token(self, values: Values) -> Plan:
        group = self.access.option("group")
        revoke = call(
            "POST",
            "/groups/{group}/tokens/revoke",
            {"group": group},
            json=dict(values),
            ok=frozenset({200}),
            genuine=lambda reply: reply.member("revoked") is True,
        )
        if not values["token"].startswith("glpat-"):
            return Plan(act=always(revoke))
        return Plan(act=always(revoke), check=checked(_use(values["token"]), status(401)))

    def _token_id(self, values: Values) -> Plan:
        template = "/personal_access_tokens/{token_id}"
        get = _one(template, values, has("revoked", bool))
        revoke = call("DELETE", template, values, gone=GONE)
        # One that is no administrator's is answered 401 about a token that is not there.
        place = _first("/personal_access_tokens", values)
        own = _itself("/personal_access_tokens/self", values["token_id"])
        return change(get, _inactive, revoke, already="it is revoked", place=place, own=own)

    def _runner_pause(self, values: Values) -> Plan:
        template = "/runners/{runner_id}"
        get = _one(template, values, has("paused", bool))

        def put(*, paused: bool) -> Call:
            return call("PUT", template, values, json={"paused": paused}, ok=frozenset({200}))

        return change(
            get,
            lambda reply: reply.member("paused") is True,
            put(paused=True),
            already="it is paused",
            undo=put(paused=False),
        )

    def _runner_token(self, values: Values) -> Plan:
        def with_it(method: str, template: str, *done: int) -> Call:
            form = {"token": values["token"]}
            refused = frozenset({403})
            return call(
                method, template, {}, form=form, own=False, ok=frozenset(done), gone=refused
            )

        # 422: it is one whose project or group is not there any more
        verify = with_it("POST", "/runners/verify", 200, 422)
        return use(verify, with_it("DELETE", "/runners", 204), 403)

    def _user(self, values: Values) -> Plan:
        template = "/users/{user_id}"
        # Blocking a blocked user answers 403, as does blocking an internal one: so look before.
        return change(
            _one(template, values, has("state", str)),
            lambda reply: reply.member("state") in _BLOCKED,
            call("POST", f"{template}/block", values),
            already="it is blocked",
            own=_itself("/user", values["user_id"]),
            undo=call("POST", f"{template}/unblock", values),
        )


def _with_token(method: str, value: str, **options: Any) -> Call:
    """Return a call about the leaked token that carries it, and nothing of ours."""
    return call(
        method,
        "/personal_access_tokens/self",
        {},
        headers={"PRIVATE-TOKEN": value},
        own=False,
        gone=frozenset({401}),
        **options,
    )


def _use(value: str) -> Call:
    return _with_token("GET", value, ok=frozenset({200, 403}), genuine=has("revoked", bool))


def _by_id(owner: str, kind: str, values: Values) -> Plan:
    """Return the revocation of something that a project or group owns."""
    name = "project" if owner == "projects" else "group"
    place = f"/{owner}/{{{name}}}/{kind}"
    template = f"{place}/{{token_id}}"
    get = _one(template, values, has("revoked", bool))
    delete = call("DELETE", template, values, gone=GONE)
    first = _first(place, values)
    own = None
    if kind == "access_tokens":  # those have numbers of their own, deploy tokens others
        own = _itself("/personal_access_tokens/self", values["token_id"])
    return change(get, _inactive, delete, already="it is revoked", place=first, own=own)


def _itself(template: str, number: str) -> Check:
    """Return what shows whether the responder's own token or user has a number."""
    look = call("GET", template, {}, ok=frozenset({200}), genuine=has("id", int))
    return Check(look, lambda reply: str(reply.member("id")) == number)


def _cancel(kind: str, name: str, values: Values) -> Plan:
    """Return the plan that cancels a project's pipeline or job."""
    place = f"/projects/{{project}}/{kind}"
    template = f"{place}/{{{name}}}"
    get = _one(template, values, has("id"))
    cancel = call("POST", f"{template}/cancel", values, gone=GONE)
    return change(get, _over, cancel, already="it is over", place=_first(place, values))


def _one(template: str, values: Values, genuine: Callable[[Reply], bool]) -> Call:
    """Return the call that shows one thing."""
    return call("GET", template, values, ok=frozenset({200}), gone=GONE, genuine=genuine)


def _first(template: str, values: Values) -> Call:
    """Return the call that lists things; it shows that one that is not there is gone."""
    query = {"per_page": "1"}
    return call("GET", template, values, query=query, ok=frozenset({200}), genuine=listed)


def _inactive(reply: Reply) -> bool:
    return reply.member("revoked") is True or reply.member("active") is False


def _over(reply: Reply) -> bool:
    return reply.member("status") in _FINAL
