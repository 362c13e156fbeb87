"""The reader: bytes to nodes, as lenient and as strict as analysisd 4.14.7."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from wazuh_pack.errors import XmlError
from wazuh_pack.location import Location
from wazuh_pack.xmlio.node import Node, shown

if TYPE_CHECKING:
    from pathlib import Path

_TEXT_LIMIT = 20480
_ATTRIBUTE_LIMIT = 49
_DEPTH_LIMIT = 1024

_BLANKS = re.compile(rb"\s*")
_ELEMENT_NAME = re.compile(rb"[^<>\s]*")
_CLOSING_NAME = re.compile(rb"[^<>]*")
_ATTRIBUTE_NAME = re.compile(rb"[^>/=\s]*")
_VALUES = {b'"': re.compile(rb'[^">]*'), b"'": re.compile(rb"[^'>]*")}
# A comment ends at "-->" or "!>". The byte 0xFF after '-' or '!' is pushed back into the stream as
# a signed char and comes out again as the end of the file.
_COMMENT_END = re.compile(rb"-->|!>|[-!]\xff")
_END_OF_FILE = (b"", b"\xff")

_PLAIN_ATTRIBUTES = rb'(?:\s+[a-z_]+="[^">\0]*")*'
_PLAIN_TAG = re.compile(rb"<([a-z_]+)(" + _PLAIN_ATTRIBUTES + rb")>")
_PLAIN_ELEMENT = re.compile(
    rb"(?:[^<]*[^<\\])?" + _PLAIN_TAG.pattern + rb"((?:[^<\0]*[^<\0\\])?)</\1>"
)
_PLAIN_ATTRIBUTE = re.compile(rb'([a-z_]+)="([^">\0]*)"')


def read_file(path: Path) -> tuple[Node, ...]:
    """Return the root elements of a file.

    Raises:
        XmlError: The file cannot be opened (code 1103) or is not what Wazuh takes for XML (1226).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise XmlError(
            f"cannot open the file: {error.strerror}", at=Location(path), code="1103"
        ) from error
    return read_text(data, path)


def read_text(data: bytes, path: Path) -> tuple[Node, ...]:
    """Return the root elements of a text; ``path`` is only named in nodes and errors.

    Raises:
        XmlError: The text is not what Wazuh takes for XML (code 1226).
    """
    return _Reader(data, path).read()


class _Open:
    """An element whose end has not been seen yet."""

    __slots__ = ("attributes", "children", "line", "name")

    def __init__(self, name: bytes, attributes: list[tuple[str, bytes]], line: int) -> None:
        self.name = name
        self.attributes = attributes
        self.line = line
        self.children: list[Node] = []


def _plain_attributes(text: bytes) -> list[tuple[str, bytes]] | None:
    """Return the attributes of a plain tag; None when they need a closer look."""
    found = [(name.decode(), value) for name, value in _PLAIN_ATTRIBUTE.findall(text)]
    return found if len(dict(found)) == len(found) < _ATTRIBUTE_LIMIT else None


