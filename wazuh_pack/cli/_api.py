"""Options that lead to a manager's API, shared by the commands that ask it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wazuh_pack import deploy

if TYPE_CHECKING:
    from collections.abc import Callable

_Command = TypeVar("_Command", bound="Callable[..., Any]")

ACCESS = (
    click.option(
        "--ca",
        type=click.Path(path_type=Path),
        help="Certificates (PEM) to trust for the API instead of the system's.",
    ),
    click.option(
        "--credentials",
        "credentials_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File of mode 0600 with WAZUH_API_USER= and WAZUH_API_PASSWORD=  [the environment]",
    ),
)


def access(command: _Command) -> _Command:
    """Add ``--ca`` and ``--credentials``."""
    for option in reversed(ACCESS):
        command = option(command)
    return command


def connect(url: str, ca: Path | None, credentials_file: Path | None) -> deploy.Api:
    """Return the API; nothing is sent yet.

    Raises:
        PackError: the address, the CA or the credentials are not usable.
    """
    if credentials_file:
        credentials = deploy.from_file(credentials_file)
    else:
        credentials = deploy.from_environment(os.environ)
    return deploy.Api(url, credentials, ca=ca)
