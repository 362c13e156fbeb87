"""``wazuh-pack list``."""

from __future__ import annotations

from typing import Any

import click

from wazuh_pack.cli import _load, _out
from wazuh_pack.verify.inventory import entries


@click.command(help="List the detections, one line or JSON object a rule.")
@click.argument("names", nargs=-1, metavar="[DETECTION|SOURCE]...")
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)
@_load.id_base
def command(names: tuple[str, ...], form: str, base: int) -> None:
    """List."""
    loaded, built = _load.numbered(base)
    ids = built.rule_ids()
    rows = entries(_load.select(loaded, names), ids)
    if form == "json":
        for row in rows:
            _out.json_line(row)
        return
    _out.table(
        ("ID", "LEVEL", "SOURCE", "DETECTION", "ATT&CK", "TITLE"), [_row(row) for row in rows]
    )


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(row["id"]),
        str(row["level"]),
        row["source"],
        row["slug"],
        " ".join(row["attack"]),
        row["title"],
    )
