"""Loaded rulesets kept on disk, so that the next start need not read XML.

An entry is named by a digest of everything that goes into it: every file's place, name and content,
the thresholds, and this program (the engine's own source and data, and PCRE2's version). A change
of any of them simply finds nothing, and nothing is ever taken for fresh by its age.

Entries are JSON that only ever becomes data (:mod:`wazuh_pack.engine.snapshot`), so a foreign entry
cannot run anything; but it could judge events wrongly. Therefore folder and entries are used only
if they belong to this user or to root and nobody else can write them, and never through a link at
their end. A folder of root's may so be shared by everybody for reading: whoever may read the folder
may read its entries. Whatever is not as it should be is not used, without a word: the cache is a
matter of speed alone.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.engine import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wazuh_pack.engine.files import RulesetFiles
    from wazuh_pack.engine.rule_loader import Levels
    from wazuh_pack.engine.ruleset import Ruleset

_PACKAGE = Path(__file__).resolve().parents[1]
_SOURCE = ("*.py", "engine/*.py", "engine/data/*", "xmlio/*.py")
"""What a loaded ruleset comes from, or consists of: errors and diagnostics lie at the top."""
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_LARGEST = 256 * 1024 * 1024
_KEPT = 8
"""Entries that stay in a folder; the oldest go."""

VARIABLE = "WAZUH_PACK_CACHE"
"""The environment variable that names the folder; empty for none."""


def usual_folder() -> Path | None:
    """Return the folder that commands use; None when the environment says to use none.

    It is the one that :data:`VARIABLE` names, else ``wazuh-pack/rulesets`` in the user's cache.
    """
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    except RuntimeError:  # a user without a home
        return None
    return root / "wazuh-pack" / "rulesets"


@dataclass(frozen=True, slots=True)
class RulesetCache:
    """A folder of entries; it is made, readable for its owner only, when it is first needed."""

    folder: Path

    def read(self, key: str) -> Ruleset | None:
        """Return the ruleset of a key; None when there is none that can be trusted."""
        with suppress(OSError, UnicodeDecodeError, snapshot.SnapshotError):
            data = self._trusted_bytes(self._path(key))
            digest, _, text = data.partition(b"\n")
            if digest == _digest(key, text):
                return _ruleset(snapshot.restore(text.decode("utf-8", "surrogatepass")))
        return None

    def write(self, key: str, ruleset: Ruleset) -> None:
        """Keep a ruleset; an entry appears whole or not at all."""
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.folder.lstat()
            if not _is_trusted(status, stat.S_ISDIR):
                return
            values = {field.name: getattr(ruleset, field.name) for field in fields(ruleset)}
            text = snapshot.dump(values).encode("utf-8", "surrogatepass")
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    os.fchmod(handle, 0o600 | status.st_mode & 0o044)
                    file.write(_digest(key, text) + b"\n" + text)
                Path(name).replace(self._path(key))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._forget_old_entries()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _trusted_bytes(self, path: Path) -> bytes:
        if not _is_trusted(self.folder.lstat(), stat.S_ISDIR):
            raise PermissionError
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not _is_trusted(status, stat.S_ISREG) or status.st_size > _LARGEST:
                raise PermissionError
            return file.read()

    def _forget_old_entries(self) -> None:
        entries = sorted(self.folder.glob("*.json"), key=lambda path: -path.stat().st_mtime)
        for path in entries[_KEPT:]:
            path.unlink(missing_ok=True)


def _digest(key: str, text: bytes) -> bytes:
    """Return what shows that an entry is complete and has not been renamed."""
    return hashlib.sha256(key.encode() + text).hexdigest().encode()


def key_of(files: RulesetFiles, levels: Levels | None) -> str:
    """Return the digest of all that a ruleset is made of.

    Raises:
        OSError: A file cannot be read; such a ruleset is not kept.
    """
    digest = hashlib.sha256()
    for part in _parts(files, levels):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()


def _parts(files: RulesetFiles, levels: Levels | None) -> Iterator[bytes]:
    yield _program()
    yield repr((levels, files.fell_back)).encode()
    lists = [("list " + name, path) for name, path in files.lists]
    rules = [("rules", path) for path in files.rules]
    decoders = [("decoders", path) for path in files.decoders]
    for place, path in (*decoders, *lists, *rules):
        yield place.encode("utf-8", "surrogateescape")
        yield os.fsencode(path)
        yield path.read_bytes()


@cache
def _program() -> bytes:
    """Return a digest of the code that loads rulesets, and of the library that checks patterns."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _SOURCE for path in _PACKAGE.glob(pattern)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    try:
        library = version("pcre2")
    except PackageNotFoundError:
        library = ""
    digest.update(library.encode())
    return digest.digest()


def _is_trusted(status: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    mine = status.st_uid in (os.geteuid(), 0)
    return is_kind(status.st_mode) and mine and not status.st_mode & _WRITABLE_BY_OTHERS


def _ruleset(values: dict[str, object]) -> Ruleset:
    # The ruleset asks the cache, so only one of the two can import the other at the top.
    from wazuh_pack.engine.ruleset import Ruleset  # noqa: PLC0415

    return Ruleset(**values)  # type: ignore[arg-type]  # the snapshot holds what it was given
