"""Options that say what to install, shared by the commands that plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wazuh_pack.errors import UsageError
from wazuh_pack.install.choices import Choices, read_choices, remembered

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.install import Record

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_OPTIONS = (
    click.option("--home", type=click.Path(path_type=Path), help="The Wazuh home [/var/ossec]."),
    click.option(
        "--destdir", type=click.Path(path_type=Path), help="Stage into this root instead."
    ),
    click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Take all choices from this wazuh-pack.yml.",
    ),
    click.option(
        "--source",
        "sources",
        multiple=True,
        metavar="SOURCE",
        help="Install the detections of this source and what they need [all].",
    ),
    click.option(
        "--collect", multiple=True, metavar="SOURCE", help="Also collect this source's logs."
    ),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="SOURCE.NAME=VALUE",
        help="A parameter of a source's log collection; secrets by the name of their file only.",
    ),
    click.option("--responses/--no-responses", default=None, help="All response scripts, or none."),
    click.option(
        "--integration",
        "integrations",
        multiple=True,
        metavar="RESPONSE",
        help="Let integratord start this response (revoke-token), not execd.",
    ),
    click.option("--wodles/--no-wodles", default=None, help="All scanners, or none."),
    click.option("--id-base", type=int, metavar="N", help="Number the rules from N on [110000]."),
    click.option(
        "--reset", is_flag=True, help="Forget what was chosen before; flags count from defaults."
    ),
    click.option(
        "--force", is_flag=True, help="Discard what was edited by hand in our part of ossec.conf."
    ),
    click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
    ),
)


def options(command: _Command) -> _Command:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def choose(
    record: Record | None,
    *,
    config: Path | None,
    reset: bool,
    sources: tuple[str, ...],
    collect: tuple[str, ...],
    settings: tuple[str, ...],
    responses: bool | None,
    integrations: tuple[str, ...],
    wodles: bool | None,
    id_base: int | None,
) -> Choices:
    """Return the choices: those of a file or else those remembered, changed by flags.

    Raises:
        UsageError: a setting is malformed.
        DiagnosticsError: the file is.
    """
    if config is not None:
        choices = read_choices(config)
    elif record is not None and not reset:
        choices = remembered(record.options)
    else:
        choices = Choices()
    if sources:
        choices = replace(choices, sources=sources)
    if responses is not None:
        choices = replace(choices, responses=None if responses else ())
    if integrations:
        choices = replace(choices, integrations=integrations)
    if wodles is not None:
        choices = replace(choices, wodles=None if wodles else ())
    if id_base is not None:
        choices = replace(choices, id_base=id_base)
    collected = {name: dict(values) for name, values in choices.collect.items()}
    for name in collect:
        collected.setdefault(name, {})
    for setting in settings:
        source, name, value = _setting(setting)
        collected.setdefault(source, {})[name] = value
    return replace(choices, collect=collected)


def _setting(text: str) -> tuple[str, str, str]:
    key, equals, value = text.partition("=")
    source, dot, name = key.partition(".")
    if not (equals and dot and source and name):
        raise UsageError(
            f"--set {key!r} is not SOURCE.NAME=VALUE", hint="such as app-security.path=/srv/app.log"
        )
    return source, name, value
