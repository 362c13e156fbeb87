"""The socket: accepts, hands every connection to a thread, cleans up."""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import threading
from typing import TYPE_CHECKING

from wazuh_pack.errors import PackError
from wazuh_pack.serve.framing import Gone, OversizeError, receive, send

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from wazuh_pack.serve.answers import Responder
    from wazuh_pack.serve.sessions import SessionStore

MODE = 0o660
"""The socket's mode: owner and group may ask, as at a manager."""
PATIENCE = 5.0
"""Seconds that a client has for its message, and for taking the answer."""
CONNECTIONS = 16
"""How many clients are served at once; others wait in the queue of the socket."""
_BACKLOG = 64
_SWEEP_AT_MOST_EVERY = 30.0


class Server:
    """Listens on a UNIX socket from entering until leaving the context; serves while it runs."""

    def __init__(
        self,
        path: Path,
        responder: Responder,
        sessions: SessionStore,
        *,
        patience: float = PATIENCE,
        connections: int = CONNECTIONS,
    ) -> None:
        """Prepare.

        Args:
            path: The socket. One that nobody listens on any more is replaced.
            responder: Answers.
            sessions: Idle ones are closed now and then.
            patience: Seconds that one message may take.
            connections: How many clients are served at once.
        """
        self._path = path
        self._responder = responder
        self._sessions = sessions
        self._patience = patience
        self._free = threading.BoundedSemaphore(connections)
        self._listener: socket.socket | None = None
        self._identity: tuple[int, int] | None = None
        self._wake: tuple[socket.socket, socket.socket] | None = None

    def __enter__(self) -> Server:  # noqa: PYI034 - typing.Self needs Python 3.11
        """Bind the socket.

        Raises:
            PackError: Something else is at the path, somebody listens there, or it cannot be bound.
        """
        _clear(self._path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o777 & ~MODE)
        try:
            listener.bind(str(self._path))
        except OSError as error:
            listener.close()
            raise PackError(f"cannot listen on {self._path}: {error.strerror or error}") from error
        finally:
            os.umask(mask)
        status = self._path.stat()
        self._identity = status.st_dev, status.st_ino
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        self._listener = listener
        self._wake = socket.socketpair()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the socket and remove it, unless another has taken its place."""
        for held in (self._listener, *(self._wake or ())):
            if held is not None:
                held.close()
        try:
            status = self._path.lstat()
            if (status.st_dev, status.st_ino) == self._identity:
                self._path.unlink()
        except FileNotFoundError:
            pass

    def stop(self) -> None:
        """Let :meth:`run` return; may be called from a signal handler or another thread."""
        if self._wake is not None:
            self._wake[0].send(b"x")

    def run(self) -> None:
        """Serve until :meth:`stop`."""
        listener = self._listener
        if listener is None or self._wake is None:
            return
        woken = self._wake[1]
        sweep = min(self._sessions.idle_limit, _SWEEP_AT_MOST_EVERY)
        while True:
            ready, _, _ = select.select([listener, woken], [], [], sweep)
            self._sessions.expire()
            if woken in ready:
                return
            if ready and self._free.acquire(timeout=self._patience):
                self._accept(listener)

    def _accept(self, listener: socket.socket) -> None:
        """Serve one connection in a thread of its own, which frees its place at the end."""
        try:
            connection, _ = listener.accept()
        except OSError:
            # gone again, or no file descriptor is left just now
            self._free.release()
            return
        threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                try:
                    answer = self._responder.answer(receive(connection, patience=self._patience))
                except OversizeError:
                    answer = self._responder.too_large()
                send(connection, answer, patience=self._patience)
        except Gone:
            pass
        finally:
            self._free.release()


def _clear(path: Path) -> None:
    """Remove a socket that nobody listens on."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise PackError(f"{path} exists and is no socket", hint="choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError as error:
            if error.errno != errno.ECONNREFUSED:
                raise PackError(f"cannot tell whether {path} is in use: {error}") from error
            path.unlink()
            return
    raise PackError(f"{path} is in use", hint="another server, or a manager, listens there")
