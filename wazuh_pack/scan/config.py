"""The wodle's configuration, ``<home>/etc/wazuh-pack/trivy.ini``.

Every key has a default except what to scan; ``wodles/trivy/trivy.ini`` explains them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from wazuh_pack.agentkit import config as ini
from wazuh_pack.agentkit.errors import ConfigError
from wazuh_pack.reports.findings import SCANNERS, SEVERITIES

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._/:@-]{0,511}")
_MAX_ENTRIES = 1000


@dataclass(frozen=True)
class Schedule:
    """When scans run; everything in seconds."""

    interval: int = 86_400
    jitter: int = 1_800
    """Every start is put off by a random time up to this."""
    retry: int = 3_600
    """After a run in which something failed."""


@dataclass(frozen=True)
class Scanner:
    """How Trivy is run."""

    binary: str = ""
    """Absolute path; empty: the first one in the usual folders."""
    sha256: str = ""
    minimum_version: tuple[int, int, int] = (0, 69, 2)
    cache_dir: str = ""
    temp_dir: str = ""
    server: str = ""
    offline: bool = False
    timeout: int = 900
    """Seconds that one artifact may take."""
    nice: int = 10
    ignore_unfixed: bool = False
    ignore_file: str = ""
    skip_dirs: tuple[str, ...] = ()
    stale_database: int = 3 * 86_400


@dataclass(frozen=True)
class Targets:
    """What is scanned. Paths are absolute and may hold shell patterns."""

    images: str = "none"
    """``all``, ``running``, ``list`` or ``none``."""
    image_list: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    """Which engines must be there; empty: those that are."""
    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    filesystems: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    sboms: tuple[str, ...] = ()
    rootfs: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to scan."""
        named = (self.filesystems, self.repositories, self.sboms, self.rootfs)
        return self.images == "none" and not any(named)


@dataclass(frozen=True)
class Reporting:
    """What becomes an event."""

    scanners: tuple[str, ...] = ("vuln", "misconfig", "secret")
    severity: str = "low"
    """The lowest severity that is reported; lower ones are remembered all the same."""
    mode: str = "changes"
    """``changes``, or ``full`` for every finding after every scan."""
    worst: int = 20
    """How many findings an artifact's first scan reports one by one."""
    max_events: int = 500
    """How many findings any other scan reports one by one."""


@dataclass(frozen=True)
class Config:
    """The whole configuration."""

    schedule: Schedule = field(default_factory=Schedule)
    scanner: Scanner = field(default_factory=Scanner)
    targets: Targets = field(default_factory=Targets)
    reporting: Reporting = field(default_factory=Reporting)


def load(path: str) -> Config:
    """Read the configuration.

    Raises:
        ConfigError: It is missing or has mistakes; all of them, each with file and line.
        UntrustedFileError: Somebody other than root could have written it.
    """
    file = ini.load(path)
    if file is None:
        raise ConfigError([f"{path}:1: there is no such file; copy the template to it"])
    return _config(file)


def _config(file: ini.Ini) -> Config:
    config = Config(
        schedule=Schedule(**file.take("schedule", _SCHEDULE)),
        scanner=Scanner(**file.take("trivy", _TRIVY)),
        targets=Targets(**file.take("targets", _TARGETS)),
        reporting=Reporting(**file.take("report", _REPORT)),
    )
    if config.targets.images == "list" and not config.targets.image_list:
        file.problems.append(f"{file.path}:1: 'images = list' needs 'image_list'; name the images")
    if config.targets.empty and not file.problems:
        file.problems.append(f"{file.path}:1: nothing to scan; fill in [targets]")
    file.finish(("schedule", "trivy", "targets", "report"))
    return config


def _absolute(text: str) -> str:
    if not text.startswith("/") or "\n" in text or "\0" in text:
        raise ValueError(f"'{text}' is not an absolute path; write one")
    return text


def _lines(text: str) -> tuple[str, ...]:
    """Parse one entry per line; entries may hold blanks."""
    entries = tuple(line for line in text.splitlines() if line)
    if len(entries) > _MAX_ENTRIES:
        raise ValueError(f"{len(entries)} entries; {_MAX_ENTRIES} are the limit, use patterns")
    return entries


def _paths(text: str) -> tuple[str, ...]:
    return tuple(_absolute(entry) for entry in _lines(text))


def _repositories(text: str) -> tuple[str, ...]:
    entries = _lines(text)
    for entry in entries:
        if not entry.startswith(("/", "https://")):
            raise ValueError(f"'{entry}' is neither an absolute path nor https://; write one")
        if "@" in entry.split("://", 1)[-1].split("/", 1)[0]:
            raise ValueError("a repository's address holds credentials; use GITHUB_TOKEN files")
    return entries


def _images(text: str) -> tuple[str, ...]:
    entries = ini.words(text)
    for entry in entries:
        if not _IMAGE.fullmatch(entry):
            raise ValueError(f"'{entry[:80]}' is not an image reference; write name:tag")
    return entries


def _some_of(*choices: str) -> Any:
    def parse(text: str) -> tuple[str, ...]:
        chosen = ini.words(text)
        unknown = [word for word in chosen if word not in choices]
        if unknown or not chosen:
            what = f"'{unknown[0]}' is not known" if unknown else "empty"
            raise ValueError(f"{what}; write some of {', '.join(choices)}")
        return tuple(word for word in choices if word in chosen)

    return parse


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("not a SHA-256; write the 64 hexadecimal digits of sha256sum")
    return text.lower()


def _version(text: str) -> tuple[int, int, int]:
    found = _VERSION.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is not a version; write for example 0.69.3")
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


def _address(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[\w./-]*)?", text):
        raise ValueError("not http(s)://host:port; write it so, without credentials")
    return text


_SCHEDULE = {"interval": ini.duration, "jitter": ini.duration, "retry": ini.duration}
_TRIVY = {
    "binary": _absolute,
    "sha256": _digest,
    "minimum_version": _version,
    "cache_dir": _absolute,
    "temp_dir": _absolute,
    "server": _address,
    "offline": ini.yes_or_no,
    "timeout": ini.duration,
    "nice": ini.whole_number(0, 19),
    "ignore_unfixed": ini.yes_or_no,
    "ignore_file": _absolute,
    "skip_dirs": _lines,
    "stale_database": ini.duration,
}
_TARGETS = {
    "images": ini.one_of("all", "running", "list", "none"),
    "image_list": _images,
    "engines": _some_of("docker", "podman"),
    "allow": ini.words,
    "deny": ini.words,
    "filesystems": _paths,
    "repositories": _repositories,
    "sboms": _paths,
    "rootfs": _paths,
}
_REPORT = {
    "scanners": _some_of(*SCANNERS),
    "severity": ini.one_of(*SEVERITIES),
    "mode": ini.one_of("changes", "full"),
    "worst": ini.whole_number(0, 1000),
    "max_events": ini.whole_number(1, 100_000),
}
