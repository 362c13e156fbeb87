"""``wazuh-pack gate``."""

from __future__ import annotations

import click

from wazuh_pack.gate.main import main


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Judge. The options are the gate's own, for it also runs where this package is not."""
    try:
        return main(arguments)
    except SystemExit as end:  # argparse has said what is wrong, or shown its help
        return end.code if isinstance(end.code, int) else 1
