"""Reads the responder's own secrets out of Vault or OpenBao, where ``revoke.secrets`` says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.revoke.answers import judge
from wazuh_pack.revoke.call import Call
from wazuh_pack.revoke.credentials import Reference, reference
from wazuh_pack.revoke.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wazuh_pack.revoke.call import Reply
    from wazuh_pack.revoke.context import Context
    from wazuh_pack.revoke.providers.base import Provider
    from wazuh_pack.revoke.settings import Instance
    from wazuh_pack.revoke.transport import Transport

_KIND = "vault"


def whole_credentials(
    instance: str,
    context: Context,
    connect: Callable[[Provider, Instance], Transport],
    now: float,
) -> Mapping[str, str]:
    """Return the secrets of an instance, those that are in Vault read from there.

    Raises:
        Later: Vault does not answer.
        Failure: There is no Vault, or no such secret in it.
    """
    given = context.credentials.get(instance, {})
    places = {name: place for name, text in given.items() if (place := reference(text))}
    if not places:
        return given
    vault = _vault(context)
    if vault.name == instance:
        raise Failure("the secrets of Vault itself cannot be in Vault")
    provider = context.provider(vault.name)
    transport = connect(provider, vault)
    try:
        found = {name: _read(place, provider, transport, now) for name, place in places.items()}
    finally:
        transport.close()
    return {**given, **found}


def all_secrets(
    context: Context, connect: Callable[[Provider, Instance], Transport], now: float
) -> list[str]:
    """Return the secrets of all instances; a leaked token may be any of them.

    Raises:
        Later: Vault does not answer.
        Failure: One of them is not known.
    """
    found: list[str] = []
    for name in context.credentials:
        try:
            found += whole_credentials(name, context, connect, now).values()
        except Failure as error:  # noqa: PERF203 -- a few instances at most
            raise Failure(f"cannot tell whether it is our own: [{name}] {error}") from None
    return found


def _vault(context: Context) -> Instance:
    for instance in context.settings.instances.values():
        if instance.kind.name == _KIND:
            return instance
    raise Failure("revoke.secrets names a place in Vault, but revoke.ini has no [vault]")


def _read(place: Reference, provider: Provider, transport: Transport, now: float) -> str:
    call = Call(method="GET", template="/{secret}", path=f"/{place.path}", ok=frozenset({200}))
    headers = provider.own_headers(lambda _: _no_login())
    reply = transport.send(call, headers)
    judge(call, reply, provider, now)
    # The second version of the key-value engine has one level more.
    for path in (("data", "data"), ("data",)):
        value = reply.member(*path, place.member)
        if isinstance(value, str) and value:
            return value
    raise Failure(f"{call.shown}: it has no text called {place.member}")


def _no_login() -> Reply:
    raise Failure("Vault wants no login")
