"""The wodle's configuration, ``<home>/etc/wazuh-pack/trivy.ini``.

Every key has a default except what to scan; ``wodles/trivy/trivy.ini`` explains them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wazuh_pack.agentkit import config as ini
from wazuh_pack.agentkit.errors import ConfigError
from wazuh_pack.reports.findings import SEVERITIES
from wazuh_pack.reports.registry import AUTO, BY_NAME
from wazuh_pack.reports.trivy import SCANNERS
from wazuh_pack.scan import values

DAY = 86_400


@dataclass(frozen=True)
class Schedule:
    """When scans run; everything in seconds."""

    interval: int = DAY
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
    environment: str = ""
    """A file of ``NAME=value`` lines, credentials among them, for Trivy's environment."""
    db_repository: tuple[str, ...] = ()
    java_db_repository: tuple[str, ...] = ()
    checks_repository: tuple[str, ...] = ()
    timeout: int = 900
    """Seconds that one artifact may take."""
    nice: int = 10
    ignore_unfixed: bool = False
    ignore_file: str = ""
    vex: tuple[str, ...] = ()
    """VEX documents; what they say does not apply becomes accepted, not fixed."""
    skip_dirs: tuple[str, ...] = ()
    stale_database: int = 3 * DAY


@dataclass(frozen=True)
class Targets:
    """What is scanned. Paths are absolute and may hold shell patterns."""

    images: str = "none"
    """``all``, ``running``, ``list`` or ``none``."""
    image_list: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    """Which engines must be there; empty: those that are."""
    containerd_address: str = "/run/containerd/containerd.sock"
    containerd_namespaces: tuple[str, ...] = ("k8s.io", "default")
    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    filesystems: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    sboms: tuple[str, ...] = ()
    rootfs: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    """Contexts of ``kubeconfig``."""
    kubeconfig: str = ""
    approved_bases: tuple[str, ...] = ()
    """What images may be built on; empty: anything."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to scan."""
        named = (self.archives, self.filesystems, self.repositories, self.sboms, self.rootfs)
        return self.images == "none" and not any((*named, self.clusters))


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
    digest: int = 7 * DAY
    """How often a summary of everything is given; 0: never."""
    forget: int = 90 * DAY
    """After how long an artifact that is no longer scanned is forgotten; 0: never."""
    malicious: str = ""
    """A list of components that are known to be malicious, ``reports/malicious.py``."""
    kev: str = ""
    epss: str = ""
    """CISA's and FIRST's feeds; empty: beside the configuration, if they are there."""


@dataclass(frozen=True)
class Sla:
    """How long findings may stay open, in seconds from when they were first seen; 0: no limit."""

    critical: int = 7 * DAY
    high: int = 30 * DAY
    medium: int = 90 * DAY
    low: int = 120 * DAY
    warn: int = 2 * DAY
    """How long before that they are told of."""

    def limit(self, severity: str) -> int:
        """Return how long a finding of this severity may stay open; 0: no limit."""
        return int(getattr(self, severity, 0))


@dataclass(frozen=True)
class ReportFolder:
    """A folder into which another tool puts its reports."""

    folder: str
    """Absolute; may hold shell patterns."""
    files: str = "*"
    """A pattern over names, in which ``{artifact}`` stands for the name of what was examined."""
    tool: str = AUTO
    artifact: str = ""
    artifact_type: str = ""
    settle: int = 30
    """Seconds for which a file must have rested."""
    max_megabytes: int = 256
    owners: tuple[int, ...] = ()
    """User ids besides root's and the folder owner's."""
    expect: int = 0
    """Seconds after which a report should have come again; 0: nobody knows."""

    @property
    def key(self) -> str:
        """What tells it from the others."""
        return f"{self.folder} {self.files} {self.tool}"


@dataclass(frozen=True)
class Config:
    """The whole configuration."""

    schedule: Schedule = field(default_factory=Schedule)
    scanner: Scanner = field(default_factory=Scanner)
    targets: Targets = field(default_factory=Targets)
    reporting: Reporting = field(default_factory=Reporting)
    sla: Sla = field(default_factory=Sla)
    reports: tuple[ReportFolder, ...] = ()


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
        sla=Sla(**file.take("sla", _SLA)),
        reports=_folders(file),
    )
    if config.targets.images == "list" and not config.targets.image_list:
        file.problems.append(f"{file.path}:1: 'images = list' needs 'image_list'; name the images")
    if config.targets.empty and not config.reports and not file.problems:
        file.problems.append(
            f"{file.path}:1: nothing to scan; fill in [targets], or add a [reports-<name>]"
        )
    watched = tuple(name for name in file.sections if name.startswith(_WATCHED))
    file.finish(("schedule", "trivy", "targets", "report", "sla", *watched))
    return config


def _folders(file: ini.Ini) -> tuple[ReportFolder, ...]:
    found = []
    for name in file.sections:
        if name.startswith(_WATCHED):
            given = file.take(name, _REPORTS)
            if "folder" in given:
                found.append(ReportFolder(**given))
            else:
                file.problems.append(f"{file.path}:1: [{name}] has no 'folder'; name one")
    return tuple(found)


_WATCHED = "reports-"


_SCHEDULE = {"interval": ini.duration, "jitter": ini.duration, "retry": ini.duration}
_TRIVY = {
    "binary": values.absolute,
    "sha256": values.sha256,
    "minimum_version": values.version,
    "cache_dir": values.absolute,
    "temp_dir": values.absolute,
    "server": values.address,
    "offline": ini.yes_or_no,
    "environment": values.absolute,
    "db_repository": values.oci_repositories,
    "java_db_repository": values.oci_repositories,
    "checks_repository": values.oci_repositories,
    "timeout": ini.duration,
    "nice": ini.whole_number(0, 19),
    "ignore_unfixed": ini.yes_or_no,
    "ignore_file": values.absolute,
    "vex": values.paths,
    "skip_dirs": values.lines,
    "stale_database": ini.duration,
}
_TARGETS = {
    "images": ini.one_of("all", "running", "list", "none"),
    "image_list": values.images,
    "engines": values.some_of("docker", "containerd", "podman"),
    "containerd_address": values.absolute,
    "containerd_namespaces": values.names,
    "allow": ini.words,
    "deny": ini.words,
    "archives": values.paths,
    "filesystems": values.paths,
    "repositories": values.repositories,
    "sboms": values.paths,
    "rootfs": values.paths,
    "clusters": values.names,
    "kubeconfig": values.absolute,
    "approved_bases": values.lines,
}
_REPORT = {
    "scanners": values.some_of(*SCANNERS),
    "severity": ini.one_of(*SEVERITIES),
    "mode": ini.one_of("changes", "full"),
    "worst": ini.whole_number(0, 1000),
    "max_events": ini.whole_number(1, 100_000),
    "digest": values.duration_or_never,
    "forget": values.duration_or_never,
    "kev": values.absolute,
    "epss": values.absolute,
    "malicious": values.absolute,
}
_REPORTS = {
    "folder": values.absolute,
    "files": values.file_pattern,
    "tool": ini.one_of(AUTO, *BY_NAME),
    "artifact": values.text,
    "artifact_type": values.text,
    "settle": ini.duration,
    "max_megabytes": ini.whole_number(1, 1024),
    "owners": values.users,
    "expect": values.duration_or_never,
}
_SLA = {
    "critical": values.duration_or_never,
    "high": values.duration_or_never,
    "medium": values.duration_or_never,
    "low": values.duration_or_never,
    "warn": ini.duration,
}
