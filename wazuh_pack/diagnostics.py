"""Findings about a file, as data: never printed here, collected until all are known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.location import Location


class Severity(Enum):
    """How bad a finding is."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    ``code`` is ours (``WP012``) or, for what analysisd itself would log, its message number
    (``7612``).
    """

    code: str
    message: str
    at: Location | None = None
    hint: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        """Return ``path:line:column: severity: message [code]``."""
        place = f"{self.at}: " if self.at else ""
        return f"{place}{self.severity.value}: {self.message} [{self.code}]"
