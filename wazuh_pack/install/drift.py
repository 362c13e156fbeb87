"""What has become different since the installation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from wazuh_pack.install.confblock import find_regions
from wazuh_pack.install.fs import Tree
from wazuh_pack.install.target import CONF

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from wazuh_pack.install.record import Entry, Record
    from wazuh_pack.install.target import Target


class Change(Enum):
    """What happened to an installed thing."""

    MISSING = "missing"
    CONTENT = "content changed"
    ACCESS = "mode or owner changed"
    CONF = "our part of ossec.conf is gone"
    CONF_EDITED = "our part of ossec.conf was edited"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference. ``expected`` says that the user may make it (``create-once`` files)."""

    path: PurePosixPath
    change: Change
    detail: str = ""
    expected: bool = False

    def __str__(self) -> str:
        """Return ``path: what changed (detail)``."""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.path}: {self.change.value}{detail}"


def compare(record: Record, target: Target) -> list[Drift]:
    """Return how ``target`` differs from what was installed there; nothing is changed.

    Raises:
        InstallError: A path is a link, or our markers in ossec.conf do not pair up.
    """
    with Tree(target.home) as tree:
        found = [drift for entry in record.files for drift in _entry_drift(tree, target, entry)]
        if record.conf is not None:
            found += _conf_drift(tree, target, record)
    return found


def _entry_drift(tree: Tree, target: Target, entry: Entry) -> list[Drift]:
    state = tree.state(entry.path)
    mine = entry.policy == "create-once"
    if state is None:
        return [Drift(entry.path, Change.MISSING)]
    found = []
    if state.sha256 != entry.sha256:
        found.append(Drift(entry.path, Change.CONTENT, expected=mine))
    ids = target.ids(entry.owner)
    if state.mode != entry.mode or (ids is not None and ids != (state.uid, state.gid)):
        wanted = f"{entry.mode:04o} {entry.owner}:{entry.group}"
        is_now = f"{state.mode:04o} {state.uid}:{state.gid}"
        found.append(Drift(entry.path, Change.ACCESS, f"{is_now}, should be {wanted}"))
    return found


def _conf_drift(tree: Tree, target: Target, record: Record) -> list[Drift]:
    loaded = tree.load(CONF)
    regions = find_regions(loaded[0], target.home / CONF) if loaded else ()
    present = {region.kind for region in regions}
    gone = [Drift(CONF, Change.CONF, kind) for kind in record.regions if kind not in present]
    return gone + [
        Drift(CONF, Change.CONF_EDITED, region.kind) for region in regions if region.edited
    ]
