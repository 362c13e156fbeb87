"""The part of ``respond.ini`` that block-ip goes by."""

from __future__ import annotations

from wazuh_pack.agentkit import config
from wazuh_pack.respond.address import parse_network
from wazuh_pack.respond.names import is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wazuh_pack.respond.address import Network

SECTION = "block-ip"
SECTIONS = (SECTION, "revoke-token")
"""Sections that the file may have; the other responses' ones are theirs to check."""

DRY_RUN = "dry-run"
ENFORCE = "enforce"

_DAY = 86400
_LONGEST = 365 * _DAY


class Settings:
    """How block-ip behaves on this host; durations are in seconds.

    Attributes:
        mode: ``dry-run`` (decide and log only) or ``enforce``.
        default_timeout: How long the first block of an address lasts when nothing else says so.
        max_timeout: Longest that any block lasts.
        escalation_factor: By how much each further block of the same address is longer.
        forget_after: How long after its last block an address counts as new again.
        max_blocks: How many new addresses may be blocked within ``window``.
        window: See there.
        allow_private_targets: Whether private addresses may be blocked at all.
        never_networks: Networks that are never blocked.
        never_names: Host names whose addresses are never blocked.
        linger: How long a worker waits for more messages before it ends.
        aggregate_at: How many addresses of one network must be blocked at once for the whole
            network to be blocked; 0 never does.
        aggregate_prefix: How long the prefix of such a network is, by version.
        backend: ``auto``, ``nftables``, ``ipset``, ``iptables`` or ``firewalld``.
        nft: The program to use, a bare name or an absolute path.
    """

    __slots__ = (
        "aggregate_at",
        "aggregate_prefix",
        "allow_private_targets",
        "backend",
        "default_timeout",
        "escalation_factor",
        "forget_after",
        "linger",
        "max_blocks",
        "max_timeout",
        "mode",
        "never_names",
        "never_networks",
        "nft",
        "window",
    )

    def __init__(
        self,
        *,
        mode: str = DRY_RUN,
        default_timeout: int = 3600,
        max_timeout: int = 7 * _DAY,
        escalation_factor: int = 2,
        forget_after: int = 30 * _DAY,
        max_blocks: int = 300,
        window: int = 600,
        allow_private_targets: bool = True,
        never: tuple[tuple[Network, ...], tuple[str, ...]] = ((), ()),
        linger: int = 10,
        aggregate_at: int = 0,
        aggregate_prefix4: int = 24,
        aggregate_prefix6: int = 64,
        backend: str = "auto",
        nft: str = "nft",
    ) -> None:
        self.mode = mode
        self.default_timeout = default_timeout
        self.max_timeout = max_timeout
        self.escalation_factor = escalation_factor
        self.forget_after = forget_after
        self.max_blocks = max_blocks
        self.window = window
        self.allow_private_targets = allow_private_targets
        self.never_networks, self.never_names = never
        self.linger = linger
        self.aggregate_at = aggregate_at
        self.aggregate_prefix = {4: aggregate_prefix4, 6: aggregate_prefix6}
        self.backend = backend
        self.nft = nft


def load_settings(path: str) -> Settings:
    """Read the settings; without a file, the defaults (dry-run) hold.

    Raises:
        ConfigError: The file has mistakes; all are named with their line.
        UntrustedFileError: Others than root can write it.
    """
    ini = config.load(path)
    if ini is None:
        return Settings()
    values = ini.take(SECTION, _schema())
    ini.finish(SECTIONS)
    return Settings(**values)


def _schema() -> dict[str, Any]:
    return {
        "mode": config.one_of(DRY_RUN, ENFORCE),
        "default_timeout": _timeout,
        "max_timeout": _timeout,
        "escalation_factor": config.whole_number(1, 100),
        "forget_after": _timeout,
        "max_blocks": config.whole_number(1, 1_000_000),
        "window": _timeout,
        "allow_private_targets": config.yes_or_no,
        "linger": config.whole_number(0, 3600),
        "never": _never,
        "aggregate_at": config.whole_number(0, 1_000_000),
        "aggregate_prefix4": config.whole_number(16, 31),
        "aggregate_prefix6": config.whole_number(32, 127),
        "backend": config.one_of("auto", "nftables", "ipset", "iptables", "firewalld"),
        "nft": _program,
    }


def _timeout(text: str) -> int:
    seconds = config.duration(text)
    if seconds > _LONGEST:
        raise ValueError(f"'{text}' is longer than a year; write at most 365d")
    return seconds


def _never(text: str) -> tuple[tuple[Network, ...], tuple[str, ...]]:
    networks, names = [], []
    for word in config.words(text):
        if is_name(word):
            names.append(word)
            continue
        try:
            networks.append(parse_network(word))
        except ValueError:
            raise ValueError(
                f"'{word}' is no address, network or host name; write for example "
                "192.0.2.1, 192.0.2.0/24, 2001:db8::/32 or host.example.org"
            ) from None
    return tuple(networks), tuple(names)


def _program(text: str) -> str:
    if text != "nft" and not text.startswith("/"):
        raise ValueError(f"'{text}' is not an absolute path; write for example /usr/sbin/nft")
    return text
