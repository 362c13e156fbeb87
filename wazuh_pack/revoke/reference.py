"""Writes the page of the reference about what can be revoked, from the providers' own tables."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from wazuh_pack.revoke.providers import NAMES, provider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_pack.revoke.providers.base import Capability, Provider

_HEAD = """\
# What can be revoked

Written by `wazuh-pack respond providers --reference`; a test compares it with the code. What
is allowed on a manager is chosen in `revoke.ini` ([how to](../howto/revoke-token.md)); nothing is
allowed that is not listed there.

*Needs* names the values that must come from the event (`?`: optional); tokens are recognised by
their published format. *Rights* are those of the responder's own credentials; where there are none,
the leaked token is all that the call takes. *Verified by* says what is asked after the action;
where nothing can be asked, the provider's answer to the action is all that is known.
A target that the provider does not show ends as `not_found`, which raises an alert: it may be
out of sight or of another server. Only what was seen to be revoked, or is missing in a place that
was seen, ends as `already_revoked`.
"""


def page() -> str:
    """Return the page in Markdown."""
    return "\n".join((_HEAD, *(line for name in NAMES for line in _section(provider(name)))))


def _section(kind: type[Provider]) -> Iterator[str]:
    module = inspect.getmodule(kind)
    text = (inspect.getdoc(module) or "").strip()
    yield f"## {kind.name}\n\n{text.replace('``', '`')}\n"
    if kind.url:
        yield f"Base URL: `{kind.url}`, unless `url` says another.\n"
    rate, bare = f"At most {kind.rate.count} calls in {kind.rate.seconds} s", kind.bare_rate
    if bare != kind.rate and any(not one.rights for one in kind.capabilities.values()):
        rate += f"; {bare.count} in {bare.seconds} s without credentials of ours"
    yield f"{rate}. Secrets: {', '.join(f'`{name}`' for name in kind.secrets)}.\n"
    yield "| Action | Needs | Does, and can break | Rights | Undo | Verified by |"
    yield "|---|---|---|---|---|---|"
    for one in kind.capabilities.values():
        yield f"| {' | '.join(_cells(kind.name, one))} |"
    yield ""


def _cells(name: str, one: Capability) -> tuple[str, ...]:
    return (
        f"`{name}.{one.name}`",
        ", ".join(p.name + ("?" if p.optional else "") for p in one.parameters),
        one.effect,
        one.rights or "none",
        one.undo or "**not possible**",
        one.verified or "not possible",
    )
