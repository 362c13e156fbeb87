"""The commands of ``wazuh-pack respond`` that are about revoke-token."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from wazuh_pack.agentkit.files import exists
from wazuh_pack.cli import _exit, _out, _respond
from wazuh_pack.errors import PackError, UsageError
from wazuh_pack.revoke import manage
from wazuh_pack.revoke.reference import page
from wazuh_pack.revoke.script import Host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wazuh_pack.agentkit.home import Home

_RESPONSE = "active-response/bin/wazuh-pack-revoke-token"
_INTEGRATION = "integrations/custom-wazuh-pack-revoke-token"
_DONE = frozenset({"accepted", "dry_run", "duplicate"})
_LONGEST = 65_536


def host_at(home: Home) -> Host:
    """Return where revoke-token works in this home: as integratord's, or as execd's."""
    integration = f"{home.root}/{_INTEGRATION}"
    script = integration if exists(integration) else f"{home.root}/{_RESPONSE}"
    return Host(script, foreign=True)


def is_there(home: Home) -> bool:
    """Return whether a home has the script or its configuration."""
    return exists(host_at(home).script) or exists(host_at(home).place().config)


def status(home: Home) -> dict[str, object] | None:
    """Return how revoke-token stands, or None where it is not installed."""
    return manage.status(host_at(home)) if is_there(home) else None


def providers(home: Home) -> list[dict[str, object]]:
    """Return the rows of what can be revoked."""
    return [
        {
            "response": manage.RESPONSE,
            "provider": row["action"],
            "usable": row["enabled"],
            "program": "",
            "reason": "" if row["enabled"] else "not in 'actions' of revoke.ini",
            **row,
        }
        for row in manage.providers(host_at(home))
    ]


def _print_reference(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        _out.line(page())
        context.exit()


reference = click.option(
    "--reference",
    is_flag=True,
    is_eager=True,  # it needs no home
    expose_value=False,
    callback=_print_reference,
    help="Print the page of the reference about what can be revoked (Markdown), and nothing else.",
)


def preview(home: Home, document: Mapping[str, Any], words: Sequence[str], form: str) -> int:
    """Show what an alert would lead to."""
    with _respond.agent_errors():
        lines = manage.preview(host_at(home), document, words)
    return _show(lines, form)


@click.command(
    help="Ask for ACTION (such as gitlab.runner-pause, or 'tokens' to go by the tokens found) on "
    "VALUE as if an event had; the same rules hold. A secret is never an argument: with - the "
    "value is read from standard input."
)
@click.argument("action")
@click.argument("value")
@click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="NAME=VALUE",
    help="What else the action needs, such as repository=acme/shop.",
)
@_respond.home
@_respond.form
def revoke(action: str, value: str, sources: tuple[str, ...], home: Home, form: str) -> int:
    """Ask."""
    pairs = dict(_pair(item) for item in sources)
    if value == "-":
        value = sys.stdin.read(_LONGEST).strip()
    elif action == "tokens" or _is_secret(action):
        raise UsageError(
            "a token must not stand on the command line, which everybody can see",
            hint="give - and the token on standard input",
        )
    with _respond.agent_errors():
        host = _host(home)
        lines = manage.revoke(host, "" if action == "tokens" else action, value, pairs)
    if not lines:
        raise PackError("another process took the request up", hint="see logs/active-responses.log")
    return _show(lines, form)


@click.command(help="List what was accepted and what became of it; the key names each.")
@_respond.home
@_respond.form
def revocations(home: Home, form: str) -> None:
    """List."""
    with _respond.agent_errors():
        found = manage.jobs(_host(home))
    _respond.rows(form, found, ("key", "action", "target", "state", "reason"))


@click.command(help="Take back the revocation of this KEY, where that can be.")
@click.argument("key")
@_respond.home
@_respond.form
def undo(key: str, home: Home, form: str) -> None:
    """Take back."""
    with _respond.agent_errors():
        done = manage.undo(_host(home), key)
    _respond.rows(form, [done], tuple(done))


def retry(home: Home, key: str) -> dict[str, object] | None:
    """Try a failed revocation again, or go on with all that are open; None where not installed."""
    if not is_there(home):
        return None
    host = _host(home)
    found = manage.retry(host, key) if key else manage.resume(host)
    return {"response": manage.RESPONSE, **found}


COMMANDS = (revoke, revocations, undo)


def _host(home: Home) -> Host:
    host = host_at(home)
    host.become_owner()
    host.add_packages()
    return host


def _is_secret(action: str) -> bool:
    """Return whether an action's value is a token; of an instance of any name."""
    name = action.partition(".")[2]
    return any(
        row["action"].partition(".")[2] == name and row["secret"] for row in manage.capabilities()
    )


def _pair(item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals:
        raise UsageError(f"--from {name!r} is not NAME=VALUE", hint="such as repository=acme/shop")
    return name, value


def _show(lines: Sequence[dict[str, object]], form: str) -> int:
    for line in lines:
        if form == "json":
            _out.json_line(line)
            continue
        for name, value in line.items():
            _out.line(f"{name.replace('_', ' '):<10}{_respond.text(value)}")
    good = all(line["outcome"] in _DONE for line in lines)
    return _exit.OK if good and lines else _exit.ERROR
