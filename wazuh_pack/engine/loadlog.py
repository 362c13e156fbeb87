"""What analysisd would log while it loads rules.

Texts are ours. So that logs can be compared, a message names in quotes, or as a number that stands
alone, what analysisd's message names so, in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from wazuh_pack.location import Location

BAD_TIME = "1240"
"""A message that analysisd prints at once, though it need not end the loading."""
BAD_CATEGORY = "1273"
"""Another one that is printed at once."""


class SkipRule(Exception):  # noqa: N818 - control flow, nobody outside the loader sees it
    """analysisd drops this rule and goes on."""


class RefuseFile(Exception):  # noqa: N818 - control flow, nobody outside the loader sees it
    """analysisd gives the whole ruleset up."""


class LoadLog:
    """Collects diagnostics; an empty code stands for a message without a number."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._printed = 0

    def begin_file(self) -> None:
        """Begin a file: analysisd prints what it notes of one when it is through with it."""
        self._printed = len(self.diagnostics)

    def warn(self, message: str, at: Location, code: str = "") -> None:
        """Note something that analysisd only warns about."""
        self.diagnostics.append(Diagnostic(code, message, at, severity=Severity.WARNING))

    def error(self, message: str, at: Location, code: str = "") -> None:
        """Note an error; by itself it does not end the loading."""
        self.diagnostics.append(Diagnostic(code, message, at, severity=Severity.ERROR))

    def error_at_once(self, message: str, at: Location, code: str) -> None:
        """Note an error that analysisd prints at once, before what else it notes of the file."""
        found = Diagnostic(code, message, at, severity=Severity.ERROR)
        self.diagnostics.insert(self._printed, found)
        self._printed += 1

    def refuse(self, message: str, at: Location, code: str = "") -> RefuseFile:
        """Note an error and return the exception that ends the loading."""
        self.error(message, at, code)
        return RefuseFile()

    def skip(self, message: str, at: Location, code: str) -> SkipRule:
        """Note a warning and return the exception that drops the rule."""
        self.warn(message, at, code)
        return SkipRule()
