"""Checks over the whole catalogue: what one part says about another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.model import Count, Operator, Sequence

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

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
        _check_order(detection, catalog, known, problems)
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


def _check_order(
    detection: Detection, catalog: Catalog, known: set[str], problems: Problems
) -> None:
    for other in detection.before:
        if other not in known:
            problems.add("WP120", f"no detection {other!r}", detection.at, "check the name")
        elif not _are_siblings(detection, catalog.detection(other)):
            problems.add(
                "WP124",
                f"{other!r} is not tried beside this one, so no order can be given to them",
                detection.at,
                "both need the same source, severity and parents, and no correlation",
            )


def _are_siblings(one: Detection, other: Detection) -> bool:
    """Tell whether Wazuh tries two detections in the order of their file: same level, parents."""
    return (
        one.id != other.id
        and (one.source, one.severity) == (other.source, other.severity)
        and set(one.refines) == set(other.refines)
        and one.correlation is other.correlation is None
    )


def stand_after(detections: Collection[Detection]) -> dict[str, tuple[str, ...]]:
    """Return for each detection those that must stand before it: it names them, or they it."""
    found = {detection.id: named(detection) for detection in detections}
    for detection in detections:
        for other in detection.before:
            found[other] = (*found.get(other, ()), detection.id)
    return found


def _list_conditions(detection: Detection) -> Iterator[Condition]:
    for group in (detection.matcher.all, *detection.matcher.any, *detection.unless):
        for condition in group:
            if condition.operator in {Operator.IN_LIST, Operator.NOT_IN_LIST}:
                yield condition


def _check_cycles(catalog: Catalog, problems: Problems) -> None:
    parents = stand_after(catalog.detections)
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in done or name not in parents:
            return
        if name in path:
            problems.add(
                "WP123",
                f"detections stand after one another in a circle: {' -> '.join((*path, name))}",
                catalog.detection(name).at,
            )
            done.add(name)
            return
        for other in parents[name]:
            visit(other, (*path, name))
        done.add(name)

    for name in parents:
        visit(name, ())
