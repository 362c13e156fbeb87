"""Runs one of Wazuh's programs: no shell, a time limit, a limit on what it may say."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAX_OUTPUT = 4 * 1024 * 1024
"""Bytes; a program that says more is ended."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended.

    ``code`` is its exit code, negative for a signal. ``cut`` says why it was ended by us, empty
    when it ended by itself.
    """

    code: int
    output: str
    cut: str = ""


def run(argv: Sequence[str | Path], *, folder: Path, seconds: float) -> Done:
    """Run a program and return what it wrote to standard output and error, in its order.

    It gets no input, a bare environment and a process group of its own, all of which is ended when
    the program takes too long or says too much.

    Args:
        argv: The program's path and its arguments.
        folder: Its current folder.
        seconds: How long it may take.

    Raises:
        InstallError: It cannot be started.
    """
    try:
        process = subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"PATH": PATH, "LC_ALL": "C"},
            start_new_session=True,
        )
    except OSError as error:
        raise InstallError(f"cannot run {argv[0]}: {error.strerror}") from error
    with process:
        try:
            output, cut = _listen(process, seconds)
        except BaseException:
            _end(process)
            raise
        if cut:
            _end(process)
        code = process.wait()
    return Done(code, output.decode("utf-8", "replace"), cut)


def _listen(process: subprocess.Popen[bytes], seconds: float) -> tuple[bytes, str]:
    """Return what a process says until it ends, and why it must be ended."""
    if process.stdout is None:
        raise ValueError("no pipe")
    deadline = time.monotonic() + seconds
    said = bytearray()
    fd = process.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            chunk = os.read(fd, _CHUNK)
            if not chunk:
                return bytes(said), _wait(process, deadline, seconds)
            said += chunk
            if len(said) > MAX_OUTPUT:
                return bytes(said[:MAX_OUTPUT]), f"it wrote more than {MAX_OUTPUT} bytes"
    return bytes(said), f"it did not end within {seconds:g} seconds"


def _wait(process: subprocess.Popen[bytes], deadline: float, seconds: float) -> str:
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return f"it did not end within {seconds:g} seconds"
    return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
