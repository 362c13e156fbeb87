"""What the commands of ``wazuh-pack respond`` share."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wazuh_pack.agentkit.errors import AgentError, ConfigError
from wazuh_pack.agentkit.home import Home
from wazuh_pack.cli import _out
from wazuh_pack.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

home = click.option(
    "--home",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("/var/ossec"),
    show_default=True,
    help="The Wazuh home of this manager or agent.",
    callback=lambda _context, _option, value: Home(str(value.absolute())),
)
form = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@contextmanager
def agent_errors() -> Iterator[None]:
    """Turn what a script would log into errors of the command line."""
    try:
        yield
    except ConfigError as error:
        raise PackError("\n".join(error.problems), hint="nothing is done until then") from error
    except AgentError as error:
        raise PackError(str(error)) from error
    except PermissionError as error:
        said = f"{error.filename}: {error.strerror}"
        raise PackError(
            said, hint="configuration and state are root's: run this as root"
        ) from error
    except OSError as error:
        raise PackError(str(error)) from error


def rows(form: str, found: Sequence[dict[str, object]], names: Sequence[str]) -> None:
    """Print rows: as JSON whole, as a table with the members that are named."""
    if form == "json":
        for row in found:
            _out.json_line(row)
        return
    _out.table(names, ([text(row.get(name, "")) for name in names] for row in found))


def text(value: object) -> str:
    """Return a value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "never"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
