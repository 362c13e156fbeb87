"""What most commands begin with: the content, the lock, the build, the ruleset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wazuh_pack import render, resources
from wazuh_pack import source as content_source
from wazuh_pack.errors import DiagnosticsError, UsageError
from wazuh_pack.install.renumber import renumber
from wazuh_pack.limits import FIRST_RULE_ID
from wazuh_pack.source import ids

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.engine.ruleset import Ruleset
    from wazuh_pack.model import Catalog, Detection, Source
    from wazuh_pack.render import Build

LOCK = "ids.lock"


def catalog(content: Path | None = None) -> Catalog:
    """Return the content; raises DiagnosticsError with every problem."""
    loaded, problems = content_source.load(content or resources.content())
    if problems:
        raise DiagnosticsError(problems)
    return loaded


def require_checkout(options: str) -> None:
    """Refuse to write into an installed package.

    Raises:
        UsageError: the pack runs from a wheel.
    """
    if not resources.is_checkout():
        raise UsageError(
            "the content of an installed wazuh-pack is not to be changed",
            hint=f"work in a checkout, or name folders of your own with {options}",
        )


def lock(content: Path | None = None) -> ids.Lock:
    """Return the committed id lock."""
    return ids.read((content or resources.content()) / LOCK)


def build(loaded: Catalog, content: Path | None = None, accept: tuple[str, ...] = ()) -> Build:
    """Render the content with the committed ids."""
    return render.build(loaded, lock(content), accept)


def numbered(base: int) -> tuple[Catalog, Build]:
    """Return the content and its build, with the ids that an installation with ``base`` has.

    Raises:
        UsageError: no installation can have it.
    """
    loaded, numbers = renumber(catalog(), lock(), base)
    return loaded, render.build(loaded, numbers)


id_base = click.option(
    "--id-base",
    "base",
    type=int,
    metavar="N",
    default=FIRST_RULE_ID,
    show_default=True,
    help="Where the rules of your installation begin, as given to `install`.",
)


def ruleset(
    loaded: Catalog, tree: Path, stock: Path | None = None, *, cache: Path | None = None
) -> Ruleset:
    """Load the rendered XML of ``tree`` on top of a stock ruleset (ours unless given)."""
    from wazuh_pack.verify.rulesets import load_pack  # noqa: PLC0415 - keeps --help fast

    return load_pack(tree, stock=stock, lists=dict(pack_lists(loaded)), cache=cache)


def pack_lists(loaded: Catalog) -> list[tuple[str, Path]]:
    """Return (name in etc/lists, file) of every list of the content."""
    return [(name, path) for item in loaded.sources for name, path in item.lists]


def select(loaded: Catalog, names: tuple[str, ...]) -> tuple[Detection, ...]:
    """Return the detections named by id or source; all when nothing is named."""
    if not names:
        return loaded.detections
    known = {item.id for item in loaded.detections} | {item.id for item in loaded.sources}
    unknown = sorted(set(names) - known)
    if unknown:
        raise UsageError(
            f"no detection or source {unknown[0]!r}", hint="`wazuh-pack list` names them all"
        )
    return tuple(item for item in loaded.detections if item.id in names or item.source in names)


def source(loaded: Catalog, name: str) -> Source:
    """Return the source of that id; UsageError if there is none."""
    try:
        return loaded.source(name)
    except KeyError:
        known = ", ".join(item.id for item in loaded.sources)
        raise UsageError(f"no source {name!r}", hint=f"one of: {known}") from None
