"""Risks that somebody took responsibility for, ``<home>/etc/wazuh-pack/exceptions.ini``.

One section each: which findings, who says so, why, and until when. An exception without an end
does not exist; when it is over, the finding is told of again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Iterable

from wazuh_pack.agentkit import config as ini
from wazuh_pack.agentkit.errors import AgentError, ConfigError
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


def load(
    path: str, now: datetime, last: Iterable[Exemption] = ()
) -> tuple[tuple[Exemption, ...], list[str]]:
    """Read the file; no file means no exceptions.

    One with a mistake must neither end what was accepted nor accept more than was meant: in place
    of a section with a mistake counts what the section said last time.

    Args:
        path: The file.
        now: The time.
        last: What was in force after the reading before.

    Returns:
        What is in force, and every mistake with file and line.
    """
    last = tuple(last)
    try:
        file = ini.load(path)
    except ConfigError as error:
        return last, error.problems
    except (AgentError, OSError) as error:
        return last, [str(error)]
    if file is None:
        return (), []
    if file.problems:  # lines that belong to no key, so to any section
        return last, file.problems
    found = []
    for name in file.sections:
        one = _exemption(file, name, now)
        found += [one] if one else [earlier for earlier in last if earlier.name == name]
    return tuple(found), file.problems


def document(exemptions: Iterable[Exemption]) -> object:
    """Return exceptions in JSON's types."""
    return [{**vars(one), "until": one.until.isoformat()} for one in exemptions]


def restore(found: object) -> tuple[Exemption, ...]:
    """Return what :func:`document` was made of; nothing if it is something else."""
    try:
        return tuple(map(_restored, found if isinstance(found, list) else ()))
    except (TypeError, ValueError, KeyError, AttributeError):
        return ()


def _restored(found: dict[str, Any]) -> Exemption:
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in found.items()
    }
    return Exemption(**{**given, "until": date.fromisoformat(str(given["until"]))})


def _exemption(file: ini.Ini, name: str, now: datetime) -> Exemption | None:
    """Return what a section says, ``None`` if it has mistakes."""
    before = len(file.problems)
    keys = file.sections[name]
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
    return None if len(file.problems) > before else Exemption(name=name, **found)


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
