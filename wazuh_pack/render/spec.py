"""What a rule will say, before it has a number and before it is XML."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a rule: tag, attributes in order, text."""

    tag: str
    text: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One rule.

    Other rules are named by key (``<detection>`` or ``<detection>/<part>``) or, for stock rules, by
    their number as text.
    """

    key: str
    source: str
    level: int
    description: str
    parents: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()
    """Rules whose earlier events are counted (``if_matched_sid``, or a group when several)."""
    frequency: int = 0
    timeframe: int = 0
    noalert: bool = False
    conditions: tuple[Element, ...] = ()
    context: tuple[Element, ...] = ()
    """What correlated events have in common (``same_*``, ``different_*``, ``global_frequency``)."""
    groups: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    comment: str = ""

    def digest(self) -> str:
        """Return twelve hex digits over all that decides when the rule fires and how loudly."""
        meaning = [
            self.level,
            self.noalert,
            self.parents,
            self.matched,
            self.frequency,
            self.timeframe,
            [(item.tag, item.text, item.attributes) for item in self.conditions],
            [(item.tag, item.text, item.attributes) for item in self.context],
            self.options,
        ]
        text = json.dumps(meaning, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]
