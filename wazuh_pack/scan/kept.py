"""What was read well last time, for when it cannot be read: a half-written file changes nothing."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from wazuh_pack.agentkit.files import read, write_atomic

if TYPE_CHECKING:
    from pathlib import Path

_LIMIT = 64 << 20


def load(path: Path) -> Any:
    """Return what :func:`save` wrote; ``None`` if it is lost or damaged."""
    try:
        return json.loads(read(str(path), _LIMIT) or b"null")
    except (ValueError, RecursionError):
        return None


def save(path: Path, document: object) -> None:
    """Keep a document of JSON's types, if it is another than the one that is there."""
    content = json.dumps(document, sort_keys=True).encode("ascii")
    with suppress(OSError):  # a full disk is told of where it hurts
        if read(str(path), _LIMIT) != content:
            write_atomic(str(path), content)
