"""Blocks through firewalld where it runs and there is neither ``nft`` nor ``iptables``.

Each address is a rich rule of every active zone that firewalld itself takes away when its time is
over. It is the last choice, because of what firewalld 1.3 puts before all rich rules: packets of
established connections and packets to containers' published ports are let through. So connections
to this host are ended with ``ss`` as well; a container's published port stays open.
"""

from __future__ import annotations

from wazuh_pack.respond.address import parse_target
from wazuh_pack.respond.backends import Backend, BackendError, Change
from wazuh_pack.respond.backends.call import call, complaint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wazuh_pack.agentkit.process import Result
    from wazuh_pack.respond.address import Address, Network

RULES = 1_000
"""Most addresses at once: every packet is compared with each of them."""

_SECONDS = 20.0
_SECONDS_PER_CHANGE = 0.05
_NOT_RUNNING = 252
_ALREADY = b"ALREADY_ENABLED"
_RULE = 'rule priority="-32768" family="ipv'  # before all other rules of its zone
_ADDRESS = 'source address="'


class Firewalld(Backend):
    """The backend; ``program`` is ``firewall-cmd`` or an absolute path."""

    name = "firewalld"

    def __init__(self, program: str = "firewall-cmd") -> None:
        self._program = program

    def refusal(self) -> str:
        """See :meth:`Backend.refusal`."""
        try:
            result = self._run(["--state"], 0)
        except BackendError as error:
            return str(error)
        if result.status == _NOT_RUNNING:
            return "firewalld: it is not running; start it"
        return f"firewall-cmd: {complaint(result)}" if result.status else ""

    def apply(self, changes: Sequence[Change], everything: Callable[[], Iterable[Change]]) -> None:
        """See :meth:`Backend.apply`; several commands, the next run completes what one left."""
        new = [change for change in changes if change.seconds]
        if new and len({c.target for c in (*new, *everything())}) > RULES:
            raise BackendError(f"more than {RULES} addresses need nftables or ipset; install one")
        zones = self._zones()
        self._remove([change for change in changes if change.known or not change.seconds], zones)
        if self._add(new, zones):
            self._remove(new, zones)
            self._add(new, zones)
        _end_connections([change.target for change in new])

    def restore(self, changes: Sequence[Change]) -> None:
        """See :meth:`Backend.restore`."""
        self.apply([Change(c.target, c.seconds, known=False) for c in changes], lambda: ())

    def missing(self, wanted: Iterable[Change]) -> list[Change]:
        """See :meth:`Backend.missing`."""
        found = [self._listed(zone) for zone in self._zones()]
        return [c for c in wanted if not all(str(c.target) in listed for listed in found)]

    def clear(self) -> None:
        """See :meth:`Backend.clear`; a firewalld that does not run holds nothing."""
        if self._run(["--state"], 0).status == _NOT_RUNNING:
            return
        for zone in self._zones():
            targets = [parse_target(text) for text in sorted(self._listed(zone))]
            self._remove([Change(target, 0, known=True) for target in targets], [zone])

    def _zones(self) -> list[str]:
        """Return the zones that packets can come in by."""
        active = self._must(["--get-active-zones"]).output.decode("utf-8", "replace")
        default = self._must(["--get-default-zone"]).output.decode("utf-8", "replace")
        names = [line.split()[0] for line in active.splitlines() if line[:1].strip()]
        return sorted({*names, default.strip()})

    def _listed(self, zone: str) -> set[str]:
        rules = self._must([f"--zone={zone}", "--list-rich-rules"]).output.decode(
            "ascii", "replace"
        )
        ours = [line for line in rules.splitlines() if line.startswith(_RULE)]
        return {line.partition(_ADDRESS)[2].partition('"')[0] for line in ours}

    def _add(self, changes: Sequence[Change], zones: Sequence[str]) -> bool:
        """Add rules; return whether one of them was there and so kept its old end."""
        by_time: dict[int, list[str]] = {}
        for change in changes:
            words = by_time.setdefault(change.seconds, [])
            words.append(f"--add-rich-rule={_rule(change.target)}")
        found = False
        for seconds, words in by_time.items():
            for zone in zones:
                result = self._must([f"--zone={zone}", f"--timeout={seconds}", *words])
                found = found or _ALREADY in result.output + result.errors
        return found

    def _remove(self, changes: Sequence[Change], zones: Sequence[str]) -> None:
        words = [f"--remove-rich-rule={_rule(change.target)}" for change in changes]
        for zone in zones if words else ():
            self._must([f"--zone={zone}", *words])

    def _must(self, words: Sequence[str]) -> Result:
        result = self._run(words, len(words))
        if result.status:
            message = f"firewall-cmd: {complaint(result)}"
            raise BackendError(message, at_all=result.status == _NOT_RUNNING)
        return result

    def _run(self, words: Sequence[str], size: int) -> Result:
        return call(self._program, words, seconds=_SECONDS + size * _SECONDS_PER_CHANGE)


def _rule(target: Address | Network) -> str:
    return f'{_RULE}{target.version}" {_ADDRESS}{target}" drop'


def _end_connections(targets: Sequence[Address | Network]) -> None:
    """End this host's TCP connections with the targets, as far as the kernel does that."""
    words = " or ".join(f"dst {target}" for target in targets).split()
    try:
        if words:
            call("ss", ["-K", *words], seconds=_SECONDS)
    except BackendError:
        return  # without ss they go on, which is no reason to call the block failed
