"""Conditions on the fields of an event."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as attribute
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.location import Location


class Operator(Enum):
    """How a field is compared. The value is the modifier in YAML (``field|contains``)."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTSWITH = "startswith"
    ENDSWITH = "endswith"
    REGEX = "re"
    EXISTS = "exists"
    NETWORK = "cidr"
    IN_LIST = "in_list"
    NOT_IN_LIST = "not_in_list"


@dataclass(frozen=True, slots=True)
class Condition:
    """One field against one or more values (any of them is enough).

    ``field`` is the name that Wazuh's decoder gives (``github.action``), a static field, or ``log``
    for the text of the event. A negated condition needs the field to be present, as in Wazuh.
    """

    field: str
    operator: Operator
    values: tuple[str, ...]
    negated: bool = False
    ignore_case: bool = False
    at: Location | None = attribute(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Matcher:
    """Conditions that an event meets: all of ``all``, and one whole alternative of ``any``."""

    all: tuple[Condition, ...] = ()
    any: tuple[tuple[Condition, ...], ...] = ()

    def alternatives(self) -> tuple[tuple[Condition, ...], ...]:
        """Return the conjunctions that together say the same; at least one, perhaps empty."""
        if not self.any:
            return (self.all,)
        return tuple(self.all + alternative for alternative in self.any)
