"""The Wazuh home to install into: where it is, what it is, who its files belong to."""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wazuh_pack.errors import InstallError
from wazuh_pack.install.fs import Tree

if TYPE_CHECKING:
    from wazuh_pack.install.source import Owner

DEFAULT_HOME = Path("/var/ossec")
CONF = PurePosixPath("etc/ossec.conf")
OLDEST = (4, 3)
"""The first release with the user ``wazuh``, the present daemon names and the github module."""
NEWEST = (4, 14)
"""The last release that the pack was checked against."""

_NEXT_GENERATION = ("etc/wazuh-manager.conf", "bin/wazuh-manager-control")
_NEXT_HOME = Path("var/wazuh-manager")
_SETTING = re.compile(r'^(VERSION|TYPE)="?([^"\n]*)"?\s*$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Target:
    """A Wazuh home.

    ``version`` is empty when the tree does not tell it, as an empty staging folder does not.
    ``wazuh_ids`` are the ids of the user and the group ``wazuh``; None when they are unknown or
    this process may not give files away: then owners are left as they come, recorded and said.
    ``staged`` means that no Wazuh runs from this tree, now or yet.
    """

    home: Path
    version: str
    is_manager: bool
    staged: bool
    wazuh_ids: tuple[int, int] | None
    privileged: bool
    """Whether this process may give files to others, that is, runs as root."""

    def ids(self, owner: Owner) -> tuple[int, int] | None:
        """Return the uid and gid for a file of ``owner`` and the group ``wazuh``."""
        if self.wazuh_ids is None:
            return None
        uid, gid = self.wazuh_ids
        return (0 if owner == "root" else uid), gid


def detect(*, home: Path | None = None, destdir: Path | None = None) -> Target:
    """Find the Wazuh home and what is known about it; nothing is run, nothing is changed.

    Without ``destdir`` the home is ``home`` or ``/var/ossec`` and must be an installed manager.
    With ``destdir`` the tree is staged: the home is ``destdir`` itself if that has an
    ``etc/ossec.conf`` and no ``var/ossec`` (a bare home such as the demo's), else
    ``destdir/var/ossec`` (or ``destdir`` plus ``home``), which need not exist yet.

    Raises:
        InstallError: There is no manager, it is an agent, its version is not supported, or this
            process may not install there.
    """
    staged = destdir is not None
    if destdir is None:
        base = Path("/")
        place = (home or DEFAULT_HOME).resolve()
    else:
        base = destdir.resolve()
        inner = base.joinpath(*(Path("/") / (home or DEFAULT_HOME)).parts[1:])
        bare = not inner.is_dir() and (base / CONF).is_file()
        place = base if bare else inner.resolve()
        if not place.is_relative_to(base):
            raise InstallError(f"{inner} leads out of {base}", hint="remove the link")
    if not staged and not place.is_dir():
        _refuse_next(base / _NEXT_HOME)
        raise InstallError(
            f"there is no Wazuh in {place}", hint="name its home, or a DESTDIR to stage the files"
        )
    try:
        _refuse_next(place)
        with Tree(place) as tree:
            version, kind = _version(tree)
            is_manager = kind in {"server", "local"} if kind else _looks_like_manager(tree)
    except PermissionError as error:
        raise _needs_root(place) from error
    ids = _wazuh_ids(base)
    _check_version(place, version)
    if not staged:
        _check_manager(place, is_manager=is_manager, knows_wazuh=ids is not None)
    return Target(
        home=place,
        version=version,
        is_manager=is_manager or staged,
        staged=staged,
        wazuh_ids=ids,
        privileged=os.geteuid() == 0,
    )


def version_numbers(version: str) -> tuple[int, int]:
    """Return major and minor of ``4.14.7`` or ``v4.14.7``; zeros when it is no version."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _refuse_next(place: Path) -> None:
    if any((place / name).exists() for name in _NEXT_GENERATION):
        raise _too_new(place, "5")


def _too_new(place: Path, version: str) -> InstallError:
    return InstallError(
        f"{place} is Wazuh {version}, which loads neither XML rules nor XML decoders",
        hint=f"the pack installs into {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]};"
        " stay with Wazuh 4 or keep a second manager for it",
    )


def _check_version(place: Path, version: str) -> None:
    numbers = version_numbers(version)
    if not any(numbers):
        return
    if numbers[0] > NEWEST[0]:
        raise _too_new(place, version)
    if numbers < OLDEST:
        raise InstallError(
            f"{place} is Wazuh {version}, older than {OLDEST[0]}.{OLDEST[1]}",
            hint="upgrade Wazuh first",
        )


def _check_manager(place: Path, *, is_manager: bool, knows_wazuh: bool) -> None:
    if not is_manager and not (place / "bin/wazuh-agentd").exists():
        raise InstallError(f"there is no Wazuh in {place}", hint="name its home with --home")
    if not is_manager:
        raise InstallError(
            f"{place} is a Wazuh agent",
            hint="install on the manager; for agents, build the bundle: wazuh-pack bundle --agent",
        )
    if os.geteuid() != 0:
        raise _needs_root(place)
    if not knows_wazuh:
        raise InstallError(
            f"{place} is a manager, but this system has no user and group wazuh",
            hint="is the home mounted from another system? stage the files with DESTDIR there",
        )


def _needs_root(place: Path) -> InstallError:
    return InstallError(
        f"looking at {place} and installing into it need root",
        hint="files that Wazuh runs as root must belong to root; use sudo, or stage the files"
        " with DESTDIR",
    )


def _version(tree: Tree) -> tuple[str, str]:
    """Return version and installation type as ``wazuh-control info`` prints them.

    The type and, before 4.12, the version are constants in that script, so it is read, not run.
    """
    settings = dict(_SETTING.findall(_text(tree, "bin/wazuh-control")))
    version = settings.get("VERSION", "")
    try:
        stated = json.loads(_text(tree, "VERSION.json") or "{}")
    except ValueError:
        stated = {}
    if isinstance(stated, dict) and isinstance(stated.get("version"), str):
        version = stated["version"]
    return version.removeprefix("v"), settings.get("TYPE", "")


def _text(tree: Tree, path: str) -> str:
    loaded = tree.load(PurePosixPath(path))
    return loaded[0].decode("utf-8", "replace") if loaded else ""


def _looks_like_manager(tree: Tree) -> bool:
    return tree.folder(PurePosixPath("ruleset/rules")) is not None


def _wazuh_ids(base: Path) -> tuple[int, int] | None:
    """Return the ids of ``wazuh`` as the system in ``base`` knows them, else as this one does."""
    if os.geteuid() != 0:
        return None
    uid = _id_in(base / "etc/passwd")
    gid = _id_in(base / "etc/group")
    if uid is None or gid is None:
        try:
            uid, gid = pwd.getpwnam("wazuh").pw_uid, grp.getgrnam("wazuh").gr_gid
        except KeyError:
            return None
    return uid, gid


def _id_in(database: Path) -> int | None:
    try:
        lines = database.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split(":")
        if fields[0] == "wazuh" and len(fields) > 2 and fields[2].isdecimal():  # noqa: PLR2004 name:password:id
            return int(fields[2])
    return None
