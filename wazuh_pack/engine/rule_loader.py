"""Rules from XML files: reading, hanging into the tree, overwriting."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_pack.engine import conditions
from wazuh_pack.engine.loadlog import LoadLog, RefuseFile, SkipRule
from wazuh_pack.engine.rule_attributes import Attributes, read_attributes
from wazuh_pack.engine.rule_draft import Draft, build_conditions
from wazuh_pack.engine.rule_links import RuleLinker
from wazuh_pack.engine.rule_options import read_option
from wazuh_pack.engine.rule_surroundings import Surroundings
from wazuh_pack.engine.rules import (
    DEFAULT_CATEGORY,
    Correlation,
    Definition,
    Mitre,
    Options,
    Rule,
    Search,
)
from wazuh_pack.engine.tree import RuleTree
from wazuh_pack.errors import XmlError
from wazuh_pack.location import Location
from wazuh_pack.xmlio import apply_variables, read_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wazuh_pack.engine.cdb import CdbList
    from wazuh_pack.engine.conditions import Condition
    from wazuh_pack.engine.decoders import DecoderSet
    from wazuh_pack.xmlio import Node

_SID_LIST = re.compile(rb"[\d, ]+\n?")
_LEVEL_OF_ZERO = 99
_RANK_PER_LEVEL = 100


@dataclass(frozen=True, slots=True)
class Levels:
    """The manager's thresholds; the defaults are those of the ossec.conf that Wazuh installs."""

    alert: int = 3
    """``log_alert_level``."""
    mail: int = 12
    """``email_alert_level``."""


