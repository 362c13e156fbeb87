"""Reads the API's user and password from the environment or from a private file."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_pack.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

USER = "WAZUH_API_USER"
PASSWORD = "WAZUH_API_PASSWORD"  # noqa: S105 - the name of a variable
_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks the API. The password shows in no representation."""

    user: str
    password: str = field(repr=False)


def from_environment(environment: Mapping[str, str]) -> Credentials:
    """Return the credentials in ``WAZUH_API_USER`` and ``WAZUH_API_PASSWORD``.

    Raises:
        DeployError: One of them is missing or empty.
    """
    return _of(environment, "the environment")


def from_file(path: Path) -> Credentials:
    """Return the credentials in a file: lines ``WAZUH_API_USER=`` and ``WAZUH_API_PASSWORD=``.

    Empty lines and lines that begin with ``#`` are skipped; a value reaches to the end of its line.

    Raises:
        DeployError: The file cannot be read, is a link, is not a plain file, belongs to somebody
            else, may be read by others, or lacks a line.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise DeployError(f"cannot read {path}: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        _check_private(path, os.fstat(file.fileno()))
        data = file.read(_MAX_BYTES)
    values = {}
    for line in data.decode("utf-8", "replace").splitlines():
        name, separator, value = line.partition("=")
        if separator and not name.startswith("#"):
            values[name.strip()] = value.strip()
    return _of(values, str(path))


def _check_private(path: Path, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise DeployError(f"{path} is not a plain file")
    if state.st_uid not in {os.geteuid(), 0}:
        raise DeployError(f"{path} belongs to another user", hint=f"chown it to uid {os.geteuid()}")
    if state.st_mode & 0o077:
        mode = stat.S_IMODE(state.st_mode)
        raise DeployError(
            f"{path} holds a password and others may use it (mode {mode:04o})",
            hint=f"chmod 0600 {path}",
        )


def _of(values: Mapping[str, str], where: str) -> Credentials:
    for name in (USER, PASSWORD):
        if not values.get(name):
            raise DeployError(
                f"{where} has no {name}",
                hint=f"set {USER} and {PASSWORD}, or put both into a file of mode 0600 and name it"
                " with --credentials",
            )
    return Credentials(values[USER], values[PASSWORD])
