"""One call to a provider, its reply, and what makes up an action.

These are values: a provider describes what to do, and the lane does it. So a dry run can show every
call without a network, and no provider can forget about time limits, retries or redaction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wazuh_pack.revoke.errors import AlreadyDone, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Memory = dict[str, Any]
"""What an action remembers of how things were; JSON, and never a secret."""

_NOT_FOUND = 404
GONE = frozenset({_NOT_FOUND})
_PLACE = re.compile(r"\{([a-z_]+)(:path)?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        method: HTTP method, or the operation of a provider that is not spoken to over plain HTTP.
        template: Path with its placeholders, which is what logs show.
        path: The path itself.
        query: Query parameters.
        json: Body to be sent as JSON, or None.
        form: Body to be sent as a form, or None.
        content: Body to be sent as it is, or None.
        headers: Headers of this call alone; may hold the token that is to be revoked.
        own: Whether the responder's own credentials go with it.
        by_token: Whether the provider counts it as the leaked token's call, and not as nobody's.
        ok: Statuses that mean it is done.
        gone: Statuses that mean the target is not there, or out of sight.
        later: Statuses that mean it may work later although they usually do not.
        genuine: What an answer of 200 or 201 must hold to be the provider's; a proxy's or a login
            page comes with these statuses too.
    """

    method: str
    template: str
    path: str = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    own: bool = True
    by_token: bool = False
    ok: frozenset[int] = frozenset({200, 201, 202, 204})
    gone: frozenset[int] = frozenset()
    later: frozenset[int] = frozenset()
    genuine: Callable[[Reply], bool] | None = None

    @property
    def payer(self) -> str:
        """Whose limit the call counts towards: ``own``, ``token`` or ``bare``."""
        if self.own:
            return "own"
        return "token" if self.by_token else "bare"

    @property
    def shown(self) -> str:
        """The call as it may be logged."""
        return f"{self.method} {self.template}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: header names are lower-case; ``body`` is parsed JSON, or None."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = field(default=None, repr=False)

    @property
    def absent(self) -> bool:
        """Whether there is nothing at the place that was asked."""
        return self.status == _NOT_FOUND

    @property
    def items(self) -> list[Any] | None:
        """The body where it is a list, or None."""
        return self.body if isinstance(self.body, list) else None

    def member(self, *path: str) -> Any:
        """Return a member of the body, or None when it or one on the way is not there."""
        value = self.body
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value


@dataclass(frozen=True, slots=True)
class Check:
    """A call that shows whether an action had its effect; ``holds`` reads it from the reply.

    Every status that ``holds`` can judge must be among the call's ``ok`` or ``gone``.
    """

    call: Call
    holds: Callable[[Reply], bool]


def _nothing(_: Reply) -> Memory:
    return {}


def _anew(new: Memory, _: Memory) -> Memory:
    return new


def _unproved(_: Reply) -> bool:
    return False


def _unchecked(_: Memory) -> Check | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An action on one target.

    Attributes:
        own: Shows, before anything else, whether the target is the responder itself; or None.
        act: Gives the calls; each must come to the same when it is made twice.
        look: A call to be made before, or None. When it finds nothing there, that is the end.
        absent: Whether the answer that there is nothing proves it, by what it says.
        place: A call that is answered only where the target would be seen, or None. When it is,
            a target that is not there is known to be gone.
        remember: Distils the reply to ``look`` into what the rest needs. May raise ``Refused`` or
            ``AlreadyDone``.
        again: Joins what is remembered now with what an action of ours that stands remembered.
        check: Gives the call that verifies the effect, or None.
        check_first: Whether the check is made after the look as well: the look does not show the
            state, and what was so before must not be taken back.
        undo: Gives the calls that take it back; None when nothing can.
    """

    act: Callable[[Memory], tuple[Call, ...]]
    own: Check | None = None
    look: Call | None = None
    absent: Callable[[Reply], bool] = _unproved
    place: Call | None = None
    remember: Callable[[Reply], Memory] = _nothing
    again: Callable[[Memory, Memory], Memory] = _anew
    check: Callable[[Memory], Check | None] = _unchecked
    check_first: bool = False
    undo: Callable[[Memory], tuple[Call, ...]] | None = None


def call(method: str, template: str, values: Mapping[str, str], **options: Any) -> Call:
    """Return a call with the values put into its path, each as one segment.

    ``{name:path}`` keeps the slashes of a value.

    Raises:
        Failure: A value would change which resource is meant.
    """

    def put(match: re.Match[str]) -> str:
        value = values[match[1]]
        parts = value.split("/") if match[2] else [value]
        if any(part in ("", ".", "..") for part in parts):
            raise Failure(f"{match[1]} is not fit for a path")
        return "/".join(quote(part, safe="") for part in parts)

    shown = template.replace(":path}", "}")
    return Call(method=method, template=shown, path=_PLACE.sub(put, template), **options)


def always(*calls: Call) -> Callable[[Memory], tuple[Call, ...]]:
    """Return an ``act`` or ``undo`` that does not depend on what was remembered."""
    return lambda _: calls


def checked(check: Call, holds: Callable[[Reply], bool]) -> Callable[[Memory], Check]:
    """Return a ``check`` that does not depend on what was remembered."""
    return lambda _: Check(check, holds)


def has(name: str, kind: type | tuple[type, ...] = object) -> Callable[[Reply], bool]:
    """Return a test whether a body is an object with a member of a kind."""

    def genuine(reply: Reply) -> bool:
        value = reply.member(name)
        return value is not None and isinstance(value, kind)

    return genuine


def listed(reply: Reply) -> bool:
    """Return whether a body is a list."""
    return reply.items is not None


def no_page(reply: Reply) -> bool:
    """Return whether an answer is none for people to read."""
    return "html" not in reply.headers.get("content-type", "").lower()


def status(*statuses: int) -> Callable[[Reply], bool]:
    """Return a test of a reply's status."""
    return lambda reply: reply.status in statuses


def change(
    look: Call,
    holds: Callable[[Reply], bool],
    act: Call,
    *,
    already: str,
    undo: Call | None = None,
    **options: Any,
) -> Plan:
    """Return the plan for what can be looked at, before and after, by the same call.

    Args:
        look: Asks how things are.
        holds: Reads from the reply whether they are as wanted; what is absent afterwards is.
        act: Makes them so.
        already: What to say when they were so before.
        undo: Takes it back.
        options: Further members of the plan.
    """

    def as_wanted(reply: Reply) -> bool:
        return reply.absent or holds(reply)

    def remember(reply: Reply) -> Memory:
        if holds(reply):
            raise AlreadyDone(already)
        return {}

    return Plan(
        look=look,
        remember=remember,
        act=always(act),
        check=checked(look, as_wanted),
        undo=always(undo) if undo else None,
        **options,
    )


def deletion(delete: Call, get: Call, **options: Any) -> Plan:
    """Return the plan that deletes what is there, and sees that it is not there any more."""
    return Plan(look=get, act=always(delete), check=checked(get, status(_NOT_FOUND)), **options)


def use(probe: Call, act: Call, *dead: int) -> Plan:
    """Return the plan that ends a token which can be tried, before and after, by one call.

    Args:
        probe: Uses the token.
        act: Ends it.
        dead: Statuses of the probe that say it is not accepted.
    """
    return Plan(look=probe, act=always(act), check=checked(probe, status(*dead)))
