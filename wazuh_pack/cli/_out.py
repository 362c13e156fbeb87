"""The only place that prints."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from wazuh_pack.errors import PackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wazuh_pack.diagnostics import Diagnostic

_CODES = {
    "bold": 1,
    "dim": 2,
    "red": 31,
    "green": 32,
    "yellow": 33,
    "blue": 34,
    "magenta": 35,
    "cyan": 36,
}


def line(text: str = "") -> None:
    """Print a line of result.

    Raises:
        BrokenPipeError: Its reader is gone.
        PackError: It cannot be written.
    """
    with _written():
        sys.stdout.write(text + "\n")


def safe(text: str) -> str:
    """Return text that cannot steer a terminal: events are anybody's. Tabs stay."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else _named(char) for char in text)


def _named(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - what surrogateescape makes of a byte
        code -= 0xDC00
    if code <= 0xFF:  # noqa: PLR2004 - a byte
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - Unicode's first plane


def flush() -> None:
    """Hand over what was printed: a program at the other end of a pipe may wait for it.

    Raises as :func:`line` does.
    """
    with _written():
        sys.stdout.flush()


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise PackError(f"standard output cannot be written: {reason}") from error


def json_line(value: Any) -> None:
    """Print one JSON object on a line; raises as :func:`line` does."""
    encoding = (sys.stdout.encoding or "utf-8").lower().replace("-", "")
    line(json.dumps(value, ensure_ascii=encoding != "utf8", separators=(",", ":")))


def note(text: str) -> None:
    """Print a line about the work itself, on standard error; where that is impossible, nothing."""
    with suppress(OSError):
        sys.stderr.write(text + "\n")


def error(text: str, hint: str = "") -> None:
    """Print an error, and what to do about it."""
    note(f"{style('error', 'red', 'bold', stream=sys.stderr)}: {text}")
    if hint:
        note(f"  {style('hint', 'cyan', stream=sys.stderr)}: {hint}")


def diagnostic(item: Diagnostic) -> None:
    """Print a finding, and what to do about it."""
    note(str(item))
    if item.hint:
        note(f"  {style('hint', 'cyan', stream=sys.stderr)}: {item.hint}")


def style(text: str, *names: str, stream: IO[str] | None = None) -> str:
    """Return ``text`` in colours if the stream is a terminal that wants them."""
    if not coloured(stream or sys.stdout):
        return text
    return f"\033[{';'.join(str(_CODES[name]) for name in names)}m{text}\033[0m"


def coloured(stream: IO[str]) -> bool:
    """Tell whether to colour: ``NO_COLOR`` and ``FORCE_COLOR`` decide, else the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns as wide as they need."""
    rows = [list(row) for row in rows]
    widths = [max(len(row[index]) for row in [list(head), *rows]) for index in range(len(head))]

    def text(row: Sequence[str]) -> str:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        return "  ".join(cells).rstrip()

    line(style(text(head), "bold"))
    for row in rows:
        line(text(row))
