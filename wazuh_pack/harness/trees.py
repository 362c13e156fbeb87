"""Wazuh's home before and after: every path with kind, mode, owner, group and content."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Entry = tuple[str, int, int, str]
Tree = dict[str, Entry]

OURS = "wazuh-pack"
"""In every path of ours, so that nothing of ours can hide among what is not compared."""

WRITTEN = ("queue", "logs", "stats", "tmp", "var", "backup")
"""Folders in which a running manager writes all the time."""
THEIRS = (
    *(f"{folder}/*" for folder in WRITTEN),
    "api/configuration/*",
    "etc/client.keys",
    "*.pyc",
    "*/__pycache__",
    "etc/shared/*/merged.mg",
)
"""What a running manager writes by itself, the API's keys, the agents' keys (authd writes them anew
when it ends, as root's), compiled Python and what remoted puts together for agents among it."""

STATE = ("var/wazuh-pack", "var/wazuh-pack/*")
"""What scripts of ours have remembered; it stays when they go."""


def read(rows: Iterable[Iterable[object]]) -> Tree:
    """Return the tree that :func:`wazuh_pack.harness.inside.tree` has listed."""
    found: Tree = {}
    for row in rows:
        path, mode, uid, gid, content = row
        found[str(path)] = (str(mode), int(str(uid)), int(str(gid)), str(content))
    return found


def compared(tree: Mapping[str, Entry]) -> Tree:
    """Return what must not differ: all but what the manager writes, and all that is ours."""
    return {
        path: entry
        for path, entry in tree.items()
        if not _is_one_of(path, STATE) and (OURS in path or not _is_one_of(path, THEIRS))
    }


def state(tree: Mapping[str, Entry]) -> list[str]:
    """Return the files that scripts of ours have left."""
    return [p for p, entry in tree.items() if _is_one_of(p, STATE) and entry[0].startswith("-")]


def changes(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> Iterator[str]:
    """Yield what differs, in words."""
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old is None:
            yield f"{path} is new"
        elif new is None:
            yield f"{path} is gone"
        elif old[:3] != new[:3]:
            yield f"{path} was {_access(old)}, is {_access(new)}"
        elif old != new:
            yield f"{path} has another content"


def _is_one_of(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _access(entry: Entry) -> str:
    mode, uid, gid, _ = entry
    return f"{mode} {uid}:{gid}"
