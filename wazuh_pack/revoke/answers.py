"""Sorts a provider's answers into done, impossible and later."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from wazuh_pack.revoke.errors import Failure, Later

if TYPE_CHECKING:
    from wazuh_pack.revoke.call import Call, Reply
    from wazuh_pack.revoke.providers.base import Provider

_TOO_MANY = 429
_FORBIDDEN = 403
_SERVER = 500
_PASSING = frozenset({408, 409, 423, 425})
_WITH_CONTENT = frozenset({200, 201})
_LASTING = frozenset({501, 505})
_DEFAULT_WAIT = 60.0
_LONGEST_WAIT = 6 * 3600.0
_REASONS = {
    400: "the provider calls the request malformed",
    401: "the credentials are not accepted; renew them in revoke.secrets",
    403: "the credentials do not have the right; grant what the action needs",
    404: "not found, or not visible with these credentials",
    405: "this provider does not offer the call",
    422: "the provider refuses the request",
}
_UNSEEN = {
    401: "the token is not accepted here: it is revoked, or of another server",
    403: "the token is not accepted here: it is revoked, of another server, or without this right",
}


def judge(call: Call, reply: Reply, provider: Provider, now: float) -> None:
    """Return for an answer that the call expects.

    Raises:
        Later: The provider has had enough for now, or is out of order.
        Failure: It is refused, and would be refused again.
    """
    status = reply.status
    seconds = _asked_wait(reply, now)
    if seconds is None and status in (_FORBIDDEN, _TOO_MANY):
        seconds = provider.asked_wait(reply)
    # Before anything else: a limit that answers 403 says nothing about the target.
    if status == _TOO_MANY or (status == _FORBIDDEN and seconds is not None):
        raise Later(
            f"{call.shown}: the provider limits calls ({status})",
            seconds=_DEFAULT_WAIT if seconds is None else seconds,
            fault=False,
        )
    if status in call.ok and status in _WITH_CONTENT and call.genuine and not call.genuine(reply):
        raise Failure(
            f"{call.shown}: the answer is not the provider's; check url and proxy ({status})"
        )
    if status in call.ok or status in call.gone:
        return
    if status >= _SERVER and status not in _LASTING:
        raise Later(f"{call.shown}: the provider is out of order ({status})", seconds=seconds)
    if status in _PASSING or status in call.later:
        raise Later(f"{call.shown}: not possible at the moment ({status})", fault=False)
    reason = provider.explain(call, reply) or _REASONS.get(status, "an answer that is not expected")
    raise Failure(f"{call.shown}: {reason} ({status})")


def unseen(call: Call, reply: Reply, provider: Provider) -> str:
    """Return how an answer is told that shows no target, and does not prove that there is none."""
    reason = provider.explain(call, reply) or _UNSEEN.get(
        reply.status, "not there, or not visible with these credentials"
    )
    return f"{call.shown}: {reason} ({reply.status})"


def _asked_wait(reply: Reply, now: float) -> float | None:
    """Return how many seconds the provider wants to be left alone, or None."""
    after = reply.headers.get("retry-after")
    if after is not None:
        return _seconds_or_date(after, now)
    for name in ("x-ratelimit-remaining", "ratelimit-remaining"):
        if reply.headers.get(name) == "0":
            return _until(reply.headers.get(name.replace("remaining", "reset")), now)
    if reply.status == _TOO_MANY:
        return _until(reply.headers.get("x-retry-after"), now)  # Docker Hub: a time, not a span
    return None


def _seconds_or_date(text: str, now: float) -> float:
    if text.strip().isdecimal():
        return min(float(text), _LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(text).timestamp() - now
        return max(0.0, min(wait, _LONGEST_WAIT))
    except (ValueError, TypeError, OverflowError):
        return _DEFAULT_WAIT


def _until(text: str | None, now: float) -> float | None:
    if text is None or not text.strip().isdecimal():
        return None
    return max(1.0, min(float(text) - now, _LONGEST_WAIT))
