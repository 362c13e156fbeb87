"""Asking before something is changed."""

from __future__ import annotations

import sys

import click

from wazuh_pack.errors import PackError, UsageError


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
