"""Containers of a run: started with a label, looked into, removed whatever happens."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import shlex
import socket
import tarfile
import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from wazuh_pack.errors import HarnessError
from wazuh_pack.harness import inside
from wazuh_pack.harness.dockerd import reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LABEL = "org.wazuh-pack.harness"
"""On every container of ours; its value names the run: host, process, random word."""
HOME = PurePosixPath("/var/ossec")
PYTHON = HOME / "framework/python/bin/python3"
"""Wazuh's own; an image of 4.14 has neither make nor pip (wazuh-docker v4.14.6)."""
OURS = PurePosixPath("/opt/wazuh-pack-harness")
"""Where we put what we need; nothing below Wazuh's home, which has to stay as it was."""
HOSTNAME = "wazuh.manager"

_PROBE = OURS / "inside.py"
_ASKED = "asked-{}.json"
_ENVIRONMENT = {
    "PYTHONPYCACHEPREFIX": str(OURS / "code"),
    "PYTHONNOUSERSITE": "1",
    "LC_ALL": "C.UTF-8",
}
"""Compiled code is kept, for speed, but not beside Wazuh's own."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a program in a container ended, and what it said."""

    code: int
    output: str
    errors: str

    @property
    def lines(self) -> list[str]:
        """All that it said, errors last."""
        return [line for line in (self.output + self.errors).splitlines() if line.strip()]