class _Reader:
    def __init__(self, data: bytes, path: Path) -> None:
        self._data = data
        self._path = path
        self._pos = 0
        self._counted_to = 0
        self._line = 1
        self._roots: list[Node] = []
        self._stack: list[_Open] = []
        # Text since the last tag. Outside of elements only its trailing backslashes matter.
        self._text = bytearray()

    def read(self) -> tuple[Node, ...]:
        while True:
            while not self._text and 0 < len(self._stack) < _DEPTH_LIMIT and self._plain_element():
                pass
            if not self._to_next_tag():
                break
            if self._data.startswith(b"/", self._pos + 1):
                self._close()
            else:
                self._open()
        return tuple(self._roots)

    def _plain_element(self) -> bool:
        """Take the text before an element, and the element, when nothing about it is special.

        That is most of every file, and several times faster than byte by byte. The element holds
        only text, nothing in it is near a limit, and no byte has a meaning beyond standing there.
        """
        found = _PLAIN_ELEMENT.match(self._data, self._pos)
        if found is None or found.end() - self._pos >= _TEXT_LIMIT:
            return False
        name, text, content = found.group(1, 2, 3)
        attributes = _plain_attributes(text)
        if attributes is None:
            return False
        parent = self._stack[-1]
        line = self._line_at(found.start(1))
        self._pos = found.end()
        parent.children.append(
            Node(name.decode(), tuple(attributes), content, (), line, self._path)
        )
        return True

    def _to_next_tag(self) -> bool:
        """Take text up to the next ``<`` that is markup; False at a good end of the file."""
        while True:
            at = self._data.find(b"<", self._pos)
            end = at if at >= 0 else len(self._data)
            if self._stack:
                self._check_size(len(self._text) + end - self._pos, end)
            self._text += self._data[self._pos : end]
            self._pos = end
            if at < 0:
                return self._end_of_file(allowed=not self._stack)
            if self._skip_comment():
                continue
            escaped = self._escaped()
            if self._data[at + 1 : at + 2] in _END_OF_FILE:
                return self._end_of_file(allowed=escaped and not self._stack)
            if not escaped:
                return True
            self._text += b"<"
            self._pos += 1

    def _escaped(self) -> bool:
        text = self._text
        return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1

    def _end_of_file(self, *, allowed: bool) -> bool:
        if not allowed:
            self._fail("the file ends inside an element")
        return False

    def _skip_comment(self) -> bool:
        """Skip a comment that starts at the current ``<``; False when there is none."""
        if not self._data.startswith(b"<!", self._pos):
            return False
        end = _COMMENT_END.search(self._data, self._pos + 2)
        if end is None or end.group().endswith(b"\xff"):
            self._pos = len(self._data) if end is None else end.end()
            self._fail("comment not closed")
        self._pos = end.end()
        return True

    def _open(self) -> None:
        if len(self._stack) >= _DEPTH_LIMIT:
            self._fail("elements are nested too deeply")
        if self._open_plainly():
            return
        self._pos += 1
        name = self._name(_ELEMENT_NAME)
        line = self._line_at(self._pos)
        blank = self._take() != b">"
        closed = name.endswith(b"/")
        if closed:
            name = name[:-1]
        element = _Open(name.partition(b"\0")[0], [], line)
        if blank and self._attributes(element.attributes):
            closed = True
        self._text.clear()
        self._stack.append(element)
        if closed:
            self._finish()

    def _open_plainly(self) -> bool:
        """Open an element like those of :meth:`_plain_element`."""
        found = _PLAIN_TAG.match(self._data, self._pos)
        if found is None or found.end() - self._pos >= _TEXT_LIMIT:
            return False
        attributes = _plain_attributes(found[2])
        if attributes is None:
            return False
        self._pos = found.end()
        self._text.clear()
        self._stack.append(_Open(found[1], attributes, self._line_at(found.start(1))))
        return True

    def _close(self) -> None:
        if self._stack:
            tag = b"</" + self._stack[-1].name + b">"
            if len(tag) < _TEXT_LIMIT and self._data.startswith(tag, self._pos):
                self._pos += len(tag)
                self._finish()
                return
        self._pos += 2
        if not self._stack:
            self._fail("element closed that is not open")
        name = self._name(_CLOSING_NAME).partition(b"\0")[0]
        self._pos += 1
        expected = self._stack[-1].name
        if name != expected:
            self._fail(f"element '{expected.decode('latin-1')}' not closed")
        self._finish()

    def _finish(self) -> None:
        element = self._stack.pop()
        node = Node(
            name=element.name.decode("latin-1"),
            attributes=tuple(element.attributes),
            content=bytes(self._text).partition(b"\0")[0],
            children=tuple(element.children),
            line=element.line,
            path=self._path,
        )
        (self._stack[-1].children if self._stack else self._roots).append(node)
        self._text.clear()

    def _name(self, run: re.Pattern[bytes]) -> bytes:
        """Take an element's name; comments inside vanish. Stops at the byte that ends it."""
        name = bytearray()
        while True:
            end = self._run(run)
            self._check_size(len(name) + end - self._pos, end)
            name += self._data[self._pos : end]
            self._pos = end
            if end == len(self._data):
                self._end_of_file(allowed=False)
            if not self._data.startswith(b"<", end):
                return bytes(name)
            if self._skip_comment():
                continue
            if self._data[end + 1 : end + 2] in _END_OF_FILE:
                self._end_of_file(allowed=False)
            name += b"<"
            self._pos += 1

    def _attributes(self, found: list[tuple[str, bytes]]) -> bool:
        """Take attributes up to the end of the tag; True when ``/`` closes the element.

        The ``>`` after such a ``/`` is left where it is: Wazuh reads it as text of the parent.
        """
        while True:
            if len(found) >= _ATTRIBUTE_LIMIT:
                self._fail("too many attributes")
            self._pos = self._run(_BLANKS)
            start = self._pos
            self._pos = self._run(_ATTRIBUTE_NAME)
            name = self._data[start : self._pos].partition(b"\0")[0].decode("latin-1")
            self._check_attribute_size(start, name)
            size = self._pos - start
            stop = self._take_in_attribute()
            if stop != b"=":
                if size:
                    self._fail(f"attribute '{name}' has no value")
                return stop == b"/"
            self._check_unique(name, found)
            value = self._value(name)
            found.append((name, value))
            after = self._take()
            if after in (b">", b"/"):
                return after == b"/"
            if not after.isspace():
                text = value.decode("latin-1")
                self._fail(f"attribute '{name}' with the value '{text}' is not followed by a blank")

    def _value(self, name: str) -> bytes:
        quote = self._take()
        if quote.isspace():
            self._pos = self._run(_BLANKS)
            quote = self._take()
        if quote not in _VALUES:
            self._fail(f"the value of attribute '{name}' is not in quotes")
        start = self._pos
        self._pos = self._run(_VALUES[quote])
        self._check_attribute_size(start, name)
        value = self._data[start : self._pos]
        if self._take_in_attribute() == b">":
            self._fail(f"the value of attribute '{name}' is not closed")
        return value.partition(b"\0")[0]

    def _check_unique(self, name: str, found: list[tuple[str, bytes]]) -> None:
        for other, _ in reversed(found):
            if other.lower() == "var":
                # An attribute of this name counts as a variable and ends Wazuh's search.
                return
            if other == name:
                self._fail(f"attribute '{name}' is given twice")

    def _check_size(self, size: int, end: int) -> None:
        """Refuse a text that has reached the limit when one more byte follows."""
        first_too_many = end - (size - _TEXT_LIMIT)
        if size >= _TEXT_LIMIT and first_too_many < len(self._data):
            self._pos = first_too_many + 1
            self._fail("text too long")

    def _check_attribute_size(self, start: int, name: str) -> None:
        if self._pos - start >= _TEXT_LIMIT and start + _TEXT_LIMIT < len(self._data):
            self._pos = start + _TEXT_LIMIT + 1
            self._fail(f"attribute '{name[:20]}' is too long")

    def _run(self, run: re.Pattern[bytes]) -> int:
        found = run.match(self._data, self._pos)
        return found.end() if found else self._pos

    def _take(self) -> bytes:
        byte = self._data[self._pos : self._pos + 1]
        self._pos += len(byte)
        return byte

    def _take_in_attribute(self) -> bytes:
        byte = self._take()
        if not byte:
            self._fail("the file ends inside an attribute")
        return byte

    def _line_at(self, position: int) -> int:
        """Return the line of a position; positions never go back."""
        self._line += self._data.count(b"\n", self._counted_to, position)
        self._counted_to = position
        return self._line

    def _fail(self, message: str) -> NoReturn:
        line = self._line_at(min(self._pos, len(self._data)))
        raise XmlError(shown(message), at=Location(self._path, line), code="1226")
