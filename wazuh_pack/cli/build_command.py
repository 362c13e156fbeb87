"""``wazuh-pack build``."""

from __future__ import annotations

from pathlib import Path

import click

from wazuh_pack import resources
from wazuh_pack.cli import _load, _out
from wazuh_pack.errors import DiagnosticsError
from wazuh_pack.verify.drift import write


@click.command(help="Render the content into rules_xml/ and decoders/, and keep the id lock.")
@click.option(
    "--accept",
    multiple=True,
    metavar="DETECTION",
    help="Record that this detection's rules have a new meaning ('*' for all).",
)
@click.option("--content", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--tree", type=click.Path(file_okay=False, path_type=Path))
def command(accept: tuple[str, ...], content: Path | None, tree: Path | None) -> None:
    """Render."""
    if content is None or tree is None:
        _load.require_checkout("--content and --tree")
    loaded = _load.catalog(content)
    result = _load.build(loaded, content, accept)
    if result.update.diagnostics:
        raise DiagnosticsError(result.update.diagnostics)
    changed = write(result, tree or resources.tree(), (content or resources.content()) / _load.LOCK)
    for path in changed:
        _out.line(f"wrote {path}")
    for key in result.update.retired:
        _out.line(f"retired {key}")
    _out.line(
        f"{len(loaded.detections)} detections, {len(result.rules)} rules, "
        f"{len(loaded.sources)} sources; {len(changed)} files changed"
    )
