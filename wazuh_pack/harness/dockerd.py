"""Finds a container engine that speaks Docker's protocol: Docker itself, podman's service."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_pack.errors import HarnessError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNIX = "unix://"
SECONDS = 1_800.0
"""How long the engine may take for one answer. What runs inside has limits of its own, shorter."""


def connect(url: str | None = None) -> Any:
    """Return a client of the engine at ``url``, or of the first that answers.

    Looked at are ``DOCKER_HOST``, Docker's socket, podman's and the user's own podman's.

    Raises:
        HarnessError: The docker package is not installed.
        UnavailableError: No engine answers.
    """
    try:
        import docker  # noqa: PLC0415 - an extra; --help works without it
    except ImportError as error:
        raise HarnessError(
            "the package docker is not installed", hint="pip install 'wazuh-pack[harness]'"
        ) from error
    tried = []
    for candidate in [url] if url else _candidates():
        client, problem = _try(docker, candidate)
        if client is not None:
            return client
        tried.append(f"{candidate}: {problem}")
    raise UnavailableError(
        f"no container engine answers ({'; '.join(tried) or 'no socket is there'})",
        hint="start Docker, or `podman system service --time=0`, or name a socket with --engine",
    )


def _try(docker: Any, url: str) -> tuple[Any, str]:
    """Return a client that answers, or why there is none."""
    try:
        _knock(url)
        client = docker.DockerClient(base_url=url, timeout=SECONDS)
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        return None, reason(error)
    return client, ""


def _knock(url: str) -> None:
    """Raise OSError when nobody listens; the client would leave its own connection open then."""
    if url.startswith(_UNIX):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(url.removeprefix(_UNIX))


def _candidates() -> Iterator[str]:
    named = os.environ.get("DOCKER_HOST")
    if named:
        yield named
        return
    folders = [Path("/var/run/docker.sock"), Path("/run/podman/podman.sock")]
    if "XDG_RUNTIME_DIR" in os.environ:
        folders.append(Path(os.environ["XDG_RUNTIME_DIR"]) / "podman/podman.sock")
    for path in folders:
        if path.is_socket():
            yield f"{_UNIX}{path}"


def reason(error: BaseException) -> str:
    """Return what the engine says, else the innermost reason, which requests wraps."""
    told = getattr(error, "explanation", None)
    while error.__context__ is not None:
        error = error.__context__
    return str(told or error) or type(error).__name__


def find_image(client: Any, name: str, *, pull: bool) -> Any:
    """Return an image, got from its registry when it is not there.

    Raises:
        UnavailableError: It is not there and cannot be got.
    """
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415 - an extra

    try:
        return client.images.get(name)
    except ImageNotFound:
        if not pull:
            raise UnavailableError(f"there is no image {name} here, and --no-pull is set") from None
    try:
        return client.images.pull(*_repository_and_tag(name))
    except (APIError, OSError) as error:
        raise UnavailableError(
            f"there is no image {name} here and it cannot be pulled ({reason(error)})",
            hint=f"load it with `docker load`, or pull {name} where there is a network",
        ) from None


def _repository_and_tag(name: str) -> tuple[str, str]:
    repository, colon, tag = name.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (name, "latest")
