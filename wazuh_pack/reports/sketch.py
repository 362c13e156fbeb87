"""What a report looks like from its first characters: enough to tell tools apart, and cheap."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.reports.report import ReportFile

SIZE = 1 << 16
"""Characters that are looked at."""

_MAX_DEPTH = 6
_MAX_MEMBERS = 5000
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|[{}\[\],:]|[^\s{}\[\],:"]+')
# A log line may begin with a bracket, too: [INFO] is none of JSON's.
_JSON_LINE = re.compile(r'\s*[{\[]\s*(?:["{\[\]}]|$)')
_ROOT = re.compile(r"<([A-Za-z_][\w.-]*)")


@dataclass(frozen=True)
class Sketch:
    """The start of a report.

    ``form`` is ``object``, ``list``, ``null``, ``xml`` or ``text``. ``members`` has the paths of
    members with their scalars (``""`` for containers): ``runs[].tool.driver.name``; of a list only
    the first element counts. Where objects follow each other, the paths of all are in it. ``text``
    is what stands before the JSON, or everything where there is none. ``root`` is the name of XML's
    outermost element.
    """

    form: str
    text: str = ""
    root: str = ""
    members: dict[str, str] = field(default_factory=dict)

    def has(self, *paths: str) -> bool:
        """Tell whether all these members were seen."""
        return all(path in self.members for path in paths)

    def describe(self) -> str:
        """Say in a few words what was seen."""
        if self.form == "xml":
            return f"XML with the root <{self.root}>"
        if self.form == "text":
            return "text"
        names = ", ".join(path for path in list(self.members)[:6] if path) or "nothing in it"
        return f"a JSON {self.form} with {names[:200]}"


def sketch_of(file: ReportFile) -> Sketch:
    """Look at a report's start."""
    start = file.start(SIZE)
    body = start.lstrip()
    if body.startswith("<"):
        return Sketch("xml", root=_root(body))
    offset = _preamble(start)
    body = start[offset:].lstrip()
    if body.startswith("{"):
        return Sketch("object", start[:offset], members=_members(body))
    if body.startswith("["):
        return Sketch("list", start[:offset], members=_members(body))
    if body.strip() == "null":
        return Sketch("null")
    return Sketch("text", start)


def _root(body: str) -> str:
    for opening, closing in (("<!--", "-->"), ("<?", "?>"), ("<!--", "-->")):
        while body.startswith(opening):
            body = body[len(opening) :].partition(closing)[2].lstrip()
    found = _ROOT.match(body)
    return found[1] if found else ""


def _preamble(start: str) -> int:
    """Return how many characters stand before the first line that begins like JSON."""
    offset = 0
    for line in start.splitlines(keepends=True):
        if _JSON_LINE.match(line):
            return offset
        offset += len(line)
    return 0


def _members(body: str) -> dict[str, str]:
    walker = _Walker()
    for found in _TOKEN.finditer(body):
        if not walker.take(found[0], found[1]):
            break
    return walker.members


class _Walker:
    """Follows JSON's tokens, without a care for what is not well-formed."""

    def __init__(self) -> None:
        self.members: dict[str, str] = {}
        self._stack: list[str] = []  # the path of every open container
        self._lists: list[bool] = []
        self._counts: list[int] = []  # elements seen, of lists
        self._key = ""
        self._expects_key = False

    def take(self, symbol: str, text: str | None) -> bool:
        """Take the next token, of a text without its quotes; ``False`` at the document's end."""
        if symbol in ("{", "["):
            self._push(is_list=symbol == "[")
        elif symbol in ("}", "]"):
            return self._pop()
        elif symbol == ",":
            self._next()
        elif symbol == ":":
            self._expects_key = False
        elif text is not None and self._expects_key:
            self._key = text
        else:
            self._note(self._path(), text if text is not None else symbol)
        return True

    def _pop(self) -> bool:
        self._expects_key = False
        if self._stack:
            self._stack.pop()
            self._lists.pop()
            self._counts.pop()
            return True
        return False

    def _push(self, *, is_list: bool) -> None:
        path = self._path()
        self._note(path, "")
        self._stack.append(path)
        self._lists.append(is_list)
        self._counts.append(0)
        self._expects_key = not is_list
        self._key = ""

    def _next(self) -> None:
        if self._stack:
            self._expects_key = not self._lists[-1]
            self._counts[-1] += 1

    def _path(self) -> str:
        """Return where the next value is; ``""`` outside and where it is too deep to matter."""
        if not self._stack or len(self._stack) > _MAX_DEPTH:
            return ""
        parent = self._stack[-1]
        if self._lists[-1]:
            return f"{parent}[]"
        return f"{parent}.{self._key}" if parent else self._key

    def _note(self, path: str, value: str) -> None:
        if not path or len(self.members) >= _MAX_MEMBERS:
            return
        if not any(is_list and count for is_list, count in zip(self._lists, self._counts)):
            self.members.setdefault(path, value[:200])
