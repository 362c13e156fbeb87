"""The pack's part of ossec.conf: responses, wodles and log collection.

CDB lists are not here: a second ``<ruleset>`` would make analysisd forget the user's own, so the
installer adds their lines to the one that is there.

Wazuh reads ossec.conf with the same XML reader as its rules: no entities. Values are therefore not
escaped but refused when they hold ``<``, ``>`` or ``&``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_pack.errors import PackError
from wazuh_pack.render.decoders import environment, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wazuh_pack.model import Catalog
    from wazuh_pack.render.responses import IntegrationRow, ResponseRow

_TEMPLATE = Path(__file__).parent / "templates" / "ossec.conf.j2"
_UNREADABLE = frozenset("<>&")


@dataclass(frozen=True, slots=True)
class Wodle:
    """A command wodle; ``command`` begins with the path of the executable whose hash is pinned."""

    tag: str
    command: str
    interval: str
    timeout: int
    run_on_start: str
    sha256: str


def collection(catalog: Catalog, chosen: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the log collection of the chosen sources (id -> parameters that differ).

    They come in the catalogue's order, so that the same choice always gives the same text.

    Raises:
        PackError: an unknown source, or a parameter that is missing.
    """
    for name in chosen:
        if not any(source.id == name for source in catalog.sources):
            raise PackError(f"no source {name!r}")
    fragments = []
    for source in catalog.sources:
        if source.id not in chosen or not source.delivery.config:
            continue
        merged = {**dict(source.delivery.parameters), **chosen[source.id]}
        path = source.at.path if source.at else Path(source.id)
        fragments.append(render(source.delivery.config, path, merged).strip())
    return tuple(fragments)


def fragment(
    *,
    responses: Iterable[ResponseRow] = (),
    integrations: Iterable[IntegrationRow] = (),
    wodles: Iterable[Wodle] = (),
    fragments: Iterable[str] = (),
) -> str:
    """Return the children of the pack's own ``<ossec_config>``."""
    environment_ = environment()
    environment_.filters["plain"] = _plain
    template = environment_.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        responses=tuple(responses),
        integrations=tuple(integrations),
        wodles=tuple(wodles),
        fragments=tuple(fragments),
    )


def _plain(value: object) -> str:
    text = str(value)
    if _UNREADABLE & set(text):
        raise PackError(f"ossec.conf cannot carry {text!r}", hint="leave out <, > and &")
    return text
