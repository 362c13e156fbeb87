"""The id lock: every rule id ever given, whom it belongs to, and what the rule meant.

One line an id: ``id key digest``. The digest is ``retired`` once the rule is gone; a retired id is
never given again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.diagnostics import Diagnostic
from wazuh_pack.errors import PackError
from wazuh_pack.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

RETIRED = "retired"
_HEADER = (
    "# Rule ids of wazuh-pack, written by `wazuh-pack build`. One line an id: id key digest.\n"
)
_FIELDS = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the lock."""

    id: int
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rule that needs an id from the block ``first``-``last``."""

    key: str
    digest: str
    first: int
    last: int
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """The ids given so far, in order of id."""

    entries: tuple[Entry, ...] = ()

    def ids(self) -> dict[str, int]:
        """Return key -> id of all that are not retired."""
        return {entry.key: entry.id for entry in self.entries if entry.digest != RETIRED}

    def text(self) -> str:
        """Return the file's content."""
        lines = (f"{entry.id} {entry.key} {entry.digest}\n" for entry in self.entries)
        return _HEADER + "".join(lines)


@dataclass(frozen=True, slots=True)
class Update:
    """A lock brought up to date, and what that changed."""

    lock: Lock
    new: tuple[str, ...]
    changed: tuple[str, ...]
    retired: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]


def read(path: Path) -> Lock:
    """Return the lock in a file; an empty one if there is no file.

    Raises:
        PackError: a line is malformed, or an id or a living key stands there twice.
    """
    if not path.exists():
        return Lock()
    entries: list[Entry] = []
    ids: set[int] = set()
    keys: set[str] = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        at = Location(path, number)
        parts = line.split()
        if len(parts) != _FIELDS or not parts[0].isdigit():
            raise PackError("expected `id key digest`", at=at, hint="restore the line from git")
        entry = Entry(int(parts[0]), parts[1], parts[2])
        if entry.id in ids or (entry.key in keys and entry.digest != RETIRED):
            raise PackError(f"{entry.id} or {entry.key!r} stands here twice", at=at)
        ids.add(entry.id)
        if entry.digest != RETIRED:
            keys.add(entry.key)
        entries.append(entry)
    return Lock(tuple(sorted(entries, key=lambda entry: entry.id)))


def update(lock: Lock, wanted: Iterable[Wanted], accept: Iterable[str] = ()) -> Update:
    """Give an id to every new key, retire those that are gone, and notice changed meanings.

    A changed digest is a diagnostic unless the key or its detection (the part before ``/``) is in
    ``accept`` (``*`` accepts all). New ids are the lowest of the block that were never given.
    """
    rules = list(wanted)
    accepted = set(accept)
    living = {entry.key: entry for entry in lock.entries if entry.digest != RETIRED}
    used = {entry.id for entry in lock.entries}
    entries = {entry.id: entry for entry in lock.entries}
    new, changed, diagnostics = [], [], []
    for rule in rules:
        entry = living.pop(rule.key, None)
        if entry is None or not rule.first <= entry.id <= rule.last:
            if entry is not None:
                entries[entry.id] = Entry(entry.id, entry.key, RETIRED)
            number = _free(rule, used)
            used.add(number)
            entries[number] = Entry(number, rule.key, rule.digest)
            new.append(rule.key)
        elif entry.digest != rule.digest:
            changed.append(rule.key)
            if accepted & {"*", rule.key, rule.key.partition("/")[0]}:
                entries[entry.id] = Entry(entry.id, rule.key, rule.digest)
            else:
                diagnostics.append(_changed(rule, entry))
    for entry in living.values():
        entries[entry.id] = Entry(entry.id, entry.key, RETIRED)
    return Update(
        lock=Lock(tuple(entries[number] for number in sorted(entries))),
        new=tuple(new),
        changed=tuple(changed),
        retired=tuple(living),
        diagnostics=tuple(diagnostics),
    )


def _free(rule: Wanted, used: Mapping[int, object] | set[int]) -> int:
    for number in range(rule.first, rule.last + 1):
        if number not in used:
            return number
    raise PackError(
        f"the block {rule.first}-{rule.last} has no id left for {rule.key!r}",
        at=rule.at,
        hint="widen rule_ids in source.yml",
    )


def _changed(rule: Wanted, entry: Entry) -> Diagnostic:
    name = rule.key.partition("/")[0]
    return Diagnostic(
        code="WP130",
        message=f"rule {entry.id} ({rule.key}) no longer means what the id lock says",
        at=rule.at,
        hint=f"if that is intended: wazuh-pack build --accept {name}",
    )
