"""What an ossec.conf says about the manager itself: its role, and the rules that it loads."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wazuh_pack.engine.files import RulesetFiles, ruleset_files
from wazuh_pack.errors import DiagnosticsError, InstallError, XmlError
from wazuh_pack.install.target import CONF
from wazuh_pack.xmlio import apply_variables, read_file, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from wazuh_pack.location import Location
    from wazuh_pack.xmlio import Node

Role = Literal["single", "master", "worker"]

_STOCK = "ruleset"
_NUMBER = re.compile(rb"\d{5,6}")
_DEFAULT = (
    b"<ruleset><decoder_dir>ruleset/decoders</decoder_dir><rule_dir>ruleset/rules</rule_dir>"
    b"<decoder_dir>etc/decoders</decoder_dir><rule_dir>etc/rules</rule_dir></ruleset>"
)


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """A rule that is not ours, in a file that analysisd loads."""

    id: int
    at: Location
    overwrites: bool
    """It replaces parts of another rule of this id, which must be loaded before it."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """A ``<rule_exclude>`` or ``<decoder_exclude>``."""

    what: str
    name: str
    at: Location


@dataclass(frozen=True, slots=True)
class ManagerConf:
    """The parts of ossec.conf that decide whether our rules are loaded."""

    home: Path
    sections: tuple[Node, ...]

    @classmethod
    def read(cls, home: Path) -> ManagerConf:
        """Read the configuration of a home; without a file it says nothing.

        Raises:
            InstallError: Wazuh could not read it.
        """
        path = home / CONF
        if not path.is_file():
            return cls(home, ())
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InstallError(f"cannot read {path}: {error.strerror}") from error
        return cls(home, cls.parse(content, path).sections)

    @classmethod
    def parse(cls, content: bytes, path: Path) -> ManagerConf:
        """Return what the text of a configuration says; ``path`` is its name in messages.

        Raises:
            InstallError: Wazuh could not read it.
        """
        try:
            roots = read_text(content, path)
        except XmlError as error:
            raise InstallError(error.message, at=error.at, hint=error.hint) from error
        inner = [n for root in roots if root.name == "ossec_config" for n in root.children]
        return cls(path.parent, tuple(inner))

    @property
    def role(self) -> Role:
        """The manager's role in a cluster; a cluster that is not disabled makes it a node."""
        clusters = [section for section in self.sections if section.name == "cluster"]
        settings = {child.name: _text(child) for node in clusters for child in node.children}
        if not clusters or settings.get("disabled", "no") == "yes":
            return "single"
        return "worker" if settings.get("node_type") in {"worker", "client"} else "master"

    @property
    def ruleset(self) -> Node:
        """The ``<ruleset>`` that counts: the last."""
        found = [section for section in self.sections if section.name == "ruleset"]
        return found[-1] if found else read_text(_DEFAULT, self.home / CONF)[0]

    def files(self) -> RulesetFiles:
        """Return the files that analysisd loads, in its order.

        Raises:
            InstallError: It would refuse the configuration.
        """
        try:
            return ruleset_files([self.ruleset], self.home)
        except DiagnosticsError as error:
            first = error.diagnostics[0]
            raise InstallError(first.message, at=first.at) from error

    def excluded(self, folder: str, names: Iterable[str]) -> Iterator[Excluded]:
        """Yield what keeps files of a folder (``etc/rules``) with these names from being loaded."""
        kind = "rule" if folder == "etc/rules" else "decoder"
        names = set(names)
        for option in self.ruleset.children:
            path = posixpath.normpath("/" + _text(option)).lstrip("/")
            hit = path in names or (
                posixpath.dirname(path) == folder and posixpath.basename(path) in names
            )
            if option.name == f"{kind}_exclude" and hit:
                yield Excluded(option.name, posixpath.basename(path), option.at)

    def rules(self, *, without: frozenset[Path], wanted: frozenset[int]) -> Iterator[RuleSeen]:
        """Yield the rules of all files but ``without``.

        Stock files are read only if one of the numbers ``wanted`` stands in them.

        Raises:
            InstallError: A file cannot be read as Wazuh reads it, so that it would not start.
        """
        numbers = {str(number).encode() for number in wanted}
        for path in self.files().rules:
            if path in without or not path.is_file():
                continue
            if path.is_relative_to(self.home / _STOCK) and not _mentions(path, numbers):
                continue
            yield from rules_in(path)


def _mentions(path: Path, numbers: set[bytes]) -> bool:
    try:
        return not numbers.isdisjoint(_NUMBER.findall(path.read_bytes()))
    except OSError:
        return True


def rules_in(path: Path) -> Iterator[RuleSeen]:
    """Yield the rules of a file.

    Raises:
        InstallError: Wazuh could not read it.
    """
    try:
        roots = apply_variables(read_file(path))
    except XmlError as error:
        raise InstallError(
            error.message, at=error.at, hint="Wazuh would not start with it; repair it first"
        ) from error
    for group in roots:
        for node in group.children:
            attributes = {name.lower(): value for name, value in node.attributes}
            number = attributes.get("id", b"")
            if node.name.lower() == "rule" and number.isdigit():
                overwrites = attributes.get("overwrite", b"").lower() == b"yes"
                yield RuleSeen(int(number), node.at, overwrites)


def _text(node: Node) -> str:
    return node.content.decode("utf-8", "replace").strip()
