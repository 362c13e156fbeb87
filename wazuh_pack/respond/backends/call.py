"""Starts the program of a backend, so that every way of failing is a :class:`BackendError`."""

from __future__ import annotations

from wazuh_pack.agentkit.errors import ProcessError
from wazuh_pack.agentkit.process import Result, find_program, run
from wazuh_pack.respond.backends import BackendError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_OUTPUT = 64 << 20


def call(program: str, words: Sequence[str], *, stdin: str = "", seconds: float) -> Result:
    """Run a program to its end and return how that was.

    Args:
        program: A bare name, or an absolute path.
        words: Its arguments.
        stdin: What it reads.
        seconds: How long it may take.

    Raises:
        BackendError: It is missing, took longer or was killed, so nothing else would work either.
    """
    try:
        argv = [find_program(program), *words]
        result = run(argv, stdin=stdin.encode("ascii"), seconds=seconds, limit=_MAX_OUTPUT)
    except ProcessError as error:
        raise BackendError(str(error), at_all=True) from error
    if result.timed_out or result.status < 0:
        end = (
            f"took longer than {seconds:g} seconds and was stopped"
            if result.timed_out
            else f"was killed by signal {-result.status}"
        )
        raise BackendError(f"{program.rpartition('/')[2]} {end}", at_all=True, unknown=True)
    return result


def complaint(result: Result) -> str:
    """Return the first line that a program which failed said."""
    text = (result.errors or result.output).decode("utf-8", "replace").strip()
    return text.splitlines()[0] if text else "failed without a word"
