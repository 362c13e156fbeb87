"""Runs Trivy on one artifact and says what went wrong, if something did.

Trivy reads ``trivy.yaml``, ``.trivyignore`` and ``trivy-secret.yaml`` from its working folder; it
therefore works in an empty private one, and nothing in what it scans can tell it what to ignore.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterable, Mapping, Sequence

from wazuh_pack.agentkit.redact import redact
from wazuh_pack.reports.findings import clean, public
from wazuh_pack.scan import environment

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.scan.config import Config, Scanner
    from wazuh_pack.scan.targets import Job

GRACE = 60
"""Seconds between Trivy's own time limit and ours."""

REASONS = (
    ("rate_limit", r"TOOMANYREQUESTS|429 Too Many Requests|toomanyrequests"),
    ("no_space", r"no space left on device"),
    ("lock", r"cache may be in use by another process"),
    ("timeout", r"context deadline exceeded"),
    (
        "db_download",
        (
            "failed to download (?:vulnerability|Java) DB|DB error|OCI artifact error"
            "|cannot be specified on the first run"
        ),
    ),
    (
        "target_not_found",
        (
            "unable to find the specified image|unable to initialize an image scanner"
            "|MANIFEST_UNKNOWN|UNAUTHORIZED|repository not found|no such file or directory"
        ),
    ),
)
"""Reason class and what Trivy (0.69 to 0.74) says; the first that fits counts."""

_PASSED_ON = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "DOCKER_HOST", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"),
)
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # the kernel kills Trivy when we are killed
# ioprio_set(2); Python has no function for it. The numbers are those of the kernel's tables.
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IOPRIO_WHO_PROCESS, _BEST_EFFORT, _CLASS_SHIFT, _LAST = 1, 2, 13, 7
_ERRORS = 64 << 10
_FALLBACK = b"Falling back to embedded checks"
_MESSAGE = 800


class ScanError(Exception):
    """Trivy gave no report; ``reason`` is the class that rules match."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Invocation:
    """One run of Trivy: arguments, environment and the private folder it works in."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    report: Path


def prepare(
    binary: str, job: Job, config: Config, folder: Path, given: Mapping[str, str] | None = None
) -> Invocation:
    """Return how Trivy is to be called for a job.

    Args:
        binary: Path of a trusted Trivy.
        job: What to scan.
        config: How.
        folder: An existing, empty, private folder with ``cwd`` and ``tmp`` in it.
        given: Further environment variables, credentials among them.
    """
    scanner = config.scanner
    report = folder / "report.json"
    argv = [binary, job.command, "--format", "json", "--output", str(report)]
    # Not --quiet: which checks were used is only in the log, see _embedded().
    argv += ["--no-progress", "--skip-version-check", "--disable-telemetry"]
    argv += ["--list-all-pkgs=false", "--show-suppressed", "--exit-code", "0"]
    argv += ["--cache-dir", scanner.cache_dir, "--timeout", f"{scanner.timeout}s"]
    argv += ["--scanners", _scanners(job, config), *_filters(job, scanner)]
    argv += [*_sources(job, scanner), *job.options]
    # "--" keeps a target from being read as an option.
    argv += ["--", job.target] if job.target else []
    variables = {"XDG_RUNTIME_DIR": "/run"}  # where root's Podman has its socket
    variables.update({name: os.environ[name] for name in _PASSED_ON if name in os.environ})
    variables.update(given or {})
    variables.update(
        PATH="/usr/sbin:/usr/bin:/sbin:/bin", HOME=str(folder), TMPDIR=str(folder / "tmp")
    )
    variables.update(job.environment)
    return Invocation(tuple(argv), variables, folder / "cwd", report)


def scope(job: Job, config: Config, *, embedded: bool = False) -> str:
    """Return what decides which findings a job can see; equal texts mean comparable scans.

    Ignore files and VEX are no part of it: what they suppress is in the report, as such.

    Args:
        job: What was scanned.
        config: How.
        embedded: Whether Trivy used the checks that are built in, not those it downloads.
    """
    scanner = config.scanner
    parts = [f"scanners={_scanners(job, config)}", f"unfixed={not scanner.ignore_unfixed}"]
    parts.append(f"skip={','.join(scanner.skip_dirs)}")
    if embedded:
        parts.append("checks=embedded")
    return ";".join(parts)


