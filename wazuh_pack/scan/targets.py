"""The configuration's targets -> scan jobs, as the host is at this moment.

Images come from the engines' own command lines and are scanned by image id, so that an image with
several names is scanned once, a name that moved meanwhile cannot confuse, and Trivy never looks for
a name that is gone in a public registry.
"""

from __future__ import annotations

import glob
from collections import defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterable, Sequence

from wazuh_pack.agentkit import process
from wazuh_pack.agentkit.errors import ProcessError
from wazuh_pack.reports.findings import Artifact, clean

if TYPE_CHECKING:
    from wazuh_pack.scan.config import Targets

ENGINES = ("docker", "podman")

_IMAGE_FORMAT = "{{.ID}}\t{{.Repository}}\t{{.Tag}}"
_NONE = "<none>"
_SECONDS = 60
_OUTPUT = 16 << 20
_MAX_MATCHES = 2000

Ask = Callable[[str, Sequence[str]], str]
"""Runs an engine's program with arguments and returns its output; raises ``ProcessError``."""


@dataclass(frozen=True)
class Job:
    """One artifact to scan.

    ``command`` is Trivy's subcommand, ``target`` what it gets, ``engine`` where an image comes
    from (``remote``: a registry).
    """

    command: str
    target: str
    artifact: Artifact
    engine: str = ""


@dataclass
class Plan:
    """The jobs of one run, and what could not be turned into jobs: (reason, text)."""

    jobs: list[Job] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def ask_engine(engine: str, arguments: Sequence[str]) -> str:
    """Run a container engine's command line program.

    Raises:
        ProcessError: It is not installed, not trustworthy, or does not answer.
    """
    program = process.find_program(engine, ("/usr/local/bin", *process.FOLDERS))
    answer = process.run([program, *arguments], seconds=_SECONDS, limit=_OUTPUT)
    if answer.status or answer.timed_out or len(answer.output) >= _OUTPUT:
        errors = clean(answer.errors.decode("utf-8", "replace"))
        raise ProcessError(f"{engine} does not answer: {errors[:300] or answer.status}")
    return answer.output.decode("utf-8", "replace")


def plan(targets: Targets, ask: Ask = ask_engine) -> Plan:
    """Return what is to be scanned now, in a stable order."""
    result = Plan()
    if targets.images == "list":
        result.jobs += [_listed(name) for name in sorted(set(targets.image_list))]
    elif targets.images != "none":
        _add_images(result, targets, ask)
    for command, kind, patterns in (
        ("filesystem", "filesystem", targets.filesystems),
        ("rootfs", "rootfs", targets.rootfs),
        ("sbom", "sbom", targets.sboms),
        ("repository", "repository", targets.repositories),
    ):
        _add_paths(result, command, kind, patterns)
    return result


def _listed(name: str) -> Job:
    artifact = Artifact(Artifact.plain_name(name), "container_image")
    return Job("image", name, artifact, "docker,podman,remote")


def _add_images(result: Plan, targets: Targets, ask: Ask) -> None:
    problems = []
    answered = False
    for engine in targets.engines or ENGINES:
        try:
            result.jobs += _engine_jobs(engine, targets, ask)
            answered = True
        except ProcessError as error:  # noqa: PERF203 - there are two engines
            problems.append(("no_engine", clean(str(error))))
    # An engine that nobody asked for by name may be missing, if another is there.
    if targets.engines or not answered:
        result.problems += problems


def _engine_jobs(engine: str, targets: Targets, ask: Ask) -> list[Job]:
    names: dict[str, set[str]] = defaultdict(set)
    listing = ask(engine, ("image", "ls", "--no-trunc", "--format", _IMAGE_FORMAT))
    for line in listing.splitlines():
        parts = line.split("\t")
        if len(parts) == 3:  # noqa: PLR2004 - the three fields of the format
            names[_image_id(parts[0])].update(_image_name(parts[1], parts[2]))
    running = _running(engine, ask)
    for image in running:
        names.setdefault(image, set())
    return [
        job
        for image in sorted(names)
        for job in _image_job(engine, image, names[image], image in running, targets)
    ]


def _running(engine: str, ask: Ask) -> set[str]:
    """Return the ids of the images of running containers."""
    containers = ask(engine, ("ps", "--quiet", "--no-trunc")).split()
    if not containers:
        return set()
    return {
        _image_id(line)
        for line in ask(
            engine, ("container", "inspect", "--format", "{{.Image}}", *containers)
        ).split()
    }


def _image_job(
    engine: str, image: str, names: Iterable[str], running: bool, targets: Targets
) -> Iterable[Job]:
    if not running and targets.images == "running":
        return
    wanted = sorted(name for name in names if _allowed(name, targets))
    if names and not wanted:
        return
    # Images without a name are build leftovers, unless something runs from them.
    if not names and not running:
        return
    name = wanted[0] if wanted else image
    yield Job("image", image, Artifact(name, "container_image", image, running=running), engine)


def _allowed(name: str, targets: Targets) -> bool:
    def matches(patterns: Iterable[str]) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    return matches(targets.allow) and not matches(targets.deny)


def _image_id(text: str) -> str:
    text = clean(text)
    return text if text.startswith("sha256:") else f"sha256:{text}"


def _image_name(repository: str, tag: str) -> Iterable[str]:
    if repository != _NONE:
        yield clean(repository if tag == _NONE else f"{repository}:{tag}")


def _add_paths(result: Plan, command: str, kind: str, patterns: Iterable[str]) -> None:
    for pattern in patterns:
        if pattern.startswith("https://"):
            result.jobs.append(Job(command, pattern, Artifact(pattern, kind)))
            continue
        found = sorted(glob.glob(pattern))  # noqa: PTH207 - Path.glob cannot start at an absolute
        wanted = [path for path in found if Path(path).is_dir() == (command != "sbom")]
        if not wanted:
            result.problems.append(("target_not_found", f"nothing to scan matches {pattern}"))
        if len(wanted) > _MAX_MATCHES:
            text = f"{pattern} matches {len(wanted)} paths; the first {_MAX_MATCHES} are scanned"
            result.problems.append(("partial", text))
        result.jobs += [
            Job(command, path, Artifact(clean(path), kind)) for path in wanted[:_MAX_MATCHES]
        ]
