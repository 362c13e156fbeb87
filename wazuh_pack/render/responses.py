"""Detections' responses -> rows of ossec.conf: for execd, or for integratord.

One row stands for all rules that ask for the same of the same script. What a script is to do
travels as words: execd gives it the ``<extra_args>``, integratord (4.14.7) a file with the
``<options>``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.errors import PackError
from wazuh_pack.limits import MAX_EXTRA_ARGUMENTS, MAX_RESPONSE_ROWS
from wazuh_pack.render.compile import rule_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wazuh_pack.model import Catalog, ResponseUse


@dataclass(frozen=True, slots=True)
class Script:
    """A response script that detections may ask for.

    ``integration`` is its name among integratord's integrations; empty when execd starts it.
    """

    action: str
    executable: str
    location: str
    integration: str = ""


@dataclass(frozen=True, slots=True)
class ResponseRow:
    """One ``<command>`` with its ``<active-response>``."""

    name: str
    executable: str
    arguments: str
    location: str
    rules: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class IntegrationRow:
    """One ``<integration>``; several may start the same script."""

    name: str
    options: str
    rules: tuple[int, ...]


def rows(
    catalog: Catalog, ids: Mapping[str, int], scripts: Iterable[Script]
) -> tuple[tuple[ResponseRow, ...], tuple[IntegrationRow, ...]]:
    """Return the rows for execd and those for integratord.

    Raises:
        PackError: a detection asks for an action that no script offers, or execd could not hold
            the rows.
    """
    known = {script.action: script for script in scripts}
    responses, integrations = [], []
    for use, numbers in _wanted(catalog, ids, known).items():
        script, rules = known[use.action], tuple(sorted(numbers))
        if script.integration:
            options = json.dumps({"arguments": arguments(use)})
            integrations.append(IntegrationRow(script.integration, options, rules))
        else:
            responses.append(_response(use, script, rules))
    _check(responses)
    return (
        tuple(sorted(responses, key=lambda row: row.name)),
        tuple(sorted(integrations, key=lambda row: row.options)),
    )


def _wanted(
    catalog: Catalog, ids: Mapping[str, int], known: Mapping[str, Script]
) -> dict[ResponseUse, list[int]]:
    """Return the rules that ask for each response."""
    rules: dict[ResponseUse, list[int]] = {}
    for detection in catalog.detections:
        use = detection.response
        if use is None:
            continue
        if use.action not in known:
            raise PackError(f"no script offers the response {use.action!r}", at=detection.at)
        rules.setdefault(use, []).extend(ids[key] for key in rule_keys(detection))
    return rules


def _check(responses: list[ResponseRow]) -> None:
    if len(responses) > MAX_RESPONSE_ROWS:
        raise PackError(
            f"{len(responses)} kinds of response, but Wazuh's table holds {MAX_RESPONSE_ROWS}",
            hint="let detections share fields and timeouts",
        )
    if len({row.name for row in responses}) < len(responses):
        raise PackError("two responses differ in their further fields only", hint="let them agree")
    for row in responses:
        if len(row.arguments) > MAX_EXTRA_ARGUMENTS:
            raise PackError(f"the arguments of {row.name} are longer than execd passes on")


def _response(use: ResponseUse, script: Script, rules: tuple[int, ...]) -> ResponseRow:
    words = use.revoke or () if use.action == "revoke-token" else (str(use.timeout),)
    name = re.sub(r"[^a-z0-9]+", "-", "-".join((use.field, *words)).lower()).strip("-")
    return ResponseRow(
        name=f"{script.executable}-{name}",
        executable=script.executable,
        arguments=arguments(use),
        location=script.location,
        rules=rules,
    )


def arguments(use: ResponseUse) -> str:
    """Return what a script is told, as words that execd splits at blanks."""
    if use.action == "block-ip":
        return f"--field data.{use.field} --timeout {use.timeout}"
    pairs = [
        ("--field", f"data.{use.field}"),
        *(("--action", name) for name in use.revoke),
        *(("--from", f"{name}=data.{field}") for name, field in use.sources),
        # A pattern has no other way to say a blank.
        *([("--pick", use.pick.replace(" ", r"\x20"))] if use.pick else []),
        *([("--location", use.location)] if use.location else []),
    ]
    return " ".join(f"{option} {value}" for option, value in pairs)
