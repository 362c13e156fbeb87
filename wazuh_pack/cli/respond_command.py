"""``wazuh-pack respond``: the responses of one host, for people.

Each command shows block-ip; what another response has to show is added to :data:`STATUS` and
:data:`PROVIDERS`, and its own commands to the group.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wazuh_pack.agentkit.config import duration
from wazuh_pack.agentkit.errors import AgentError, ConfigError
from wazuh_pack.agentkit.home import Home
from wazuh_pack.agentkit.protocol import ADD, DELETE
from wazuh_pack.cli import _exit, _out
from wazuh_pack.errors import PackError, UsageError
from wazuh_pack.respond import block_ip, manage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

    from wazuh_pack.respond.decision import Decision

STATUS: list[Callable[[Home], dict[str, object]]] = [manage.status]
PROVIDERS: list[Callable[[Home], list[dict[str, object]]]] = [manage.providers]

_MAX_ALERT = 1 << 20
_DONE = frozenset({"blocked", "refreshed", "unblocked", "dry_run"})

_home = click.option(
    "--home",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("/var/ossec"),
    show_default=True,
    help="The Wazuh home of this manager or agent.",
    callback=lambda _context, _option, value: Home(str(value.absolute())),
)
_form = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@contextmanager
def _agent_errors() -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise PackError("\n".join(error.problems), hint="nothing is blocked until then") from error
    except AgentError as error:
        raise PackError(str(error)) from error
    except PermissionError as error:
        said = f"{error.filename}: {error.strerror}"
        raise PackError(
            said, hint="configuration and state are root's: run this as root"
        ) from error
    except OSError as error:
        raise PackError(str(error)) from error


@click.group(help="Look after the responses on this host: what is blocked, block, unblock, try.")
def command() -> None:
    """Group the commands."""


@command.command(help="Show mode, kill switch, limits and what waits.")
@_home
@_form
def status(home: Home, form: str) -> None:
    """Show."""
    with _agent_errors():
        found = [show(home) for show in STATUS]
    for row in found:
        if form == "json":
            _out.json_line(row)
        else:
            _show_status(row)


def _show_status(row: dict[str, Any]) -> None:
    _out.line(_out.style(str(row["response"]), "bold"))
    for name, value in row.items():
        if name == "response":
            continue
        _out.line(f"  {name.replace('_', ' '):<14}{_text(value)}")


@command.command(help="Show the ways to respond, and which can be used on this host.")
@_home
@_form
def providers(home: Home, form: str) -> None:
    """Show."""
    with _agent_errors():
        rows = [row for show in PROVIDERS for row in show(home)]
    names = ("response", "provider", "usable", "program", "reversible", "reason")
    _rows(form, rows, names)


@command.command(help="List the blocked addresses; the block that ends first comes first.")
@_home
@_form
def blocked(home: Home, form: str) -> None:
    """List."""
    with _agent_errors():
        rows = manage.blocked(home)
    _rows(form, rows, ("target", "mode", "seconds", "until", "offences"))


@command.command(help="Block ADDRESS as if an event had asked for it; the same rules hold.")
@click.argument("address")
@click.option("--timeout", metavar="DURATION", help="Such as 90s, 15m, 1h or 7d.")
@_home
@_form
def block(address: str, timeout: str | None, home: Home, form: str) -> int:
    """Block."""
    return _carry_out(home, form, ADD, address, _seconds(timeout))


@command.command(help="End the block of ADDRESS; it counts as no offence less.")
@click.argument("address")
@_home
@_form
def unblock(address: str, home: Home, form: str) -> int:
    """Unblock."""
    return _carry_out(home, form, DELETE, address, None)


@command.command(help="Take up what a killed process left, and put back blocks that are gone.")
@_home
@_form
def retry(home: Home, form: str) -> None:
    """Retry."""
    with _agent_errors():
        before = manage.status(home)
        block_ip.look_after(home, f"{home.root}/{manage.SCRIPT}")
        after = manage.status(home)
    row = {"response": "block-ip", "waited": before["waiting"], "waiting": after["waiting"]}
    _rows(form, [row], tuple(row))


@command.command(
    help="Say what ALERT (a file with an alert or a message of execd; - is standard input) would "
    "lead to. Changes nothing."
)
@click.argument("alert", type=click.File("r", encoding="utf-8", errors="replace"))
@click.option("--field", help="The alert's field that holds the address.")
@click.option("--timeout", metavar="DURATION", help="Such as 90s, 15m, 1h or 7d.")
@_home
@_form
def test(alert: IO[str], field: str | None, timeout: str | None, home: Home, form: str) -> int:
    """Try."""
    try:
        document = json.loads(alert.read(_MAX_ALERT))
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{alert.name} is no JSON: {error}", hint="give one alert of alerts.json"
        ) from error
    if not isinstance(document, dict):
        raise UsageError(f"{alert.name} holds no JSON object", hint="give one alert of alerts.json")
    words = ["--field", field] if field else []
    words += ["--timeout", str(_seconds(timeout))] if timeout else []
    with _agent_errors():
        decision = manage.preview(home, document, words)
    return _show(form, decision, preview=True)


def _seconds(text: str | None) -> int | None:
    try:
        return None if text is None else duration(text)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _carry_out(home: Home, form: str, action: str, address: str, seconds: int | None) -> int:
    with _agent_errors():
        decision = manage.carry_out(home, action, address, seconds)
    if decision is None:
        raise PackError("another process took the request up", hint="see logs/active-responses.log")
    return _show(form, decision)


def _show(form: str, decision: Decision, *, preview: bool = False) -> int:
    fields = {key: value for key, value in decision.fields().items() if value not in {None, ""}}
    if preview:
        fields["preview"] = True  # whatever the outcome says, nothing was done
    if form == "json":
        _out.json_line(fields)
    else:
        for name, value in fields.items():
            _out.line(f"{name.replace('_', ' '):<10}{_text(value)}")
    return _exit.OK if decision.outcome in _DONE else _exit.ERROR


def _rows(form: str, rows: Sequence[dict[str, object]], names: Sequence[str]) -> None:
    if form == "json":
        for row in rows:
            _out.json_line(row)
        return
    _out.table(names, ([_text(row[name]) for name in names] for row in rows))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "never" if value is None else str(value)
