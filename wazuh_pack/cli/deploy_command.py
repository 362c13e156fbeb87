"""``wazuh-pack deploy``."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from wazuh_pack import deploy, resources
from wazuh_pack.cli import _api, _ask, _canary, _exit, _load, _out
from wazuh_pack.errors import DiagnosticsError, UsageError
from wazuh_pack.install.assemble import prepare
from wazuh_pack.install.choices import Choices, read_choices

if TYPE_CHECKING:
    from wazuh_pack.install.assemble import Prepared

_HOME = PurePosixPath("/var/ossec")


@click.command(help="Deploy rules, decoders and lists to a manager or cluster over its API.")
@click.option("--api", "url", required=True, metavar="URL", help="Such as https://manager:55000.")
@_api.access
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take sources, rule ids and log collection from this wazuh-pack.yml.",
)
@click.option("--conf", is_flag=True, help="Also edit ossec.conf of every node, and restart.")
@click.option(
    "--collect",
    multiple=True,
    metavar="SOURCE",
    help="With --conf: also have the manager collect this source's logs.",
)
@click.option("--responses", is_flag=True, help="With --conf: also configure the active responses.")
@click.option("--force", is_flag=True, help="With --conf: discard what was edited in our part.")
@click.option("--restart", is_flag=True, help="Restart instead of reloading.")
@click.option(
    "--activate",
    is_flag=True,
    help="Test and load even if no file differs, as after a deployment that was killed.",
)
@click.option(
    "--canaries/--no-canaries",
    "test",
    default=True,
    show_default=True,
    help="Test one event of every source before the rules are put in force.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=180.0,
    show_default=True,
    help="Seconds to wait for nodes to get and load the files.",
)
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be done, change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    url: str,
    ca: Path | None,
    credentials_file: Path | None,
    config: Path | None,
    conf: bool,
    collect: tuple[str, ...],
    responses: bool,
    force: bool,
    restart: bool,
    activate: bool,
    test: bool,
    wait: float,
    only_plan: bool,
    yes: bool,
    form: str,
) -> int:
    """Plan, show, ask, deploy."""
    if (collect or responses or force) and not conf:
        raise UsageError("--collect, --responses and --force are about ossec.conf: add --conf")
    choices = _choices(config, collect, responses=responses)
    api = _api.connect(url, ca, credentials_file)
    try:
        manager = deploy.Manager(api)
        prepared = _prepare(choices)
        plan = deploy.make_plan(
            manager, prepared.source, conf=conf, restart=restart, activate=activate, force=force
        )
        _show(plan, form)
        if plan.errors:
            raise DiagnosticsError(plan.errors)
        if only_plan or plan.is_empty:
            return _exit.OK
        if not yes:
            _ask.confirm(f"change {api.url}?")
        with _ask.terminable():
            outcome = deploy.deploy(
                manager,
                plan,
                canaries=_canary.choose(prepared.catalog, prepared.rules) if test else (),
                wait=wait,
                say=_out.note,
            )
    finally:
        api.close()
    return _report(outcome, api.url, form)


def _choices(config: Path | None, collect: tuple[str, ...], *, responses: bool) -> Choices:
    """Return what to deploy: no wodles, which the API cannot carry."""
    choices = read_choices(config) if config else Choices(responses=())
    if responses:
        choices = replace(choices, responses=None)
    collected = {**choices.collect, **{name: choices.collect.get(name, {}) for name in collect}}
    return replace(choices, collect=collected, wodles=())


def _prepare(choices: Choices) -> Prepared:
    with tempfile.TemporaryDirectory(prefix="wazuh-pack-") as scratch:
        return prepare(
            _load.catalog(),
            _load.lock(),
            tree=resources.tree(),
            scratch=Path(scratch),
            home=_HOME,
            target=Path.cwd(),
            choices=choices,
        )


def _show(plan: deploy.DeployPlan, form: str) -> None:
    if form == "json":
        _out.json_line(plan.as_json())
        return
    for text in plan.lines():
        _out.line(text)


def _report(outcome: deploy.Outcome, url: str, form: str) -> int:
    for text in outcome.problems:
        _out.error(text, hint=outcome.hint)
    for text in outcome.damaged:
        _out.error(f"not restored: {text}")
    if outcome.damaged:
        _out.note(f"what was there before is in {_save(outcome)}")
    elif outcome.problems:
        _out.note(f"rolled back, read again and found as before: {', '.join(outcome.restored)}")
    if form == "json":
        _out.json_line(outcome.as_json())
    elif outcome.status == "deployed":
        _out.line(f"deployed to {url} and loaded by every node")
    return _exit.ERROR if outcome.problems or outcome.damaged else _exit.OK


def _save(outcome: deploy.Outcome) -> Path:
    """Keep the former contents where only this user can read them: ossec.conf holds secrets."""
    folder = Path(tempfile.mkdtemp(prefix="wazuh-pack-former-"))
    for name, content in outcome.former.items():
        if content is not None:
            place = folder / name.replace(":", "/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return folder
