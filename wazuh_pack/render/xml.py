"""Rule specifications with numbers -> canonical XML that Wazuh 4.14 reads without a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from wazuh_pack.errors import PackError
from wazuh_pack.limits import MAX_DESCRIPTION_BYTES, MAX_GROUP_BYTES, MAX_TAG_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wazuh_pack.model import Source
    from wazuh_pack.render.matched import Matching
    from wazuh_pack.render.spec import Element, RuleSpec

_UNREADABLE = frozenset("<>&")


def rules_file(
    source: Source, rules: Iterable[RuleSpec], ids: Mapping[str, int], matching: Matching
) -> bytes:
    """Return the rule file of one source."""
    root = etree.Element("group", name=_joined(("wazuh_pack",)))
    root.text = "\n\n  "
    nodes: list[etree._Element] = []
    for rule in rules:
        nodes.append(_comment(rule.comment))
        nodes.append(_rule(rule, ids, matching))
    for node in nodes:
        root.append(node)
        node.tail = "\n  " if isinstance(node, etree._Comment) else "\n\n  "  # noqa: SLF001 - lxml has no public name for it
    if nodes:
        nodes[-1].tail = "\n\n"
    head = (
        f"<!-- {source.title}: rules {source.first_id}-{source.last_id}.\n"
        f"     Rendered by wazuh-pack from wazuh_pack/content/{source.id}; edit it there. -->\n"
    )
    return head.encode() + etree.tostring(root, encoding="utf-8") + b"\n"


def _rule(rule: RuleSpec, ids: Mapping[str, int], matching: Matching) -> etree._Element:
    node = etree.Element("rule", id=str(ids[rule.key]), level=str(rule.level))
    if rule.frequency:
        node.set("frequency", str(rule.frequency))
        node.set("timeframe", str(rule.timeframe))
    if rule.noalert:
        node.set("noalert", "1")
    _add_relations(node, rule, ids, matching)
    for element in (*rule.conditions, *rule.context):
        _add_element(node, element)
    _add(node, "description", rule.description, limit=MAX_DESCRIPTION_BYTES)
    if rule.attack:
        mitre = etree.SubElement(node, "mitre")
        for technique in rule.attack:
            _add(mitre, "id", technique)
        _indent(mitre, "      ")
    for option in rule.options:
        _add(node, "options", option)
    groups = (*rule.groups[1:], *matching.tokens(rule.key))
    if groups:
        _add(node, "group", _joined(groups), limit=MAX_GROUP_BYTES)
    _indent(node, "    ")
    return node


def _add_relations(
    node: etree._Element, rule: RuleSpec, ids: Mapping[str, int], matching: Matching
) -> None:
    if rule.parents:
        _add(node, "if_sid", ", ".join(_numbers(rule.parents, ids)))
    if rule.matched:
        group = matching.group_of(rule.key)
        if group:
            _add(node, "if_matched_group", group)
        else:
            _add(node, "if_matched_sid", _numbers(rule.matched, ids)[0])


def _numbers(keys: Iterable[str], ids: Mapping[str, int]) -> list[str]:
    return [key if key.isdigit() else str(ids[key]) for key in keys]


def _add_element(node: etree._Element, element: Element) -> None:
    child = _add(node, element.tag, element.text)
    for name, value in element.attributes:
        child.set(name, _readable(value, element.tag))


def _add(node: etree._Element, tag: str, text: str, limit: int = MAX_TAG_BYTES) -> etree._Element:
    child = etree.SubElement(node, tag)
    if len(text.encode()) > limit:
        raise PackError(f"<{tag}> has more than {limit} bytes: {text[:40]}...")
    child.text = _readable(text, tag) or None
    return child


def _readable(text: str, tag: str) -> str:
    bad = sorted(_UNREADABLE & set(text))
    if bad:
        raise PackError(f"<{tag}> cannot carry {' '.join(bad)}: {text[:60]}")
    return text


def _comment(text: str) -> etree._Comment:
    return etree.Comment(f" {text.replace('--', '- -')} ")


def _joined(groups: Iterable[str]) -> str:
    return "".join(f"{group}," for group in groups)


def _indent(node: etree._Element, indent: str) -> None:
    node.text = "\n" + indent
    for child in node:
        child.tail = "\n" + indent
    node[-1].tail = "\n" + indent[:-2]
