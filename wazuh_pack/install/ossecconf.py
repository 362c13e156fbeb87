"""Puts our part into an ossec.conf and takes it out again, without touching another byte.

lxml decides: it reads the file (see :mod:`~wazuh_pack.install.conftext`) and says whether it is
sound, which ``<ruleset>`` counts, what the user has already. The edit itself is a splice of bytes,
because writing an XML tree back would change what is the user's: several roots, line ends, quotes,
entities, blanks, a byte-order mark. So for every configuration ``x``::

    merge(merge(x, block), block) == merge(x, block)
    unmerge(merge(x, block)) == x

The regions and their markers are described in :mod:`~wazuh_pack.install.confblock`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wazuh_pack.errors import InstallError
from wazuh_pack.install import confcheck
from wazuh_pack.install.confblock import (
    ConfBlock,
    Region,
    RegionKind,
    find_regions,
    indent_before,
    line_end,
    ruleset_for_lists,
    ruleset_xml,
    write_block,
    write_lists,
)
from wazuh_pack.install.conftext import ConfText, Element, locate, parse

__all__ = [
    "ConfBlock",
    "Merged",
    "edited_regions",
    "fragment",
    "merge",
    "merge_checked",
    "unmerge",
]

_NAME = Path("ossec.conf")


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome of a merge: the new bytes and what there is to say about it."""

    data: bytes
    findings: tuple[confcheck.Diagnostic, ...]


def merge(conf: bytes, block: ConfBlock, *, path: Path = _NAME, force: bool = False) -> bytes:
    """Return ``conf`` with our part in it, replacing an earlier one.

    A region that is in its place stays there; a new root goes to the end of the file. What the user
    has already (a list, a log file, the github module) is left out of ours. Findings are not looked
    at: see :func:`merge_checked`.

    Args:
        conf: The present file.
        block: Our part.
        path: What to call the file in messages.
        force: Replace regions that were edited by hand.

    Raises:
        InstallError: ``conf`` is malformed, its markers do not pair up, or (without ``force``) a
            region was edited by hand.
    """
    return merge_checked(conf, block, path=path, force=force).data


def merge_checked(
    conf: bytes, block: ConfBlock, *, path: Path = _NAME, force: bool = False
) -> Merged:
    """Do what :func:`merge` does and also return the findings, conflicts among them as errors."""
    rest, anchors = _take_out(conf, path=path, force=force)
    text = parse(rest, path)
    kept = confcheck.check(text, block)
    eol = line_end(rest)
    target = ruleset_for_lists(text)

    inserts: list[tuple[int, bytes]] = []
    if target is not None and kept.lists:
        anchor = anchors.get("lists")
        if anchor is None or not _is_directly_in(text, anchor, target):
            anchor = _end_of_body(text, target)
        indent = indent_before(rest, anchor)
        lists = write_lists(version=block.version, lists=kept.lists, indent=indent, eol=eol)
        inserts.append((anchor, lists))
    root_anchor = anchors.get("block")
    if root_anchor is None or text.depth_at(root_anchor) > 0:
        root_anchor = len(rest)
    ruleset = ruleset_xml(kept.lists) if target is None else ""
    root = write_block(version=block.version, elements=kept.elements, ruleset=ruleset, eol=eol)
    inserts.append((root_anchor, root))

    for offset, piece in sorted(inserts, reverse=True):
        rest = rest[:offset] + piece + rest[offset:]
    return Merged(rest, kept.findings)


def unmerge(conf: bytes, *, path: Path = _NAME) -> bytes:
    """Return ``conf`` without our part, edited or not; unchanged when there is none.

    What the user edited in it is lost: :func:`~wazuh_pack.install.withdraw.withdraw` keeps it.

    Raises:
        InstallError: The markers do not pair up.
    """
    return _take_out(conf, path=path, force=True)[0]


def fragment(block: ConfBlock) -> bytes:
    """Return our part as a text of its own, for a tree whose ossec.conf is still to come."""
    root = write_block(version=block.version, elements=block.elements, ruleset="", eol=b"\n")
    text = root.decode().lstrip("\n")
    if block.lists:
        lines = "".join(f"  <list>{name}</list>\n" for name in block.lists)
        text += f"<!-- These lines belong in the <ruleset> of ossec.conf:\n{lines}-->\n"
    return text.encode()


def edited_regions(conf: bytes, *, path: Path = _NAME) -> tuple[Region, ...]:
    """Return our regions that were edited by hand."""
    return tuple(region for region in find_regions(conf, path) if region.edited)


def _take_out(conf: bytes, *, path: Path, force: bool) -> tuple[bytes, dict[RegionKind, int]]:
    """Return ``conf`` without our regions, and where in that text each of them was."""
    regions = find_regions(conf, path)
    for region in regions:
        if region.edited and not force:
            raise InstallError(
                "the part that wazuh-pack wrote was edited by hand",
                at=locate(conf, region.at, path),
                hint="move your change outside the marker comments, or discard it with --force"
                " (a backup is kept)",
            )
    anchors: dict[RegionKind, int] = {}
    removed = 0
    rest = b""
    position = 0
    for region in regions:
        rest += conf[position : region.start]
        anchors[region.kind] = region.start - removed
        removed += region.end - region.start
        position = region.end
    return rest + conf[position:], anchors


def _is_directly_in(text: ConfText, offset: int, parent: Element) -> bool:
    """Say whether ``offset`` lies in ``parent`` but in none of its children."""
    around = [e for e in text.elements if e.body <= offset <= e.close < e.end]
    return bool(around) and around[-1].node is parent.node


def _end_of_body(text: ConfText, element: Element) -> int:
    if element.close == element.end:
        raise InstallError(
            f"<{element.name}/> is empty, which Wazuh refuses",
            at=text.location(element),
            hint="give it the rule_dir and decoder_dir lines of Wazuh's default configuration",
        )
    return element.close
