"""Blocks with iptables where there is no nftables: with sets of ipset, or one rule per address.

Both use a chain of our own in the table ``raw``, which every packet passes before connections are
tracked and before it is decided whether it is for this host or for a container: so established
connections are cut, and Docker's own rules do not matter. The whole chain is written at once.
``-w`` waits for other users of iptables.
"""

from __future__ import annotations

import time

from wazuh_pack.agentkit.errors import ProcessError
from wazuh_pack.agentkit.process import Result, find_program
from wazuh_pack.respond.address import Address, Network
from wazuh_pack.respond.backends import Backend, BackendError, Change
from wazuh_pack.respond.backends.call import call, complaint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

CHAIN = "WAZUH_PACK"
CAPACITY = 262_144
RULES = 2_000
"""Most addresses that :class:`Iptables` blocks: every packet is compared with each of them."""

_FAMILIES = {4: ("iptables", "inet"), 6: ("ip6tables", "inet6")}
_PREFIX = "wazuh_pack_"
_LONGEST = 2_147_483
_SECONDS = 10.0
_SECONDS_PER_CHANGE = 0.001
_WAIT = ("-w", "5")
_ABSENT = b"does not exist"


def _program(words: Sequence[str], stdin: str = "", size: int = 0) -> Result:
    seconds = _SECONDS + size * _SECONDS_PER_CHANGE
    return call(words[0], words[1:], stdin=stdin, seconds=seconds)


def _must(words: Sequence[str], stdin: str = "", size: int = 0) -> Result:
    result = _program(words, stdin, size)
    if result.status:
        raise BackendError(f"{words[0]}: {complaint(result)}")
    return result


def _write_chain(version: int, rules: Sequence[str]) -> None:
    """Replace our chain's rules all at once, and have all packets pass it first."""
    program = _FAMILIES[version][0]
    lines = ["*raw", f":{CHAIN} - [0:0]", f"-A {CHAIN} -i lo -j RETURN"]
    lines += [f"-A {CHAIN} {rule} -j DROP" for rule in rules]
    text = "\n".join([*lines, "COMMIT", ""])
    _must([f"{program}-restore", *_WAIT, "--noflush"], text, len(rules))
    jump = ["-t", "raw", "-C", "PREROUTING", "-j", CHAIN]
    if _program([program, *_WAIT, *jump]).status:
        jump[2:4] = ["-I", "PREROUTING", "1"]
        _must([program, *_WAIT, *jump])


def _remove_chain(version: int) -> None:
    command = [_FAMILIES[version][0], *_WAIT, "-t", "raw"]
    for words in (["-D", "PREROUTING", "-j", CHAIN], ["-F", CHAIN], ["-X", CHAIN]):
        _program([*command, *words])
    if _program([*command, "-S", CHAIN]).status == 0:
        raise BackendError(f"{command[0]}: the chain {CHAIN} cannot be removed")


def _remove_chains() -> None:
    for version in sorted({4, *_versions()}):
        _remove_chain(version)


def _refusal(*commands: Sequence[str]) -> str:
    """Return why the first command that fails does."""
    try:
        for words in commands:
            _must(words)
    except BackendError as error:
        return str(error)
    return ""


_LIST_CHAIN = ("iptables", *_WAIT, "-t", "raw", "-S", "PREROUTING")
_LIST_SETS = ("ipset", "list", "-n")


def _versions() -> list[int]:
    """Return the address families that iptables is there for."""
    found = []
    for version, (program, _) in _FAMILIES.items():
        try:
            find_program(f"{program}-restore")
        except ProcessError:
            continue
        found.append(version)
    return found


