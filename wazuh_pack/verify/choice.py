"""Which ruleset to judge events with: a manager's, or any files over a stock ruleset."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack import resources
from wazuh_pack.engine import LoadFailure, Ruleset
from wazuh_pack.engine.ruleset import CONFIGURATION, manager_files
from wazuh_pack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_NOT_LOADED_BY_DEFAULT = "0215-policy_rules.xml"
"""The stock file that the configuration of a fresh manager excludes."""

_PACK_LISTS = "wazuh-pack-"
"""What the names of the pack's lists begin with on a manager."""

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class RulesetChoice:
    """What to load. Without anything it is the pack itself.

    Attributes:
        rules: Files, and folders of which every ``*.xml`` is taken.
        decoders: Likewise.
        lists: Files, known to rules as ``etc/lists/<name>``; of a folder all files below it, as
            ``etc/lists/<path below the folder>``.
        stock: The folder of a stock ruleset (``rules``, ``decoders``, perhaps ``lists``); without
            it our minimal equivalents stand in.
        bare: Load no stock ruleset at all.
        home: A manager's folder (``/var/ossec``); what its ``etc/ossec.conf`` names is loaded, and
            nothing else may be given.
    """

    rules: tuple[Path, ...] = ()
    decoders: tuple[Path, ...] = ()
    lists: tuple[Path, ...] = ()
    stock: Path | None = None
    bare: bool = False
    home: Path | None = None
    list_prefix: str = ""
    """What stands before the names of :attr:`lists`."""
    cache: Path | None = None
    """Where loaded rulesets are kept (see :mod:`wazuh_pack.engine.cache`)."""

    def load(self) -> Ruleset:
        """Load it.

        Raises:
            UsageError: A path does not exist or holds no XML, or the choice contradicts itself.
            LoadFailure: analysisd would not start.
        """
        if self.home is not None:
            if self.rules or self.decoders or self.lists or self.stock or self.bare:
                raise UsageError(
                    "a manager's home is a whole ruleset", hint="give either that or files"
                )
            return Ruleset.from_manager_home(self.home, cache=self.cache)
        own = self.resolved()
        base = own.stock_folder()
        if base is None and not own.decoders:
            raise UsageError(
                "no decoders are named, and without a stock ruleset there are none",
                hint="name decoders (--decoders), or leave the stock ruleset in place",
            )
        rules, decoders = _named_files(own.rules), _named_files(own.decoders)
        lists = dict(_named(own.lists, own.list_prefix))
        if base is not None:
            stock = _xml_files([base / "rules"])
            rules += [file for file in stock if file.name != _NOT_LOADED_BY_DEFAULT]
            decoders += _xml_files([base / "decoders"])
            lists = dict(_named([base / "lists"])) | lists if (base / "lists").is_dir() else lists
        return Ruleset.load(rules, decoders, lists, cache=self.cache)

    def stamp(self) -> Stamp:
        """Return what changes when any file of the choice is written, added or removed.

        Of a manager that is its configuration, and the files that this names now.
        """
        if self.home is not None:
            return tuple(_stamps(_of_manager(self.home)))
        own = self.resolved()
        folders = [*own.rules, *own.decoders, *own.lists]
        base = own.stock_folder()
        if base is not None:
            folders += [base / "rules", base / "decoders", base / "lists"]
        return tuple(_stamps(folders))

    def stock_folder(self) -> Path | None:
        """Return the folder of the stock ruleset that is loaded; None when there is none."""
        if self.bare:
            return None
        return checked_stock(self.stock or resources.stock())

    def resolved(self) -> RulesetChoice:
        """Return the choice with the pack's own folders where it names nothing else."""
        if self.rules or self.decoders or self.lists or self.home:
            return self
        tree = resources.tree()
        return RulesetChoice(
            rules=(tree / "rules_xml",),
            decoders=(tree / "decoders",),
            lists=tuple(sorted(resources.content().glob("*/lists"))),
            stock=self.stock,
            bare=self.bare,
            list_prefix=_PACK_LISTS,
            cache=self.cache,
        )


def _named_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files that somebody named, each by itself or by its folder."""
    found: list[Path] = []
    for path in paths:
        files = _xml_files([path])
        if not files:
            raise UsageError(
                f"no *.xml file is in {path}", hint="name files, or the folder that they are in"
            )
        found += files
    return found


def checked_stock(folder: Path) -> Path:
    """Return the folder of a stock ruleset.

    Raises:
        UsageError: It is none.
    """
    for part in ("rules", "decoders"):
        if not (folder / part).is_dir():
            raise UsageError(
                f"{folder} is no stock ruleset: it has no folder {part!r}",
                hint="give a manager's ruleset folder, such as /var/ossec/ruleset",
            )
    return folder


def _of_manager(home: Path) -> Iterator[Path]:
    yield home / CONFIGURATION
    # What cannot be loaded is not kept, so nobody asks whether it has changed.
    with suppress(LoadFailure):
        files = manager_files(home)
        yield from files.rules
        yield from files.decoders
        yield from (path for _, path in files.lists)


def _xml_files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.iterdir() if file.name.endswith(".xml"))
        else:
            found.append(_existing(path))
    return found


def _named(paths: Iterable[Path], prefix: str = "") -> Iterator[tuple[str, Path]]:
    for path in paths:
        if not path.is_dir():
            yield f"etc/lists/{prefix}{path.name}", _existing(path)
            continue
        for file in sorted(path.rglob("*")):
            if file.is_file() and file.suffix != ".cdb":
                yield f"etc/lists/{prefix}{file.relative_to(path)}", file


def _existing(path: Path) -> Path:
    if not path.exists():
        raise UsageError(f"{path} does not exist")
    return path


def _stamps(paths: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            try:
                status = file.stat()
            except OSError:
                continue
            yield str(file), status.st_mtime_ns, status.st_size
