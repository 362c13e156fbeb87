"""How correlations find earlier events: by one rule's id, or by a group of their own.

An event whose rule is named by any ``if_matched_sid`` is kept in that rule's history only and never
in a group's (engine facts, "comp-sid-shadows-group"). So a rule that any correlation must reach
through a group is reached through groups by all of them.

analysisd 4.14.7 enters an event into a group's history once for every place that its rule has in
the tree (``OS_MarkGroup``). A rule with several parents would therefore count several times, and
cannot be counted through a group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wazuh_pack.render.spec import RuleSpec


@dataclass(frozen=True, slots=True)
class Matching:
    """Which correlations use a group, and which groups a rule therefore carries."""

    groups: Mapping[str, str]
    members: Mapping[str, tuple[str, ...]]

    def group_of(self, key: str) -> str:
        """Return the group that a correlation counts; empty when it counts a single rule."""
        return self.groups.get(key, "")

    def tokens(self, key: str) -> tuple[str, ...]:
        """Return the groups that a rule carries for correlations."""
        return self.members.get(key, ())


def plan_matching(rules: Iterable[RuleSpec], ids: Mapping[str, int]) -> Matching:
    """Decide for every correlation how it reaches the rules that it counts."""
    rules = tuple(rules)
    correlations = [rule for rule in rules if rule.matched]
    shared = {key for rule in correlations if len(rule.matched) > 1 for key in rule.matched}
    grouped: set[str] = set()
    while True:
        more = {
            rule.key
            for rule in correlations
            if rule.key not in grouped and (len(rule.matched) > 1 or set(rule.matched) & shared)
        }
        if not more:
            break
        grouped |= more
        shared |= {key for rule in correlations if rule.key in more for key in rule.matched}
    places = _places(rules)
    groups = {}
    members: dict[str, tuple[str, ...]] = {}
    for rule in correlations:
        if rule.key not in grouped:
            continue
        groups[rule.key] = f"wp_correlate_{ids[rule.key]}"
        for key in rule.matched:
            if key.isdigit():
                raise PackError(
                    f"{rule.key} counts stock rule {key} together with others",
                    hint="refine the stock rule with a detection of severity signal and count that",
                )
            if places[key] > 1:
                raise PackError(
                    f"{rule.key} counts {key} together with others, but that stands in"
                    f" {places[key]} places of the rule tree: each event would count as often",
                    hint="let it match all by itself instead of refining several detections",
                )
            members[key] = (*members.get(key, ()), groups[rule.key])
    return Matching(groups=groups, members=members)


def _places(rules: Iterable[RuleSpec]) -> Mapping[str, int]:
    """Return how many places in the rule tree each rule has; parents stand before children."""
    places: dict[str, int] = {}
    for rule in rules:
        places[rule.key] = sum(places.get(parent, 1) for parent in rule.parents) or 1
    return places
