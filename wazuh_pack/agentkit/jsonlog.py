r"""One line per decision in ``logs/active-responses.log``.

The line begins as analysisd 4.14.7's stock decoder ``ar_log_json`` wants it, ``YYYY/MM/DD HH:MM:SS
active-response/bin/<program>: ``, followed by a compact JSON object. ``command`` and
``parameters.program`` are what stock rule 657 shows. Everything else of ours is under
``wazuh_pack``, where no name is one of Wazuh's static fields: in particular the line has no
``srcip`` (the stock decoder would take it from ``"data":{"srcip":``), so that its alert can never
make Wazuh start a response again.
"""

from __future__ import annotations

import time

from wazuh_pack.agentkit.errors import UntrustedFileError
from wazuh_pack.agentkit.files import append
from wazuh_pack.agentkit.jsontext import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_TEXT = 1024


def clean(text: str, limit: int = _MAX_TEXT) -> str:
    """Return text that is safe in a log: printable characters only, at most ``limit`` of them."""
    return "".join(c if c.isprintable() else "?" for c in text[:limit])


def format_line(program: str, command: str, fields: Mapping[str, object], now: float) -> bytes:
    """Return the log line of one decision.

    Args:
        program: Name of our executable, without its folder.
        command: ``add``, ``delete``, or empty when the message did not get as far.
        fields: What goes under ``wazuh_pack``; texts are cleaned, empty texts and None left out.
        now: Seconds since the epoch; written in local time, as Wazuh does.
    """
    path = f"active-response/bin/{program}"
    document: dict[str, object] = {"command": command} if command else {}
    document["parameters"] = {"program": path}
    document["wazuh_pack"] = {
        key: clean(value) if isinstance(value, str) else value
        for key, value in fields.items()
        if value is not None and value != ""
    }
    stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(now))
    return f"{stamp} {path}: {dumps(document)}\n".encode("ascii")


class DecisionLog:
    """Appends decisions to one log file."""

    __slots__ = ("_path", "_program")

    def __init__(self, path: str, program: str) -> None:
        self._path = path
        self._program = program

    def write(self, command: str, fields: Mapping[str, object]) -> bool:
        """Append one decision; return False when the log cannot be written.

        There is nobody to tell: execd throws away standard error and the exit status.
        """
        try:
            append(self._path, format_line(self._program, command, fields, time.time()))
        except (OSError, UntrustedFileError):
            return False
        return True
