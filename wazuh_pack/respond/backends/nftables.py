"""Blocks with nftables: one table of our own, sets whose elements the kernel itself times out.

Why it is built so (measured with nft 1.0.6): a hash set takes an element in the same time however
many it holds, while a set with intervals does not, so hosts and networks are kept apart. The chains
stand before every chain of priority 0, so that packets of established connections are dropped too,
and hook both what is for this host and what it forwards to containers. Replacing an element is the
only way to change its timeout that every kernel knows; it waits for a grace period, so it is done
only for an element that is there.
"""

from __future__ import annotations

from wazuh_pack.agentkit.jsontext import loads
from wazuh_pack.respond.address import Address
from wazuh_pack.respond.backends import Backend, BackendError, Change
from wazuh_pack.respond.backends.call import call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

TABLE = "inet wazuh_pack"
PRIORITY = -10
CAPACITY = 262_144
"""Most elements of a set of hosts: about 30 MB of kernel memory."""

_SETS = {
    "hosts4": ("ipv4_addr", f"size {CAPACITY}; flags timeout;"),
    "hosts6": ("ipv6_addr", f"size {CAPACITY}; flags timeout;"),
    "nets4": ("ipv4_addr", "flags interval, timeout;"),
    "nets6": ("ipv6_addr", "flags interval, timeout;"),
}
_CHAINS = ("input", "forward")
_SECONDS = 5.0
_SECONDS_PER_CHANGE = 0.001
_SECONDS_TO_LIST = 60.0
_ABSENT = b"No such file or directory"
_PRESENT = b"File exists"


class Nftables(Backend):
    """The backend; ``program`` is ``nft`` or an absolute path."""

    name = "nftables"

    def __init__(self, program: str = "nft") -> None:
        self._program = program

    def refusal(self) -> str:
        """See :meth:`Backend.refusal`; the kernel checks all that we need and drops it again."""
        text = "".join(_skeleton() + _rules())
        try:
            result = call(self._program, ["-c", "-f", "-"], stdin=text, seconds=_SECONDS)
        except BackendError as error:
            return str(error)
        return f"nft: {_first_error(result.errors)}" if result.status else ""

    def clear(self) -> None:
        """See :meth:`Backend.clear`."""
        # Adding what is there does nothing, so that the deletion always finds it.
        errors = self._try([f"add table {TABLE}\n", f"delete table {TABLE}\n"], 0)
        if errors:
            raise BackendError(_first_error(errors))

    def apply(self, changes: Sequence[Change], everything: Callable[[], Iterable[Change]]) -> None:
        """See :meth:`Backend.apply`; usually one start of ``nft``."""
        errors = self._try(_changes(changes, careful=False), len(changes))
        if errors and _PRESENT in errors:
            errors = self._try(_changes(changes, careful=True), len(changes))
        if errors and _ABSENT in errors:
            ours = {change.target for change in changes}
            # What is new must not wait for what is old, which may be very much.
            self._put(changes)
            self.restore([change for change in everything() if change.target not in ours])
        elif errors:
            raise BackendError(_first_error(errors))

    def verify(self, everything: Callable[[], Iterable[Change]]) -> None:
        """Write our rules anew; costs the same however many addresses are blocked.

        Somebody may have flushed the chains, which leaves sets that take elements and drop nothing.
        """
        errors = self._try(_rules(), 0)
        if errors and _ABSENT in errors:
            wanted = list(everything())
            if wanted:
                self._put(wanted)
        elif errors:
            raise BackendError(_first_error(errors))

    def missing(self, wanted: Iterable[Change]) -> list[Change]:
        """See :meth:`Backend.missing`; reads each set as a whole, once."""
        present: set[str] = set()
        for name in _SETS:
            present |= self._elements(name)
        return [change for change in wanted if str(change.target) not in present]

    def restore(self, changes: Sequence[Change]) -> None:
        """See :meth:`Backend.restore`."""
        if changes:
            self._put(changes)

    def _elements(self, name: str) -> set[str]:
        words = ["-j", "list", "set", *TABLE.split(), name]
        result = call(self._program, words, seconds=_SECONDS_TO_LIST)
        if result.status == 0:
            try:
                return _listed(loads(result.output.decode("utf-8")))
            except (ValueError, TypeError, KeyError):
                raise BackendError("nft's list of a set cannot be read") from None
        if _ABSENT in result.errors:
            return set()
        raise BackendError(_first_error(result.errors))

    def _put(self, wanted: Sequence[Change]) -> None:
        """Make our table and these changes; first as if none were there, which is much faster."""
        fresh = [Change(change.target, change.seconds, known=False) for change in wanted]
        frame = _skeleton() + _rules()
        errors = self._try(frame + _changes(fresh, careful=False), len(wanted))
        if errors and _PRESENT in errors:
            errors = self._try(frame + _changes(wanted, careful=True), len(wanted))
        if errors:
            raise BackendError(_first_error(errors))

    def _try(self, lines: list[str], size: int) -> bytes:
        """Run one transaction; return what nft complained of, empty when it was done."""
        seconds = _SECONDS + size * _SECONDS_PER_CHANGE
        result = call(self._program, ["-f", "-"], stdin="".join(lines), seconds=seconds)
        return b"" if result.status == 0 else result.errors or b"nft failed without a word"


