"""``wazuh-pack show``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wazuh_pack.cli import _load, _out
from wazuh_pack.errors import UsageError
from wazuh_pack.render.snippets import rule_snippets
from wazuh_pack.verify.inventory import entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.model import Catalog, Detection, ResponseUse


@click.command(help="Show one detection with its rules; RULE is a rule id or a detection.")
@click.argument("rule")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@_load.id_base
def command(rule: str, form: str, base: int) -> None:
    """Show."""
    loaded, built = _load.numbered(base)
    detection = _find(loaded, built.rule_ids(), rule)
    if form == "json":
        for row in entries([detection], built.rule_ids()):
            _out.json_line({**row, "message": detection.message, "why": detection.why})
        return
    _show(detection)
    for snippet in rule_snippets(built, detection.id):
        _out.line()
        _out.line(snippet)


def _find(loaded: Catalog, ids: Mapping[str, int], rule: str) -> Detection:
    names = {str(number): key for key, number in ids.items()}
    name = names.get(rule, rule).partition("/")[0]
    try:
        return loaded.detection(name)
    except KeyError:
        raise UsageError(
            f"no rule or detection {rule!r}", hint="`wazuh-pack list` names them all"
        ) from None


def _response(use: ResponseUse) -> str:
    if use.action == "block-ip":
        return f"{use.action} on {use.field} for {use.timeout} s"
    return f"{use.action} on {use.field}: {', else '.join(use.revoke) or 'the tokens in it'}"


def _show(detection: Detection) -> None:
    _out.line(_out.style(f"{detection.id}: {detection.title}", "bold"))
    _out.line(f"  severity  {detection.severity.name.lower()} (level {detection.severity.value})")
    _out.line(f"  source    {detection.source}")
    _out.line(f"  ATT&CK    {' '.join(detection.attack)}")
    _out.line(f"  risks     {' '.join(f'CICD-SEC-{number}' for number in detection.cicd_sec)}")
    if detection.response:
        _out.line(f"  response  {_response(detection.response)}")
    _out.line(f"  file      {detection.at.path if detection.at else ''}")
    _out.line()
    _out.line(f"  {detection.why}")
    for title, items in (
        ("First steps", detection.runbook),
        ("False positives", detection.false_positives),
        ("References", detection.references),
    ):
        if items:
            _out.line()
            _out.line(f"  {title}")
            for item in items:
                _out.line(f"  - {item}")
