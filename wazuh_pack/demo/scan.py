"""The demo's scans, by the installed wodle: a recorded report, and the real Trivy if there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATA = Path(__file__).parent / "data"
REPORT = _DATA / "trivy-report.json"
_DOCKERFILE = "FROM debian:12\nRUN apt-get install -y curl\nUSER root\n"


@dataclass(frozen=True, slots=True)
class Scanner:
    """The wodle in a manager's home, and where the real Trivy is (None: not on this machine)."""

    wodle: Path
    home: Path
    trivy: str | None

    def recorded(self) -> Iterator[dict[str, Any]]:
        """Yield the events that the wodle makes of the recorded report."""
        return self._run("--report", str(REPORT))

    def real(self, target: Path) -> Iterator[dict[str, Any]]:
        """Scan a small folder with the real Trivy and yield the events."""
        target.mkdir(parents=True, exist_ok=True)
        (target / "Dockerfile").write_text(_DOCKERFILE, encoding="utf-8")
        config = self.home / "etc/wazuh-pack/trivy.ini"
        config.write_text(
            f"[targets]\nimages = none\nfilesystems =\n    {target}\n"
            "[report]\nscanners = misconfig\n"
            f"[trivy]\nbinary = {self.trivy}\noffline = yes\n",
            encoding="utf-8",
        )
        return self._run("--home", str(self.home), "--wait")

    def _run(self, *arguments: str) -> Iterator[dict[str, Any]]:
        done = subprocess.run(
            [str(self.wodle), *arguments], check=False, capture_output=True, text=True
        )
        for line in done.stdout.splitlines():
            yield json.loads(line)


def scanner(home: Path) -> Scanner:
    """Return the installed wodle; the real Trivy only serves root, whom its configuration needs."""
    trivy = shutil.which("trivy") if os.geteuid() == 0 else None
    return Scanner(wodle=home / "wodles/wazuh-pack-trivy", home=home, trivy=trivy)
