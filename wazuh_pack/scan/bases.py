"""What images are built on, and whether that is approved and supported.

An entry of ``approved_bases`` is a shell pattern over the base's name (an image's label
``org.opencontainers.image.base.name``) or over the system's name ("debian 12.5"), or the diff id of
a layer that approved bases end with. Only the last cannot be claimed by whoever builds the image.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Sequence

if TYPE_CHECKING:
    from wazuh_pack.reports.findings import Artifact

END_OF_LIFE, NOT_APPROVED = "end_of_life", "not_approved"


def objections(artifact: Artifact, approved: Sequence[str]) -> tuple[str, ...]:
    """Return what is wrong with an artifact's base: some of the two constants above."""
    found = (END_OF_LIFE,) if artifact.end_of_life else ()
    image = artifact.kind == "container_image"
    if image and approved and not any(_fits(artifact, entry) for entry in approved):
        return (*found, NOT_APPROVED)
    return found


def _fits(artifact: Artifact, entry: str) -> bool:
    if entry.startswith("sha256:"):
        return entry in artifact.layers
    return fnmatchcase(artifact.os, entry) or bool(
        artifact.base and fnmatchcase(artifact.base, entry)
    )
