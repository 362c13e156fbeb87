"""What a run of the harness is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "wazuh/wazuh-manager"
VERSION = "4.14.7"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of ``wazuh-pack harness``.

    Attributes:
        images: Images with their tags.
        engine: The engine's socket, such as ``unix:///run/podman/podman.sock``; None: found.
        jobs: How many containers run at once.
        net_admin: Give the containers the right to change their own firewall.
        trivy: A Trivy for this machine, to let a scan find something.
        wheels: A folder of wheels to install the pack's dependencies from, instead of an index.
        pull: Get images that are not there.
        keep: Leave the containers running.
        patience: Seconds that a manager may take to start.
    """

    images: tuple[str, ...] = (f"{IMAGE}:{VERSION}",)
    engine: str | None = None
    jobs: int = 2
    net_admin: bool = True
    trivy: Path | None = None
    wheels: Path | None = None
    pull: bool = True
    keep: bool = False
    patience: float = 300.0
