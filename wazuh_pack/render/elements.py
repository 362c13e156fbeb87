"""Conditions -> elements of a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.errors import PackError
from wazuh_pack.limits import (
    ADDRESS_FIELDS,
    DIFFERENT_TAGS,
    MAX_LISTS_PER_RULE,
    SAME_TAGS,
    STATIC_CONDITION_TAGS,
)
from wazuh_pack.model import Operator
from wazuh_pack.render.patterns import literal, pattern
from wazuh_pack.render.spec import Element

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_pack.model import Condition

_LOOKUPS = {Operator.IN_LIST: "match_key", Operator.NOT_IN_LIST: "not_match_key"}
TEXT_FIELD = "log"
"""The name by which a condition speaks of the event's text."""


def elements(conditions: Iterable[Condition]) -> tuple[Element, ...]:
    """Return the elements that test all of ``conditions``.

    Raises :class:`~wazuh_pack.errors.PackError` for what one Wazuh rule cannot say.
    """
    conditions = tuple(conditions)
    _refuse_glued(conditions)
    return tuple(element for condition in conditions for element in _elements(condition))


def _refuse_glued(conditions: tuple[Condition, ...]) -> None:
    """Wazuh glues the texts of several static elements of a kind into one pattern."""
    seen: set[str] = set()
    lists = 0
    for condition in conditions:
        if condition.operator in _LOOKUPS:
            lists += 1
            continue
        name = condition.field
        if name not in STATIC_CONDITION_TAGS and name != TEXT_FIELD:
            continue
        if name in seen:
            raise PackError(
                f"Wazuh can test {name!r} only once in a rule",
                at=condition.at,
                hint="join the conditions into one pattern with |re",
            )
        seen.add(name)
    if lists > MAX_LISTS_PER_RULE:
        raise PackError(
            f"Wazuh checks only the last {MAX_LISTS_PER_RULE} lists of a rule",
            at=conditions[0].at,
            hint="split the detection",
        )


def _elements(condition: Condition) -> list[Element]:
    negate = (("negate", "yes"),) if condition.negated else ()
    if condition.operator in _LOOKUPS:
        lookup = _LOOKUPS[condition.operator]
        attributes = (("field", condition.field), ("lookup", lookup))
        return [Element("list", f"etc/lists/wazuh-pack-{condition.values[0]}", attributes)]
    if condition.field in ADDRESS_FIELDS:
        return [Element(condition.field, value, negate) for value in condition.values]
    tag = STATIC_CONDITION_TAGS.get(condition.field)
    if tag is not None:
        return [Element(tag, pattern(condition), (*negate, ("type", "pcre2")))]
    if condition.field == TEXT_FIELD:
        return [Element("regex", pattern(condition), (*negate, ("type", "pcre2")))]
    name = (("name", condition.field),)
    return [Element("field", pattern(condition), (*name, *negate, ("type", "pcre2")))]


def grouping(
    group_by: Iterable[str], distinct: Iterable[str] = (), *, across_agents: bool = False
) -> tuple[Element, ...]:
    """Return the elements that say what correlated events share and where they differ."""
    result = [_relation(name, SAME_TAGS, "same_field") for name in group_by]
    result += [_relation(name, DIFFERENT_TAGS, "different_field") for name in distinct]
    if across_agents:
        result.append(Element("global_frequency"))
    return tuple(result)


def _relation(name: str, tags: dict[str, str], dynamic: str) -> Element:
    tag = tags.get(name)
    return Element(tag) if tag else Element(dynamic, name)


__all__ = ["TEXT_FIELD", "elements", "grouping", "literal"]
