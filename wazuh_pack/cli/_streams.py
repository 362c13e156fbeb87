"""The only place that says how standard input, output and error are opened.

Whatever the locale and whoever started the program: the three exist, reading and writing them never
fails for a character, and what cannot be written at all is an error of a line, not a traceback.
"""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

_HANDLER = "wazuh-pack"


def prepare() -> None:
    """Open what is closed, and let any byte and character pass. For the program's start only."""
    codecs.register_error(_HANDLER, _write_anything)
    # What is missing is replaced in this order: opening takes the lowest number that is free, so
    # that no file of ours becomes standard output. That one refuses to be written.
    if sys.stdin is None:
        sys.stdin = open(_null(os.O_RDONLY), encoding="utf-8")  # noqa: SIM115 - stays open
    if sys.stdout is None:
        sys.stdout = open(_null(os.O_RDONLY), "w", encoding="utf-8")  # noqa: SIM115 - stays open
    if sys.stderr is None:
        sys.stderr = open(_null(os.O_WRONLY), "w", encoding="utf-8")  # noqa: SIM115 - stays open
    for stream, errors in (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, _HANDLER),
        (sys.stderr, _HANDLER),
    ):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)


def give_up() -> None:
    """Drop what could not be written, so that Python does not try again at its end."""
    _drop_unwritten(sys.stdout)
    _drop_unwritten(sys.stderr)


def _drop_unwritten(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(_null(os.O_WRONLY), stream.fileno())


def _null(flags: int) -> int:
    descriptor = os.open(os.devnull, flags)
    os.set_inheritable(descriptor, True)
    return descriptor


def _write_anything(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write a byte that was read as it was, and a character that the encoding lacks escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    error.end = error.start + 1
    code = ord(error.object[error.start])
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - what surrogateescape makes of a byte
        return bytes([code - 0xDC00]), error.end
    return codecs.backslashreplace_errors(error)
