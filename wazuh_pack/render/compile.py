"""Detections and sources -> rule specifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.model import Count, Sequence
from wazuh_pack.render.elements import elements, grouping
from wazuh_pack.render.spec import Element, RuleSpec
from wazuh_pack.source.references import stand_after

if TYPE_CHECKING:
    from wazuh_pack.model import Catalog, Detection, Source

PACK_GROUP = "wazuh_pack"


def compile_catalog(catalog: Catalog) -> tuple[RuleSpec, ...]:
    """Return the rules of all sources, each after every rule that it names.

    Raises :class:`~wazuh_pack.errors.PackError` for a detection that Wazuh cannot express.
    """
    keys: dict[str, tuple[str, ...]] = {
        detection.id: rule_keys(detection) for detection in catalog.detections
    }
    result: list[RuleSpec] = []
    for source in catalog.sources:
        if source.gate is not None:
            result.append(_gate(source))
        ordered = _dependencies_first(catalog.of_source(source.id))
        for detection in ordered:
            result.extend(_rules(detection, source, keys))
    return tuple(result)


def rule_keys(detection: Detection) -> tuple[str, ...]:
    """Return the keys of the rules that stand for a detection (not of its exceptions)."""
    count = len(detection.matcher.alternatives()) if detection.correlation is None else 1
    return (detection.id, *(f"{detection.id}/or-{number}" for number in range(2, count + 1)))


def gate_key(source: Source) -> str:
    """Return the key of a source's gate."""
    return f"{source.id}/gate"


def _dependencies_first(detections: tuple[Detection, ...]) -> list[Detection]:
    by_id = {item.id: item for item in detections}
    earlier = stand_after(detections)
    result: list[Detection] = []
    done: set[str] = set()

    def place(detection: Detection) -> None:
        if detection.id in done:
            return
        done.add(detection.id)
        for name in earlier[detection.id]:
            if name in by_id:
                place(by_id[name])
        result.append(detection)

    for detection in detections:
        place(detection)
    return result


def _gate(source: Source) -> RuleSpec:
    gate = source.gate
    if gate is None:
        raise ValueError(source.id)
    decoded = (Element("decoded_as", gate.decoded_as),) if gate.decoded_as else ()
    return RuleSpec(
        key=gate_key(source),
        source=source.id,
        level=0,
        noalert=True,
        description=f"{source.prefix}: events for wazuh-pack.",
        parents=tuple(str(parent) for parent in gate.parents),
        conditions=decoded + elements(gate.matcher.all),
        groups=(PACK_GROUP, *source.groups),
        options=_no_full_log(source),
        comment=f"{source.title}: the gate that every detection of this source hangs from",
    )


def _rules(
    detection: Detection, source: Source, keys: dict[str, tuple[str, ...]]
) -> list[RuleSpec]:
    rules = (
        _plain(detection, source, keys)
        if detection.correlation is None
        else [_correlated(detection, source, keys)]
    )
    return rules + _exceptions(detection, source)


def _plain(
    detection: Detection, source: Source, keys: dict[str, tuple[str, ...]]
) -> list[RuleSpec]:
    parents = _parents(detection, source, keys)
    return [
        _rule(detection, source, key=key, parents=parents, conditions=elements(conditions))
        for key, conditions in zip(
            rule_keys(detection), detection.matcher.alternatives(), strict=True
        )
    ]


def _parents(
    detection: Detection, source: Source, keys: dict[str, tuple[str, ...]]
) -> tuple[str, ...]:
    if detection.refines:
        return _resolve(detection.refines, keys)
    return (gate_key(source),) if source.gate is not None else ()


def _resolve(names: tuple[str, ...], keys: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(key for name in names for key in keys.get(name, (name,)))


def _correlated(detection: Detection, source: Source, keys: dict[str, tuple[str, ...]]) -> RuleSpec:
    conditions = elements(detection.matcher.all)
    correlation = detection.correlation
    if isinstance(correlation, Count):
        return _rule(
            detection,
            source,
            key=detection.id,
            conditions=conditions,
            matched=_resolve(correlation.of, keys),
            frequency=correlation.count,
            timeframe=correlation.within,
            context=grouping(
                correlation.group_by,
                correlation.distinct,
                across_agents=correlation.across_agents,
            ),
        )
    if isinstance(correlation, Sequence):
        return _rule(
            detection,
            source,
            key=detection.id,
            conditions=conditions,
            parents=_resolve(correlation.then, keys) or _parents(detection, source, keys),
            matched=_resolve(correlation.first, keys),
            frequency=2,
            timeframe=correlation.within,
            context=grouping(correlation.group_by, across_agents=correlation.across_agents),
        )
    raise TypeError(detection.id)


def _rule(
    detection: Detection,
    source: Source,
    *,
    key: str,
    conditions: tuple[Element, ...],
    parents: tuple[str, ...] = (),
    matched: tuple[str, ...] = (),
    frequency: int = 0,
    timeframe: int = 0,
    context: tuple[Element, ...] = (),
) -> RuleSpec:
    return RuleSpec(
        key=key,
        source=source.id,
        level=detection.severity.value,
        description=f"{source.prefix}: {detection.message}",
        parents=parents,
        matched=matched,
        frequency=frequency,
        timeframe=timeframe,
        conditions=conditions,
        context=context,
        groups=_groups(detection, source),
        attack=detection.attack,
        options=_no_full_log(source),
        comment=f"{detection.id}: {detection.title}",
    )


def _groups(detection: Detection, source: Source) -> tuple[str, ...]:
    compliance = [
        f"{framework}_{control}"
        for framework, controls in detection.compliance
        for control in controls
    ]
    risks = [f"cicd_sec_{number}" for number in detection.cicd_sec]
    return (PACK_GROUP, *source.groups, *detection.groups, *risks, *compliance)


def _no_full_log(source: Source) -> tuple[str, ...]:
    return () if source.full_log else ("no_full_log",)


def _exceptions(detection: Detection, source: Source) -> list[RuleSpec]:
    parents = rule_keys(detection)
    return [
        RuleSpec(
            key=f"{detection.id}/unless-{number}",
            source=source.id,
            level=0,
            description=f"{source.prefix}: {detection.title}: expected, no alert.",
            parents=parents,
            conditions=elements(conditions),
            groups=(PACK_GROUP, *source.groups),
            options=_no_full_log(source),
            comment=f"{detection.id}: exception {number}",
        )
        for number, conditions in enumerate(detection.unless, start=1)
    ]
