"""What a run found out, as data, and as lines for a reader."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN = 20
"""How many details of a check are shown to a reader."""
_INDENT = " " * 39


class State(Enum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


_WORDS = {State.OK: "ok", State.FAILED: "FAIL", State.SKIPPED: "skip"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``details`` are lines, ``seconds`` how long it took."""

    name: str
    state: State
    summary: str
    details: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """The checks of one image; lanes add to it from their own threads.

    ``about`` says what the image is, once that is known; ``stand_in`` that it is no Wazuh.
    """

    image: str
    about: str = ""
    stand_in: bool = False
    checks: list[Check] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, check: Check) -> None:
        """Add a check."""
        with self._lock:
            self.checks.append(check)

    @property
    def failed(self) -> bool:
        """Whether any check failed."""
        return any(check.state is State.FAILED for check in self.checks)

    @property
    def proved(self) -> bool:
        """Whether anything was checked and nothing failed."""
        return not self.failed and any(check.state is State.OK for check in self.checks)

    def named(self, name: str) -> Check:
        """Return the check of that name; KeyError if there is none."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "image": self.image,
            "about": self.about,
            "stand_in": self.stand_in,
            "failed": self.failed,
            "checks": [
                {
                    "name": check.name,
                    "state": check.state.value,
                    "summary": check.summary,
                    "details": list(check.details),
                    "seconds": round(check.seconds, 1),
                }
                for check in self.checks
            ],
        }

    def lines(self) -> Iterator[str]:
        """Yield the report for a reader."""
        yield f"{self.image}  {self.about}".rstrip()
        if self.stand_in:
            yield "  a STAND-IN served by our own engine: this proves the harness, nothing of Wazuh"
        for check in self.checks:
            took = f"{check.seconds:6.1f} s" if check.state is not State.SKIPPED else " " * 8
            yield f"  {_WORDS[check.state]:<5} {check.name:<20} {took}  {check.summary}"
            for detail in check.details[:SHOWN]:
                yield _INDENT + detail
            if len(check.details) > SHOWN:
                yield f"{_INDENT}and {len(check.details) - SHOWN} more; --format json has them all"