@dataclass(slots=True)
class RuleLoader:
    """Loads rule files one after the other into one tree.

    Attributes:
        max_frequency: The largest frequency of all rules read; analysisd takes it for seconds when
            it makes room in the history.
    """

    decoders: DecoderSet
    lists: Sequence[CdbList]
    levels: Levels = Levels()
    notes: LoadLog = field(default_factory=LoadLog)
    tree: RuleTree = field(default_factory=RuleTree)
    max_frequency: int = 0
    _linker: RuleLinker = field(init=False)
    _loaded: int = 0

    def __post_init__(self) -> None:
        """Share tree and log with the linker."""
        self._linker = RuleLinker(self.tree, self.notes)

    def load(self, path: Path) -> None:
        """Load one file.

        Raises:
            RefuseFile: analysisd would not start; the log says why, 1220 included.
        """
        self.notes.begin_file()
        try:
            for group in self._groups(path):
                self._load_group(group)
        except RefuseFile:
            self.notes.error("the rules cannot be loaded", Location(path), "1220")
            raise

    def finish(self) -> list[Rule]:
        """Settle what each rule checks, now that nothing can be overwritten any more."""
        rules = list(self.tree.rules())
        for rule in rules:
            checks: tuple[Condition, ...] = rule.definition.conditions
            if rule.search is not None and rule.definition.context:
                checks = (*checks, conditions.HistorySearch(rule, rule.search.value))
            rule.checks = checks
            if rule.watched_sid is not None and rule.search is Search.SID:
                rule.watched_sid.counted_by.append(rule)
            first = checks[0] if checks else None
            rule.decoder_id = first.decoder_id if isinstance(first, conditions.DecodedAs) else 0
        return rules

    def _groups(self, path: Path) -> Sequence[Node]:
        at = Location(path)
        try:
            roots = apply_variables(read_file(path))
            if not path.stat().st_size:
                return ()
        except XmlError as error:
            if error.code == "1103":
                number = getattr(error.__cause__, "errno", 0)
                message = f"{error.message} (error {number}); it is skipped"
                self.notes.warn(message, at, error.code)
                return ()
            raise self.notes.refuse(error.message, error.at or at, error.code) from error
        if not roots:
            raise self.notes.refuse("the file holds no element", at, "1202")
        for root in roots:
            if root.name.lower() != "group":
                raise self.notes.refuse(f'"{root.shown}" instead of "group"', root.at)
            names = [name.lower() for name, _ in root.attributes]
            if names != ["name"]:
                message = f"'{root.name}' takes a name and nothing else"
                raise self.notes.refuse(message, root.at)
        return roots

    def _load_group(self, group: Node) -> None:
        if not group.children:
            raise self.notes.refuse(f"'{group.name}' holds no rule", group.at)
        for number, node in enumerate(group.children):
            if node.name.lower() != "rule":
                raise self.notes.refuse(f"'{node.shown}' instead of a rule", node.at)
            if not node.attributes:
                raise self.notes.refuse(f"rule '{number}' has neither id nor level", node.at)
            attributes = read_attributes(node, self.notes)
            if attributes.id < 0 or attributes.level < 0:
                raise self.notes.refuse(f"rule '{number}' lacks its id or its level", node.at)
            self._load_rule(node, attributes, group.attributes[0][1])

    def _load_rule(self, node: Node, attributes: Attributes, group: bytes) -> None:
        rule_id = attributes.id
        known = rule_id in self.tree
        if known and not attributes.overwrite:
            message = f"the id '{rule_id}' is taken; only its first rule counts"
            self.notes.warn(message, node.at, "7612")
            return
        if attributes.overwrite and not known:
            message = f"there is no rule '{rule_id}', though 'overwrite' is 'yes'"
            self.notes.warn(message, node.at, "7613")
        self.max_frequency = max(self.max_frequency, attributes.frequency)
        try:
            draft = self._read(node, attributes, group)
            rule = self._build(draft, replaces=known)
            self._linker.link(rule, draft, replaces=known)
        except SkipRule:
            return

    def _read(self, node: Node, attributes: Attributes, group: bytes) -> Draft:
        if not node.children:
            raise self.notes.refuse(f"rule '{attributes.id}' has no option at all", node.at)
        draft = Draft(node, attributes, group)
        draft.mail = attributes.level >= self.levels.mail
        draft.log = attributes.level >= self.levels.alert
        draft.extra = attributes.maxsize > 0
        if attributes.maxsize:
            draft.single["maxsize"] = conditions.MaxSize(attributes.maxsize)
        around = Surroundings(self.decoders, self.lists, self.notes)
        skip: SkipRule | None = None
        try:
            for option in node.children:
                read_option(draft, option, around)
        except SkipRule as error:
            skip = error
        if draft.if_sid is not None and not _SID_LIST.fullmatch(draft.if_sid):
            message = (
                f"'if_sid' cannot be '{conditions.text(draft.if_sid)}';"
                f" rule '{attributes.id}' is dropped"
            )
            skip = self.notes.skip(message, node.at, "7618")
        if skip is not None:
            raise skip
        return draft

    def _build(self, draft: Draft, *, replaces: bool) -> Rule:
        attributes, node = draft.attributes, draft.node
        if draft.description is None:
            raise self.notes.refuse(f"rule '{attributes.id}' has no description", node.at)
        correlates = (
            *(draft.check_diff, draft.everywhere, draft.same, draft.different),
            *(draft.same_fields, draft.different_fields, attributes.frequency),
        )
        if any(correlates) and not draft.context:
            message = f"rule '{attributes.id}' counts events but names none to count"
            raise self.notes.refuse(message, node.at)
        if not replaces:
            _derive_parent(draft)
        self._loaded += 1
        return Rule(
            id=attributes.id,
            index=self._loaded,
            definition=self._definition(draft),
            if_sid=draft.if_sid,
            if_level=draft.if_level,
            if_matched_sid=draft.if_matched_sid,
            if_matched_group=draft.if_matched_group,
            search=_search_kind(draft),
            files=[node.path],
        )

    def _definition(self, draft: Draft) -> Definition:
        attributes = draft.attributes
        rank = attributes.level or _LEVEL_OF_ZERO
        level = attributes.level
        if attributes.accuracy:
            rank *= _RANK_PER_LEVEL
        else:
            level = rank
        compiled = build_conditions(draft, self.notes)
        return Definition(
            level=level,
            rank=rank,
            groups=draft.groups or b"",
            description=draft.description or b"",
            conditions=compiled,
            noalert=attributes.noalert,
            ignore_time=attributes.ignore,
            context=draft.context and not draft.check_diff,
            extra=draft.extra,
            correlation=Correlation(
                frequency=attributes.frequency,
                timeframe=attributes.timeframe,
                everywhere=draft.everywhere,
                same=tuple(draft.same),
                different=tuple(draft.different),
                same_fields=tuple(draft.same_fields),
                different_fields=tuple(draft.different_fields),
                text=draft.searched,
            ),
            options=Options(
                mail=draft.mail,
                log=draft.log,
                full_log=draft.full_log,
                counter=draft.counter,
                active_response=draft.active_response,
            ),
            mitre=Mitre(tuple(draft.techniques), tuple(draft.pairs)),
            info=draft.info,
            cve=draft.cve,
            category=draft.category or DEFAULT_CATEGORY,
            at=draft.node.at,
        )


def _derive_parent(draft: Draft) -> None:
    """Hang a composite without a parent of its own below what it counts."""
    if draft.if_matched_group is not None and draft.if_sid is None and draft.if_group is None:
        draft.if_group = draft.if_matched_group
    if draft.if_matched_sid and draft.if_sid is None and draft.if_group is None:
        draft.if_sid = str(draft.if_matched_sid).encode()


def _search_kind(draft: Draft) -> Search | None:
    if draft.if_matched_sid:
        return Search.SID
    if draft.if_matched_group is not None:
        return Search.GROUP
    return Search.EVENTS if draft.context and not draft.check_diff else None
