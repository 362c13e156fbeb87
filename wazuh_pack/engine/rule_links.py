"""Where a rule that has been read belongs: its parents, its history, or the rule it overwrites."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wazuh_pack.engine import conditions
from wazuh_pack.engine.expression import Kind, compile_expression
from wazuh_pack.engine.loadlog import SkipRule
from wazuh_pack.engine.rule_attributes import as_int
from wazuh_pack.engine.rules import Search

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_pack.engine.conditions import Condition
    from wazuh_pack.engine.loadlog import LoadLog
    from wazuh_pack.engine.rule_draft import Draft
    from wazuh_pack.engine.rules import Definition, Rule
    from wazuh_pack.engine.tree import RuleTree

_FIRST_CHILD_ID = 10
_RANK_PER_LEVEL = 100
_GEO = ("srcgeoip", "dstgeoip")


@dataclass(frozen=True, slots=True)
class RuleLinker:
    """Hangs rules into a tree."""

    tree: RuleTree
    notes: LoadLog

    def link(self, rule: Rule, draft: Draft, *, replaces: bool) -> None:
        """Give a rule its place, or let it overwrite the one of the same id.

        Raises:
            SkipRule: It has no place and is dropped.
        """
        if rule.id < _FIRST_CHILD_ID:
            self.tree.add_root(rule)
        elif replaces:
            self._overwrite(rule, draft)
            return
        else:
            self._hang(rule, draft)
        if replaces:
            rule.search = Search.EVENTS if rule.definition.context else None
            return
        self._watch(rule)

    def _hang(self, rule: Rule, draft: Draft) -> None:
        """The first of if_sid, if_level, if_group and the category decides."""
        if draft.if_sid is not None:
            self._below_ids(rule, draft.if_sid, draft)
        elif draft.if_level is not None:
            self._below_level(rule, draft.if_level, draft)
        elif draft.if_group is not None:
            self._below_group(rule, draft.if_group, draft)
        elif not self.tree.add_below_category(rule):
            message = f"no root rule of the 'category' exists; rule '{rule.id}' is dropped"
            raise self.notes.skip(message, draft.node.at, "7611")

    def _below_ids(self, rule: Rule, text: bytes, draft: Draft) -> None:
        hung = False
        at = draft.node.at
        for parent_id in _parent_ids(text):
            if parent_id is None:
                option = "if_matched_sid" if rule.if_matched_sid else "if_sid"
                message = f"'{option}' holds something else than ids (rule '{rule.id}')"
                self.notes.warn(message, at, "7607")
                if not hung:
                    raise SkipRule
                return
            if self._below_id(parent_id, rule):
                hung = True
            elif rule.if_matched_sid:
                message = f"there is no rule '{parent_id}' ('if_matched_sid' of rule '{rule.id}')"
                raise self.notes.skip(message, at, "7620")
            else:
                message = f"there is no rule '{parent_id}' ('if_sid' of rule '{rule.id}')"
                self.notes.warn(message, at, "7617")
        if not hung:
            message = f"'if_sid' leads nowhere; rule '{rule.id}' is dropped"
            raise self.notes.skip(message, at, "7619")

    def _below_id(self, parent_id: int, rule: Rule) -> bool:
        """An id of 0 (a trailing comma is enough) means the rule's category."""
        if parent_id == 0:
            return self.tree.add_below_category(rule)
        return self.tree.add_below_id(parent_id, rule)

    def _below_level(self, rule: Rule, text: bytes, draft: Draft) -> None:
        level = as_int(text)
        if level == 0:
            message = f"'if_level' cannot be '{conditions.text(text)}'; rule '{rule.id}' is dropped"
            raise self.notes.skip(message, draft.node.at, "7609")
        rank = level * _RANK_PER_LEVEL
        if not self.tree.add_below_rank(rank, rule):
            message = f"no rule of level '{rank}' for 'if_level'; rule '{rule.id}' is dropped"
            raise self.notes.skip(message, draft.node.at, "7608")

    def _below_group(self, rule: Rule, text: bytes, draft: Draft) -> None:
        words = _Words(text)
        if not self.tree.add_below_groups(words.match, rule):
            message = (
                f"no rule of group '{conditions.text(text)}' for 'if_group';"
                f" rule '{rule.id}' is dropped"
            )
            raise self.notes.skip(message, draft.node.at, "7610")

    def _watch(self, rule: Rule) -> None:
        """Have the rules that a composite counts keep their events."""
        if rule.search is Search.SID:
            for watched in self.tree.all_of(rule.if_matched_sid):
                watched.watched = True
                rule.watched_sid = watched
        elif rule.search is Search.GROUP:
            groups = compile_expression(rule.if_matched_group or b"", Kind.OSMATCH)
            for node in self.tree.in_groups(groups.matches):
                node.rule.feeds.append(rule)

    def _overwrite(self, rule: Rule, draft: Draft) -> None:
        old = self.tree.first(rule.id)
        if old is None:
            return
        at = draft.node.at

        def complain(option: str) -> None:
            self.notes.warn(f"'{option}' of rule '{rule.id}' cannot be overwritten", at, "7605")

        if rule.if_sid and not rule.if_matched_sid and rule.if_sid != old.if_sid:
            complain("if_sid")
        if draft.if_group is not None and draft.if_matched_group is None:
            complain("if_group")
        if draft.if_level is not None and draft.if_level != old.if_level:
            complain("if_level")
        if draft.if_matched_group not in (None, old.if_matched_group):
            complain("if_matched_group")
        if draft.if_matched_sid not in (0, old.if_matched_sid):
            complain("if_matched_sid")
        self.tree.redefine(old, _overwritten(old.definition, rule.definition))
        old.files.append(draft.node.path)


def _overwritten(old: Definition, new: Definition) -> Definition:
    """Return what an overwriting definition leaves of both.

    GeoIP conditions are the one thing that analysisd never replaces; it looks at them only when the
    new definition uses extra information.
    """
    kept = [c for c in old.conditions if c.option in _GEO] if new.extra else []
    fresh = [c for c in new.conditions if c.option not in _GEO]

    def order(condition: Condition) -> int:
        return conditions.ORDER.index(condition.option)

    return replace(new, conditions=tuple(sorted(kept + fresh, key=order)))


def _parent_ids(text: bytes) -> Iterator[int | None]:
    """Yield the ids of an ``if_sid`` text; None where something else stands.

    A text that does not end in a digit yields a final 0.
    """
    position = 0
    while position < len(text):
        if text[position : position + 1] in (b",", b" "):
            position += 1
            continue
        rest = text[position:]
        digits = len(rest) - len(rest.lstrip(b"0123456789"))
        yield as_int(rest[:digits]) if digits else None
        position += max(digits, 1)
    if not text[-1:].isdigit():
        yield 0


class _Words:
    """``if_group``: substrings of the whole group text without case, ``^`` at the start.

    An empty alternative matches everything at the end of the pattern and nothing before.
    """

    def __init__(self, pattern: bytes) -> None:
        *others, last = pattern.lower().split(b"|")
        words = [*filter(None, others), last]
        self._everything = not last and bool(pattern)
        self._starts = tuple(word[1:] for word in words if word.startswith(b"^"))
        self._inside = tuple(word for word in words if word and not word.startswith(b"^"))
        is_single = len(self._inside) == 1 and not self._everything and not self._starts
        self._single = self._inside[0] if is_single else None

    def match(self, groups: bytes) -> bool:
        text = groups.lower()
        if self._single is not None:
            return self._single in text
        return (
            self._everything
            or text.startswith(self._starts)
            or any(word in text for word in self._inside)
        )
