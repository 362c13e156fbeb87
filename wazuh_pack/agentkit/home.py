"""Where things are under Wazuh's home folder."""
# ruff: noqa: PTH100, PTH120 -- importing pathlib takes longer than a whole firewall change

from __future__ import annotations

import os

DEFAULT_HOME = "/var/ossec"
_SCRIPTS = "/active-response/bin"


class Home:
    """Paths under one Wazuh home; ``root`` is absolute and has no slash at its end."""

    __slots__ = ("root",)

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")

    @property
    def log(self) -> str:
        """The log that Wazuh's default configuration reads active response decisions from."""
        return f"{self.root}/logs/active-responses.log"

    @property
    def ossec_conf(self) -> str:
        """Wazuh's own configuration."""
        return f"{self.root}/etc/ossec.conf"

    def config(self, name: str) -> str:
        """Return the path of one of the pack's configuration files."""
        return f"{self.root}/etc/wazuh-pack/{name}"

    def state(self, name: str) -> str:
        """Return the folder in which one script keeps its state."""
        return f"{self.root}/var/wazuh-pack/{name}"


def home_of(script: str) -> Home:
    """Return the Wazuh home that ``script`` is installed in.

    Only the script's own place counts (``<home>/active-response/bin/<script>``), never the
    environment or an argument, so that no caller can point root at files of its own. A script that
    lies elsewhere works on ``/var/ossec``. A symbolic link as last component is not followed.
    """
    folder = os.path.realpath(os.path.dirname(os.path.abspath(script)))
    if folder.endswith(_SCRIPTS):
        return Home(folder[: -len(_SCRIPTS)])
    return Home(DEFAULT_HOME)
