"""One message: its size as a little-endian 32-bit number, then its bytes."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

MESSAGE_LIMIT = 65535
"""Bytes; analysisd 4.14.7 refuses what is longer."""

_SIZE = struct.Struct("<I")


class OversizeError(Exception):
    """The other side announced a message above the limit."""


class Gone(Exception):  # noqa: N818 - it is not an error: clients go away
    """The other side closed the connection, or took too long."""


def receive(connection: socket.socket, *, patience: float) -> bytes:
    """Return the next message.

    Args:
        connection: The connection.
        patience: Seconds for the whole message, so that a slow sender holds nobody up.

    Raises:
        OversizeError: It is too long; its bytes are not read.
        Gone: It did not come, or not whole, or it is empty.
    """
    deadline = time.monotonic() + patience
    (size,) = _SIZE.unpack(_receive_exactly(connection, _SIZE.size, deadline))
    if size > MESSAGE_LIMIT:
        raise OversizeError
    if not size:
        raise Gone
    return _receive_exactly(connection, size, deadline)


def send(connection: socket.socket, message: bytes, *, patience: float) -> None:
    """Send a message.

    Raises:
        Gone: The other side does not take it.
    """
    connection.settimeout(patience)
    try:
        connection.sendall(_SIZE.pack(len(message)) + message)
    except OSError as error:
        raise Gone from error


def _receive_exactly(connection: socket.socket, size: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    while size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Gone
        connection.settimeout(left)
        try:
            part = connection.recv(size)
        except OSError as error:
            raise Gone from error
        if not part:
            raise Gone
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
