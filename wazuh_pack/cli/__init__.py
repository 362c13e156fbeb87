"""The command line. One module a command; each is imported only when it runs."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from wazuh_pack import __version__
from wazuh_pack.cli import _exit, _out, _streams
from wazuh_pack.errors import DiagnosticsError, PackError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMMANDS = {
    "backtest": "Show what a ruleset would have said about past logs.",
    "build": "Render the content into rules_xml/ and decoders/.",
    "bundle": "Build the single-file scripts for agents.",
    "check": "Check content, drift, and that Wazuh would load everything.",
    "conformance": "Compare the engine with what a real analysisd answered.",
    "demo": "Replay an attack on a pipeline and show what the pack does about it.",
    "deploy": "Deploy rules, decoders and lists to a manager or cluster over its API.",
    "diff": "Show what has changed since the installation.",
    "doctor": "Check that an installation is healthy.",
    "explain": "Show how an event became, or did not become, an alert.",
    "gate": "Fail a pipeline step when reports and proofs do not suffice.",
    "group-files": "Write what agents of a group need into a folder for etc/shared/<group>.",
    "harness": "Prove the pack on a real manager in containers.",
    "image": "Build what containers of a manager need.",
    "ingest": "Turn reports of scanners and gates into events.",
    "install": "Install the pack into a Wazuh manager's home (or a staged tree).",
    "list": "List the detections, one line or JSON object a rule.",
    "logtest": "Decode and match events as a manager's wazuh-logtest would.",
    "new": "Write the skeleton of a detection.",
    "plan": "Show what `install` would change.",
    "respond": "Look after the responses on this host: what is blocked, block, unblock, try.",
    "serve": "Answer the protocol of a manager's logtest socket.",
    "show": "Show one detection with its rules.",
    "test": "Prove every detection with its own events.",
    "uninstall": "Remove what `install` put there.",
}


class _ReaderGoneError(Exception):
    """A BrokenPipeError under another name: click would end with 1 for it at once."""


@contextmanager
def _past_click() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderGoneError from error


class _Lazy(click.Group):
    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _past_click():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _past_click():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"wazuh_pack.cli.{name}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wazuh-pack")
def cli() -> None:
    """Wazuh detections, responses and scans for CI/CD pipelines."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the only place that turns errors into exit codes."""
    try:
        result = cli.main(
            args=list(arguments) if arguments is not None else None,
            prog_name="wazuh-pack",
            standalone_mode=False,
        )
        _out.flush()
    except (_ReaderGoneError, BrokenPipeError):
        return _exit.READER_GONE
    except (click.Abort, KeyboardInterrupt):
        _out.error("interrupted")
        return _exit.ERROR
    except (click.ClickException, PackError, OSError) as error:
        return _tell(error)
    return result if isinstance(result, int) else _exit.OK


def _tell(error: click.ClickException | PackError | OSError) -> int:
    """Print an error; return its exit code."""
    if isinstance(error, click.ClickException):
        with suppress(OSError):
            error.show()
        return _exit.USAGE
    if isinstance(error, DiagnosticsError):
        for diagnostic in error.diagnostics:
            _out.diagnostic(diagnostic)
        _out.error(str(error))
        return _exit.CONTENT
    if isinstance(error, PackError):
        _out.error(str(error), hint=error.hint)
        return _exit.USAGE if isinstance(error, UsageError) else _exit.ERROR
    reason = error.strerror or str(error)
    _out.error(f"{error.filename}: {reason}" if error.filename is not None else reason)
    return _exit.ERROR


def run() -> None:
    """Console entry point."""
    _streams.prepare()
    code = main()
    _streams.give_up()
    sys.exit(code)
