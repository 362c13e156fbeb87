"""Takes an alert as integratord hands it over.

Integratord (4.14.7) starts ``integrations/custom-<name>`` as user ``wazuh`` with the alert's file
as first argument, followed by key, URL and options that are not used here: command lines are public
on the machine. Its alerts have passed neither the white list nor the filter of user names, and may
be larger than execd's messages.
"""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

from wazuh_pack.agentkit.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_ALERT = 1 << 20
_KEPT = ("rule", "agent", "id", "decoder", "location", "data", "full_log", "timestamp")
_MAX_MESSAGE = 100_000


def message_from(argv: Sequence[str]) -> bytes:
    """Return the message that execd would have sent for the alert in the file ``argv[1]``.

    Raises:
        MessageError: There is no such file, or it holds no alert.
    """
    try:
        alert = json.loads(_read(argv[1]).decode("utf-8", "replace"))
    except IndexError:
        raise MessageError("integratord gives the alert's file as first argument") from None
    except (ValueError, RecursionError) as error:
        raise MessageError(f"the alert's file is not JSON: {type(error).__name__}") from None
    if not isinstance(alert, dict):
        raise MessageError("the alert's file is not a JSON object")
    document = {
        "version": 1,
        "origin": {"name": "", "module": "wazuh-integratord"},
        "command": "add",
        "parameters": {
            "extra_args": [],
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


def _read(path: str) -> bytes:
    """Read the file without following a link or waiting at a pipe somebody put there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise MessageError(f"the alert's file cannot be read: {error.strerror}") from None
    with os.fdopen(fd, "rb") as stream:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise MessageError("the alert's file is not a regular file")
        content = stream.read(_MAX_ALERT + 1)
    if len(content) > _MAX_ALERT:
        raise MessageError(f"the alert's file is larger than {_MAX_ALERT} bytes")
    return content
