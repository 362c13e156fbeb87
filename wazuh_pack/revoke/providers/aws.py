"""Amazon Web Services: access keys and sessions, by ``boto3``.

Credentials are those in ``revoke.secrets``, or what boto3 finds by itself (the instance's role).
The operations of IAM stand where other providers have HTTP methods; their errors become statuses.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from wazuh_pack.revoke.call import GONE, Call, Check, Memory, Plan, Reply, has
from wazuh_pack.revoke.errors import Failure, Later
from wazuh_pack.revoke.providers.base import (
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
from wazuh_pack.revoke.transport import (
    CONNECT_SECONDS,
    READ_SECONDS,
    TOTAL_SECONDS,
    TookTooLong,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wazuh_pack.revoke.settings import Instance
    from wazuh_pack.revoke.transport import Transport

_POLICY = "AWSRevokeOlderSessions"
_NAME = r"[A-Za-z0-9+=,.@_-]{1,64}"
_STATUSES = {
    "NoSuchEntity": 404,
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "InvalidClientTokenId": 401,
    "ExpiredToken": 401,
    "SignatureDoesNotMatch": 401,
    "Throttling": 429,
    "ThrottlingException": 429,
    "RequestLimitExceeded": 429,
    "LimitExceeded": 422,
    "InvalidInput": 422,
    "UnmodifiableEntity": 422,
    "MalformedPolicyDocument": 422,
    "ConcurrentModification": 409,
    "EntityTemporarilyUnmodifiable": 409,
    "ServiceFailure": 500,
}


def _call(operation: str, parameters: Mapping[str, str], gone: frozenset[int] = GONE) -> Call:
    return Call(
        method=operation,
        template="iam",
        path="",
        json=parameters,
        ok=frozenset({200}),
        gone=gone,
    )


class Aws(Provider):
    """See the module."""

    name = "aws"
    url = "https://iam.amazonaws.com"
    rate = Rate(100, 60)
    secrets = ("access_key_id", "secret_access_key", "session_token")
    options: ClassVar[Mapping[str, Option]] = {
        "region": word(r"[a-z]{2}(?:-[a-z]{1,16}){1,3}-[0-9]", "us-east-1")
    }
    capabilities = table(
        Capability(
            name="access-key",
            parameters=(Parameter(name="access_key_id", tokens=("aws-access-key",), public=True),),
            effect="makes a user's access key inactive",
            rights="iam:GetAccessKeyLastUsed, ListAccessKeys, UpdateAccessKey",
            undo="the key is made active",
            verified="the key is listed as inactive",
            calls=("UpdateAccessKey iam",),
        ),
        Capability(
            name="role-sessions",
            parameters=(Parameter(name="role", pattern=_NAME),),
            effect="ends all sessions of a role that began before now, those of allies included",
            rights="iam:GetRolePolicy, PutRolePolicy, DeleteRolePolicy",
            undo="the policy is deleted; sessions that have not expired work again",
            verified="the role has the policy",
            calls=("PutRolePolicy iam",),
        ),
        Capability(
            name="user-sessions",
            parameters=(Parameter(name="user", pattern=_NAME),),
            effect="ends all sessions of a user that began before now",
            rights="iam:GetUserPolicy, PutUserPolicy, DeleteUserPolicy",
            undo="the policy is deleted; sessions that have not expired work again",
            verified="the user has the policy",
            calls=("PutUserPolicy iam",),
        ),
    )

    def own_headers(self, send: Send) -> Mapping[str, str]:
        """Return nothing: boto3 signs."""
        del send
        return {}

    def transport(self, instance: Instance) -> Transport:
        """Return what makes calls by boto3."""
        return BotoTransport(instance, self.access.credentials)

    def planners(self) -> Mapping[str, Planner]:
        """Return what plans each action, by its name."""
        return {
            "access-key": _access_key,
            "role-sessions": lambda values: _sessions("Role", values["role"]),
            "user-sessions": lambda values: _sessions("User", values["user"]),
        }


def _access_key(values: Values) -> Plan:
    key = values["access_key_id"]

    def remember(reply: Reply) -> Memory:
        user = reply.member("UserName")
        if not user:
            raise Failure("the key belongs to no user of this account (the root user's?)")
        return {"user": str(user)}

    def change(status: str) -> Callable[[Memory], tuple[Call, ...]]:
        return lambda memory: (
            _call(
                "UpdateAccessKey",
                {"UserName": memory["user"], "AccessKeyId": key, "Status": status},
                gone=frozenset(),
            ),
        )

    def check(memory: Memory) -> Check:
        def inactive(reply: Reply) -> bool:
            found = reply.member("AccessKeyMetadata") or []
            states = [item["Status"] for item in found if item["AccessKeyId"] == key]
            return states == ["Inactive"]

        listing = _call("ListAccessKeys", {"UserName": memory["user"]})
        return Check(replace(listing, genuine=has("AccessKeyMetadata", list)), inactive)

    return Plan(
        look=_call("GetAccessKeyLastUsed", {"AccessKeyId": key}),
        remember=remember,
        act=change("Inactive"),
        check=check,
        check_first=True,
        undo=change("Active"),
    )


def _sessions(kind: str, name: str) -> Plan:
    """Return the plan that denies everything to sessions older than now."""
    who = {f"{kind}Name": name, "PolicyName": _POLICY}
    get = _call(f"Get{kind}Policy", who)

    def remember(reply: Reply) -> Memory:
        # The console's own "revoke sessions" makes a policy of this name too.
        if not reply.absent and not _denied_before(reply):
            raise Failure("there is a policy of this name with another content")
        before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {"before": before, "earlier": "" if reply.absent else _document(reply)}

    def again(new: Memory, old: Memory) -> Memory:
        ours = json.loads(new["earlier"] or "null") == json.loads(_denial(old["before"]))
        return {**new, "earlier": old["earlier"]} if ours else new

    def put(document: str) -> tuple[Call, ...]:
        parameters = {**who, "PolicyDocument": document}
        return (_call(f"Put{kind}Policy", parameters, gone=frozenset()),)

    def undo(memory: Memory) -> tuple[Call, ...]:
        earlier = memory.get("earlier")
        return put(earlier) if earlier else (_call(f"Delete{kind}Policy", who),)

    return Plan(
        # The policy, not its owner, is what may be missing.
        look=replace(get, ok=frozenset({200, 404}), gone=frozenset()),
        remember=remember,
        again=again,
        act=lambda memory: put(_denial(memory["before"])),
        check=lambda memory: Check(get, lambda reply: _denied_before(reply) >= memory["before"]),
        undo=undo,
    )


def _denial(before: str) -> str:
    """Return the policy that denies everything to sessions that began before a time."""
    statement = {
        "Effect": "Deny",
        "Action": ["*"],
        "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": before}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _document(reply: Reply) -> str:
    """Return a policy as text; boto3 gives it parsed, IAM itself quoted."""
    document = reply.member("PolicyDocument")
    return unquote(document) if isinstance(document, str) else json.dumps(document)


def _denied_before(reply: Reply) -> str:
    """Return from when on a policy lets sessions in, or an empty text for any other policy."""
    try:
        (statement,) = json.loads(_document(reply))["Statement"]
        before = statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"]
        whole = (statement["Effect"], statement["Action"], statement["Resource"])
    except (ValueError, TypeError, KeyError):
        return ""
    return str(before) if whole == ("Deny", ["*"], ["*"]) else ""


class BotoTransport:
    """Calls of IAM by ``boto3``, which signs them; it does not retry, the lane does."""

    __slots__ = ("_client", "_error", "_fault")

    def __init__(self, instance: Instance, credentials: Mapping[str, str]) -> None:
        """Take the instance and our credentials; without any, boto3 looks for some."""
        try:
            import boto3  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415 -- only there on a manager
            from botocore import exceptions  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415 -- same
            from botocore.config import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415 -- same
                Config,
            )
        except ImportError:
            raise Failure("the Python package boto3 is missing; run this on a manager") from None
        self._error = exceptions.ClientError
        self._fault = exceptions.BotoCoreError
        self._client = boto3.client(
            "iam",
            endpoint_url=instance.url,
            region_name=instance.options.get("region", "us-east-1"),
            aws_access_key_id=credentials.get("access_key_id"),
            aws_secret_access_key=credentials.get("secret_access_key"),
            aws_session_token=credentials.get("session_token"),
            verify=instance.ca_file or None,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 1},
                # None would let the environment have a say.
                proxies={"https": instance.proxy} if instance.proxy else {},
            ),
        )

    def send(self, call: Call, headers: Mapping[str, str]) -> Reply:
        """Make a call; see :class:`wazuh_pack.revoke.transport.Transport`."""
        del headers
        try:
            with within(TOTAL_SECONDS):
                answer: Any = self._client._make_api_call(call.method, call.json)  # noqa: SLF001 -- the public way is a method per operation, which calls this
        except TookTooLong:
            raise Later(f"{call.shown}: the answer took too long") from None
        except self._error as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            metadata = error.response.get("ResponseMetadata", {})
            return Reply(_STATUSES.get(code, int(metadata.get("HTTPStatusCode", 500))))
        except self._fault as error:
            kind = type(error).__name__
            if "Credentials" in kind:
                raise Failure(f"{call.shown}: no credentials for AWS ({kind})") from None
            raise Later(f"{call.shown}: no answer: {kind}") from None
        return Reply(200, {}, answer)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()
