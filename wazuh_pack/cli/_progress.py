"""A progress line on standard error, on a terminal only."""

from __future__ import annotations

import sys
import time

_EVERY = 0.2
_WIDTH = 30
_MEGABYTE = 1_000_000


class Bar:
    """Shows how many of how many bytes are done; silent when standard error is no terminal."""

    def __init__(self, total: int) -> None:
        """Start; ``total`` is 0 where it is not known."""
        self._total = total
        self._shown = sys.stderr.isatty()
        self._begun = time.monotonic()
        self._next = self._begun

    def __call__(self, done: int) -> None:
        """Show it, a few times a second."""
        now = time.monotonic()
        if not self._shown or now < self._next:
            return
        self._next = now + _EVERY
        rate = done / max(now - self._begun, _EVERY) / _MEGABYTE
        text = f"{done / _MEGABYTE:,.0f} MB, {rate:,.1f} MB/s"
        if self._total:
            share = min(done / self._total, 1.0)
            filled = "#" * int(share * _WIDTH)
            text = f"[{filled:<{_WIDTH}}] {share:4.0%}  {text}"
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()

    def close(self) -> None:
        """Remove the line."""
        if self._shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
