"""What is to be installed, as data: files with their places and modes, and the ossec.conf block."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

from wazuh_pack.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.install.ossecconf import ConfBlock

Owner = Literal["root", "wazuh"]
Policy = Literal["replace", "create-once"]

STATE_FOLDER = PurePosixPath("etc/wazuh-pack")
"""Our own folder in the Wazuh home: configurations, RECORD.json, backups, the journal."""

INTEGRATION_STATE = PurePosixPath("var/wazuh-pack-integration")
"""What scripts that integratord starts remember."""

RESERVED = frozenset({"RECORD.json", "transaction", "backup"})
"""Names in :data:`STATE_FOLDER` that belong to the installer."""


class Kind(Enum):
    """What a file is to Wazuh; decides its place, mode, owner and policy."""

    RULE = "rule"
    DECODER = "decoder"
    LIST = "list"
    RESPONSE = "response"
    INTEGRATION = "integration"
    WODLE = "wodle"
    CONFIG = "config"
    STATE = "state"


class Place(NamedTuple):
    """Where files of a kind live and who may do what with them."""

    folder: PurePosixPath
    mode: int
    owner: Owner
    policy: Policy


LAYOUT: Mapping[Kind, Place] = {
    Kind.RULE: Place(PurePosixPath("etc/rules"), 0o660, "wazuh", "replace"),
    Kind.DECODER: Place(PurePosixPath("etc/decoders"), 0o660, "wazuh", "replace"),
    Kind.LIST: Place(PurePosixPath("etc/lists"), 0o660, "wazuh", "create-once"),
    Kind.RESPONSE: Place(PurePosixPath("active-response/bin"), 0o750, "root", "replace"),
    Kind.INTEGRATION: Place(PurePosixPath("integrations"), 0o750, "root", "replace"),
    Kind.WODLE: Place(PurePosixPath("wodles"), 0o750, "root", "replace"),
    Kind.CONFIG: Place(STATE_FOLDER, 0o640, "root", "create-once"),
    Kind.STATE: Place(INTEGRATION_STATE, 0o640, "wazuh", "replace"),
}
"""Places and modes as Wazuh 4.14.7's own installer sets them. execd and modulesd run what lies in
``active-response/bin`` and ``wodles`` as root without looking at its owner: a file there that
``wazuh`` can write is a way to root. integratord runs as ``wazuh``, and refuses what it can write;
its scripts cannot make a folder in ``var``, so their state's is laid down with a file in it."""


@dataclass(frozen=True, slots=True)
class PackFile:
    """One file to install.

    ``content`` is the file's bytes, or the path of a file that holds them. ``destination`` is
    relative to the Wazuh home. A ``create-once`` file is the user's to edit: it is written when it
    is missing and never again. :meth:`of` fills in what a kind of file needs.

    Raises:
        InstallError: The destination leaves the folder of its kind.
    """

    destination: PurePosixPath
    content: bytes | Path = field(repr=False)
    mode: int
    owner: Owner
    policy: Policy
    kind: Kind
    group: Literal["wazuh"] = "wazuh"

    def __post_init__(self) -> None:
        folder = LAYOUT[self.kind].folder
        inner = is_inner_path(self.destination) and folder in self.destination.parents
        reserved = (
            self.destination.parts[len(STATE_FOLDER.parts)] in RESERVED
            if inner and self.kind is Kind.CONFIG
            else False
        )
        if not inner or reserved:
            raise InstallError(
                f"a {self.kind.value} cannot be installed as {self.destination}",
                hint=f"its place is below {folder}",
            )

    @classmethod
    def of(cls, kind: Kind, name: str, content: bytes | Path) -> PackFile:
        """Return a file of ``kind`` with the place, mode, owner and policy of :data:`LAYOUT`.

        Args:
            kind: What the file is.
            name: Its path below the folder of its kind, usually a bare file name.
            content: Its bytes or the file that holds them.
        """
        place = LAYOUT[kind]
        return cls(
            destination=place.folder / name,
            content=content,
            mode=place.mode,
            owner=place.owner,
            policy=place.policy,
            kind=kind,
        )

    def read(self) -> bytes:
        """Return the content.

        Raises:
            InstallError: The file that holds it cannot be read.
        """
        if isinstance(self.content, bytes):
            return self.content
        try:
            return self.content.read_bytes()
        except OSError as error:
            raise InstallError(
                f"cannot read {self.content}: {error.strerror}", hint="build the pack first"
            ) from error


@dataclass(frozen=True, slots=True)
class PackSource:
    """Everything that one installation brings, built by the caller.

    ``options`` are the choices that led to it (which sources, which responses, parameters); they
    are remembered in RECORD.json, which root and Wazuh can read, so no secret belongs there.

    Raises:
        InstallError: Two files have the same destination.
    """

    version: str
    files: tuple[PackFile, ...]
    conf: ConfBlock
    options: Mapping[str, str | bool | tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen: set[PurePosixPath] = set()
        for file in self.files:
            if file.destination in seen:
                raise InstallError(f"two files would be installed as {file.destination}")
            seen.add(file.destination)


def is_inner_path(path: PurePosixPath) -> bool:
    """Say whether ``path`` is relative, not empty and without ``..``, NUL or newline."""
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and not any(char in str(path) for char in "\0\n\r")
    )
