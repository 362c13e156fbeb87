"""The errors that this package raises.

Problems of content and configuration are collected as :class:`~wazuh_pack.diagnostics.Diagnostic`
values; an exception means that the work cannot go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wazuh_pack.diagnostics import Diagnostic
    from wazuh_pack.location import Location


class PackError(Exception):
    """Something the user can act on.

    ``str()`` gives one line, ``path:line:column: message``; :attr:`hint` says what to do.
    """

    def __init__(self, message: str, *, at: Location | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hint = hint

    def __str__(self) -> str:
        """Return the message with its location in front."""
        return f"{self.at}: {self.message}" if self.at else self.message


class UsageError(PackError):
    """The command line asks for something that does not exist or does not fit."""


class DiagnosticsError(PackError):
    """One or more diagnostics of severity error; they are in :attr:`diagnostics`."""

    def __init__(self, diagnostics: Sequence[Diagnostic], message: str = "") -> None:
        count = len(diagnostics)
        super().__init__(message or f"{count} problem{'s' if count != 1 else ''} found")
        self.diagnostics = tuple(diagnostics)


class ExpressionError(PackError):
    """A pattern that Wazuh's expression compiler refuses."""


class XmlError(PackError):
    """A file that Wazuh's XML reader refuses; :attr:`code` is the number of analysisd's message."""

    def __init__(
        self, message: str, *, at: Location | None = None, hint: str = "", code: str = ""
    ) -> None:
        super().__init__(message, at=at, hint=hint)
        self.code = code


class InstallError(PackError):
    """An installation that cannot go on; nothing was changed, or all was restored."""


class DeployError(PackError):
    """A deployment over the API that cannot go on."""


class ApiRefusedError(DeployError):
    """The API answered with an error; ``code`` is Wazuh's number for it, 0 when it gave none."""

    def __init__(self, message: str, *, status: int, code: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


class UnreachableError(DeployError):
    """The API gave no answer, or only that it cannot answer now."""


class HarnessError(PackError):
    """The Docker harness cannot go on; :attr:`details` are lines for the report."""

    def __init__(self, message: str, *, details: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.details = tuple(details)


class UnavailableError(HarnessError):
    """What a part of the harness needs cannot be had here; that part is skipped, not failed."""
