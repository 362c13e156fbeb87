"""The rule tree: how rules are hung into it, and how an event finds its rule.

Siblings are kept by rank, then by order of loading. A rule with several parents has a node under
each of them; the nodes share the rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wazuh_pack.engine.conditions import Condition
    from wazuh_pack.engine.memory import Memory
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rules import Definition, Rule
    from wazuh_pack.engine.trace import Trace


@dataclass(slots=True, eq=False)
class RuleNode:
    """A place of a rule in the tree."""

    rule: Rule
    parent: RuleNode | None
    children: list[RuleNode] = field(default_factory=list)
    _by_decoder: dict[int, tuple[RuleNode, ...]] = field(default_factory=dict)

    def children_for(self, decoder_id: int) -> tuple[RuleNode, ...]:
        """Return the children that do not ask for another decoder, in their order.

        ``decoded_as`` is the first thing that analysisd looks at and has no side effect, so the
        others can be left out. Only to be asked when loading is done.
        """
        found = self._by_decoder.get(decoder_id)
        if found is None:
            wanted = (0, decoder_id)
            found = tuple(node for node in self.children if node.rule.decoder_id in wanted)
            self._by_decoder[decoder_id] = found
        return found


class RuleTree:
    """All nodes; grows while rules are loaded."""

    def __init__(self) -> None:
        self.roots: list[RuleNode] = []
        self._nodes: dict[int, list[RuleNode]] = {}
        self._grouped: dict[bytes, list[RuleNode]] = {}

    def __contains__(self, rule_id: int) -> bool:
        """Tell whether a rule of this id hangs in the tree."""
        return rule_id in self._nodes

    def first(self, rule_id: int) -> Rule | None:
        """Return the rule of an id; the first one where roots share an id."""
        nodes = self._nodes.get(rule_id)
        return nodes[0].rule if nodes else None

    def rules(self) -> Iterator[Rule]:
        """Yield every rule once, in the order of loading."""
        seen: set[int] = set()
        for nodes in self._nodes.values():
            for node in nodes:
                if node.rule.index not in seen:
                    seen.add(node.rule.index)
                    yield node.rule

    def nodes(self) -> Iterator[RuleNode]:
        """Yield every node."""
        for nodes in self._nodes.values():
            yield from nodes

    def all_of(self, rule_id: int) -> list[Rule]:
        """Return the rules at all places of an id."""
        return [node.rule for node in self._nodes.get(rule_id, ())]

    def in_groups(self, match: Callable[[bytes], bool]) -> list[RuleNode]:
        """Return the nodes of the rules whose group text matches."""
        return [node for groups, nodes in self._grouped.items() if match(groups) for node in nodes]

    def add_root(self, rule: Rule) -> None:
        """Hang a rule in at the top."""
        self._add(rule, None)

    def add_below_id(self, parent_id: int, rule: Rule) -> bool:
        """Hang a rule below all places of a parent, in its category; False if there is none.

        Places that stand behind another place of the parent among the same siblings, or below such
        siblings, are missed.
        """
        parents = [node for node in self._nodes.get(parent_id, ()) if self._is_reached(node)]
        for node in parents:
            rule.definition = rule.definition.with_category_of(node.rule.definition)
            self._add(rule, node)
        return bool(parents)

    def add_below_groups(self, match: Callable[[bytes], bool], rule: Rule) -> bool:
        """Hang a rule below every place of all others whose group text matches; False if none."""
        return self._add_below(self.in_groups(match), rule)

    def add_below_rank(self, rank: int, rule: Rule) -> bool:
        """Hang a rule below every place of all others of at least this rank; False if none."""
        parents = [node for node in self.nodes() if node.rule.definition.rank >= rank]
        return self._add_below(parents, rule)

    def _add_below(self, parents: list[RuleNode], rule: Rule) -> bool:
        others = [node for node in parents if node.rule.id != rule.id]
        for node in others:
            self._add(rule, node)
        return bool(others)

    def redefine(self, rule: Rule, definition: Definition) -> None:
        """Replace what a rule says; its places stay."""
        places = [node for node in self._nodes[rule.id] if node.rule is rule]
        for node in places:
            self._grouped[rule.definition.groups].remove(node)
        rule.definition = definition
        self._grouped.setdefault(definition.groups, []).extend(places)

    def add_below_category(self, rule: Rule) -> bool:
        """Hang a rule below the first root of its category; False if there is none."""
        category = rule.definition.category
        for node in self.roots:
            if node.rule.definition.category == category:
                self._add(rule, node)
                return True
        return False

    def _siblings(self, parent: RuleNode | None) -> list[RuleNode]:
        return self.roots if parent is None else parent.children

    def _add(self, rule: Rule, parent: RuleNode | None) -> None:
        siblings = self._siblings(parent)
        rank = rule.definition.rank
        position = next(
            (i for i, node in enumerate(siblings) if rank > node.rule.definition.rank),
            len(siblings),
        )
        node = RuleNode(rule, parent)
        siblings.insert(position, node)
        self._nodes.setdefault(rule.id, []).append(node)
        self._grouped.setdefault(rule.definition.groups, []).append(node)

    def _is_reached(self, node: RuleNode) -> bool:
        """Tell whether analysisd's search for the node's id comes as far as the node."""
        if len(self._nodes[node.rule.id]) == 1:
            return True
        place: RuleNode | None = node
        while place is not None:
            for sibling in self._siblings(place.parent):
                if sibling is place:
                    break
                if sibling.rule.id == node.rule.id:
                    return False
            place = place.parent
        return True


def find_rule(
    roots: Iterable[RuleNode], seen: Occurrence, memory: Memory, trace: Trace | None = None
) -> Rule | None:
    """Return the rule that an event ends at, None when there is none.

    A holding rule's children decide first; when none of them is the result, the rule itself is,
    unless it is ``noalert``: then its siblings are tried. The rule found is counted as fired, and
    the event learns its parent.
    """
    levels = [iter(roots)]
    path: list[Rule] = []
    while levels:
        node = next(levels[-1], None)
        if node is not None:
            failed = first_failure(node.rule, seen, memory)
            if trace is not None:
                trace.tried(node, failed, seen)
            if failed is None:
                path.append(node.rule)
                children = (
                    node.children if trace is not None else node.children_for(seen.decoder_id)
                )
                levels.append(iter(children))
            continue
        levels.pop()
        rule = path.pop() if path else None
        if rule is not None and not rule.definition.noalert:
            seen.fired = memory.count(rule)
            seen.parent = path[-1] if path else None
            return rule
    return None


def first_failure(rule: Rule, seen: Occurrence, memory: Memory) -> Condition | None:
    """Return the first condition that does not hold, or None when the rule matches."""
    for condition in rule.checks:
        if not condition.holds(seen, memory):
            return condition
    return None
