"""``<var>`` definitions and ``$name`` uses, as analysisd 4.14.7 replaces them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_pack.errors import XmlError
from wazuh_pack.xmlio.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wazuh_pack.location import Location

_NAME_LIMIT = 255
_SHORTEST_WITH_VARIABLE = 3
_NAME_END = re.compile(rb"[$.|, ]")


@dataclass(slots=True)
class _Item:
    """An element or an attribute; Wazuh keeps both in one list, in document order."""

    level: int
    name: str
    content: bytes
    at: Location
    is_element: bool
    children: list[_Item] = field(default_factory=list)
    attributes: list[_Item] = field(default_factory=list)


def apply_variables(roots: Iterable[Node]) -> tuple[Node, ...]:
    """Return the elements that a loader sees: variables replaced, definitions gone.

    A definition holds from where it stands to the end of the file, at any depth. Texts of one or
    two bytes are never looked at, and without any definition ``$`` is an ordinary byte.

    Raises:
        XmlError: A definition is malformed or a variable is unknown (code 1227).
    """
    nodes = tuple(roots)
    if not _has_variable(nodes):
        return nodes
    items = list(_flatten(nodes))
    variables: list[tuple[bytes, bytes]] = []
    for index, item in enumerate(items):
        if _is_variable(item.name):
            variables.append((_variable_name(items, index).lower(), item.content))
        elif variables and len(item.content) >= _SHORTEST_WITH_VARIABLE:
            item.content = _replace(item, variables)
    return _to_nodes(_arrange(items), items)


def _has_variable(nodes: Sequence[Node]) -> bool:
    work = list(nodes)
    while work:
        node = work.pop()
        if _is_variable(node.name) or any(_is_variable(name) for name, _ in node.attributes):
            return True
        work += node.children
    return False


def _is_variable(name: str) -> bool:
    """Attributes count too: whatever is called ``var`` is a definition."""
    return name.lower() == "var"


def _flatten(nodes: Sequence[Node]) -> Iterator[_Item]:
    """Yield elements and attributes in document order; without recursion, files may be deep."""
    work = [(node, 0) for node in reversed(nodes)]
    while work:
        node, level = work.pop()
        yield _Item(level, node.name, node.content, node.at, is_element=True)
        for name, value in node.attributes:
            yield _Item(level, name, value, node.at, is_element=False)
        work.extend((child, level + 1) for child in reversed(node.children))


def _variable_name(items: Sequence[_Item], index: int) -> bytes:
    """Return the first attribute's value after the item; it need not be the item's own."""
    item = items[index]
    for other in items[index + 1 :]:
        if other.level < item.level:
            break
        if not other.is_element and not _is_variable(other.name):
            if other.name.lower() != "name":
                raise _error("only the attribute 'name' is allowed in a variable", item)
            if len(other.content) > _NAME_LIMIT:
                raise _error("the name of the variable is too long", item)
            return other.content
    raise _error("the variable has no name", item)


def _replace(item: _Item, variables: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Replace variables from left to right.

    The place of the next replacement is counted apart from the place of reading, and ``$(...)``
    does not advance it: a variable after a ``$(...)`` lands too far to the left, as in Wazuh.
    """
    text = result = item.content
    read = write = 0
    while read < len(text):
        dollar = text.find(b"$", read)
        if dollar < 0:
            break
        write += dollar - read
        found = _NAME_END.search(text, dollar + 1)
        read = found.start() if found else len(text)
        name = text[dollar + 1 : read]
        if len(name) > _NAME_LIMIT:
            message = f"the name of a variable is longer than '{_NAME_LIMIT}'"
            raise _error(message, item)
        value = next((value for key, value in variables if key == name.lower()), None)
        if value is not None:
            result = result[:write] + value + text[read:]
            write += len(value)
        elif not name:
            write += 1
        elif not name.startswith(b"("):
            raise _error(f"unknown variable '{name[:95].decode('latin-1')}'", item)
    return result


def _arrange(items: Iterable[_Item]) -> list[_Item]:
    """Build the tree as loaders walk it; returns the roots.

    An element's parent is the last element one level up, so the children of a definition go to the
    element before it. A definition among attributes ends the attributes.
    """
    roots: list[_Item] = []
    path: list[_Item] = []
    owner: _Item | None = None
    for item in items:
        if _is_variable(item.name):
            owner = None
        elif not item.is_element:
            if owner is not None:
                owner.attributes.append(item)
        else:
            owner = item
            if item.level == 0:
                roots.append(item)
                path = [item]
            elif item.level <= len(path):
                path[item.level - 1].children.append(item)
                path[item.level :] = [item]
    return roots


def _to_nodes(roots: Iterable[_Item], items: Sequence[_Item]) -> tuple[Node, ...]:
    """Build nodes from the last item to the first, so that children are there before parents."""
    done: dict[int, Node] = {}
    for item in reversed(items):
        if item.is_element:
            done[id(item)] = Node(
                name=item.name,
                attributes=tuple((entry.name, entry.content) for entry in item.attributes),
                content=item.content,
                children=tuple(done[id(child)] for child in item.children),
                line=item.at.line,
                path=item.at.path,
            )
    return tuple(done[id(root)] for root in roots)


def _error(message: str, item: _Item) -> XmlError:
    return XmlError(message, at=item.at, code="1227")
