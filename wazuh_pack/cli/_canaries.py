"""One event a source that must fire a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.deploy import Canary
from wazuh_pack.render.compile import rule_keys
from wazuh_pack.verify.cases import expand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.model import Catalog, Detection


def canaries(loaded: Catalog, ids: Mapping[str, int]) -> tuple[Canary, ...]:
    """Return the first single event of every source that fires a rule by itself."""
    found: dict[str, Canary] = {}
    for detection in loaded.detections:
        if detection.source not in found:
            canary = _canary(loaded, detection, ids)
            if canary:
                found[detection.source] = canary
    return tuple(found.values())


def _canary(loaded: Catalog, detection: Detection, ids: Mapping[str, int]) -> Canary | None:
    for case in detection.cases:
        if not case.fires:
            continue
        events = list(expand(loaded, detection.source, case))
        if len(events) == 1:
            return Canary(
                name=f"{detection.id} ({case.name})",
                line=events[0].line,
                location=events[0].location,
                rules=frozenset(ids[key] for key in rule_keys(detection)),
            )
    return None
