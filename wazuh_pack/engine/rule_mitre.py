"""``<mitre>``: the old form (``<id>``) and the new one (``<tacticID>`` with ``<techniqueID>``).

Once a rule has a block in the new form, all in the old one are dropped, whichever came first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.engine.loadlog import LoadLog
    from wazuh_pack.engine.rule_draft import Draft
    from wazuh_pack.xmlio import Node

_PARTS = {"id": "technique", "tacticid": "tactic", "techniqueid": "technique"}


def read_mitre(draft: Draft, node: Node, notes: LoadLog) -> None:
    """Add one ``<mitre>`` block to a draft; a malformed one is dropped with a warning."""
    rule_id = draft.attributes.id
    if not node.children:
        notes.warn(f"an empty ATT&CK block in rule '{rule_id}'", node.at)
        return
    if not _well_formed(node, rule_id, notes):
        return
    ids, tactics, techniques = (_texts(node, name) for name in _PARTS)
    if ids and (tactics or techniques):
        notes.warn(f"rule '{rule_id}' mixes both ATT&CK forms in one block", node.at)
    elif ids:
        _add_old(draft, ids, node, notes)
    elif tactics or techniques:
        _add_new(draft, tactics, techniques, node, notes)


def _texts(node: Node, name: str) -> list[bytes]:
    return [child.content for child in node.children if child.name.lower() == name]


def _well_formed(node: Node, rule_id: int, notes: LoadLog) -> bool:
    good = True
    for child in node.children:
        part = _PARTS.get(child.name.lower())
        if part is None:
            notes.error(
                f"'{child.shown}' is no part of an ATT&CK block of rule '{rule_id}'", child.at
            )
            good = False
        elif not child.content:
            notes.warn(f"an empty ATT&CK {part} in rule '{rule_id}'", child.at)
            good = False
    return good


def _add_old(draft: Draft, ids: list[bytes], node: Node, notes: LoadLog) -> None:
    if draft.new_mitre:
        _drop_old(draft, node, notes)
        return
    draft.old_mitre = True
    for technique in ids:
        if technique not in draft.techniques:
            draft.techniques.append(technique)


def _add_new(
    draft: Draft, tactics: list[bytes], techniques: list[bytes], node: Node, notes: LoadLog
) -> None:
    rule_id = draft.attributes.id
    if not tactics or not techniques:
        missing = "techniqueID" if tactics else "tacticID"
        notes.warn(f"{missing} is missing in an ATT&CK block of rule '{rule_id}'", node.at)
        return
    if len(tactics) > 1 or len(techniques) > 1:
        notes.warn(f"rule '{rule_id}' has an ATT&CK block with several pairs", node.at)
        return
    draft.new_mitre = True
    if draft.old_mitre:
        _drop_old(draft, node, notes)
        draft.old_mitre = False
    pair = (tactics[0], techniques[0])
    if pair not in draft.pairs:
        draft.pairs.append(pair)


def _drop_old(draft: Draft, node: Node, notes: LoadLog) -> None:
    message = f"rule '{draft.attributes.id}' uses both ATT&CK forms; the old one is dropped"
    notes.warn(message, node.at)
    draft.techniques.clear()
