"""A rule while its element is read: texts gather, and become conditions at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_pack.engine import conditions
from wazuh_pack.engine.expression import Kind, compile_expression
from wazuh_pack.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.engine.addresses import Network
    from wazuh_pack.engine.conditions import Condition
    from wazuh_pack.engine.expression import Expression
    from wazuh_pack.engine.loadlog import LoadLog
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rule_attributes import Attributes
    from wazuh_pack.xmlio import Node

TEXT_LIMIT = 2048

TEXT_OPTIONS = {
    "regex": Kind.OSREGEX,
    "match": Kind.OSMATCH,
    "id": Kind.OSMATCH,
    "srcport": Kind.OSMATCH,
    "dstport": Kind.OSMATCH,
    "status": Kind.OSMATCH,
    "hostname": Kind.OSMATCH,
    "data": Kind.OSMATCH,
    "extra_data": Kind.OSMATCH,
    "program_name": Kind.OSMATCH,
    "user": Kind.OSMATCH,
    "srcgeoip": Kind.OSMATCH,
    "dstgeoip": Kind.OSMATCH,
    "url": Kind.OSMATCH,
    "location": Kind.OSMATCH,
    "action": Kind.STRING,
    "protocol": Kind.OSMATCH,
    "system_name": Kind.OSMATCH,
}
"""Options whose texts are joined into one expression, with their default language.

In the order in which analysisd compiles them; ``if_matched_group`` and ``if_matched_regex`` come
before ``protocol``.
"""

_SPECIAL_READERS: dict[str, Callable[[Occurrence], bytes | None]] = {
    "program_name": conditions.program_name,
    "hostname": conditions.hostname,
    "location": conditions.location,
    "user": conditions.user,
    "srcgeoip": conditions.absent,
    "dstgeoip": conditions.absent,
}
_LOG_OPTIONS = ("match", "regex")


@dataclass(slots=True)
class JoinedText:
    """The texts of all elements of one option; the last one's type and negate count."""

    text: bytes | None = None
    kind: Kind = Kind.OSMATCH
    negate: bool = False

    def append(self, more: bytes, node: Node, notes: LoadLog) -> None:
        """Join another text; a part that is too long loses everything read so far."""
        self.text = join(self.text, more, node, notes)


def join(text: bytes | None, more: bytes, node: Node, notes: LoadLog) -> bytes | None:
    """Return both texts as one, or None when one of them is too long (1104)."""
    too_long = (
        len(more) >= TEXT_LIMIT
        if text is None
        else len(text) > TEXT_LIMIT or len(more) > TEXT_LIMIT
    )
    if too_long:
        notes.error(f"the text of <{node.name}> is too long", node.at, "1104")
        return None
    return (text or b"") + more


@dataclass(slots=True)
class AddressList:
    """All ``srcip`` or ``dstip`` elements; the last one's negate counts."""

    networks: list[Network] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    negate: bool = False


@dataclass(slots=True)
class Draft:
    """What has been read of one rule."""

    node: Node
    attributes: Attributes
    groups: bytes | None
    texts: dict[str, JoinedText] = field(default_factory=dict)
    addresses: dict[str, AddressList] = field(default_factory=dict)
    single: dict[str, Condition] = field(default_factory=dict)
    """Options of which the last element counts."""
    fields: list[Condition] = field(default_factory=list)
    lists: list[Condition] = field(default_factory=list)
    description: bytes | None = None
    info: bytes | None = None
    cve: bytes | None = None
    category: str | None = None
    if_sid: bytes | None = None
    if_level: bytes | None = None
    if_group: bytes | None = None
    if_matched_sid: int = 0
    if_matched_group: bytes | None = None
    if_matched_regex: bytes | None = None
    searched: Expression | None = None
    """``if_matched_regex``, compiled with the other texts."""
    context: bool = False
    check_diff: bool = False
    extra: bool = False
    everywhere: bool = False
    same: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    same_fields: list[bytes] = field(default_factory=list)
    different_fields: list[bytes] = field(default_factory=list)
    mail: bool = False
    log: bool = False
    full_log: bool = True
    counter: bool = True
    active_response: bool = True
    techniques: list[bytes] = field(default_factory=list)
    pairs: list[tuple[bytes, bytes]] = field(default_factory=list)
    old_mitre: bool = False
    new_mitre: bool = False

    def text(self, option: str) -> JoinedText:
        """Return the joined text of an option."""
        return self.texts.setdefault(option, JoinedText())


def build_conditions(draft: Draft, notes: LoadLog) -> tuple[Condition, ...]:
    """Compile a rule's texts and return all conditions in the order of evaluation.

    Raises:
        RefuseFile: An expression is invalid (5107; 1450 for ``if_matched_regex``).
    """
    compiled: dict[str, Condition] = {}
    for option in TEXT_OPTIONS:
        if option == "protocol":
            draft.searched = _searched_text(draft, notes)
        if option in draft.texts and draft.texts[option].text is not None:
            compiled[option] = _value_condition(option, draft.texts[option], draft, notes)
    found: list[Condition] = []
    for option in conditions.ORDER:
        if option == "field":
            found += draft.fields
        elif option == "list":
            found += draft.lists
        elif option in draft.addresses:
            entry = draft.addresses[option]
            found.append(
                conditions.AddressCondition(
                    option, tuple(entry.networks), tuple(entry.texts), entry.negate
                )
            )
        elif option in compiled:
            found.append(compiled[option])
        elif option in draft.single:
            found.append(draft.single[option])
    return tuple(found)


def compile_text(
    pattern: bytes, kind: Kind, option: str, draft: Draft, notes: LoadLog
) -> Expression:
    """Compile an option's pattern.

    Raises:
        RefuseFile: It is invalid (5107).
    """
    try:
        return compile_expression(pattern, kind)
    except ExpressionError as error:
        message = f"invalid expression in '{option}' of rule {draft.attributes.id}"
        raise notes.refuse(message, draft.node.at, "5107") from error


def _searched_text(draft: Draft, notes: LoadLog) -> Expression | None:
    if draft.if_matched_regex is None:
        return None
    try:
        return compile_expression(draft.if_matched_regex, Kind.OSREGEX)
    except ExpressionError as error:
        message = f"invalid expression '{conditions.text(draft.if_matched_regex)}'"
        raise notes.refuse(message, draft.node.at, "1450") from error


def _value_condition(option: str, joined: JoinedText, draft: Draft, notes: LoadLog) -> Condition:
    pattern = joined.text or b""
    # for protocol, analysisd's message names the pattern instead of the option
    named = conditions.text(pattern) if option == "protocol" else option
    expression = compile_text(pattern, joined.kind, named, draft, notes)
    if option in _LOG_OPTIONS:
        return conditions.LogCondition(option, expression, joined.negate)
    read = _SPECIAL_READERS.get(option) or conditions.static_field(option)
    return conditions.ValueCondition(option, read, expression, joined.negate)
