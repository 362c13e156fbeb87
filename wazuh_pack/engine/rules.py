"""What a rule is, once read: what its XML says, and how it is linked to other rules.

The two are kept apart because ``overwrite="yes"`` replaces the first and leaves the second alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.engine.conditions import Condition
    from wazuh_pack.engine.expression import Expression
    from wazuh_pack.location import Location


RULE_CATEGORIES = frozenset(
    {b"syslog", b"ids", b"firewall", b"web-log", b"squid", b"windows", b"ossec"}
)
"""What ``<category>`` may say; a decoder's type uses the same words."""

DEFAULT_CATEGORY = "syslog"
"""The category of rules that name none, and of events without a decoder."""


class Search(Enum):
    """Where a composite rule looks for earlier events."""

    SID = "if_matched_sid"
    GROUP = "if_matched_group"
    EVENTS = "if_matched_regex"


@dataclass(frozen=True, slots=True)
class Options:
    """What happens to the alert of a rule that is the result."""

    mail: bool = False
    """``rule.mail``: the level reaches the manager's mail level, or an option says so."""
    log: bool = False
    """The daemon writes an alert."""
    full_log: bool = True
    counter: bool = True
    """``rule.firedtimes`` is shown."""
    active_response: bool = True


@dataclass(frozen=True, slots=True)
class Correlation:
    """What a composite rule asks of earlier events, apart from where it looks for them.

    ``same`` and ``different`` hold static field names (and ``location``); ``same_fields`` and
    ``different_fields`` hold lower-case names of dynamic fields.
    """

    frequency: int = 0
    """Two less than the attribute says; 0 when there is none."""
    timeframe: int = 360
    """Seconds."""
    everywhere: bool = False
    """``global_frequency``: events of every agent count."""
    same: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    same_fields: tuple[bytes, ...] = ()
    different_fields: tuple[bytes, ...] = ()
    text: Expression | None = None
    """``if_matched_regex``."""


@dataclass(frozen=True, slots=True)
class Mitre:
    """ATT&CK references in the old form (technique ids) or the new one (tactic, technique)."""

    techniques: tuple[bytes, ...] = ()
    pairs: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """Everything that a ``<rule>`` element says and that an overwriting rule replaces."""

    level: int
    rank: int
    """Sort key among siblings: 100 times the level, level 0 counting as 99."""
    groups: bytes
    """The group attribute's text followed by all inner ``<group>`` texts."""
    description: bytes
    conditions: tuple[Condition, ...] = ()
    """In the order in which they are evaluated."""
    noalert: bool = False
    ignore_time: int = 0
    """Seconds; 0 when the rule does not mute itself."""
    context: bool = False
    """The history search takes part in the evaluation."""
    extra: bool = False
    """One of the options that analysisd files under extra information is used."""
    correlation: Correlation = Correlation()
    options: Options = Options()
    mitre: Mitre = Mitre()
    info: bytes | None = None
    cve: bytes | None = None
    category: str = DEFAULT_CATEGORY
    at: Location | None = None

    def with_category_of(self, parent: Definition) -> Definition:
        """Return the same definition in another's category."""
        if self.category == parent.category:
            return self
        return replace(self, category=parent.category)


@dataclass(slots=True, eq=False)
class Rule:
    """A rule in the tree: one object, however many parents it has.

    It changes while files are loaded (an overwrite replaces :attr:`definition`), never afterwards.
    """

    id: int
    index: int
    """Position in the ruleset; what a session's counters are kept under."""
    definition: Definition
    if_sid: bytes | None = None
    if_level: bytes | None = None
    if_matched_sid: int = 0
    if_matched_group: bytes | None = None
    search: Search | None = None
    """Set once, when the rule is first loaded; never by an overwrite."""
    watched_sid: Rule | None = None
    """For :attr:`Search.SID`: the rule whose events are searched; None finds nothing."""
    watched: bool = False
    """Some ``if_matched_sid`` names this rule: its events are kept."""
    feeds: list[Rule] = field(default_factory=list)
    """The ``if_matched_group`` rules whose history this rule's events enter.

    A composite stands here once for every place that this rule has in the tree.
    """
    checks: tuple[Condition, ...] = ()
    """All that must hold, history search included; set when loading is done."""
    decoder_id: int = 0
    """The decoder that ``decoded_as`` asks for, 0 for any; set when loading is done."""
    files: list[Path] = field(default_factory=list)
    """Every file that defined or overwrote it."""

    @property
    def level(self) -> int:
        """The level that alerts show."""
        return self.definition.level

    @property
    def is_composite(self) -> bool:
        """The rule correlates earlier events; alerts show ``rule.frequency``."""
        return self.search is not None
