"""Checks over the whole catalogue: what one part says about another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.model import Count, Operator, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_pack.model import Catalog, Condition, Detection
    from wazuh_pack.source.yamldoc import Problems


def check_references(catalog: Catalog, problems: Problems) -> None:
    """Record every mention of a detection, list or source that does not exist, and every cycle."""
    known = {detection.id for detection in catalog.detections}
    sources = {source.id for source in catalog.sources}
    lists = {
        name.removeprefix("wazuh-pack-") for source in catalog.sources for name, _ in source.lists
    }
    for detection in catalog.detections:
        for other in named(detection):
            if other not in known and not other.isdigit():
                problems.add("WP120", f"no detection {other!r}", detection.at, "check the name")
        for condition in _list_conditions(detection):
            for name in set(condition.values) - lists:
                hint = "add it to a source's lists folder"
                problems.add("WP121", f"no list {name!r}", condition.at, hint)
        for case in detection.cases:
            for unknown in {step.source for step in case.steps} - sources - {""}:
                problems.add("WP122", f"no source {unknown!r}", case.at)
    if not problems.found:
        _check_cycles(catalog, problems)


def named(detection: Detection) -> tuple[str, ...]:
    """Return the detections (or stock rule ids) that a detection builds on."""
    correlation = detection.correlation
    if isinstance(correlation, Count):
        return correlation.of
    if isinstance(correlation, Sequence):
        return correlation.first + correlation.then + detection.refines
    return detection.refines


def _list_conditions(detection: Detection) -> Iterator[Condition]:
    for group in (detection.matcher.all, *detection.matcher.any, *detection.unless):
        for condition in group:
            if condition.operator in {Operator.IN_LIST, Operator.NOT_IN_LIST}:
                yield condition


def _check_cycles(catalog: Catalog, problems: Problems) -> None:
    parents = {item.id: named(item) for item in catalog.detections}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in done or name not in parents:
            return
        if name in path:
            problems.add(
                "WP123",
                f"detections build on each other in a circle: {' -> '.join((*path, name))}",
                catalog.detection(name).at,
            )
            done.add(name)
            return
        for other in parents[name]:
            visit(other, (*path, name))
        done.add(name)

    for name in parents:
        visit(name, ())
