"""Our own memory of who was blocked: for longer blocks of repeat offenders, and to restore.

One JSON line per address, in 256 files by a checksum of the address. A change rewrites one of the
small files as a whole, so it takes about as long with 100,000 addresses as with ten, needs no
database library on the agent, and leaves the old or the new content when the process is killed.
Only the process that holds the inbox's worker lock writes; others may read at any time.
"""

from __future__ import annotations

from wazuh_pack.agentkit.files import names, read, write_atomic
from wazuh_pack.agentkit.jsontext import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAX_FILE = 64 << 20
_SUFFIX = ".jsonl"


class Record:
    """What is remembered of one address; times are seconds since the epoch.

    Attributes:
        target: The address as text.
        offences: How often it was blocked anew; a block that is merely prolonged does not count.
        until: When its latest block ends or ended.
        duration: How many seconds that block lasts when nothing prolongs it.
    """

    __slots__ = ("duration", "offences", "target", "until")

    def __init__(self, *, target: str, offences: int, until: float, duration: int) -> None:
        self.target = target
        self.offences = offences
        self.until = until
        self.duration = duration

    def remaining(self, now: float) -> int:
        """Return how many whole seconds the block still lasts, 0 when it is over.

        Never more than its duration: a clock that was set back must not prolong a block.
        """
        return max(0, min(round(self.until - now), self.duration))


class Store:
    """The records in one folder."""

    __slots__ = ("_folder", "_forget_after")

    def __init__(self, folder: str, forget_after: int) -> None:
        self._folder = folder
        self._forget_after = forget_after

    def get(self, target: str, now: float) -> Record | None:
        """Return what is remembered of an address; nothing once it is forgotten."""
        record = self._read(_file_of(target)).get(target)
        return record if record and not self._forgotten(record, now) else None

    def put(self, records: Iterable[Record], now: float) -> None:
        """Remember these records in place of older ones, and forget what is due in their files.

        Raises:
            OSError: The folder cannot be written.
        """
        groups: dict[str, list[Record]] = {}
        for record in records:
            groups.setdefault(_file_of(record.target), []).append(record)
        for name, group in groups.items():
            content = self._read(name)
            content.update((record.target, record) for record in group)
            lines = [_line(r) for r in content.values() if not self._forgotten(r, now)]
            write_atomic(f"{self._folder}/{name}", "".join(lines).encode("ascii"))

    def live(self, now: float) -> Iterator[Record]:
        """Yield the records whose block is not over."""
        for name in names(self._folder):
            if name.endswith(_SUFFIX):
                yield from (r for r in self._read(name).values() if r.remaining(now))

    def _forgotten(self, record: Record, now: float) -> bool:
        return now - record.until > self._forget_after

    def _read(self, name: str) -> dict[str, Record]:
        found = {}
        for line in (read(f"{self._folder}/{name}", _MAX_FILE) or b"").splitlines():
            record = _parse(line)
            if record:
                found[record.target] = record
        return found


def _file_of(target: str) -> str:
    number = 0
    for byte in target.encode("ascii"):
        number = (number * 31 + byte) & 0xFFFF
    return f"{(number ^ number >> 8) & 0xFF:02x}{_SUFFIX}"


def _line(record: Record) -> str:
    fields = [record.target, record.offences, round(record.until, 3), record.duration]
    return dumps(fields) + "\n"


def _parse(line: bytes) -> Record | None:
    """Return the record in a line; None for a line that a power cut has damaged."""
    try:
        target, offences, until, duration = loads(line.decode("ascii"))
        return Record(
            target=str(target),
            offences=int(offences),
            until=float(until),
            duration=int(duration),
        )
    except (ValueError, TypeError):
        return None
