"""``wazuh-pack serve``."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from wazuh_pack.cli import _out, _ruleset


@click.command(
    help="Answer the protocol of a manager's logtest socket, so that its clients work without a "
    "manager. Files of the ruleset that change are read again for the next session. Stop it with "
    "Ctrl-C or SIGTERM."
)
@click.option(
    "--socket",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    help="Where to listen; mode 0660.",
)
@click.option(
    "--session-timeout",
    type=click.FloatRange(min=1),
    default=900,
    show_default=True,
    help="Seconds after which an idle session is closed.",
)
@click.option(
    "--max-sessions",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="How many sessions stay open; one more closes the one idle longest.",
)
@_ruleset.options
def command(path: Path, session_timeout: float, max_sessions: int, **ruleset: Any) -> None:
    """Serve until a signal comes."""
    from wazuh_pack.serve import (  # noqa: PLC0415 - keeps --help fast
        Responder,
        RulesetSource,
        Server,
        SessionStore,
    )

    chosen = _ruleset.choice(**ruleset)
    source = RulesetSource(chosen.load, chosen.stamp)
    loaded = source.current()
    sessions = SessionStore(limit=max_sessions, idle_limit=session_timeout)
    with Server(path, Responder(source, sessions), sessions) as server:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        _out.note(f"{len(loaded.rules)} rules; listening on {path}")
        server.run()