def _skeleton() -> list[str]:
    lines = [f"add table {TABLE}\n"]
    lines += [f"add counter {TABLE} {name}\n" for name in _SETS]
    lines += [
        f"add set {TABLE} {name} {{ type {kind}; {more} }}\n"
        for name, (kind, more) in _SETS.items()
    ]
    lines += [
        f"add chain {TABLE} {hook} "
        f"{{ type filter hook {hook} priority {PRIORITY}; policy accept; }}\n"
        for hook in _CHAINS
    ]
    return lines


def _rules() -> list[str]:
    lines = [f"flush chain {TABLE} {chain}\n" for chain in _CHAINS]
    for chain in _CHAINS:
        lines.append(f'add rule {TABLE} {chain} iifname "lo" accept\n')
        for name in _SETS:
            family = "ip" if name.endswith("4") else "ip6"
            lines.append(
                f"add rule {TABLE} {chain} {family} saddr @{name} counter name {name} drop\n"
            )
    return lines


def _changes(changes: Sequence[Change], *, careful: bool) -> list[str]:
    """Return the commands for all changes.

    Args:
        changes: What to change.
        careful: Take every target as possibly present. Without it, targets not known are created,
            which fails when they are there after all.
    """
    lines = []
    for change in changes:
        place, target = f"element {TABLE} {_set_of(change)}", str(change.target)
        if change.seconds and not (careful or change.known):
            lines.append(f"create {place} {{ {target} timeout {change.seconds}s }}\n")
            continue
        # Adding what is there does nothing, so that the deletion always finds it.
        lines.append(f"add {place} {{ {target} }}\ndelete {place} {{ {target} }}\n")
        if change.seconds:
            lines.append(f"add {place} {{ {target} timeout {change.seconds}s }}\n")
    return lines


def _set_of(change: Change) -> str:
    kind = "hosts" if isinstance(change.target, Address) else "nets"
    return f"{kind}{change.target.version}"


def _listed(document: Any) -> set[str]:
    """Return the elements in what ``nft -j list set`` says, as :class:`Change` writes them."""
    (found,) = [item["set"] for item in document["nftables"] if "set" in item]
    elements = set()
    for element in found.get("elem", ()):
        value = element["elem"]["val"] if isinstance(element, dict) else element
        if isinstance(value, dict):
            prefix = value.get("prefix")
            value = f"{prefix['addr']}/{prefix['len']}" if prefix else ""
        elements.add(value)
    return elements


def _first_error(errors: bytes) -> str:
    text = errors.decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if "rror" in line] or text.splitlines()
    return lines[0].strip() if lines else "nft failed"
