"""Secrets: read from files when ossec.conf is written, and nowhere else.

A parameter that names such a file stands in choices and RECORD.json; what the file holds goes into
our part of ossec.conf (0660 root:wazuh), never into an argument, a log or a plan.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.errors import InstallError, UsageError
from wazuh_pack.install.choices import check_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.model import Source

SECRETS = {"token_file": "api_token"}
"""Parameter that names a file -> name under which the source's fragment uses what it holds."""

_TOO_OPEN = 0o037
_MAX_BYTES = 4096


def reveal(source: Source, parameters: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the secrets that a source's log collection needs, by the name its fragment uses.

    Args:
        source: The source.
        parameters: What the user chose for it.
        home: What relative paths of secret files are relative to.

    Raises:
        InstallError: A file is missing, is a link, can be read by others, or holds no secret.
    """
    merged = {**{k: str(v) for k, v in source.delivery.parameters}, **parameters}
    return {
        SECRETS[name]: _read(home / Path(merged[name]), f"{source.id}.{name}")
        for name in SECRETS
        if name in merged
    }


def _read(path: Path, what: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InstallError(
            f"cannot read {path}: {error.strerror}",
            hint=f"put the secret there (mode 0600, owner root), or name its file with {what}",
        ) from error
    with os.fdopen(fd, "rb") as file:
        _check(os.fstat(fd), path)
        content = file.read(_MAX_BYTES + 1)
    try:
        text = content.decode("ascii").strip()
        check_value(f"the secret in {path}", text)
    except (UnicodeDecodeError, UsageError):
        raise InstallError(
            f"{path} holds no secret that can stand in ossec.conf",
            hint="one line of ASCII without <, > and &",
        ) from None
    if len(content) > _MAX_BYTES:
        raise InstallError(f"{path} is too long for a secret")
    return text


def _check(info: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise InstallError(f"{path} is not a regular file")
    if info.st_uid not in {0, os.geteuid()} or info.st_mode & _TOO_OPEN:
        raise InstallError(
            f"{path} holds a secret, but others can read or change it"
            f" (uid {info.st_uid}, mode {stat.S_IMODE(info.st_mode):04o})",
            hint="chown root it and chmod 0600 it, and renew the secret if it was open for long",
        )
