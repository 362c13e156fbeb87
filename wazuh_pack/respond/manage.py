"""What people ask of block-ip and tell it, for the command line; no event comes this way."""

from __future__ import annotations

import os
import time

from wazuh_pack.agentkit.files import exists, names, read
from wazuh_pack.agentkit.jsontext import dumps
from wazuh_pack.respond.backends.choose import PROGRAMS, find, probe
from wazuh_pack.respond.block_ip import STATE, accept, inbox_of
from wazuh_pack.respond.breaker import Breaker
from wazuh_pack.respond.decision import utc
from wazuh_pack.respond.settings import load_settings
from wazuh_pack.respond.state import Store
from wazuh_pack.respond.worker import CONFIG, STOP, Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from wazuh_pack.agentkit.home import Home
    from wazuh_pack.respond.decision import Decision
    from wazuh_pack.respond.settings import Settings
    from wazuh_pack.respond.state import Record

SCRIPT = "active-response/bin/wazuh-pack-block-ip"


def status(home: Home) -> dict[str, object]:
    """Return how block-ip stands on this host; nothing is changed.

    Raises:
        AgentError: The configuration is wrong.
        OSError: The state cannot be read; it is root's.
    """
    settings = load_settings(home.config(CONFIG))
    state = home.state(STATE)
    now = time.time()
    breaker = Breaker(
        f"{state}/{settings.mode}/breaker.json", limit=settings.max_blocks, window=settings.window
    )
    room = breaker.allows(now)
    return {
        "response": "block-ip",
        "home": home.root,
        "installed": exists(f"{home.root}/{SCRIPT}"),
        "mode": settings.mode,
        "stopped": exists(home.config(STOP)),
        "blocked": len(_live(state, settings, now)),
        "new_blocks": breaker.counted,
        "max_blocks": settings.max_blocks,
        "window": settings.window,
        "limit_reached": not room,
        "waiting": _waiting(state),
        "inspected": _moment(f"{state}/inspected"),
    }


def providers(home: Home) -> list[dict[str, object]]:
    """Return the ways to block on this host, and whether each can be used.

    Raises:
        AgentError: The configuration is wrong.
    """
    settings = load_settings(home.config(CONFIG))
    rows: list[dict[str, object]] = []
    for name in PROGRAMS:
        program, reason = find(name, settings)
        if not reason and os.geteuid() == 0:
            reason = probe(name, settings)  # nobody else may ask the kernel
        rows.append(
            {
                "response": "block-ip",
                "provider": name,
                "usable": not reason,
                "program": program,
                "reason": reason,
                "reversible": True,
            }
        )
    return rows


def blocked(home: Home) -> list[dict[str, object]]:
    """Return what is blocked (in a dry run: would be), the block that ends first in front.

    Raises:
        AgentError: The configuration is wrong.
        OSError: The state cannot be read; it is root's.
    """
    settings = load_settings(home.config(CONFIG))
    now = time.time()
    found = _live(home.state(STATE), settings, now)
    return [
        {
            "target": record.target,
            "mode": settings.mode,
            "seconds": record.remaining(now),
            "until": utc(record.until),
            "offences": record.offences,
        }
        for record in sorted(found, key=lambda record: record.until)
    ]


def carry_out(home: Home, command: str, target: str, timeout: int | None) -> Decision | None:
    """Block or unblock an address as if an event had asked for it, and say what became of it.

    It takes its turn behind the messages that wait, and is subject to the same rules.

    Args:
        home: Wazuh's home.
        command: ``add`` or ``delete``.
        target: The address as somebody wrote it.
        timeout: Seconds, or None for the configured ones.

    Returns:
        The decision; None when another process took the message up first.

    Raises:
        AgentError: It could not be accepted, or another process is busy for too long.
        OSError: The state cannot be written; it is root's.
    """
    label = f"manual-{time.time():.6f}-{os.getpid()}"
    words = ["--timeout", str(timeout)] if timeout else []
    accept(home, dumps(message(command, words, {"id": label, "data": {"srcip": target}})).encode())
    worker = Worker(home, home.state(STATE), SCRIPT)
    ours: list[Decision] = []

    def handle(messages: Sequence[bytes]) -> None:
        decisions = worker.handle(messages)
        ours.extend(d for d in decisions if d.request and d.request.alert_id == label)

    inbox_of(home).attend(handle, worker.maintain)
    return ours[0] if ours else None


def preview(home: Home, document: Mapping[str, Any], words: Sequence[str] = ()) -> Decision:
    """Say what an alert would lead to now; changes, counts and logs nothing.

    Args:
        home: Wazuh's home.
        document: An alert as in ``alerts.json``, or a whole message of execd.
        words: The ``<extra_args>`` to go with an alert.

    Raises:
        AgentError: It cannot be decided.
        OSError: The state cannot be read; it is root's.
    """
    known = "command" in document and ("parameters" in document or "wazuh" in document)
    whole = document if known else message("add", words, document)
    return Worker(home, home.state(STATE), SCRIPT).preview(dumps(whole).encode())


def message(command: str, words: Sequence[str], alert: Mapping[str, Any]) -> dict[str, object]:
    """Return the message that execd of Wazuh 4.x would send."""
    return {
        "version": 1,
        "origin": {"name": "", "module": "wazuh-pack"},
        "command": command,
        "parameters": {"extra_args": list(words), "alert": alert, "program": SCRIPT},
    }


def _live(state: str, settings: Settings, now: float) -> list[Record]:
    return list(Store(f"{state}/{settings.mode}/targets", settings.forget_after).live(now))


def _waiting(state: str) -> int:
    return sum(name.endswith(".message") for name in names(f"{state}/inbox"))


def _moment(path: str) -> str | None:
    try:
        return utc(float(read(path, 64) or b""))
    except ValueError:
        return None
