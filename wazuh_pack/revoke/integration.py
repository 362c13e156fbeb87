"""Takes an alert as integratord hands it over.

Integratord (4.14.7) starts ``integrations/custom-<name>`` as user ``wazuh`` with the alert's file
as first argument and the file of the ``<options>`` as fifth (empty without any). Between them
stand key and URL, which are not used here: command lines are public on the machine. Its alerts have
passed neither the white list nor the filter of user names, and may be larger than execd's messages.

The options are ``{"arguments": "--field ..."}``, the words that execd would pass on.
"""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

from wazuh_pack.agentkit.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_ALERT = 1 << 20
_MAX_OPTIONS = 65_536
_ALERT, _OPTIONS = 1, 5
_KEPT = ("rule", "agent", "id", "decoder", "location", "data", "full_log", "timestamp")
_MAX_MESSAGE = 100_000


def message_from(argv: Sequence[str]) -> bytes:
    """Return the message that execd would have sent for the alert in the file ``argv[1]``.

    Raises:
        MessageError: A file is not there, or not what it should be.
    """
    if len(argv) <= _ALERT:
        raise MessageError("integratord gives the alert's file as first argument")
    alert = _object(argv[_ALERT], _MAX_ALERT, "the alert's file")
    document = {
        "version": 1,
        "origin": {"name": "", "module": "wazuh-integratord"},
        "command": "add",
        "parameters": {
            "extra_args": _arguments(argv),
            "alert": {name: alert[name] for name in _KEPT if name in alert},
            "program": "",
        },
    }
    message = json.dumps(document, separators=(",", ":")).encode("ascii")
    if len(message) > _MAX_MESSAGE:
        document["parameters"]["alert"].pop("full_log", None)  # type: ignore[index] # a dict, see above
        message = json.dumps(document, separators=(",", ":")).encode("ascii")
    if len(message) > _MAX_MESSAGE:
        raise MessageError(f"the alert is longer than {_MAX_MESSAGE} bytes")
    return message


def _arguments(argv: Sequence[str]) -> list[str]:
    path = argv[_OPTIONS] if len(argv) > _OPTIONS else ""
    if not path:
        return []
    words = _object(path, _MAX_OPTIONS, "the options' file").get("arguments", "")
    if not isinstance(words, str):
        raise MessageError("the options' 'arguments' are not text")
    return words.split()


def _object(path: str, limit: int, what: str) -> dict[str, Any]:
    try:
        found = json.loads(_read(path, limit, what).decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise MessageError(f"{what} is not JSON: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise MessageError(f"{what} is not a JSON object")
    return found


def _read(path: str, limit: int, what: str) -> bytes:
    """Read a file without following a link or waiting at a pipe somebody put there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise MessageError(f"{what} cannot be read: {error.strerror}") from None
    with os.fdopen(fd, "rb") as stream:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise MessageError(f"{what} is not a regular file")
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise MessageError(f"{what} is larger than {limit} bytes")
    return content
