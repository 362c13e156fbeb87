"""Our part of ossec.conf: what it holds, how it is written and how it is found again.

It stands between two comments that carry the pack's version and a digest of what is between them,
so that a change made by hand is noticed. There are two regions. ``block`` is one ``<ossec_config>``
root of our own. ``lists`` are the ``<list>`` lines, and they stand inside a ``<ruleset>`` of the
user: analysisd 4.14.7 starts its tables of rule, decoder and list files afresh at every
``<ruleset>`` it reads, so a second one, even one that only names a list, would unload the user's
own rules and lists (wazuh/wazuh issues 2100 and 3857).
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wazuh_pack.errors import InstallError
from wazuh_pack.install.conftext import COMMENT, ConfText, Element, locate, parse

RegionKind = Literal["block", "lists"]

_NOTE = "written by wazuh-pack install, do not edit between these comments"
_MARKER = re.compile(
    rb"<!--\s*wazuh-pack (?P<edge>begin|end) (?P<kind>block|lists)"
    rb"(?:\s+version=(?P<version>[^\s:]+)\s+digest=(?P<digest>[0-9a-f]{16})\b[^<>]*)?\s*-->"
)
_LIST_PATH = re.compile(r"etc/lists/[A-Za-z0-9._/-]+")
_VERSION = re.compile(r"[0-9A-Za-z.+]+")
_SINGLE_LISTS = ("ruleset", "ossec_config")


@dataclass(frozen=True, slots=True)
class ConfBlock:
    """What goes into ossec.conf.

    ``elements`` are XML texts of one element each (``<command>``, ``<active-response>``,
    ``<localfile>``, ``<wodle>`` ...), with comments in front if wanted, in the order in which Wazuh
    must read them: a ``<command>`` before the ``<active-response>`` that names it. ``lists`` are
    paths below ``etc/lists``. :meth:`of` cuts a rendered text into elements.

    Raises:
        InstallError: An element is malformed, or one that would harm the user's configuration.
    """

    version: str
    elements: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _VERSION.fullmatch(self.version):
            raise InstallError(f"not a version: {self.version!r}")
        for name in self.lists:
            if not _LIST_PATH.fullmatch(name) or ".." in name:
                raise InstallError(f"not the path of a list: {name!r}", hint="etc/lists/<name>")
        for text in self.elements:
            _check_element(text)

    @classmethod
    def of(cls, *, version: str, xml: str = "", lists: tuple[str, ...] = ()) -> ConfBlock:
        """Return the block of a rendered text: elements with comments and blank lines between.

        Raises:
            InstallError: The text is malformed.
        """
        data = xml.encode()
        conf = parse(data, Path("our ossec.conf block"))
        texts = []
        start = 0
        for element in conf.elements:
            if element.depth == 0:
                texts.append(data[start : element.end].decode())
                start = element.end
        return cls(version=version, elements=tuple(texts), lists=lists)


def read_element(text: str) -> Element:
    """Return the one element of a block's text, with offsets into the encoded text."""
    conf = parse(text.encode(), Path("our ossec.conf block"))
    roots = [element for element in conf.elements if element.depth == 0]
    if len(roots) != 1:
        raise InstallError(f"expected one element, got {len(roots)}: {text.strip()[:60]!r}")
    return roots[0]


def _check_element(text: str) -> None:
    element = read_element(text)
    if element.name in _SINGLE_LISTS:
        raise InstallError(
            f"<{element.name}> must not be in our block",
            hint="it would replace the user's; lists are given by path",
        )
    if element.name == "active-response" and element.text("disabled") == "yes":
        raise InstallError(
            "<active-response> with <disabled>yes</disabled> must not be in our block",
            hint="execd 4.14.7 takes it as the switch for every response; leave the response out",
        )
    if any(_MARKER.match(comment) for comment in COMMENT.findall(text.encode())):
        raise InstallError("a marker comment must not be in our block")


@dataclass(frozen=True, slots=True)
class Region:
    """One of our regions in a file: byte offsets of all that was inserted."""

    kind: RegionKind
    start: int
    end: int
    version: str
    edited: bool
    at: int
    """Where the begin marker stands."""


def write_block(*, version: str, elements: tuple[str, ...], ruleset: str, eol: bytes) -> bytes:
    """Return the bytes of a ``block`` region; nothing when there is nothing to say."""
    parts = [ruleset, *elements] if ruleset else list(elements)
    if not parts:
        return b""
    bodies = [_indented(part) for part in parts]
    body = "\n".join(["<ossec_config>", "\n\n".join(bodies), "</ossec_config>"])
    lines = [_begin("block", version, body), *body.split("\n"), _end("block")]
    return eol + eol.join(line.encode() for line in lines) + eol