class Containers:
    """The containers of one run; use it as a context manager. Safe to use from several threads."""

    def __init__(self, client: Any, *, keep: bool = False) -> None:
        self._client = client
        self._keep = keep
        self._run = f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(3)}"
        self._closed = False
        self._lock = threading.Lock()

    def __enter__(self) -> Containers:  # noqa: PYI034 typing.Self is 3.11's
        """Remove what a run of this machine that was killed has left."""
        for container in self._labelled():
            host, _, rest = container.labels.get(LABEL, "").partition(" ")
            pid = rest.partition(" ")[0]
            if host == socket.gethostname() and pid.isdecimal() and not _lives(int(pid)):
                _remove(container)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove every container of this run, also one that is being started just now."""
        with self._lock:
            self._closed = True
        for container in [] if self._keep else self._labelled(self._run):
            _remove(container)

    def start(self, image: Any, *, net_admin: bool) -> Manager:
        """Start a container of an image.

        Raises:
            HarnessError: The engine refuses, or the run is over.
        """
        from docker.errors import DockerException  # noqa: PLC0415 - an extra

        with self._lock:
            if self._closed:
                raise HarnessError("the run is over")
            try:
                container = self._client.containers.create(
                    image.id,
                    name=f"wp-harness-{secrets.token_hex(4)}",
                    hostname=HOSTNAME,
                    labels={LABEL: self._run},
                    cap_add=["NET_ADMIN"] if net_admin else [],
                )
            except DockerException as error:
                raise HarnessError(
                    f"the engine makes no container of it: {reason(error)}"
                ) from error
        try:
            container.start()
        except DockerException as error:
            raise HarnessError(f"the engine does not start it: {reason(error)}") from error
        return Manager(container)

    def _labelled(self, run: str = "") -> list[Any]:
        label = f"{LABEL}={run}" if run else LABEL
        found: list[Any] = self._client.containers.list(
            all=True, filters={"label": label}, ignore_removed=True
        )
        return found


def _remove(container: Any) -> None:
    from docker.errors import DockerException  # noqa: PLC0415 - an extra

    with contextlib.suppress(DockerException):  # it may be gone already
        container.remove(force=True, v=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Manager:
    """A container with a Wazuh manager in it."""

    def __init__(self, container: Any) -> None:
        self._container = container
        self._asked = 0

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self._container.name)

    def run(self, argv: Iterable[str], environment: Mapping[str, str] | None = None) -> Done:
        """Run a program as root and wait for its end.

        Raises:
            HarnessError: The container is gone.
        """
        from docker.errors import DockerException  # noqa: PLC0415 - an extra

        words = [str(word) for word in argv]
        try:
            code, (output, errors) = self._container.exec_run(
                words, demux=True, user="root", environment={**_ENVIRONMENT, **(environment or {})}
            )
        except (DockerException, OSError) as error:
            raise HarnessError(f"cannot run {shlex.join(words)}: {error}") from error
        return Done(code, _text(output), _text(errors))

    def ask(
        self,
        command: str,
        *arguments: str,
        request: Any = None,
        environment: Mapping[str, str] | None = None,
    ) -> list[Any]:
        """Let :mod:`~wazuh_pack.harness.inside` carry out a command; return its answers.

        ``request`` is handed over as a file, named by the first argument.

        Raises:
            HarnessError: It failed.
        """
        words = list(arguments)
        if request is not None:
            self._asked += 1
            name = _ASKED.format(self._asked)
            self.put({OURS / name: json.dumps(request).encode()})
            words.append(str(OURS / name))
        done = self.run([str(PYTHON), str(_PROBE), command, str(HOME), *words], environment)
        if done.code:
            said = done.errors.splitlines() or [f"exit code {done.code}"]
            raise HarnessError(f"{command}: {said[-1]}", details=said)
        return [json.loads(line) for line in done.output.splitlines()]

    def ask_one(self, command: str, *arguments: str, request: Any = None) -> dict[str, Any]:
        """Return the only answer of a command."""
        (answer,) = self.ask(command, *arguments, request=request)
        if not isinstance(answer, dict):
            raise HarnessError(f"{command}: unexpected answer")
        return answer

    def prepare(self) -> None:
        """Put our own program into the container."""
        self.put({_PROBE: Path(inside.__file__).read_bytes()})

    def put(self, files: Mapping[PurePosixPath, bytes], *, mode: int = 0o644) -> None:
        """Write files, owned by root, with the folders they need."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path, content in files.items():
                entry = tarfile.TarInfo(str(path).lstrip("/"))
                entry.size, entry.mode = len(content), mode
                archive.addfile(entry, io.BytesIO(content))
        self.unpack(buffer.getvalue())

    def unpack(self, archive: bytes) -> None:
        """Unpack a tar archive over the container's root.

        Raises:
            HarnessError: The engine refuses.
        """
        from docker.errors import DockerException  # noqa: PLC0415 - an extra

        try:
            self._container.put_archive("/", archive)
        except (DockerException, OSError) as error:
            raise HarnessError(f"cannot copy files into the container: {error}") from error

    def fetch(self, path: PurePosixPath, into: Path) -> None:
        """Copy a file or folder of the container into a folder; links are left out.

        Raises:
            HarnessError: It is not there.
        """
        from docker.errors import DockerException  # noqa: PLC0415 - an extra

        try:
            parts, _ = self._container.get_archive(str(path))
            with tarfile.open(fileobj=io.BytesIO(b"".join(parts)), mode="r") as archive:
                _extract(archive, into)
        except (DockerException, OSError) as error:
            raise HarnessError(f"cannot copy {path} out of the container: {error}") from error

    def last_words(self, count: int = 20) -> list[str]:
        """Return the end of the container's own output."""
        from docker.errors import DockerException  # noqa: PLC0415 - an extra

        try:
            return _text(self._container.logs(tail=count)).splitlines()
        except DockerException:
            return []

    def runs(self) -> bool:
        """Say whether the container runs."""
        self._container.reload()
        return bool(self._container.status == "running")


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")


def _extract(archive: tarfile.TarFile, into: Path) -> None:
    """Write the files of an archive; nothing can leave the folder."""
    for member in _plain(archive):
        path = into.joinpath(*PurePosixPath(member.name).parts)
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        stream = archive.extractfile(member)
        if stream is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(stream.read())


def _plain(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in archive:
        parts = PurePosixPath(member.name).parts
        if (member.isfile() or member.isdir()) and ".." not in parts and parts[:1] != ("/",):
            yield member
