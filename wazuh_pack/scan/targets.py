"""The configuration's targets -> scan jobs, as the host is at this moment.

Images come from the engines' own command lines and are scanned by image id, so that an image with
several names or in several engines is scanned once, a name that moved meanwhile cannot confuse, and
Trivy never looks for a name that is gone in a public registry.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Iterable, Mapping

from wazuh_pack.agentkit.errors import ProcessError
from wazuh_pack.reports.findings import Artifact, clean
from wazuh_pack.scan.engines import ENGINES, NAMESPACE, Ask, Image, ask_engine, images
from wazuh_pack.scan.naming import Names, Tagged

if TYPE_CHECKING:
    from wazuh_pack.scan.config import Targets

_MAX_MATCHES = 2000
CURRENT = "current"
"""The name that stands for the context that the kubeconfig itself chooses."""


@dataclass(frozen=True)
class Job:
    """One artifact to scan.

    ``command`` is Trivy's subcommand, ``target`` what it gets (``""``: nothing), ``options`` what
    it gets besides, and ``environment`` what it finds in its environment.
    """

    command: str
    target: str
    artifact: Artifact
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Plan:
    """The jobs of one run, and what could not be turned into jobs: (reason, text)."""

    jobs: list[Job] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def plan(targets: Targets, ask: Ask = ask_engine, names: Names | None = None) -> Plan:
    """Return what is to be scanned now, in a stable order.

    Args:
        targets: The configuration's targets.
        ask: What asks the container engines.
        names: What images were called before; it learns what they are called now.
    """
    result = Plan()
    if targets.images == "list":
        result.jobs += [_listed(name) for name in sorted(set(targets.image_list))]
    elif targets.images != "none":
        _add_images(result, targets, ask, names or Names())
    _add_archives(result, targets.archives)
    for command, kind, patterns in (
        ("filesystem", "filesystem", targets.filesystems),
        ("rootfs", "rootfs", targets.rootfs),
        ("sbom", "sbom", targets.sboms),
        ("repository", "repository", targets.repositories),
    ):
        _add_paths(result, command, kind, patterns)
    result.jobs += [_cluster(name, targets.kubeconfig) for name in targets.clusters]
    return result


def _listed(name: str) -> Job:
    artifact = Artifact(Artifact.plain_name(name), "container_image")
    return Job("image", name, artifact, ("--image-src", "docker,podman,remote"))


def _cluster(context: str, kubeconfig: str) -> Job:
    options = ["--report", "all", "--disable-node-collector"]
    options += ["--kubeconfig", kubeconfig] if kubeconfig else []
    target = "" if context == CURRENT else context
    return Job("kubernetes", target, Artifact(context, "kubernetes"), tuple(options))


def _add_images(result: Plan, targets: Targets, ask: Ask, names: Names) -> None:
    problems = []
    answered = False
    held: dict[str, _Held] = {}
    for engine in targets.engines or ENGINES:
        try:
            found = images(engine, targets, ask)
        except ProcessError as error:
            problems.append(("no_engine", clean(str(error))))
            continue
        answered = True
        for digest in sorted(found):
            # What a second engine also holds is scanned once, in the first.
            held.setdefault(digest, _Held(engine, found[digest])).add(found[digest])
    # An engine that nobody asked for by name may be missing, if another is there.
    if targets.engines or not answered:
        result.problems += problems
    wanted = {digest: one for digest, one in held.items() if _is_wanted(one.image, targets)}
    named = names.assign(
        [
            Tagged(digest, one.where, tags)
            for digest, one in wanted.items()
            for tags in [sorted(name for name in one.image.names if _allowed(name, targets))]
            if tags
        ]
    )
    for digest, one in wanted.items():
        name = named.get(digest, digest)
        artifact = Artifact(name, "container_image", digest, running=one.image.running)
        options = ("--image-src", one.engine)
        result.jobs.append(Job("image", digest, artifact, options, one.image.environment))


@dataclass
class _Held:
    """An image and the first engine that holds it."""

    engine: str
    image: Image

    @property
    def where(self) -> str:
        """The engine and, of containerd, the namespace."""
        return f"{self.engine} {self.image.environment.get(NAMESPACE, '')}".strip()

    def add(self, image: Image) -> None:
        """Add what another engine says of the image."""
        self.image.names |= image.names
        self.image.running |= image.running


def _is_wanted(image: Image, targets: Targets) -> bool:
    if not image.running and targets.images == "running":
        return False
    # Images without a name are build leftovers, unless something runs from them.
    return any(_allowed(name, targets) for name in image.names) if image.names else image.running


def _allowed(name: str, targets: Targets) -> bool:
    def matches(patterns: Iterable[str]) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    return matches(targets.allow) and not matches(targets.deny)


def _add_archives(result: Plan, patterns: Iterable[str]) -> None:
    for pattern in patterns:
        for path in _matches(result, pattern, sorted(glob.glob(pattern))):  # noqa: PTH207 - see below
            artifact = Artifact(clean(path), "container_image")
            result.jobs.append(Job("image", "", artifact, ("--input", path)))


def _add_paths(result: Plan, command: str, kind: str, patterns: Iterable[str]) -> None:
    for pattern in patterns:
        if pattern.startswith("https://"):
            result.jobs.append(Job(command, pattern, Artifact(pattern, kind)))
            continue
        found = sorted(glob.glob(pattern))  # noqa: PTH207 - Path.glob cannot start at an absolute
        fitting = [path for path in found if Path(path).is_dir() == (command != "sbom")]
        result.jobs += [
            Job(command, path, Artifact(clean(path), kind))
            for path in _matches(result, pattern, fitting)
        ]


def _matches(result: Plan, pattern: str, found: list[str]) -> list[str]:
    if not found:
        result.problems.append(("target_not_found", f"nothing to scan matches {pattern}"))
    if len(found) > _MAX_MATCHES:
        text = f"{pattern} matches {len(found)} paths; the first {_MAX_MATCHES} are scanned"
        result.problems.append(("partial", text))
    return found[:_MAX_MATCHES]