class Runner:
    """Runs Trivy, one at a time; :meth:`stop` may be called from a signal handler."""

    def __init__(self) -> None:
        self.stopping = False
        self._child: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """End the run that is under way, and let no other begin."""
        self.stopping = True
        if self._child is not None:
            _kill_group(self._child.pid)

    def run(self, invocation: Invocation, *, seconds: float, nice: int) -> str:
        """Run Trivy; afterwards its report is at ``invocation.report``.

        Returns:
            Why Trivy used the checks that are built in and not those it downloads, ``""`` if it did
            not.

        Args:
            invocation: What to run.
            seconds: When its whole process group is killed.
            nice: How much less than us it may press for the processor.

        Raises:
            ScanError: It could not be started, failed, or took too long.
        """
        errors = invocation.folder / "errors"
        status = self._supervise(invocation, errors, seconds, nice)
        if self.stopping:
            raise ScanError("killed", "the scan was told to stop")
        if status is None:
            raise ScanError("timeout", f"Trivy was killed after {seconds:.0f} seconds")
        if status < 0:
            name = signal.Signals(-status).name
            raise ScanError("killed", f"Trivy was killed by {name}; short of memory?")
        secrets = tuple(environment.secrets(invocation.environment))
        if status:
            raise classify(_tail(errors), status, secrets)
        if not invocation.report.is_file():
            raise ScanError("parse_error", "Trivy ended well but left no report")
        return _embedded(errors, secrets)

    def _supervise(
        self, invocation: Invocation, errors: Path, seconds: float, nice: int
    ) -> int | None:
        """Run to the end; ``None`` when time was up. Whatever happens, nothing stays behind."""

        def in_child() -> None:
            os.nice(nice)
            _yield_disk()
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

        with errors.open("wb") as sink:
            try:
                child = self._child = subprocess.Popen(
                    invocation.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=sink,
                    cwd=invocation.folder,
                    env=dict(invocation.environment),
                    start_new_session=True,
                    preexec_fn=in_child,  # noqa: PLW1509 - we have no threads
                )
            except OSError as error:
                raise ScanError("no_trivy", f"Trivy cannot be started: {error.strerror}") from error
            try:
                if self.stopping:  # told so while the process was being made
                    return None
                return child.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                return None
            finally:
                _kill_group(child.pid)
                child.wait()
                self._child = None


def classify(errors: str, status: int, secrets: Iterable[str] = ()) -> ScanError:
    """Return the failure that Trivy's own words describe, without the secrets that it was given."""
    last = errors.rpartition("FATAL")[2] or errors
    reason = next((name for name, words in REASONS if re.search(words, last)), "other")
    return ScanError(reason, _message(last, secrets) or f"Trivy ended with status {status}")


def _embedded(errors: Path, secrets: Iterable[str]) -> str:
    """Return what Trivy's log (0.69 to 0.74) says of falling back to its built-in checks."""
    with errors.open("rb") as log:
        for line in iter(lambda: log.readline(_ERRORS), b""):
            if _FALLBACK in line:
                why = line.decode("utf-8", "replace").partition(_FALLBACK.decode())[2]
                return _message(why, secrets) or "no reason given"
    return ""


def _message(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return redact(public(clean(text)))[:_MESSAGE]


def _scanners(job: Job, config: Config) -> str:
    """Return what to look for; the subcommands know different scanners."""
    wanted: Sequence[str] = config.reporting.scanners
    if job.command == "sbom":
        wanted = [name for name in wanted if name in ("vuln", "license")] or ["vuln"]
    elif job.command == "kubernetes":
        wanted = [name for name in wanted if name != "license"] or ["vuln"]
    return ",".join(wanted)


def _filters(job: Job, scanner: Scanner) -> list[str]:
    arguments = []
    if scanner.ignore_unfixed:
        arguments.append("--ignore-unfixed")
    if scanner.ignore_file:
        arguments += ["--ignorefile", scanner.ignore_file]
    for document in scanner.vex:
        arguments += ["--vex", document]
    if job.command != "sbom":
        for folder in scanner.skip_dirs:
            arguments += ["--skip-dirs", folder]
    return arguments


def _sources(job: Job, scanner: Scanner) -> list[str]:
    """Return where databases and checks come from, and who matches vulnerabilities."""
    arguments = []
    if scanner.server and job.command != "kubernetes":
        arguments += ["--server", scanner.server]
    for option, places in (
        ("--db-repository", scanner.db_repository),
        ("--java-db-repository", scanner.java_db_repository),
        ("--checks-bundle-repository", () if job.command == "sbom" else scanner.checks_repository),
    ):
        for place in places:
            arguments += [option, place]
    if scanner.offline:
        arguments += ["--offline-scan", "--skip-db-update", "--skip-java-db-update"]
        arguments += [] if job.command == "sbom" else ["--skip-check-update"]
        arguments += ["--skip-vex-repo-update"]
    return arguments


def _yield_disk() -> None:
    """Let every other process go first at the disk, as ``ionice -c 2 -n 7`` does."""
    number = _IOPRIO_SET.get(platform.machine())
    if number:
        _LIBC.syscall(number, _IOPRIO_WHO_PROCESS, 0, _BEST_EFFORT << _CLASS_SHIFT | _LAST)


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError):  # the whole group may have ended
        os.killpg(leader, signal.SIGKILL)


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _ERRORS))
        return file.read().decode("utf-8", "replace")
