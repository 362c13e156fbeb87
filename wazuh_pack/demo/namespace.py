"""A network namespace of our own, for as long as it is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOOLS = ("nsenter", "nft")


@contextmanager
def network_namespace() -> Iterator[tuple[str, ...]]:
    """Give the words that, put before a command, run it in a new network namespace.

    Gives nothing, so that commands must not be run, when this user may not make one or a tool is
    missing. The namespace ends with the block: its only other holder waits for its standard input.
    """
    unshare = shutil.which("unshare")
    if os.geteuid() != 0 or unshare is None or not all(shutil.which(tool) for tool in _TOOLS):
        yield ()
        return
    with subprocess.Popen(
        [unshare, "--net", "sh", "-c", "echo ready; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as holder:
        if holder.stdin is None or holder.stdout is None:
            raise RuntimeError("no pipes")
        ready = holder.stdout.readline() == b"ready\n"
        enter = ("nsenter", f"--net=/proc/{holder.pid}/ns/net", "--")
        if ready and _works(enter):
            yield enter
        else:
            yield ()
        holder.stdin.close()
        holder.wait()


def _works(enter: tuple[str, ...]) -> bool:
    done = subprocess.run([*enter, "nft", "list", "tables"], check=False, capture_output=True)
    return done.returncode == 0
