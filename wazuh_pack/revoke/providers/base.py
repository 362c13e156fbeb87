"""What every provider declares and offers."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from wazuh_pack.revoke.errors import Failure
from wazuh_pack.revoke.transport import HttpTransport

if TYPE_CHECKING:
    from wazuh_pack.revoke.call import Call, Plan, Reply
    from wazuh_pack.revoke.settings import Instance
    from wazuh_pack.revoke.target import Target
    from wazuh_pack.revoke.transport import Transport

_LARGE = re.compile(r"([1-9][0-9]{0,15})\.0{6}")
_EXACT = 1 << 53

Option = Callable[[str], Any]
"""Parses the text of an option in ``revoke.ini``; raises ValueError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value that an action needs from the alert.

    Attributes:
        name: As in ``from = name=path``.
        pattern: What the whole value must match.
        tokens: Kinds of token (:mod:`wazuh_pack.revoke.tokens`) that it may be; empty for others.
        optional: Whether the action can do without.
        public: Whether a token of this kind is no secret by itself (the id of a key).
        below: Whether it is a path that means what is below it; ``never`` counts up and down it.
    """

    name: str
    pattern: str = ""
    tokens: tuple[str, ...] = ()
    optional: bool = False
    public: bool = False
    below: bool = False

    @property
    def secret(self) -> bool:
        """Whether the value must not be shown."""
        return bool(self.tokens) and not self.public

    def accepts(self, value: str) -> bool:
        """Return whether a value from an alert has the form of this parameter."""
        return bool(re.fullmatch(self.pattern, value))

    def take(self, value: str) -> str | None:
        """Return a value from an alert as the provider knows it; None when it has another form.

        Wazuh (4.14.7) writes a number beyond 32 bits as ``12345678901.000000``, and none that is
        exact beyond 53 bits.
        """
        number = _LARGE.fullmatch(value)
        if number and int(number[1]) < _EXACT and self.accepts(number[1]):
            return number[1]
        return value if self.accepts(value) else None


def token(*kinds: str) -> Parameter:
    """Return a parameter that is a token of one of these kinds."""
    return Parameter(name="token", tokens=kinds)


def number(name: str) -> Parameter:
    """Return a parameter that is a whole number."""
    return Parameter(name=name, pattern=NUMBER)


NUMBER = r"[1-9][0-9]{0,18}"
UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One action of a provider.

    Attributes:
        name: Of the action, without the provider's.
        parameters: What it needs; the first is the one that ``field`` gives.
        effect: What it does, and what it can break.
        rights: What the responder's credentials must be allowed; empty when it needs none.
        undo: How it is taken back; empty when it cannot be.
        verified: How its effect is verified; empty when it cannot be.
        calls: The calls that change something, as logs show them.
    """

    name: str
    parameters: tuple[Parameter, ...]
    effect: str
    rights: str
    calls: tuple[str, ...]
    undo: str = ""
    verified: str = ""

    @property
    def reversible(self) -> bool:
        """Whether the action can be taken back."""
        return bool(self.undo)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` calls within ``seconds``."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach one instance of a provider.

    Attributes:
        url: Base of every call, without a slash at its end; pinned in ``revoke.ini``.
        options: The provider's own options.
        credentials: The responder's secrets by name.
    """

    url: str
    options: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    def credential(self, name: str) -> str:
        """Return a secret.

        Raises:
            Failure: It is not configured.
        """
        try:
            return self.credentials[name]
        except KeyError:
            raise Failure(f"no '{name}' in revoke.secrets for this provider") from None

    def option(self, name: str) -> str:
        """Return an option that an action cannot do without.

        Raises:
            Failure: It is not configured.
        """
        value = self.options.get(name)
        if not value:
            raise Failure(f"revoke.ini does not say the '{name}' for this action")
        return str(value)


Send = Callable[["Call"], "Reply"]
Values = Mapping[str, str]
Planner = Callable[[Values], "Plan"]
"""Gives the plan for an action's values."""


class Provider(ABC):
    """A kind of provider, bound to one instance of it.

    Attributes:
        name: As in ``provider = name``.
        url: Default base URL; empty when there is none.
        rate: Default limit of calls with our own credentials.
        bare_rate: Limit of calls without any.
        token_rate: Limit of calls with a leaked token that the provider counts as the token's.
        capabilities: What it can do, by name.
        options: Parsers of its own options in ``revoke.ini``.
        secrets: Names of the credentials it may use.
    """

    name: ClassVar[str]
    url: ClassVar[str] = ""
    rate: ClassVar[Rate] = Rate(60, 60)
    bare_rate: ClassVar[Rate] = Rate(60, 60)
    token_rate: ClassVar[Rate] = Rate(60, 60)
    capabilities: ClassVar[Mapping[str, Capability]]
    options: ClassVar[Mapping[str, Option]] = {}
    secrets: ClassVar[tuple[str, ...]] = ("token",)

    def __init__(self, access: Access) -> None:
        """Take how to reach the instance."""
        self.access = access

    @abstractmethod
    def planners(self) -> Mapping[str, Planner]:
        """Return what plans each action, by its name."""

    def plan(self, target: Target) -> Plan:
        """Return what to do about a target; no call is made.

        Raises:
            Failure: An option or a credential is missing, or a value does not fit.
            Refused: The target is one that is left alone.
            MessageError: The target is not what it looks like.
        """
        return self.planners()[target.action](target.values)

    def own_headers(self, send: Send) -> Mapping[str, str]:  # noqa: ARG002 -- for providers to override
        """Return the headers that carry the responder's own credentials: a bearer token, mostly.

        Args:
            send: Makes a call without them, for a provider that wants a login first.

        Raises:
            Failure: A credential is missing.
        """
        return {"Authorization": f"Bearer {self.access.credential('token')}"}

    def asked_wait(self, reply: Reply) -> float | None:  # noqa: ARG002 -- as above
        """Return for how many seconds a refusal asks to be left alone, where no header says it."""
        return None

    def transport(self, instance: Instance) -> Transport:
        """Return what carries calls to the instance."""
        return HttpTransport(instance)

    def explain(self, call: Call, reply: Reply) -> str:  # noqa: ARG002 -- for providers to override
        """Return why a call was answered as it was, where the status does not say."""
        return ""


def table(*capabilities: Capability) -> dict[str, Capability]:
    """Return capabilities by name."""
    return {capability.name: capability for capability in capabilities}


def word(pattern: str, example: str) -> Option:
    """Return a parser of an option that must match a pattern."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"'{text}' is malformed; write for example {example}")
        return text

    return parse
