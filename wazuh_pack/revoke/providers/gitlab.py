"""GitLab, self-managed and gitlab.com (base URL up to and with ``/api/v4``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from wazuh_pack.revoke.call import Call, Memory, Plan, Reply, always, call, checked, status
from wazuh_pack.revoke.errors import AlreadyDone, Failure
from wazuh_pack.revoke.providers.base import (
    NUMBER,
    Capability,
    Option,
    Parameter,
    Provider,
    Rate,
    Send,
    table,
    token,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wazuh_pack.revoke.target import Target

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
_NOT_FOUND = 404
_GONE = frozenset({404})


def _number(name: str) -> Parameter:
    return Parameter(name=name, pattern=NUMBER)


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
            parameters=(_number("token_id"),),
            effect="revokes a personal access token by its id",
            rights="administrator's token with scope api",
            verified="the token is shown as revoked",
            calls=("DELETE /personal_access_tokens/{token_id}",),
        ),
        Capability(
            name="project-token-id",
            parameters=(_number("token_id"), _PROJECT),
            effect="revokes a project access token by its id",
            rights="Maintainer of the project, scope api",
            verified="the token is unknown or shown as revoked",
            calls=("DELETE /projects/{project}/access_tokens/{token_id}",),
        ),
        Capability(
            name="group-token-id",
            parameters=(_number("token_id"), _GROUP),
            effect="revokes a group access token by its id",
            rights="Owner of the group, scope api",
            verified="the token is unknown or shown as revoked",
            calls=("DELETE /groups/{group}/access_tokens/{token_id}",),
        ),
        Capability(
            name="project-deploy-token",
            parameters=(_number("token_id"), _PROJECT),
            effect="deletes a project's deploy token; deployments that pull with it stop",
            rights="Maintainer of the project, scope api",
            verified="the token is unknown or shown as revoked",
            calls=("DELETE /projects/{project}/deploy_tokens/{token_id}",),
        ),
        Capability(
            name="group-deploy-token",
            parameters=(_number("token_id"), _GROUP),
            effect="deletes a group's deploy token; deployments that pull with it stop",
            rights="Owner of the group, scope api",
            verified="the token is unknown or shown as revoked",
            calls=("DELETE /groups/{group}/deploy_tokens/{token_id}",),
        ),
        Capability(
            name="runner-pause",
            parameters=(_number("runner_id"),),
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
            verified="a second deletion is refused",
            calls=("DELETE /runners",),
        ),
        Capability(
            name="pipeline-cancel",
            parameters=(_number("pipeline_id"), _PROJECT),
            effect="cancels a pipeline's jobs",
            rights="Developer of the project, scope api",
            verified="the pipeline's status is a final one",
            calls=("POST /projects/{project}/pipelines/{pipeline_id}/cancel",),
        ),
        Capability(
            name="job-cancel",
            parameters=(_number("job_id"), _PROJECT),
            effect="cancels one job",
            rights="Developer of the project, scope api",
            calls=("POST /projects/{project}/jobs/{job_id}/cancel",),
        ),
        Capability(
            name="user-block",
            parameters=(_number("user_id"),),
            effect="blocks a user: no sign-in, no use of any of the user's tokens",
            rights="administrator's token with scope api",
            undo="the user is unblocked",
            calls=("POST /users/{user_id}/block",),
        ),
    )

    def own_headers(self, send: Send) -> Mapping[str, str]:
        """Return the header of the configured token."""
        del send
        return {"PRIVATE-TOKEN": self.access.credential("token")}

    def explain(self, call: Call, reply: Reply) -> str:
        """Say what a 404 of the administrator's call means."""
        if call.template == "/admin/token" and reply.status == _NOT_FOUND:
            return "the token is unknown, or the feature api_admin_token_revoke is off"
        return ""

    def plan(self, target: Target) -> Plan:
        """Return what to do about a target."""
        plans: dict[str, Callable[[Mapping[str, str]], Plan]] = {
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
            "pipeline-cancel": self._pipeline,
            "job-cancel": self._job,
            "user-block": self._user,
        }
        return plans[target.action](target.values)

    def _token(self, values: Mapping[str, str]) -> Plan:
        revoke = _with_token("DELETE", values["token"], ok=frozenset({204}))
        return Plan(act=always(revoke), check=checked(_use(values["token"]), status(401)))

    def _any_token(self, values: Mapping[str, str]) -> Plan:
        body = {"token": values["token"]}
        revoke = call("DELETE", "/admin/token", {}, json=body, ok=frozenset({204}))
        identify = call("POST", "/admin/token", {}, json=body, ok=frozenset({200}), gone=_GONE)

        def known(reply: Reply) -> Memory:
            if _inactive(reply):
                raise AlreadyDone("it is revoked")
            return {}

        return Plan(
            look=identify,
            remember=known,
            act=always(revoke),
            check=checked(identify, _inactive),
        )

    def _group_token(self, values: Mapping[str, str]) -> Plan:
        group = self.access.options.get("group")
        if not group:
            raise Failure("revoke.ini does not say the 'group' for this action")
        revoke = call("POST", "/groups/{group}/tokens/revoke", {"group": group}, json=dict(values))
        if not values["token"].startswith("glpat-"):
            return Plan(act=always(revoke))
        return Plan(act=always(revoke), check=checked(_use(values["token"]), status(401)))

    def _token_id(self, values: Mapping[str, str]) -> Plan:
        template = "/personal_access_tokens/{token_id}"
        get = call("GET", template, values, ok=frozenset({200}), gone=_GONE)

        def known(reply: Reply) -> Memory:
            if _inactive(reply):
                raise AlreadyDone("it is revoked")
            return {}

        return Plan(
            look=get,
            remember=known,
            act=always(call("DELETE", template, values, gone=_GONE)),
            check=checked(get, _inactive),
        )

    def _runner_pause(self, values: Mapping[str, str]) -> Plan:
        template = "/runners/{runner_id}"
        get = call("GET", template, values, ok=frozenset({200}), gone=_GONE)

        def put(*, paused: bool) -> Call:
            return call("PUT", template, values, json={"paused": paused}, ok=frozenset({200}))

        def paused(reply: Reply) -> bool:
            return reply.status == _NOT_FOUND or reply.member("paused") is True

        def remember(reply: Reply) -> Memory:
            if paused(reply):
                raise AlreadyDone("it is paused")
            return {}

        return Plan(
            look=get,
            remember=remember,
            act=always(put(paused=True)),
            check=checked(get, paused),
            undo=always(put(paused=False)),
        )

    def _runner_token(self, values: Mapping[str, str]) -> Plan:
        delete = call(
            "DELETE",
            "/runners",
            {},
            form={"token": values["token"]},
            own=False,
            ok=frozenset({204}),
            gone=frozenset({403, 404}),
        )
        return Plan(act=always(delete), check=checked(delete, status(403, 404)))

    def _pipeline(self, values: Mapping[str, str]) -> Plan:
        template = "/projects/{project}/pipelines/{pipeline_id}"
        get = call("GET", template, values, ok=frozenset({200}), gone=_GONE)
        final = ("canceled", "success", "failed", "skipped")
        return Plan(
            act=always(call("POST", f"{template}/cancel", values, gone=_GONE)),
            check=checked(
                get,
                lambda reply: reply.status == _NOT_FOUND or reply.member("status") in final,
            ),
        )

    def _job(self, values: Mapping[str, str]) -> Plan:
        template = "/projects/{project}/jobs/{job_id}/cancel"
        return Plan(act=always(call("POST", template, values, gone=_GONE)))

    def _user(self, values: Mapping[str, str]) -> Plan:
        # Blocking a blocked user answers 403, as does blocking an internal one.
        block = call("POST", "/users/{user_id}/block", values)
        return Plan(
            act=always(block), undo=always(call("POST", "/users/{user_id}/unblock", values))
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
    return _with_token("GET", value, ok=frozenset({200, 403}))


def _by_id(owner: str, kind: str, values: Mapping[str, str]) -> Plan:
    """Return the revocation of something that a project or group owns."""
    name = "project" if owner == "projects" else "group"
    template = f"/{owner}/{{{name}}}/{kind}/{{token_id}}"
    get = call("GET", template, values, ok=frozenset({200}), gone=_GONE)
    delete = call("DELETE", template, values, gone=_GONE)
    return Plan(act=always(delete), check=checked(get, _inactive))


def _inactive(reply: Reply) -> bool:
    return (
        reply.status == _NOT_FOUND
        or reply.member("revoked") is True
        or reply.member("active") is False
    )
