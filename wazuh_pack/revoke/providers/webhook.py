"""A generic webhook: for providers without an API, or with automation of your own.

The body is JSON: ``action`` (``revoke`` or ``undo``), ``key`` (the same for the same target, so the
receiver can be idempotent), ``kind``, ``fingerprint``, and the token itself only with
``send_token = yes``. It is signed: ``X-Wazuh-Pack-Signature: sha256=<HMAC-SHA-256 of the body>``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, ClassVar

from wazuh_pack.agentkit.config import yes_or_no
from wazuh_pack.agentkit.redact import fingerprint
from wazuh_pack.revoke.call import Call, Plan, always, call, no_page
from wazuh_pack.revoke.providers.base import (
    Capability,
    Option,
    Parameter,
    Planner,
    Provider,
    Rate,
    Send,
    table,
    token,
)
from wazuh_pack.revoke.tokens import FORMATS, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.revoke.target import Target


class Webhook(Provider):
    """See the module."""

    name = "webhook"
    rate = Rate(60, 60)
    secrets = ("signing_key",)
    options: ClassVar[Mapping[str, Option]] = {"send_token": yes_or_no}
    capabilities = table(
        Capability(
            name="token",
            parameters=(token(*(form.kind for form in FORMATS)),),
            effect="tells the configured URL about a token of any known form",
            rights="the signing key that the receiver knows",
            calls=("POST",),
        ),
        Capability(
            name="identifier",
            parameters=(Parameter(name="identifier", pattern=r"[A-Za-z0-9_.:@/+=-]{1,256}"),),
            effect="tells the configured URL about an id: a user, a key, a session",
            rights="the signing key that the receiver knows",
            undo="the configured URL is told to undo it",
            calls=("POST",),
        ),
    )

    def own_headers(self, send: Send) -> Mapping[str, str]:
        """Return nothing: each call carries its signature."""
        del send
        return {}

    def planners(self) -> Mapping[str, Planner]:
        """Return nothing: the key of the target is needed, so it is planned below."""
        return {}

    def plan(self, target: Target) -> Plan:
        """Return what to do about a target."""
        undo = None if "token" in target.values else always(self._post(target, "undo"))
        return Plan(act=always(self._post(target, "revoke")), undo=undo)

    def _post(self, target: Target, action: str) -> Call:
        document = {"action": action, "key": target.key}
        if "token" in target.values:
            value = target.values["token"]
            document["kind"] = kind_of(value)
            document["fingerprint"] = fingerprint(value)
            if self.access.options.get("send_token"):
                document["token"] = value
        else:
            document["kind"] = "identifier"
            document["identifier"] = target.values["identifier"]
        body = json.dumps(document).encode("ascii")
        key = self.access.credential("signing_key").encode()
        digest = hmac.new(key, body, hashlib.sha256).hexdigest()
        return call(
            "POST",
            "",
            {},
            content=body,
            genuine=no_page,
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": f"{target.key}-{action}",
                "X-Wazuh-Pack-Signature": f"sha256={digest}",
            },
        )
