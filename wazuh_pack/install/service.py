"""The Wazuh that runs from a home: does its configuration hold, does it run, let it load afresh.

Facts of 4.14.7: ``-t`` makes a daemon load its configuration and end, non-zero for an error; what
it warns of stands only on standard error and in the log. ``wazuh-control reload`` is a restart of
all daemons but execd. Rules, decoders and lists alone are loaded afresh without a restart by
analysisd's local socket, since 4.13.
"""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.errors import InstallError
from wazuh_pack.install import process
from wazuh_pack.install.daemonlog import Message, parse
from wazuh_pack.install.sockets import ANALYSIS, LOGTEST, listens, reload_ruleset
from wazuh_pack.install.target import version_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.install.target import Target

DAEMONS = ("wazuh-analysisd", "wazuh-execd", "wazuh-modulesd", "wazuh-logcollector")
"""Those whose configuration we change; the first must be there."""
UNIT = "wazuh-manager"
SYSTEMD = Path("/run/systemd/system")
"""There while systemd runs this machine."""
HOT_RELOAD = (4, 13)

_UNIT_HOME = re.compile(r"(/[^\s=]*)/bin/wazuh-control\b")
_COMM_LENGTH = 15
_TEST_SECONDS = 180.0
_RESTART_SECONDS = 600.0
_START_SECONDS = 120.0
_POLL_SECONDS = 0.5


class Need(Enum):
    """What a change needs to take effect."""

    NOTHING = 0
    RELOAD = 1
    RESTART = 2


@dataclass(frozen=True, slots=True)
class Tested:
    """What the daemons say about the configuration; ``failures`` is empty when it holds."""

    messages: tuple[Message, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """The Wazuh of a home.

    ``unit`` is systemd's name for it, empty when systemd does not run it; ``pause`` waits for so
    many seconds.
    """

    home: Path
    version: str
    unit: str = ""
    pause: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, target: Target) -> Service:
        """Return the service of a target."""
        return cls(target.home, target.version, _unit(target.home))

    def is_running(self) -> bool:
        """Say whether analysisd runs."""
        return self.started() is not None

    def started(self) -> float | None:
        """Return since when analysisd runs, in seconds since 1970, None when it does not."""
        files = (self.home / "var/run").glob("wazuh-analysisd-*.pid")
        return max((since for path in files if (since := _since(path))), default=None)

    def has_logtest(self) -> bool:
        """Say whether logtest can be asked."""
        return self.is_running() and listens(self.home / LOGTEST)

    def test_configuration(self) -> Tested:
        """Let every daemon whose configuration we change load it.

        Raises:
            InstallError: analysisd is not there or cannot be started.
        """
        messages: list[Message] = []
        failures: list[str] = []
        for name in DAEMONS:
            program = self.home / "bin" / name
            if not program.exists() and name != DAEMONS[0]:
                continue
            done = process.run([program, "-t"], folder=self.home, seconds=_TEST_SECONDS)
            said = parse(done.output)
            messages += said
            if done.cut or done.code:
                failures.append(_failure(name, done, said))
        return Tested(tuple(messages), tuple(failures))

    def activate(self, need: Need) -> tuple[Need, tuple[Message, ...]]:
        """Let what runs load what is on disk; return what was done and what analysisd said.

        A reload that this version cannot do becomes a restart. Nothing is done when nothing runs.

        Raises:
            InstallError: It failed, or Wazuh does not run afterwards.
        """
        if need is Need.NOTHING or not self.is_running():
            return Need.NOTHING, ()
        if need is Need.RELOAD and self._can_reload():
            answer = reload_ruleset(self.home)
            if answer.known and not answer.done:
                reasons = "; ".join(str(message) for message in answer.messages)
                raise InstallError(f"analysisd refused to load the ruleset: {reasons}")
            if answer.known:
                return Need.RELOAD, answer.messages
        self.restart()
        return Need.RESTART, ()

    def _can_reload(self) -> bool:
        return version_numbers(self.version) >= HOT_RELOAD and listens(self.home / ANALYSIS)

    def restart(self) -> None:
        """Restart Wazuh and wait until analysisd runs.

        Raises:
            InstallError: It does not come up.
        """
        had_logtest = self.has_logtest()
        argv: list[str | Path] = [self.home / "bin/wazuh-control", "restart"]
        if self.unit:
            argv = [_systemctl(), "restart", self.unit]
        done = process.run(argv, folder=self.home, seconds=_RESTART_SECONDS)
        if done.cut or done.code:
            raise InstallError(
                f"restarting Wazuh failed: {done.cut or _last_words(done.output)}",
                hint=f"see {self.home}/logs/ossec.log",
            )
        ready = self.has_logtest if had_logtest else self.is_running
        waited = 0.0
        while not ready():
            if waited >= _START_SECONDS:
                raise InstallError(
                    f"Wazuh does not answer {_START_SECONDS:g} seconds after its restart",
                    hint=f"see {self.home}/logs/ossec.log",
                )
            self.pause(_POLL_SECONDS)
            waited += _POLL_SECONDS


def _failure(name: str, done: process.Done, said: list[Message]) -> str:
    if done.cut:
        return f"{name} -t: {done.cut}"
    reasons = [str(m) for m in said if m.level in {"ERROR", "CRITICAL"}]
    return f"{name} -t failed ({done.code}): {'; '.join(reasons) or _last_words(done.output)}"


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _since(pid_file: Path) -> float | None:
    """Return since when the process of a ``wazuh-analysisd-123.pid`` runs, None if it does not."""
    name, _, number = pid_file.stem.rpartition("-")
    if not number.isdecimal() or _comm(int(number)) != name[:_COMM_LENGTH]:
        return None
    try:
        return pid_file.stat().st_mtime
    except FileNotFoundError:
        return None  # it ended meanwhile


def _unit(home: Path) -> str:
    """Return the unit when systemd is process 1 and runs this home, as Wazuh's restart.sh asks."""
    program = _systemctl()
    if not SYSTEMD.is_dir() or _comm(1) != "systemd" or not program:
        return ""
    active = process.run([program, "is-active", "--quiet", UNIT], folder=home, seconds=30.0)
    text = process.run([program, "cat", UNIT], folder=home, seconds=30.0).output
    homes = {Path(place).resolve() for place in _UNIT_HOME.findall(text)}
    return UNIT if active.code == 0 and home in homes else ""


def _comm(pid: int) -> str:
    """Return the name of a running process, empty when there is none."""
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _systemctl() -> str:
    return shutil.which("systemctl", path=process.PATH) or ""
