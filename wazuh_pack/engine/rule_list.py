"""The ``<list>`` option of rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.engine import conditions
from wazuh_pack.engine.cdb import Lookup
from wazuh_pack.engine.expression import Kind, compile_expression
from wazuh_pack.engine.rule_surroundings import Surroundings, invalid_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.engine.expression import Expression
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rule_draft import Draft
    from wazuh_pack.xmlio import Node

_LIST_READERS: dict[bytes, Callable[[Occurrence], bytes | None]] = {
    b"user": conditions.list_user,
    b"hostname": conditions.hostname,
    b"program_name": conditions.program_name,
    **{
        name: conditions.static_field(name.decode())
        for name in (
            *(b"srcip", b"srcport", b"dstip", b"dstport", b"url", b"id", b"status"),
            *(b"action", b"protocol", b"system_name", b"data", b"extra_data"),
        )
    },
}


def read_list(draft: Draft, node: Node, around: Surroundings) -> None:
    """Add one ``<list>`` to a draft.

    Raises:
        SkipRule: The list is not loaded (7616).
        RefuseFile: An attribute is wrong or the field is missing.
    """
    notes = around.notes
    if not node.attributes:
        notes.error("a list needs its field", node.at)
        raise invalid_value(node, around)
    kind, check_value = Lookup.MATCH_KEY, None
    read: Callable[[Occurrence], bytes | None] | None = None
    name = b""
    for attribute, value in node.attributes:
        match attribute.lower():
            case "lookup":
                kind = _lookup_kind(node, value, around)
            case "field":
                name = value.lower() if value.lower() in _LIST_READERS else value
                name = name.lstrip(b" ").partition(b" ")[0]
                read = _LIST_READERS.get(value.lower()) or conditions.dynamic_field(name)
            case "check_value":
                check_value = compile_expression(value, Kind.OSMATCH)
            case _:
                notes.error(f"a list attribute is unknown: '{conditions.text(value)}'", node.at)
                raise invalid_value(node, around)
    if read is None:
        notes.error('a list requires its field=""', node.at)
        raise invalid_value(node, around)
    _add_list(draft, node, around, (kind, read, check_value, name))


def _lookup_kind(node: Node, value: bytes, around: Surroundings) -> Lookup:
    try:
        return Lookup(value.lower().decode("latin-1"))
    except ValueError:
        refused = invalid_value(node, around)
        around.notes.error(f"a list has no lookup '{conditions.text(value)}'", node.at)
        raise refused from None


_ListParts = tuple[Lookup, "Callable[[Occurrence], bytes | None]", "Expression | None", bytes]


def _add_list(draft: Draft, node: Node, around: Surroundings, parts: _ListParts) -> None:
    """Of three and more lists analysisd loses all but the last two."""
    found = next((entry for entry in around.lists if entry.named(node.content)), None)
    if found is None:
        message = (
            f"the list '{conditions.text(node.content)}' is not loaded;"
            f" rule '{draft.attributes.id}' is dropped"
        )
        raise around.notes.skip(message, node.at, "7616")
    kind, read, check_value, name = parts
    condition = conditions.ListCondition(found, read, kind, check_value, name)
    draft.lists = [*draft.lists[-1:], condition]
