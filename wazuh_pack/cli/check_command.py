"""``wazuh-pack check``."""

from __future__ import annotations

from pathlib import Path

import click

from wazuh_pack import resources
from wazuh_pack.cli import _exit, _load, _out
from wazuh_pack.errors import DiagnosticsError
from wazuh_pack.verify import drift
from wazuh_pack.verify.lint import lint


@click.command(help="Check content, drift, and that Wazuh would load everything without a warning.")
@click.option(
    "--stock",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A real stock ruleset (default: our minimal equivalents).",
)
def command(stock: Path | None) -> int:
    """Check."""
    loaded = _load.catalog()
    result = _load.build(loaded)
    problems = [*result.update.diagnostics, *lint(loaded)]
    if problems:
        raise DiagnosticsError(problems)
    tree = resources.tree()
    drifted = drift.compare(result, tree, resources.content() / _load.LOCK)
    for finding in drifted:
        _out.diagnostic(finding)
    if drifted:
        return _exit.DRIFT
    warnings = [
        item
        for item in _load.ruleset(loaded, tree, stock).diagnostics
        if item.at is not None and item.at.path.is_relative_to(tree)
    ]
    if warnings:
        raise DiagnosticsError(warnings)
    _out.line(
        f"{len(loaded.detections)} detections, {len(result.rules)} rules: "
        "no drift, no warning from loading"
    )
    return _exit.OK
