"""GitHub and GitHub Enterprise Server.

A leaked token is revoked without any credentials of ours: GitHub takes it from anybody who has it.
Everything else wants a token, or for the suspension of an app the app's private key.
"""

from __future__ import annotations

import base64
import hashlib
import time
from typing import TYPE_CHECKING, Any, ClassVar

from wazuh_pack.agentkit.config import yes_or_no
from wazuh_pack.agentkit.files import read_trusted
from wazuh_pack.revoke.call import (
    GONE,
    Call,
    Check,
    Memory,
    Plan,
    Reply,
    always,
    call,
    change,
    checked,
    deletion,
    has,
    listed,
    status,
    use,
)
from wazuh_pack.revoke.credentials import check_unreadable
from wazuh_pack.revoke.errors import AlreadyDone, Failure
from wazuh_pack.revoke.providers.base import NUMBER, Option, Planner, Provider, Rate, Values, word
from wazuh_pack.revoke.providers.github_capabilities import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_QUARANTINE = "quarantined-by-wazuh-pack"
_KEY_LIMIT = 65_536
_JWT_SECONDS = 540
_PAGE = 100
_COUNTED = has("total_count", int)
_KEY = ("title", "key", "read_only")


class GitHub(Provider):
    """See the module."""

    name = "github"
    url = "https://api.github.com"
    rate = Rate(300, 60)
    bare_rate = Rate(55, 3600)  # without authentication an address has 60 calls an hour
    token_rate = Rate(30, 60)  # too many refused logins make GitHub refuse an address
    secrets = ("token",)
    options: ClassVar[Mapping[str, Option]] = {
        "organisation": word(r"[A-Za-z0-9-]{1,39}", "acme"),
        "api_version": word(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "2022-11-28"),
        "revoke_with_token": yes_or_no,
        "app_id": word(NUMBER, "12345"),
        "app_key_file": word(r"/.+", "/var/ossec/etc/wazuh-pack/github-app.pem"),
    }
    capabilities = CAPABILITIES

    def explain(self, call: Call, reply: Reply) -> str:
        """Say what an Enterprise Server without the newer calls answers."""
        if call.template == "/credentials/revoke" and reply.absent:
            return "this GitHub Enterprise Server cannot revoke by value; use another action"
        return ""

    def asked_wait(self, reply: Reply) -> float | None:
        """Wait a minute, as GitHub asks, at a secondary limit that no header tells of."""
        return 60.0 if "rate limit" in str(reply.member("message")) else None

    def planners(self) -> Mapping[str, Planner]:
        """Return what plans each action, by its name."""
        return {
            "token": self._token,
            "installation-token": self._installation_token,
            "organisation-token": self._organisation_token,
            "sso-authorisation": self._sso,
            "deploy-key": self._deploy_key,
            "deploy-key-fingerprint": self._deploy_key_fingerprint,
            "runner-labels": self._runner_labels,
            "runner": self._runner,
            "run-cancel": lambda values: self._run(values, "cancel"),
            "run-force-cancel": lambda values: self._run(values, "force-cancel"),
            "workflow": self._workflow,
            "app-installation": self._app_installation,
        }

    def _call(self, method: str, template: str, values: Values, **options: Any) -> Call:
        headers = {
            "Accept": "application/vnd.github+json, application/json;q=0.9",
            "X-GitHub-Api-Version": self.access.options.get("api_version", "2022-11-28"),
            **options.pop("headers", {}),
        }
        return call(method, template, values, headers=headers, **options)

    def _with_token(self, method: str, template: str, value: str, **options: Any) -> Call:
        """Return a call that carries the leaked token, and nothing of ours."""
        headers = {"Authorization": f"Bearer {value}"}
        return self._call(
            method, template, {}, headers=headers, own=False, by_token=True, **options
        )

    def _organisation(self, values: Values) -> dict[str, str]:
        return {**values, "org": self.access.option("organisation")}

    def _token(self, values: Values) -> Plan:
        value = values["token"]
        revoke = self._call(
            "POST",
            "/credentials/revoke",
            {},
            json={"credentials": [value]},
            own=bool(self.access.options.get("revoke_with_token")),  # github.com forbids it
            ok=frozenset({202}),
        )
        if value.startswith("ghr_"):
            return Plan(act=always(revoke))
        probe = self._with_token(
            "GET",
            "/user",
            value,
            ok=frozenset({200, 403}),
            gone=frozenset({401}),
            genuine=has("login"),
        )
        # Tokens of every server have the same form, and GitHub takes all of them with 202.
        return use(probe, revoke, 401)

    def _installation_token(self, values: Values) -> Plan:
        revoke = self._with_token(
            "DELETE",
            "/installation/token",
            values["token"],
            ok=frozenset({204}),
            gone=frozenset({401}),
        )
        probe = self._with_token(
            "GET",
            "/installation/repositories",
            values["token"],
            query={"per_page": "1"},
            ok=frozenset({200, 403}),
            gone=frozenset({401}),
            genuine=has("repositories", list),
        )
        return use(probe, revoke, 401)

    def _organisation_token(self, values: Values) -> Plan:
        values = self._organisation(values)
        template = "/orgs/{org}/personal-access-tokens"
        find = self._call(
            "GET",
            template,
            values,
            query={"token_id[]": values["token_id"]},
            ok=frozenset({200}),
            genuine=lambda reply: _filtered(reply, values["token_id"]),
        )

        def remember(reply: Reply) -> Memory:
            if not reply.items:
                raise AlreadyDone("the organisation does not list it")
            return {"pat_id": str(reply.items[0].get("id"))}

        def revoke(memory: Memory) -> tuple[Call, ...]:
            return (
                self._call(
                    "POST",
                    f"{template}/{{pat_id}}",
                    {**values, **memory},
                    json={"action": "revoke"},
                    ok=frozenset({204}),
                    gone=GONE,
                ),
            )

        return Plan(
            look=find,
            remember=remember,
            act=revoke,
            check=checked(find, lambda reply: not reply.items),
        )

    def _sso(self, values: Values) -> Plan:
        remove = self._call(
            "DELETE",
            "/orgs/{org}/credential-authorizations/{credential_id}",
            self._organisation(values),
            ok=frozenset({204}),
            gone=GONE,
        )
        return Plan(act=always(remove), check=checked(remove, status(404)))

    def _deploy_key(self, values: Values) -> Plan:
        template = "/repos/{repository:path}/keys/{key_id}"
        get = self._one(template, values, has("key", str))
        delete = self._call("DELETE", template, values, gone=GONE)

        return Plan(
            look=get,
            place=self._first("/repos/{repository:path}/keys", values, listed),
            remember=lambda reply: _key(reply.body),
            act=always(delete),
            check=checked(get, status(404)),
            undo=lambda memory: self._key_again(values, memory),
        )

    def _deploy_key_fingerprint(self, values: Values) -> Plan:
        template = "/repos/{repository:path}/keys"
        listing = self._call(
            "GET",
            template,
            values,
            query={"per_page": str(_PAGE)},
            ok=frozenset({200}),
            genuine=listed,
        )

        def remember(reply: Reply) -> Memory:
            keys = reply.items or []
            for key in keys:
                if _fingerprint(key) == values["fingerprint"]:
                    return {"key_id": str(key.get("id")), **_key(key)}
            if len(keys) == _PAGE:
                raise Failure(f"the key is not among the first {_PAGE}; remove it by its id")
            raise AlreadyDone("no key has this fingerprint")

        def one(method: str, memory: Memory) -> Call:
            place = {**values, "key_id": memory["key_id"]}
            return self._call(method, f"{template}/{{key_id}}", place, gone=GONE)

        return Plan(
            look=listing,
            remember=remember,
            act=lambda memory: (one("DELETE", memory),),
            check=lambda memory: Check(one("GET", memory), status(404)),
            undo=lambda memory: self._key_again(values, memory),
        )

    def _key_again(self, values: Values, memory: Memory) -> tuple[Call, ...]:
        body = {name: memory[name] for name in _KEY}
        # 422: the key is in use already, so it is there
        return (
            self._call(
                "POST", "/repos/{repository:path}/keys", values, json=body, gone=frozenset({422})
            ),
        )

    def _one(self, template: str, values: Values, genuine: Callable[[Reply], bool]) -> Call:
        """Return the call that shows one thing."""
        return self._call("GET", template, values, ok=frozenset({200}), gone=GONE, genuine=genuine)

    def _first(
        self, template: str, values: Values, genuine: Callable[[Reply], bool] = _COUNTED
    ) -> Call:
        """Return the call that lists things; it shows that one that is not there is gone."""
        query = {"per_page": "1"}
        return self._call(
            "GET", template, values, query=query, ok=frozenset({200}), genuine=genuine
        )

    def _runners(self, values: Values) -> tuple[str, Values]:
        if "repository" in values:
            return "/repos/{repository:path}/actions/runners", values
        return "/orgs/{org}/actions/runners", self._organisation(values)

    def _runner_labels(self, values: Values) -> Plan:
        place, values = self._runners(values)
        template = f"{place}/{{runner_id}}/labels"
        get = self._one(template, values, has("labels", list))

        def put(labels: list[str]) -> Call:
            return self._call("PUT", template, values, json={"labels": labels}, ok=frozenset({200}))

        def remember(reply: Reply) -> Memory:
            labels = _own_labels(reply)
            if labels == [_QUARANTINE]:
                raise AlreadyDone("it has the label already")
            return {"labels": labels}

        return Plan(
            look=get,
            place=self._first(place, values),
            remember=remember,
            again=lambda new, old: {
                "labels": sorted({*old["labels"], *new["labels"]} - {_QUARANTINE})
            },
            act=always(put([_QUARANTINE])),
            check=checked(get, lambda reply: reply.absent or _own_labels(reply) == [_QUARANTINE]),
            undo=lambda memory: (put(memory["labels"]),),
        )

    def _runner(self, values: Values) -> Plan:
        place, values = self._runners(values)
        template = f"{place}/{{runner_id}}"
        delete = self._call(
            "DELETE",
            template,
            values,
            gone=GONE,
            later=frozenset({422}),  # busy with a job
        )
        get = self._one(template, values, has("id"))
        return deletion(delete, get, place=self._first(place, values))

    def _run(self, values: Values, how: str) -> Plan:
        place = "/repos/{repository:path}/actions/runs"
        template = f"{place}/{{run_id}}"
        get = self._one(template, values, has("id"))
        # 409: it has ended
        cancel = self._call("POST", f"{template}/{how}", values, gone=frozenset({404, 409}))
        return change(
            get, _completed, cancel, already="it is over", place=self._first(place, values)
        )

    def _workflow(self, values: Values) -> Plan:
        template = "/repos/{repository:path}/actions/workflows/{workflow_id}"
        get = self._one(template, values, has("state", str))

        return change(
            get,
            _disabled,
            self._call("PUT", f"{template}/disable", values),
            already="it is disabled",
            undo=self._call("PUT", f"{template}/enable", values),
            # Who sees the runs sees the workflows: both want the right to read 'Actions'.
            place=self._first("/repos/{repository:path}/actions/runs", values),
        )

    def _app_installation(self, values: Values) -> Plan:
        template = "/app/installations/{installation_id}"
        headers = {"Authorization": f"Bearer {self._app_jwt()}"}
        bare: dict[str, Any] = {"headers": headers, "own": False}
        get = self._call("GET", template, values, gone=GONE, genuine=has("id"), **bare)
        app = self._call("GET", "/app", {}, ok=frozenset({200}), genuine=has("id"), **bare)

        def put(method: str) -> Call:
            return self._call(method, f"{template}/suspended", values, **bare)

        return change(
            get,
            lambda reply: bool(reply.member("suspended_at")),
            put("PUT"),
            already="it is suspended",
            undo=put("DELETE"),
            place=app,
        )

    def _app_jwt(self) -> str:
        options = self.access.options
        if "app_id" not in options or "app_key_file" not in options:
            raise Failure("revoke.ini does not say 'app_id' and 'app_key_file'")
        key = read_trusted(options["app_key_file"], _KEY_LIMIT)
        check_unreadable(options["app_key_file"])
        try:
            import jwt  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 -- only there on a manager
        except ImportError:
            raise Failure("the Python package jwt is missing; run this on a manager") from None
        now = int(time.time())
        claims = {"iat": now - 60, "exp": now + _JWT_SECONDS, "iss": options["app_id"]}
        try:
            return str(jwt.encode(claims, key, algorithm="RS256"))
        except (ValueError, TypeError, jwt.PyJWTError):
            raise Failure("app_key_file holds no private RSA key") from None


def _filtered(reply: Reply, token_id: str) -> bool:
    """Return whether a list is about one token alone; an older server may not know the filter."""
    return reply.items is not None and all(
        isinstance(item, dict) and str(item.get("token_id")) == token_id for item in reply.items
    )


def _key(found: Any) -> Memory:
    """Return what adds a deploy key again."""
    known = found if isinstance(found, dict) else {}
    return {name: known.get(name) for name in _KEY}


def _fingerprint(key: Any) -> str:
    """Return the fingerprint of a listed public key as OpenSSH and the audit log write it."""
    words = str(key.get("key")).split() if isinstance(key, dict) else []
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, ValueError):
        return ""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii")
    return f"SHA256:{digest.rstrip('=')}"


def _own_labels(reply: Reply) -> list[str]:
    labels = reply.member("labels")
    found = [item for item in labels if isinstance(item, dict)] if isinstance(labels, list) else []
    return sorted(str(item.get("name")) for item in found if item.get("type") != "read-only")


def _completed(reply: Reply) -> bool:
    return bool(reply.member("status") == "completed")


def _disabled(reply: Reply) -> bool:
    return str(reply.member("state")).startswith("disabled")
