"""Takes our part out of an ossec.conf that may have been edited: what the user wrote stays.

A section or comment between our markers is ours as long as it reads as we wrote it; RECORD.json
holds the digests. Everything else there is the user's now and stays. So does a ``<command>`` of
ours if an ``<active-response>`` that stays names it, wherever that stands: without it analysisd
4.14.7 does not start. The markers go, so that what stays is an ordinary part of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.install.confblock import Region, digest_of, find_regions
from wazuh_pack.install.conftext import COMMENT, ConfText, Element, locate, parse, veil

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from wazuh_pack.location import Location

_NAME = Path("ossec.conf")
_FRAMES = ("ossec_config", "ruleset")
_LINES_AFTER = re.compile(rb"[ \t]*(?:\r?\n[ \t]*(?=[\r\n]))*(?:\r?\n|\Z)")
_YOURS = "changed or added since we wrote it; yours now"
_NAMED = "an <active-response> that stays names it"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that we wrote, or that stands between our markers, and that stays."""

    name: str
    at: Location
    reason: str

    def __str__(self) -> str:
        """Return ``line 7, <command>: why it stays``."""
        return f"line {self.at.line}, {self.name}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A configuration without our part, and what of that part stays in it."""

    data: bytes
    kept: tuple[Kept, ...] = ()

    def names(self, name: str) -> bool:
        """Say whether a section of the file mentions a file by this name or path."""
        word = rb"(?<![\w.-])" + re.escape(name.encode()) + rb"(?![\w./-])"
        return re.search(word, veil(self.data, _NAME)) is not None


@dataclass(frozen=True, slots=True)
class _Piece:
    """A section, a line of a ``<ruleset>`` or a comment (``element`` is None) between markers."""

    span: Span
    digest: str
    element: Element | None = None

    @property
    def name(self) -> str:
        return f"<{self.element.name}>" if self.element else "a comment"


@dataclass(frozen=True, slots=True)
class _Part:
    """A region, taken apart: ``frames`` are the elements that only hold the pieces together."""

    region: Region
    markers: tuple[Span, Span]
    frames: tuple[Element, ...]
    pieces: tuple[_Piece, ...]

    @classmethod
    def of(cls, text: ConfText, region: Region) -> _Part:
        body = text.data.index(b">", region.at) + 1
        stop = text.data.rindex(b"<!", body, region.end)
        end = text.data.index(b">", stop) + 1
        frames, pieces = [], []
        done = body
        for element in text.elements:
            if not done <= element.start < stop:
                continue
            if element.name in _FRAMES:
                frames.append(element)
            else:
                done = element.end
                pieces.append(_piece(text, (element.start, element.end), element))
        inside = [piece.span for piece in pieces]
        pieces += [
            _piece(text, comment.span())
            for comment in COMMENT.finditer(text.data, body, stop)
            if not any(start < comment.start() < end for start, end in inside)
        ]
        pieces.sort(key=lambda piece: piece.span)
        return cls(region, ((region.at, body), (stop, end)), tuple(frames), tuple(pieces))

    def inside(self, frame: Element) -> Iterator[_Piece]:
        return (p for p in self.pieces if frame.start < p.span[0] < frame.end)


def written(conf: bytes, *, path: Path = _NAME) -> tuple[str, ...]:
    """Return the digests of all that stands between our markers, sorted.

    Raises:
        InstallError: ``conf`` is malformed or its markers do not pair up.
    """
    pieces = (piece for part in _parts(parse(conf, path), path) for piece in part.pieces)
    return tuple(sorted({piece.digest for piece in pieces}))


def withdraw(conf: bytes, known: Collection[str], *, path: Path = _NAME) -> Withdrawn:
    """Return ``conf`` without what we wrote.

    Where nobody edited our part it goes to the last byte.

    Args:
        conf: The present file.
        known: What :func:`written` said when we wrote it.
        path: What to call the file in messages.

    Raises:
        InstallError: ``conf`` is malformed, or its markers do not pair up.
    """
    text = parse(conf, path)
    parts = list(_parts(text, path))
    theirs = {
        piece
        for part in parts
        if part.region.edited
        for piece in part.pieces
        if piece.digest not in known
    }
    named = set(_commands(text, parts, theirs))
    stays = theirs | named | {p for part in parts for p in _rulesets(part, theirs)}
    stays |= {p for part in parts for p in _comments(part, stays)}
    cuts = [cut for part in parts for cut in _cuts(conf, part, stays)]
    kept = [
        Kept(piece.name, locate(conf, piece.span[0], path), _YOURS if piece in theirs else _NAMED)
        for part in parts
        for piece in part.pieces
        if piece in theirs | named
    ]
    return Withdrawn(_without(conf, (0, len(conf)), cuts), tuple(kept))


def _parts(text: ConfText, path: Path) -> Iterator[_Part]:
    return (_Part.of(text, region) for region in find_regions(text.data, path))


def _piece(text: ConfText, span: Span, element: Element | None = None) -> _Piece:
    content = text.data[slice(*span)].decode("utf-8", "surrogateescape")
    return _Piece(span, digest_of(content), element)


def _commands(text: ConfText, parts: list[_Part], theirs: set[_Piece]) -> Iterator[_Piece]:
    """Yield our commands that a response needs which stays."""
    ours = {
        piece.element.start: piece
        for part in parts
        for piece in part.pieces
        if piece.element and piece not in theirs
    }
    responses = (r for r in text.sections("active-response") if r.start not in ours)
    names = {response.text("command") for response in responses}
    for piece in ours.values():
        if (
            piece.element
            and piece.element.name == "command"
            and piece.element.text("name") in names
        ):
            yield piece


def _rulesets(part: _Part, theirs: set[_Piece]) -> Iterator[_Piece]:
    """Yield our lines of a ruleset that stays: Wazuh's own folders are named by them alone."""
    for frame in part.frames:
        pieces = list(part.inside(frame))
        if frame.name == "ruleset" and theirs.intersection(pieces):
            yield from (p for p in pieces if p.element and p.element.name != "list")


def _comments(part: _Part, stays: set[_Piece]) -> Iterator[_Piece]:
    """Yield our comments directly in front of something that stays."""
    follows_what_stays = False
    for piece in reversed(part.pieces):
        if piece.element or piece in stays:
            follows_what_stays = piece in stays
        elif follows_what_stays:
            yield piece


def _cuts(data: bytes, part: _Part, stays: set[_Piece]) -> Iterator[Span]:
    """Yield what of a region goes: all of it where nothing stays."""
    end = part.region.end
    cuts = [(start, min(stop, end)) for start, stop in (_lines(data, s) for s in part.markers)]
    cuts += [_lines(data, piece.span) for piece in part.pieces if piece not in stays]
    for frame in reversed(part.frames):
        if not _without(data, (frame.body, frame.close), cuts).strip():
            cuts.append(_lines(data, (frame.start, frame.end)))
    whole = (part.region.start, end)
    yield from cuts if _without(data, whole, cuts).strip() else [whole]


def _lines(data: bytes, span: Span) -> Span:
    """Return a span with its whole lines and the empty ones after it, if nothing else is there."""
    start, end = span
    first = data.rfind(b"\n", 0, start) + 1
    after = _LINES_AFTER.match(data, end)
    return (first, after.end()) if after and not data[first:start].strip() else span


def _without(data: bytes, span: Span, cuts: Iterable[Span]) -> bytes:
    """Return the bytes of a span that no cut covers."""
    rest = b""
    position, end = span
    for start, stop in sorted(cuts):
        if position < stop and start < end:
            rest += data[position : max(start, position)]
            position = stop
    return rest + data[position:end]
