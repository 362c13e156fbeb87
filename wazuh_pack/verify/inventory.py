"""The detections as plain rows, for people and machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wazuh_pack.render.compile import rule_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wazuh_pack.model import Detection


def entries(detections: Iterable[Detection], ids: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return one mapping per alerting rule, sorted by rule id.

    Keys: id, slug, title, level, source, attack, cicd_sec, catalogue, response.
    """
    rows = [_entry(detection, ids[key]) for detection in detections for key in rule_keys(detection)]
    return sorted(rows, key=lambda row: int(row["id"]))


def _entry(detection: Detection, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "slug": detection.id,
        "title": detection.title,
        "level": detection.severity.value,
        "source": detection.source,
        "attack": list(detection.attack),
        "cicd_sec": [f"CICD-SEC-{risk}" for risk in detection.cicd_sec],
        "catalogue": list(detection.catalogue),
        "response": detection.response.action if detection.response else None,
    }
