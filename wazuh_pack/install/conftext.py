"""An ossec.conf as bytes with a map: lxml says what is there, offsets say where.

Wazuh's own reader (4.14.7) is not an XML parser: a file may have several roots and text between
them; everything from ``<!`` to the first ``-->`` or ``!>`` is a comment, whatever it contains; a
backslash makes ``<`` a character; entities are never decoded. :func:`veil` hides comments,
escapes and ampersands behind as many harmless bytes, then lxml parses the result, wrapped in one
root: what Wazuh accepts is accepted, what is malformed is reported at its line and column, and
every offset in the veiled text is an offset in the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from wazuh_pack.errors import InstallError
from wazuh_pack.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMENT = re.compile(rb"<!.*?(?:-->|!>)", re.DOTALL)
_VEILED = re.compile(rb"<!.*?(?:-->|!>)|\\(?:\\|<(?!!))|&", re.DOTALL)
_NOT_NEWLINE = re.compile(rb"[^\r\n]")
_TAG = re.compile(
    rb"""<(?P<close>/?)(?P<name>[^\s<>/!?]+)(?:[^<>"']|"[^"]*"|'[^']*')*?(?P<empty>/?)>"""
)
_MISMATCH = re.compile(
    r"Opening and ending tag mismatch: (?P<opened>\S+) line (?P<line>\d+) and (?P<closed>[^\s,]+)"
)
_PLACE = re.compile(r", line \d+, column \d+.*$", re.DOTALL)
_WRAPPER = b"<w>\n"
_STAND_IN = b"\xa6"


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """One element and its place in the file, in byte offsets."""

    name: str
    depth: int
    start: int
    body: int
    """Where its content starts."""
    close: int
    """Where its closing tag starts; the same as ``end`` when it has none (``<x/>``)."""
    end: int
    node: etree._Element

    def text(self, path: str) -> str:
        """Return the stripped text of a descendant, empty when there is none.

        Values come from the veiled text, so they are good for comparing, not for showing.
        """
        return (self.node.findtext(path) or "").strip()


@dataclass(frozen=True, slots=True)
class ConfText:
    """A configuration file and its elements in document order; a root has depth 0."""

    data: bytes
    path: Path
    elements: tuple[Element, ...]

    def sections(self, name: str = "") -> Iterator[Element]:
        """Yield the elements directly in an ``<ossec_config>``, or those called ``name``."""
        for element in self.elements:
            if element.depth != 1 or (name and element.name != name):
                continue
            parent = element.node.getparent()
            if parent is not None and parent.tag == "ossec_config":
                yield element

    def children(self, parent: Element) -> Iterator[Element]:
        """Yield the elements directly in ``parent``."""
        for element in self.elements:
            if element.node.getparent() is parent.node:
                yield element

    def location(self, element: Element) -> Location:
        """Return where ``element`` starts."""
        return locate(self.data, element.start, self.path)

    def depth_at(self, offset: int) -> int:
        """Return how many elements ``offset`` lies in."""
        return sum(1 for element in self.elements if element.start < offset < element.end)


def parse(data: bytes, path: Path) -> ConfText:
    """Read a configuration.

    Args:
        data: The file's bytes.
        path: What to call it in messages.

    Raises:
        InstallError: It is malformed, with the line and column.
    """
    veiled = veil(data, path)
    root = _read(veiled, data, path)
    nodes = root.iterdescendants(etree.Element)
    elements = tuple(
        Element(
            name=str(node.tag),
            depth=span.depth,
            start=span.start,
            body=span.body,
            close=span.close,
            end=span.end,
            node=node,
        )
        for span, node in zip(_spans(veiled), nodes, strict=True)
    )
    return ConfText(data, path, elements)


def veil(data: bytes, path: Path) -> bytes:
    """Return ``data`` with comments, escapes and ampersands replaced, byte for byte as long.

    Raises:
        InstallError: A comment is not closed.
    """
    veiled = _VEILED.sub(_cover, data)
    unclosed = veiled.find(b"<!")
    if unclosed >= 0:
        raise InstallError(
            "a comment is not closed",
            at=locate(data, unclosed, path),
            hint="end it with -->",
        )
    return veiled


def locate(data: bytes, offset: int, path: Path) -> Location:
    """Return the line and column of a byte offset."""
    line_start = data.rfind(b"\n", 0, offset) + 1
    return Location(path, data.count(b"\n", 0, offset) + 1, offset - line_start + 1)


def _cover(found: re.Match[bytes]) -> bytes:
    text = found.group()
    if text.startswith(b"<!"):
        return _NOT_NEWLINE.sub(b" ", text)
    return _STAND_IN * len(text)


def _read(veiled: bytes, data: bytes, path: Path) -> etree._Element:
    # One byte is one character in Latin-1, so no byte is refused and columns are byte columns.
    parser = etree.XMLParser(
        encoding="iso-8859-1", resolve_entities=False, no_network=True, load_dtd=False
    )
    try:
        return etree.fromstring(_WRAPPER + veiled + b"\n</w>", parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        last = data.count(b"\n") + 1
        raise InstallError(
            f"malformed: {_explain(error.msg)}",
            at=Location(path, min(max(line - 1, 1), last), max(column, 1)),
            hint="repair the file first; Wazuh would not start with it either",
        ) from error


def _explain(message: str) -> str:
    """Return libxml2's message without its line numbers, which count our wrapper, and its name."""
    found = _MISMATCH.match(message)
    if not found:
        return _PLACE.sub("", message)
    opened, line, closed = found["opened"], int(found["line"]) - 1, found["closed"]
    if opened == "w" and not line:
        return f"</{closed}> closes nothing"
    if closed == "w":
        return f"<{opened}> of line {line} is not closed"
    return f"<{opened}> of line {line} is closed by </{closed}>"


@dataclass(slots=True)
class _Span:
    depth: int
    start: int
    body: int
    close: int = 0
    end: int = 0


def _spans(veiled: bytes) -> list[_Span]:
    """Return the elements of a text that lxml has found well-formed, in document order."""
    spans: list[_Span] = []
    open_spans: list[_Span] = []
    for tag in _TAG.finditer(veiled):
        if tag["close"]:
            span = open_spans.pop()
            span.close, span.end = tag.start(), tag.end()
            continue
        span = _Span(len(open_spans), tag.start(), tag.end(), tag.end(), tag.end())
        spans.append(span)
        if not tag["empty"]:
            open_spans.append(span)
    return spans
