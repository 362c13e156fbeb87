"""Asking before something is changed, and being told to stop while it is."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from wazuh_pack.errors import PackError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def confirm(question: str) -> None:
    """Ask, on standard error; return only when the answer is yes.

    Raises:
        UsageError: nobody is there to answer.
        PackError: the answer is no.
    """
    try:
        answer = click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        sys.stderr.write("\n")
        raise UsageError("nobody is there to answer", hint="say --yes to go on unasked") from None
    if not answer:
        raise PackError("nothing was changed")


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: a cancelled job, too, puts back what was there."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
