"""The pack's part of ossec.conf: responses, wodles and log collection.

CDB lists are not here: a second ``<ruleset>`` would make analysisd forget the user's own, so the
installer adds their lines to the one that is there.

Wazuh reads ossec.conf with the same XML reader as its rules: no entities. Values are therefore not
escaped but refused when they hold ``<``, ``>`` or ``&``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_pack.errors import PackError
from wazuh_pack.limits import MAX_RESPONSE_ROWS
from wazuh_pack.render.compile import rule_keys
from wazuh_pack.render.decoders import environment, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wazuh_pack.model import Catalog, Detection, ResponseUse

_TEMPLATE = Path(__file__).parent / "templates" / "ossec.conf.j2"
_UNREADABLE = frozenset("<>&")


@dataclass(frozen=True, slots=True)
class Script:
    """A response script that detections may ask for."""

    action: str
    executable: str
    location: str


@dataclass(frozen=True, slots=True)
class Wodle:
    """A command wodle; ``command`` begins with the path of the executable whose hash is pinned."""

    tag: str
    command: str
    interval: str
    timeout: int
    run_on_start: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ResponseRow:
    """One ``<command>`` with its ``<active-response>``."""

    name: str
    executable: str
    arguments: str
    location: str
    rules: tuple[int, ...]


def response_rows(
    catalog: Catalog, ids: Mapping[str, int], scripts: Iterable[Script]
) -> tuple[ResponseRow, ...]:
    """Return one row per action, target field and timeout, with the rules that ask for it.

    Raises:
        PackError: a detection asks for an action that no script offers, or there are more rows
            than execd's table holds.
    """
    known = {script.action: script for script in scripts}
    rules: dict[ResponseUse, list[int]] = {}
    for detection in catalog.detections:
        use = detection.response
        if use is None:
            continue
        if use.action not in known:
            raise PackError(f"no script offers the response {use.action!r}", at=detection.at)
        rules.setdefault(use, []).extend(_numbers(detection, ids))
    if len(rules) > MAX_RESPONSE_ROWS:
        raise PackError(
            f"{len(rules)} kinds of response, but Wazuh's table holds {MAX_RESPONSE_ROWS}",
            hint="let detections share fields and timeouts",
        )
    rows = [_row(use, known[use.action], numbers) for use, numbers in rules.items()]
    return tuple(sorted(rows, key=lambda row: row.name))


def _numbers(detection: Detection, ids: Mapping[str, int]) -> list[int]:
    return [ids[key] for key in rule_keys(detection)]


def _row(use: ResponseUse, script: Script, numbers: list[int]) -> ResponseRow:
    target = re.sub(r"[^a-z0-9]+", "-", use.field.lower()).strip("-")
    return ResponseRow(
        name=f"{script.executable}-{target}-{use.timeout}",
        executable=script.executable,
        arguments=f"--field data.{use.field} --timeout {use.timeout}",
        location=script.location,
        rules=tuple(sorted(numbers)),
    )


def collection(catalog: Catalog, chosen: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the log collection of the chosen sources (id -> parameters that differ).

    Raises:
        PackError: an unknown source, or a parameter that is missing.
    """
    fragments = []
    for name, parameters in chosen.items():
        try:
            source = catalog.source(name)
        except KeyError:
            raise PackError(f"no source {name!r}") from None
        if not source.delivery.config:
            continue
        merged = {**dict(source.delivery.parameters), **parameters}
        path = source.at.path if source.at else Path(name)
        fragments.append(render(source.delivery.config, path, merged).strip())
    return tuple(fragments)


def fragment(
    *,
    responses: Iterable[ResponseRow] = (),
    wodles: Iterable[Wodle] = (),
    fragments: Iterable[str] = (),
) -> str:
    """Return the children of the pack's own ``<ossec_config>``."""
    environment_ = environment()
    environment_.filters["plain"] = _plain
    template = environment_.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        responses=tuple(responses),
        wodles=tuple(wodles),
        fragments=tuple(fragments),
    )


def _plain(value: object) -> str:
    text = str(value)
    if _UNREADABLE & set(text):
        raise PackError(f"ossec.conf cannot carry {text!r}", hint="leave out <, > and &")
    return text
