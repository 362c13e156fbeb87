"""Resolves the host names that are never blocked, without letting DNS hold up a block."""

from __future__ import annotations

from wazuh_pack.agentkit.errors import AgentError
from wazuh_pack.agentkit.files import read, write_atomic
from wazuh_pack.agentkit.jsontext import dumps, loads
from wazuh_pack.agentkit.process import find_program, run
from wazuh_pack.agentkit.text import ALPHANUMERIC, DIGITS, consists_of
from wazuh_pack.respond.address import is_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LONGEST_NAME = 253
_LONGEST_LABEL = 63
_LABEL = ALPHANUMERIC | frozenset("_-")
_FRESH = 300
_SECONDS = 2.0
_MAX_CACHE = 1 << 20


class UnresolvedNameError(AgentError):
    """A protected name whose addresses nobody knows: blocking could hit it."""


def is_name(text: str) -> bool:
    """Return whether ``text`` can be a host name and nothing else.

    A name's last label is never all digits, so no address passes.
    """
    if len(text) > _LONGEST_NAME:
        return False
    labels = (text[:-1] if text.endswith(".") else text).split(".")
    return all(map(_is_label, labels)) and not DIGITS.issuperset(labels[-1])


def _is_label(text: str) -> bool:
    ends = text[:1] + text[-1:]
    return consists_of(text, _LABEL, _LONGEST_LABEL) and ALPHANUMERIC.issuperset(ends)


def getent(name: str) -> list[str]:
    """Return the addresses that this host's own resolution (files, DNS, ...) gives for a name."""
    result = run([find_program("getent"), "ahosts", name], seconds=_SECONDS)
    if result.status != 0:
        return []
    lines = result.output.decode("ascii", "replace").splitlines()
    return sorted({line.split()[0] for line in lines if line.strip()})


class NameCache:
    """Addresses of names, remembered in a file.

    A remembered answer is used at once however old it is, because an old answer protects better
    than a late one; :meth:`refresh` asks again afterwards.
    """

    __slots__ = ("_known", "_lookup", "_path")

    def __init__(self, path: str, lookup: Callable[[str], list[str]] = getent) -> None:
        self._path = path
        self._lookup = lookup
        self._known = _load(path)

    def addresses(self, names: Sequence[str], now: float) -> list[tuple[str, str]]:
        """Return pairs of name and address.

        Raises:
            UnresolvedNameError: A name cannot be resolved and never could.
        """
        for name in names:
            if not self._addresses(name):
                self._ask(name, now)
            if not self._addresses(name):
                raise UnresolvedNameError(
                    f"the protected name {name} cannot be resolved; repair name resolution, or "
                    "write its addresses into 'never'"
                )
        return [(name, address) for name in names for address in self._addresses(name)]

    def refresh(self, names: Sequence[str], now: float) -> None:
        """Ask again for what is older than five minutes; a failure keeps the old answer."""
        for name in names:
            asked = self._known[name][0] if name in self._known else 0.0
            if not 0 <= now - asked < _FRESH:
                self._ask(name, now)

    def _addresses(self, name: str) -> list[str]:
        return self._known[name][1] if name in self._known else []

    def _ask(self, name: str, now: float) -> None:
        found = [text for text in self._lookup(name) if is_address(text)]
        self._known[name] = (now, found or self._addresses(name))
        write_atomic(self._path, dumps(self._known).encode())


def _load(path: str) -> dict[str, tuple[float, list[str]]]:
    try:
        document = loads((read(path, _MAX_CACHE) or b"{}").decode("utf-8"))
        return {
            name: (float(when), [text for text in found if is_address(text)])
            for name, (when, found) in document.items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}  # written by nobody but us: damaged, so ask anew
