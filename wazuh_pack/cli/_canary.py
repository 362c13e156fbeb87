"""One event of every source that must raise an alert, taken from the detections' own cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.install.prove import Canary
from wazuh_pack.render.compile import rule_keys
from wazuh_pack.verify.cases import expand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.model import Case, Catalog, Detection


def choose(catalog: Catalog, ids: Mapping[str, int]) -> tuple[Canary, ...]:
    """Return for each source an event that fires a detection by itself; some have none.

    Raises:
        PackError: a case is malformed.
    """
    found: dict[str, Canary] = {}
    for detection in catalog.detections:
        for case in detection.cases:
            if detection.source not in found and _is_single(detection, case):
                (event,) = expand(catalog, detection.source, case)
                rules = frozenset(ids[key] for key in rule_keys(detection))
                found[detection.source] = Canary(
                    detection.source, event.line, event.location, rules
                )
    return tuple(found.values())


def _is_single(detection: Detection, case: Case) -> bool:
    if detection.correlation is not None or not case.fires or len(case.steps) != 1:
        return False
    step = case.steps[0]
    return step.repeat == 1 and step.source in {"", detection.source}
