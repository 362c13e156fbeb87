"""Where the wodle keeps what, all under one Wazuh home."""

from __future__ import annotations

import os
from pathlib import Path

from wazuh_pack.agentkit.files import make_private
from wazuh_pack.agentkit.home import DEFAULT_HOME, Home

NAME = "trivy"


class Places:
    """Paths of one installation; ``home`` is Wazuh's home folder."""

    def __init__(self, home: str) -> None:
        self._home = Home(home)
        self.config = self._home.config(f"{NAME}.ini")
        self.exceptions = self._home.config("exceptions.ini")
        self.kev = Path(self._home.config("known_exploited_vulnerabilities.json"))
        self.epss = Path(self._home.config("epss_scores-current.csv.gz"))
        self.state = Path(self._home.state(NAME))
        self.spool = self.state / "spool"
        self.memory = self.state / "memory.db"
        self.accepted = self.state / "accepted.json"
        self.exploited = self.state / "exploited.json"
        self.estimates = self.state / "epss.db"
        self.schedule = self.state / "schedule.json"
        self.notices = self.state / "notices.json"
        self.digests = self.state / "digests.json"
        self.reports = self.state / "reports.json"
        self.names = self.state / "names.json"
        self.arrivals = self.state / "arrivals.json"
        self.run_lock = self.state / "run.lock"
        self.scan_lock = self.state / "scan.lock"
        self.cache = self.state / "cache"
        self.work = self.state / "work"

    def make(self) -> None:
        """Make the folders that only root may look into.

        Raises:
            OSError: A folder cannot be made.
            UntrustedFileError: One of them belongs to somebody else.
        """
        base = self._home.state("").rstrip("/")
        for folder in ("spool", "cache", "work"):
            make_private(base, (NAME, folder))


def home_of(script: str) -> str:
    """Return the Wazuh home of a wodle, ``<home>/wodles/<script>``; else Wazuh's usual one."""
    folder = Path(os.path.realpath(Path(script).parent))
    return str(folder.parent) if folder.name == "wodles" else DEFAULT_HOME
