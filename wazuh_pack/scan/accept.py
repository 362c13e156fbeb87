"""Risks that somebody took responsibility for, ``<home>/etc/wazuh-pack/exceptions.ini``.

One section each: which findings, who says so, why, and until when. An exception without an end
does not exist; when it is over, the finding is told of again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Iterable, Iterator

from wazuh_pack.agentkit import config as ini
from wazuh_pack.reports.findings import SCANNERS

if TYPE_CHECKING:
    from wazuh_pack.reports.findings import Artifact, Finding

LONGEST_DAYS = 366
"""How far ahead an exception may end when it is read."""


@dataclass(frozen=True)
class Exemption:
    """One section of the file."""

    name: str
    finding: tuple[str, ...]
    by: str
    reason: str
    until: date
    artifact: tuple[str, ...] = ("*",)
    package: tuple[str, ...] = ("*",)
    path: tuple[str, ...] = ("*",)
    scanner: tuple[str, ...] = SCANNERS

    def covers(self, finding: Finding) -> bool:
        """Tell whether it is about this finding of an artifact that it is about."""
        return (
            finding.scanner in self.scanner
            and _fits(finding.package, self.package)
            and _fits(finding.path, self.path)
        )


class Exemptions:
    """Those that are in force at one moment for one artifact."""

    def __init__(self, exemptions: Iterable[Exemption], artifact: Artifact, now: datetime) -> None:
        self._by_id: dict[str, list[Exemption]] = {}
        for one in exemptions:
            if one.until >= now.date() and _fits(artifact.name, one.artifact):
                for finding_id in one.finding:
                    self._by_id.setdefault(finding_id, []).append(one)

    def __repr__(self) -> str:
        """Return a text that is the same for the same exceptions."""
        return repr(sorted(self._by_id.items()))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._by_id)

    def apply(self, finding: Finding) -> Finding:
        """Return the finding, marked as accepted if one of them covers it."""
        for finding_id in (finding.finding_id, *filter(None, finding.aliases.split(","))):
            for one in self._by_id.get(finding_id, ()):
                if one.covers(finding):
                    return replace(
                        finding,
                        accepted=f"exception {one.name}",
                        accepted_by=one.by,
                        accepted_reason=one.reason,
                        accepted_until=one.until.isoformat(),
                    )
        return finding


def load(path: str, now: datetime) -> tuple[Exemption, ...]:
    """Read the file; no file means no exceptions.

    Raises:
        ConfigError: It has mistakes; all of them, each with file and line.
        UntrustedFileError: Somebody other than root could have written it.
    """
    file = ini.load(path)
    if file is None:
        return ()
    found = list(_exemptions(file, now))
    file.finish(tuple(file.sections))
    return tuple(found)


def _exemptions(file: ini.Ini, now: datetime) -> Iterator[Exemption]:
    for name, keys in file.sections.items():
        found = file.take(name, _KEYS)
        line = min((value.line for value in keys.values()), default=1)
        missing = [key for key in _REQUIRED if key not in keys]
        if missing:
            what = ", ".join(missing)
            file.problems.append(f"{file.path}:{line}: [{name}] does not say {what}; add it")
        until = found.get("until")
        if until and (until - now.date()).days > LONGEST_DAYS:
            file.problems.append(
                f"{file.path}:{keys['until'].line}: [{name}] ends more than {LONGEST_DAYS} days"
                " from now; choose an earlier day"
            )
        if all(key in found for key in _REQUIRED):
            yield Exemption(name=name, **found)


def _fits(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a day; write for example 2026-12-31") from None


def _some(text: str) -> tuple[str, ...]:
    found = ini.words(text)
    if not found:
        raise ValueError("empty; write one or more words")
    return found


def _text(text: str) -> str:
    if not text:
        raise ValueError("empty; write a few words")
    return " ".join(text.split())


def _scanners(text: str) -> tuple[str, ...]:
    found = ini.words(text)
    if not found or not set(found) <= set(SCANNERS):
        raise ValueError(f"write some of {', '.join(SCANNERS)}")
    return found


_REQUIRED = ("finding", "by", "reason", "until")
_KEYS = {
    "finding": _some,
    "artifact": _some,
    "package": _some,
    "path": _some,
    "scanner": _scanners,
    "by": _text,
    "reason": _text,
    "until": _day,
}