def write_lists(*, version: str, lists: tuple[str, ...], indent: bytes, eol: bytes) -> bytes:
    """Return the bytes of a ``lists`` region; nothing without lists.

    It goes in front of something that ``indent`` stands before, and ends with ``indent`` again.
    """
    if not lists:
        return b""
    items = [f"<list>{name}</list>" for name in lists]
    begin = _begin("lists", version, "\n".join(items))
    inner = [indent + b"  " + item.encode() for item in items]
    return eol.join([begin.encode(), *inner, indent + _end("lists").encode(), indent])


def find_regions(data: bytes, path: Path) -> tuple[Region, ...]:
    """Return our regions in file order, at most one of each kind.

    Raises:
        InstallError: The markers do not pair up.
    """
    markers = [
        (comment.start(), marker)
        for comment in COMMENT.finditer(data)
        if (marker := _MARKER.fullmatch(comment.group()))
    ]
    regions = []
    for (start, begin), (stop, end) in zip(markers[::2], markers[1::2], strict=False):
        if (begin["edge"], end["edge"]) != (b"begin", b"end") or begin["kind"] != end["kind"]:
            raise _unpaired(data, start, path)
        if begin["version"] is None:
            raise _unpaired(data, start, path)
        regions.append(_region(data, begin=begin, start=start, stop=stop, end=stop + len(end[0])))
    if len(markers) % 2:
        raise _unpaired(data, markers[-1][0], path)
    if len({region.kind for region in regions}) != len(regions):
        raise _unpaired(data, regions[-1].at, path)
    return tuple(regions)


def _region(data: bytes, *, begin: re.Match[bytes], start: int, stop: int, end: int) -> Region:
    body_start = start + len(begin[0])
    body = data[body_start:stop].decode("utf-8", "surrogateescape")
    eol = b"\r\n" if data.startswith(b"\r\n", body_start) else b"\n"
    kind: RegionKind = "block" if begin["kind"] == b"block" else "lists"
    outer_start, outer_end = start, end
    if data.startswith(eol, outer_end):
        outer_end += len(eol)
        indent = indent_before(data, start)
        if kind == "lists" and data.startswith(indent, outer_end):
            outer_end += len(indent)
    if kind == "block" and data[:start].endswith(eol):
        outer_start -= len(eol)
    return Region(
        kind=kind,
        start=outer_start,
        end=outer_end,
        version=begin["version"].decode("ascii", "replace"),
        edited=digest_of(body) != begin["digest"].decode(),
        at=start,
    )


def indent_before(data: bytes, offset: int) -> bytes:
    """Return the blanks between the start of the line and ``offset`` if nothing else is there."""
    head = data[:offset]
    blanks = head[len(head.rstrip(b" \t")) :]
    before = head[: len(head) - len(blanks)]
    return blanks if not before or before.endswith(b"\n") else b""


def line_end(data: bytes) -> bytes:
    """Return the line ending of a file: that of its first line."""
    first = data.find(b"\n")
    return b"\r\n" if first > 0 and data[first - 1 : first] == b"\r" else b"\n"


def ruleset_xml(lists: tuple[str, ...]) -> str:
    """Return a whole ``<ruleset>`` for a file that has none.

    The stock folders are what analysisd takes when there is no ``<ruleset>``; the user's folders
    are what we need on top.
    """
    lines = [
        "<decoder_dir>ruleset/decoders</decoder_dir>",
        "<rule_dir>ruleset/rules</rule_dir>",
        "<decoder_dir>etc/decoders</decoder_dir>",
        "<rule_dir>etc/rules</rule_dir>",
        *(f"<list>{name}</list>" for name in lists),
    ]
    return "\n".join(["<ruleset>", *(f"  {line}" for line in lines), "</ruleset>"])


def ruleset_for_lists(conf: ConfText) -> Element | None:
    """Return the ``<ruleset>`` to which a ``<list>`` can be added without unloading another.

    That is the last one with lists of its own, else the last one; see the module's text.
    """
    rulesets = list(conf.sections("ruleset"))
    for ruleset in reversed(rulesets):
        if any(child.name == "list" for child in conf.children(ruleset)):
            return ruleset
    return rulesets[-1] if rulesets else None


def _begin(kind: RegionKind, version: str, body: str) -> str:
    return f"<!-- wazuh-pack begin {kind} version={version} digest={digest_of(body)}: {_NOTE} -->"


def _end(kind: RegionKind) -> str:
    return f"<!-- wazuh-pack end {kind} -->"


def digest_of(body: str) -> str:
    """Return a digest that indentation, line endings and blank lines do not change."""
    lines = [line.strip() for line in body.split("\n")]
    text = "\n".join(line for line in lines if line)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _indented(text: str) -> str:
    """Return a text two blanks deep, without blank lines around it and blanks at line ends."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    body = textwrap.dedent("\n".join(lines)).strip("\n")
    return "\n".join(f"  {line}" if line else "" for line in body.split("\n"))


def _unpaired(data: bytes, offset: int, path: Path) -> InstallError:
    return InstallError(
        "the marker comments of wazuh-pack do not pair up",
        at=locate(data, offset, path),
        hint="remove the stray marker, or all from 'wazuh-pack begin' to 'wazuh-pack end'",
    )
