"""Remembers, until the next boot, which ways to block work here and which hold blocks of ours."""

from __future__ import annotations

from wazuh_pack.agentkit.files import read, write_atomic
from wazuh_pack.agentkit.jsontext import dumps, loads
from wazuh_pack.respond.backends.choose import probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wazuh_pack.respond.settings import Settings

_BOOT = "/proc/sys/kernel/random/boot_id"
_MAX_FILE = 1 << 16
_TRY_AGAIN = 3600
_MOVE_AGAIN = 300


class _Memory:
    """A document in a file that is worth nothing after a reboot."""

    __slots__ = ("_boot", "_path", "data")

    def __init__(self, path: str) -> None:
        self._path = path
        self._boot = (read(_BOOT, 64) or b"").decode("ascii", "replace").strip()
        self.data: dict[str, Any] = {}
        try:
            boot, data = loads((read(path, _MAX_FILE) or b"").decode("ascii"))
        except (ValueError, TypeError):
            return  # absent, or damaged by a power cut
        if boot == self._boot:
            self.data = data

    def save(self) -> None:
        """Write it down, if that can be done: no block waits for a full disk."""
        try:
            write_atomic(self._path, dumps([self._boot, self.data]).encode("ascii"))
        except OSError:
            return


class Probes:
    """Finds out once whether a way works: a program that is there may have no kernel to talk to.

    That it works holds until the next boot or until it fails; that it does not, for an hour. Any
    number of processes may use the same file.
    """

    __slots__ = ("_memory", "_now")

    def __init__(self, path: str, now: float) -> None:
        self._memory = _Memory(path)
        self._now = now

    def probe(self, name: str, settings: Settings) -> str:
        """Return why a way does not work, or an empty text."""
        when, reason = self._memory.data.get(name, (None, ""))
        if when is None or (reason and not 0 <= self._now - when < _TRY_AGAIN):
            reason = probe(name, settings)
            self._memory.data[name] = (self._now, reason)
            self._memory.save()
        return str(reason)

    def doubt(self, name: str) -> None:
        """Forget that a way worked: it has failed."""
        if self._memory.data.pop(name, None):
            self._memory.save()


class Holders:
    """The ways that hold blocks of ours; for the process that has the inbox's worker lock."""

    __slots__ = ("_memory", "_now")

    def __init__(self, path: str, now: float) -> None:
        self._memory = _Memory(path)
        self._now = now

    def add(self, name: str) -> None:
        """Remember a way before it is used for the first time."""
        names = self._names()
        if name and name not in names:
            self._memory.data["names"] = [*names, name]
            self._memory.save()

    def others(self, name: str) -> list[str]:
        """Return the ways that hold blocks apart from one."""
        return [other for other in self._names() if other != name]

    def due(self) -> bool:
        """Return whether it is time to try again to take our blocks out of the others."""
        return not 0 <= self._now - self._memory.data.get("failed", -_MOVE_AGAIN) < _MOVE_AGAIN

    def failed(self) -> None:
        """Remember that it could not be done."""
        self._memory.data["failed"] = self._now
        self._memory.save()

    def keep(self, name: str) -> None:
        """Forget all ways but one."""
        self._memory.data = {"names": [name]}
        self._memory.save()

    def _names(self) -> list[str]:
        return list(self._memory.data.get("names", ()))
