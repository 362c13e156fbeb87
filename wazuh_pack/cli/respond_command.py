"""``wazuh-pack respond``: the responses of one host, for people.

What is about revoke-token alone is in :mod:`wazuh_pack.cli._revocations`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from wazuh_pack.agentkit.config import duration
from wazuh_pack.agentkit.protocol import ADD, DELETE
from wazuh_pack.cli import _exit, _out, _respond, _revocations
from wazuh_pack.errors import PackError, UsageError
from wazuh_pack.respond import block_ip, manage

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from wazuh_pack.agentkit.home import Home
    from wazuh_pack.respond.decision import Decision

STATUS: tuple[Callable[[Home], dict[str, object] | None], ...] = (
    manage.status,
    _revocations.status,
)

_MAX_ALERT = 1 << 20
_DONE = frozenset({"blocked", "refreshed", "unblocked", "dry_run"})


@click.group(help="Look after the responses on this host: what is blocked, block, unblock, try.")
def command() -> None:
    """Group the commands."""


@command.command(help="Show mode, kill switch, limits and what waits.")
@_respond.home
@_respond.form
def status(home: Home, form: str) -> None:
    """Show."""
    with _respond.agent_errors():
        found = [row for show in STATUS if (row := show(home)) is not None]
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
        _out.line(f"  {name.replace('_', ' '):<14}{_respond.text(value)}")


@command.command(
    help="Show the ways to respond, and which can be used on this host; what can be revoked with "
    "which rights, whether it can be taken back and how its effect is verified."
)
@_respond.home
@_respond.form
@_revocations.reference
def providers(home: Home, form: str) -> None:
    """Show."""
    with _respond.agent_errors():
        blocking, revoking = manage.providers(home), _revocations.providers(home)
    if form == "json":
        _respond.rows(form, [*blocking, *revoking], ())
        return
    _respond.rows(
        form, blocking, ("response", "provider", "usable", "program", "reversible", "reason")
    )
    _out.line()
    names = ("response", "provider", "usable", "needs", "reversible", "rights", "verified")
    _respond.rows(form, revoking, names)


@command.command(help="List the blocked addresses; the block that ends first comes first.")
@_respond.home
@_respond.form
def blocked(home: Home, form: str) -> None:
    """List."""
    with _respond.agent_errors():
        rows = manage.blocked(home)
    _respond.rows(form, rows, ("target", "mode", "seconds", "until", "offences"))


@command.command(help="Block ADDRESS as if an event had asked for it; the same rules hold.")
@click.argument("address")
@click.option("--timeout", metavar="DURATION", help="Such as 90s, 15m, 1h or 7d.")
@_respond.home
@_respond.form
def block(address: str, timeout: str | None, home: Home, form: str) -> int:
    """Block."""
    return _carry_out(home, form, ADD, address, _seconds(timeout))


@command.command(help="End the block of ADDRESS; it counts as no offence less.")
@click.argument("address")
@_respond.home
@_respond.form
def unblock(address: str, home: Home, form: str) -> int:
    """Unblock."""
    return _carry_out(home, form, DELETE, address, None)


@command.command(
    help="Take up what a killed process left, put back blocks that are gone, and go on with "
    "revocations; with the KEY of a failed revocation, try that one again."
)
@click.argument("key", required=False, default="")
@_respond.home
@_respond.form
def retry(key: str, home: Home, form: str) -> None:
    """Retry."""
    if key:
        with _respond.agent_errors():
            done = _revocations.retry(home, key)
        if done is None:
            raise PackError("revoke-token is not installed here")
        _respond.rows(form, [done], tuple(done))
        return
    with _respond.agent_errors():
        before = manage.status(home)
        block_ip.look_after(home, f"{home.root}/{manage.SCRIPT}")
        after = manage.status(home)
    row = {"response": "block-ip", "waited": before["waiting"], "waiting": after["waiting"]}
    _respond.rows(form, [row], tuple(row))
    with _respond.agent_errors():
        revoking = _revocations.retry(home, "")
    if revoking:
        _respond.rows(form, [revoking], tuple(revoking))


@command.command(
    help="Say what ALERT (a file with an alert or a message of execd; - is standard input) would "
    "lead to. Changes nothing."
)
@click.argument("alert", type=click.File("r", encoding="utf-8", errors="replace"))
@click.option(
    "--response",
    type=click.Choice(["block-ip", "revoke-token"]),
    help="Whom to ask; without it, the program that a whole message names, else block-ip.",
)
@click.option("--field", help="The alert's field that holds the address, or what is to be revoked.")
@click.option("--action", "actions", multiple=True, help="Of revoke-token: what to do.")
@click.option(
    "--from", "sources", multiple=True, metavar="NAME=FIELD", help="Of revoke-token: what else."
)
@click.option("--timeout", metavar="DURATION", help="Such as 90s, 15m, 1h or 7d.")
@_respond.home
@_respond.form
def test(
    alert: IO[str],
    response: str | None,
    field: str | None,
    actions: tuple[str, ...],
    sources: tuple[str, ...],
    timeout: str | None,
    home: Home,
    form: str,
) -> int:
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
    if (response or _asked(document)) == "revoke-token":
        words += [word for action in actions for word in ("--action", action)]
        words += [word for source in sources for word in ("--from", source)]
        return _revocations.preview(home, document, words, form)
    words += ["--timeout", str(_seconds(timeout))] if timeout else []
    with _respond.agent_errors():
        decision = manage.preview(home, document, words)
    return _show(form, decision, preview=True)


def _asked(document: dict[str, Any]) -> str:
    """Return whom a whole message is for."""
    parameters = document.get("parameters")
    program = str(parameters.get("program", "")) if isinstance(parameters, dict) else ""
    return "revoke-token" if program.endswith("revoke-token") else "block-ip"


for _extra in _revocations.COMMANDS:
    command.add_command(_extra)


def _seconds(text: str | None) -> int | None:
    try:
        return None if text is None else duration(text)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _carry_out(home: Home, form: str, action: str, address: str, seconds: int | None) -> int:
    with _respond.agent_errors():
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
            _out.line(f"{name.replace('_', ' '):<10}{_respond.text(value)}")
    return _exit.OK if decision.outcome in _DONE else _exit.ERROR
