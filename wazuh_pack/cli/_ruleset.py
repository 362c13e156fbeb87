"""The options that name a ruleset, for the commands that take any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wazuh_pack.cli import _out
from wazuh_pack.errors import DiagnosticsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.engine import Ruleset
    from wazuh_pack.verify.choice import RulesetChoice

_F = TypeVar("_F", bound="Callable[..., Any]")

_ANY = click.Path(exists=True, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


no_cache = click.option(
    "--no-cache",
    is_flag=True,
    help="Read all files anew, and keep nothing for the next start.",
)
"""For commands that load a ruleset."""


def cache(*, no_cache: bool) -> Path | None:
    """Return the folder where loaded rulesets are kept, if any is."""
    from wazuh_pack.engine.cache import usual_folder  # noqa: PLC0415 - keeps --help fast

    return None if no_cache else usual_folder()


def options(function: _F) -> _F:
    """Add what :func:`choice` takes: ``--rules``, ``--stock``, ``--home`` and the like."""
    for option in reversed(
        (
            click.option(
                "--rules",
                multiple=True,
                type=_ANY,
                help="Folder or file of rules; may be repeated. Without any, the pack is taken.",
            ),
            click.option(
                "--decoders",
                multiple=True,
                type=_ANY,
                help="Folder or file of decoders; may be repeated.",
            ),
            click.option(
                "--lists",
                multiple=True,
                type=_ANY,
                help="Folder or file of CDB lists, etc/lists/NAME to rules; may be repeated.",
            ),
            click.option(
                "--stock",
                type=_FOLDER,
                help="The stock ruleset below it all (a manager's ruleset folder); our minimal "
                "equivalents by default.",
            ),
            click.option("--no-stock", "bare", is_flag=True, help="Load no stock ruleset."),
            click.option(
                "--home",
                type=_FOLDER,
                help="An installed manager (/var/ossec): load what its ossec.conf names.",
            ),
            no_cache,
        )
    ):
        function = option(function)
    return function


def choice(*, no_cache: bool, **given: Any) -> RulesetChoice:
    """Return the choice that the options make."""
    from wazuh_pack.verify.choice import RulesetChoice  # noqa: PLC0415 - keeps --help fast

    return RulesetChoice(**given, cache=cache(no_cache=no_cache))


def load(chosen: RulesetChoice) -> Ruleset:
    """Load a ruleset and print what analysisd would log about it."""
    loaded = chosen.load()
    for item in loaded.diagnostics:
        _out.diagnostic(item)
    return loaded


def for_logtest(chosen: RulesetChoice) -> Ruleset:
    """Load a ruleset as :func:`load` does.

    Raises:
        DiagnosticsError: logtest would open no session with it.
    """
    loaded = load(chosen)
    if loaded.refusal:
        raise DiagnosticsError((), f"no event is judged with this ruleset: {loaded.refusal}")
    return loaded
