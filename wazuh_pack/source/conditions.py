"""``match:`` and ``unless:`` blocks -> conditions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_pack.limits import ADDRESS_FIELDS
from wazuh_pack.model import Condition, Matcher, Operator

if TYPE_CHECKING:
    from wazuh_pack.source.yamldoc import Doc

_FIELD = re.compile(r"[A-Za-z0-9_@$:/. -]+")
_FLAGS = {"i": "ignore case"}
_OPERATORS = {operator.value: operator for operator in Operator}


def read_matcher(doc: Doc) -> Matcher:
    """Read a ``match:`` block: conditions, and optionally ``any:`` and ``not:``."""
    every: list[Condition] = []
    alternatives: list[tuple[Condition, ...]] = []
    for name, key, value in doc.items():
        if name == "any":
            alternatives = [read_conjunction(item) for item in value.sequence()]
        elif name == "not":
            every.extend(_negate(condition) for condition in read_conjunction(value, negated=True))
        else:
            every.extend(_condition(name, key, value))
    return Matcher(all=tuple(every), any=tuple(alternatives))


def read_conjunction(doc: Doc, *, negated: bool = False) -> tuple[Condition, ...]:
    """Read a mapping of conditions that hold together; ``not:`` is allowed inside."""
    result: list[Condition] = []
    for name, key, value in doc.items():
        if name == "not" and not negated:
            result.extend(_negate(item) for item in read_conjunction(value, negated=True))
        else:
            result.extend(_condition(name, key, value))
    return tuple(result)


def _negate(condition: Condition) -> Condition:
    return Condition(
        field=condition.field,
        operator=condition.operator,
        values=condition.values,
        negated=not condition.negated,
        ignore_case=condition.ignore_case,
        at=condition.at,
    )


def _condition(name: str, key: Doc, value: Doc) -> list[Condition]:
    field, *modifiers = name.split("|")
    if not _FIELD.fullmatch(field) or field != field.strip():
        key.fail(f"{field!r} is not a field name")
        return []
    operator = Operator.EQUALS
    ignore_case = False
    for modifier in modifiers:
        if modifier in _FLAGS:
            ignore_case = True
        elif modifier in _OPERATORS:
            operator = _OPERATORS[modifier]
        else:
            key.fail(
                f"unknown modifier {modifier!r}",
                f"one of: {', '.join([*_OPERATORS, *_FLAGS])}",
            )
            return []
    values = tuple(
        text for text in (_value(item, operator) for item in value.one_or_more()) if text
    )
    if not values:
        if not value.problems.found:
            value.fail("no value to compare with")
        return []
    condition = Condition(field, operator, values, ignore_case=ignore_case, at=key.at)
    _check(condition, key)
    return [condition]


def _value(item: Doc, operator: Operator) -> str:
    value = item.scalar()
    if operator is Operator.EXISTS and value is not True:
        item.fail(
            "Wazuh cannot ask for an absent field",
            "write the condition on a present field under `unless:`",
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    text = str(value) if isinstance(value, int) else str(item.node.value)
    if not text:
        item.fail("an empty value matches nothing useful", "use `field|re: '^$'`")
    return text


def _check(condition: Condition, key: Doc) -> None:
    address = condition.field in ADDRESS_FIELDS
    network = condition.operator is Operator.NETWORK
    if network and not address:
        key.fail(f"{condition.field} is no address field of Wazuh", "cidr works on srcip and dstip")
    if address and condition.operator not in {Operator.NETWORK, Operator.EQUALS}:
        key.fail(f"{condition.field} holds an address", "compare it with |cidr or a plain address")
    if condition.field in {"srcuser", "dstuser"}:
        key.fail("Wazuh tests both user fields together", "use the field `user`")
    if condition.operator in {Operator.IN_LIST, Operator.NOT_IN_LIST} and len(condition.values) > 1:
        key.fail("one list at a time", "write one condition per list")
