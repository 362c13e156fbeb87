"""A list of components that are known to be malicious, and the findings that come of it.

The file has one package URL a line, with a version (``pkg:npm/%40shop/cart@2.0.1``) or without one,
which then means every version; what follows after a blank says why, and ``#`` begins a comment.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Iterable, Iterator

from wazuh_pack.reports.findings import Finding, clean
from wazuh_pack.reports.report import ReportError, ReportFile
from wazuh_pack.reports.values import purl_parts

if TYPE_CHECKING:
    from pathlib import Path

FINDING = "malicious-component"
MAX_BYTES = 64 << 20
_ONE_CASE = ("apk", "bitbucket", "composer", "deb", "github", "hex", "nuget", "oci")
_PYPI = re.compile("[-_.]+")


class Malicious:
    """What is known to be malicious; without entries nothing is."""

    def __init__(self) -> None:
        self._reasons: dict[tuple[str, str, str], str] = {}

    def __len__(self) -> int:
        return len(self._reasons)

    @classmethod
    def load(cls, path: Path) -> Malicious:
        """Read a list.

        Raises:
            ReportError: A line is no package URL, or the file is none; with file and line.
            OSError: It cannot be read.
        """
        found = cls()
        file = ReportFile(path, max_bytes=MAX_BYTES)
        try:
            file.refuse_empty()
            for number, line in enumerate(file.lines(), 1):
                entry, _, reason = line.strip().partition(" ")
                if not entry or entry.startswith("#"):
                    continue
                kind, name, version = purl_parts(entry)
                if not kind or not name:
                    raise ReportError(
                        f"{path}:{number}: '{clean(entry)[:80]}' is no package URL;"
                        " write for example pkg:npm/name@1.2.3"
                    )
                found._reasons[_same(kind, name, version)] = clean(reason).lstrip("# ")
        finally:
            file.close()
        return found

    def apply(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield all findings, and one more for every component that is on the list."""
        for finding in findings:
            yield finding
            if finding.scanner == "component":
                reason = self._reason(finding)
                if reason is not None:
                    yield _bad(finding, reason)

    def _reason(self, finding: Finding) -> str | None:
        kind, name = finding.package_type, finding.package
        exact = self._reasons.get(_same(kind, name, finding.installed_version))
        return exact if exact is not None else self._reasons.get(_same(kind, name, ""))


def _same(kind: str, name: str, version: str) -> tuple[str, str, str]:
    """Return what is the same for all ways of writing one component.

    Which types do not tell upper from lower case is in purl-spec's ``types/``; NuGet's own index
    does not, either. That PyPI takes ``-``, ``_`` and ``.`` for one is PEP 503.
    """
    if kind == "pypi":
        return kind, _PYPI.sub("-", name).lower(), version.lower()
    return kind, name.lower() if kind in _ONE_CASE else name, version


def _bad(finding: Finding, reason: str) -> Finding:
    return replace(
        finding,
        finding_id=FINDING,
        severity="critical",
        category="malicious",
        title=f"{finding.package} {finding.installed_version} is known to be malicious",
        message=reason,
    )