class Ipset(Backend):
    """Sets of ipset, whose elements the kernel times out as nftables' ones."""

    name = "ipset"

    def refusal(self) -> str:
        """See :meth:`Backend.refusal`."""
        return _refusal(_LIST_SETS, _LIST_CHAIN)

    def clear(self) -> None:
        """See :meth:`Backend.clear`."""
        _remove_chains()
        for name in _must(_LIST_SETS).output.decode("ascii", "replace").split():
            if name.startswith(_PREFIX):
                _must(["ipset", "flush", name])
                # The kernel lets go of a rule later than it says; an empty set does no harm.
                _program(["ipset", "destroy", name])

    def apply(self, changes: Sequence[Change], everything: Callable[[], Iterable[Change]]) -> None:
        """See :meth:`Backend.apply`; ipset stops at a change that it cannot make."""
        result = self._restore(changes)
        if result.status and _ABSENT in result.errors:
            ours = {change.target for change in changes}
            self._rebuild([*(c for c in everything() if c.target not in ours), *changes])
        elif result.status:
            raise BackendError(complaint(result))

    def restore(self, changes: Sequence[Change]) -> None:
        """See :meth:`Backend.restore`."""
        self.apply(changes, lambda: ())

    def verify(self, everything: Callable[[], Iterable[Change]]) -> None:
        """See :meth:`Backend.verify`; writes the sets' frame and our chain anew."""
        missing = self.missing(everything())
        self._rebuild(missing)

    def missing(self, wanted: Iterable[Change]) -> list[Change]:
        """See :meth:`Backend.missing`."""
        present = set()
        for line in _must(["ipset", "save"]).output.decode("ascii", "replace").splitlines():
            words = line.split()
            if words[:1] == ["add"] and words[1].startswith(_PREFIX):
                present.add(words[2])
        return [change for change in wanted if str(change.target) not in present]

    def _rebuild(self, changes: Sequence[Change]) -> None:
        for version in _versions():
            self._frame(version)
        result = self._restore(changes)
        if result.status:
            raise BackendError(complaint(result))

    @staticmethod
    def _frame(version: int) -> None:
        family = _FAMILIES[version][1]
        lines = [
            f"create {_set_name(kind, version)} hash:{short} family {family} timeout 0 "
            f"maxelem {CAPACITY} -exist\n"
            for kind, short in (("hosts", "ip"), ("nets", "net"))
        ]
        _must(["ipset", "restore"], "".join(lines))
        _write_chain(
            version,
            [f"-m set --match-set {_set_name(kind, version)} src" for kind in ("hosts", "nets")],
        )

    @staticmethod
    def _restore(changes: Sequence[Change]) -> Result:
        lines = []
        for change in changes:
            kind = "hosts" if isinstance(change.target, Address) else "nets"
            element = f"{_set_name(kind, change.target.version)} {change.target}"
            if change.seconds:
                lines.append(f"add {element} timeout {min(change.seconds, _LONGEST)} -exist\n")
            else:
                lines.append(f"del {element} -exist\n")
        return _program(["ipset", "restore"], "".join(lines), len(lines))


def _set_name(kind: str, version: int) -> str:
    return f"{_PREFIX}{kind}{version}"


class Iptables(Backend):
    """One rule per address, whose end the kernel knows; for a few thousand addresses at most."""

    name = "iptables"

    def refusal(self) -> str:
        """See :meth:`Backend.refusal`."""
        return _refusal(_LIST_CHAIN)

    def clear(self) -> None:
        """See :meth:`Backend.clear`."""
        _remove_chains()

    def apply(self, changes: Sequence[Change], everything: Callable[[], Iterable[Change]]) -> None:
        """See :meth:`Backend.apply`; all rules are written anew, those that have ended left out."""
        wanted = {change.target: change.seconds for change in everything()}
        wanted.update((change.target, change.seconds) for change in changes)
        live = {target: seconds for target, seconds in wanted.items() if seconds}
        if len(live) > RULES:
            raise BackendError(f"more than {RULES} addresses need nftables or ipset; install one")
        touched = {change.target.version for change in changes}
        for version in touched & set(_versions()):
            _write_chain(version, [_rule(t, s) for t, s in live.items() if t.version == version])
        if not touched <= set(_versions()):
            raise BackendError("ip6tables-restore: not found; IPv6 needs it")

    def restore(self, changes: Sequence[Change]) -> None:
        """See :meth:`Backend.restore`; the caller's next :meth:`verify` writes all rules."""

    def verify(self, everything: Callable[[], Iterable[Change]]) -> None:
        """See :meth:`Backend.verify`."""
        wanted = list(everything())
        for version in {change.target.version for change in wanted}:
            self.apply([c for c in wanted if c.target.version == version], lambda: ())


def _rule(target: Address | Network, seconds: int) -> str:
    end = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + seconds))
    return f"-s {target} -m time --datestop {end}"
