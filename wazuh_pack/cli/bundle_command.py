"""``wazuh-pack bundle``."""

from __future__ import annotations

from pathlib import Path

import click

from wazuh_pack import resources
from wazuh_pack.bundle import bundle_all
from wazuh_pack.cli import _out


@click.command(help="Build the single-file scripts for agents; the same bytes at every build.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/bundle"),
    show_default=True,
)
def command(out: Path) -> None:
    """Build."""
    for info in bundle_all(resources.tree(), out):
        _out.line(f"{info.sha256}  {info.path}")
