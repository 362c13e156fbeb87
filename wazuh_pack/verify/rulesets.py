"""Loads the pack's XML together with a stock ruleset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack import resources
from wazuh_pack.engine.ruleset import Ruleset
from wazuh_pack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def load_pack(tree: Path, *, stock: Path | None = None, lists: Mapping[str, Path]) -> Ruleset:
    """Load ``rules_xml`` and ``decoders`` of a tree over a stock ruleset.

    ``stock`` holds ``rules/``, ``decoders/`` and perhaps ``lists/`` (a manager's ``ruleset``
    folder); without it our own minimal equivalents stand in. ``lists`` maps names below
    ``etc/lists`` to files.

    Raises:
        UsageError: ``stock`` is no ruleset.
        PackError: analysisd would refuse to start.
    """
    base = stock or resources.stock()
    for part in ("rules", "decoders"):
        if not (base / part).is_dir():
            raise UsageError(
                f"{base} is no stock ruleset: it has no folder {part!r}",
                hint="give a manager's ruleset folder, such as /var/ossec/ruleset",
            )
    named = {f"etc/lists/{name}": path for name, path in lists.items()}
    named |= _stock_lists(base)
    return Ruleset.load(
        rules=[base / "rules", tree / "rules_xml"],
        decoders=[base / "decoders", tree / "decoders"],
        lists=named,
    )


def _stock_lists(base: Path) -> dict[str, Path]:
    folder = base / "lists"
    if not folder.is_dir():
        return {}
    return {
        f"etc/lists/{path.relative_to(folder)}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".cdb"
    }
