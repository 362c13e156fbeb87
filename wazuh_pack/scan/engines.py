"""The container engines of this host: which images they hold, and which of them run.

Every engine is asked with its own command line program. An image's id is what Trivy is given: for
Docker and Podman the digest of its configuration, for containerd that of its manifest.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable, Iterable, Iterator, Mapping, Sequence

from wazuh_pack.agentkit import process
from wazuh_pack.agentkit.errors import ProcessError
from wazuh_pack.reports.findings import clean

if TYPE_CHECKING:
    from wazuh_pack.scan.config import Targets

ENGINES = ("docker", "containerd", "podman")

NAMESPACE = "CONTAINERD_NAMESPACE"
"""The variable that tells Trivy in which of containerd's namespaces an image is."""

_PROGRAMS = {"containerd": "ctr"}
_IMAGE_FORMAT = "{{.ID}}\t{{.Repository}}\t{{.Tag}}"
_NONE = "<none>"
_SECONDS = 60
_OUTPUT = 16 << 20
_DIGEST = "sha256:"

Ask = Callable[[str, Sequence[str]], str]
"""Runs an engine's program with arguments and returns its output; raises ``ProcessError``."""


@dataclass
class Image:
    """An image: its names, whether a container runs from it, and how Trivy gets at it."""

    names: set[str] = field(default_factory=set)
    running: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


def ask_engine(engine: str, arguments: Sequence[str]) -> str:
    """Run a container engine's command line program.

    Raises:
        ProcessError: It is not installed, not trustworthy, or does not answer.
    """
    program = process.find_program(
        _PROGRAMS.get(engine, engine), ("/usr/local/bin", *process.FOLDERS)
    )
    answer = process.run([program, *arguments], seconds=_SECONDS, limit=_OUTPUT)
    if answer.status or answer.timed_out or len(answer.output) >= _OUTPUT:
        errors = clean(answer.errors.decode("utf-8", "replace"))
        raise ProcessError(f"{engine} does not answer: {errors[:300] or answer.status}")
    return answer.output.decode("utf-8", "replace")


def images(engine: str, targets: Targets, ask: Ask) -> dict[str, Image]:
    """Return an engine's images by id.

    Raises:
        ProcessError: The engine is not there or does not answer.
    """
    if engine == "containerd":
        return _containerd(targets, ask)
    return _docker_like(engine, ask)


def _docker_like(engine: str, ask: Ask) -> dict[str, Image]:
    found: dict[str, Image] = defaultdict(Image)
    listing = ask(engine, ("image", "ls", "--no-trunc", "--format", _IMAGE_FORMAT))
    for line in listing.splitlines():
        parts = line.split("\t")
        if len(parts) == 3:  # noqa: PLR2004 - the three fields of the format
            found[_image_id(parts[0])].names.update(_image_name(parts[1], parts[2]))
    for image in _running(engine, ask):
        found[image].running = True
    return found


def _running(engine: str, ask: Ask) -> Iterator[str]:
    """Yield the ids of the images of running containers."""
    containers = ask(engine, ("ps", "--quiet", "--no-trunc")).split()
    if containers:
        listing = ask(engine, ("container", "inspect", "--format", "{{.Image}}", *containers))
        yield from map(_image_id, listing.split())


def _image_id(text: str) -> str:
    text = clean(text)
    return text if text.startswith(_DIGEST) else f"{_DIGEST}{text}"


def _image_name(repository: str, tag: str) -> Iterable[str]:
    if repository != _NONE:
        yield clean(repository if tag == _NONE else f"{repository}:{tag}")


def _containerd(targets: Targets, ask: Ask) -> dict[str, Image]:
    found: dict[str, Image] = {}
    address = ("--address", targets.containerd_address)
    known = ask("containerd", (*address, "namespaces", "list", "--quiet")).split()
    for namespace in targets.containerd_namespaces:
        if namespace not in known:
            continue

        def table(*what: str, namespace: str = namespace) -> list[list[str]]:
            answer = ask("containerd", (*address, "--namespace", namespace, *what))
            return [line.split() for line in answer.splitlines()[1:]]

        environment = {
            "CONTAINERD_ADDRESS": targets.containerd_address,
            NAMESPACE: namespace,
        }
        _containerd_images(found, table, environment)
    return found


def _containerd_images(
    found: dict[str, Image], table: Callable[..., list[list[str]]], environment: Mapping[str, str]
) -> None:
    """Add the images of one namespace; an image in several is scanned in the first."""
    running = {row[0] for row in table("tasks", "list") if "RUNNING" in row}
    used = {row[1] for row in table("containers", "list") if len(row) > 1 and row[0] in running}
    for row in table("images", "list"):
        digest = next((column for column in row[1:] if column.startswith(_DIGEST)), "")
        if not digest:
            continue
        image = found.setdefault(digest, Image(environment=environment))
        image.running |= row[0] in used
        # Kubernetes also enters every image under its digests; those are no names.
        if not row[0].startswith(_DIGEST) and "@" not in row[0]:
            image.names.add(clean(row[0]))
