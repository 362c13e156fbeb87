"""A lane: one container of an image, and the checks that follow each other in it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wazuh_pack.engine.ruleset import Ruleset
from wazuh_pack.errors import HarnessError, UnavailableError
from wazuh_pack.harness import closure
from wazuh_pack.harness.container import HOME, OURS, PYTHON, Manager
from wazuh_pack.harness.report import Check, Report, State
from wazuh_pack.install.daemonlog import BAD, Message, Ours, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path, PurePosixPath

    from wazuh_pack.harness.container import Containers, Done
    from wazuh_pack.harness.options import Options
    from wazuh_pack.harness.sessions import Script

PACK = OURS / "pack"
LATER = OURS / "later"
CLOSURE = OURS / "closure"
STAND_IN_LABEL = "org.wazuh-pack.stand-in"
_COMMAND = (str(PYTHON), "-m", "wazuh_pack")
_LOG = "logs/ossec.log"
_NAME = "wazuh-pack"
"""In the name of every file of ours."""

Outcome = tuple[str, Sequence[str]]
"""What a check found: a summary and lines of detail."""


@dataclass(frozen=True, slots=True)
class World:
    """What all lanes of a run share."""

    options: Options
    containers: Containers
    closures: closure.Closures
    scratch: Path
    pack: Path
    """A folder with the package as a wheel holds it."""
    later: Path
    """The same as a later version, to upgrade to."""
    later_version: str
    scripts: tuple[Script, ...]
    ours: Ours


@dataclass(slots=True)
class Lane:
    """Runs checks in order and adds them to a report; what a failed one was needed for is skipped.

    ``name`` stands before the names of its checks.
    """

    world: World
    image: Any
    report: Report
    name: str
    _broken: str = ""
    _manager: Manager | None = None
    _log_size: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def manager(self) -> Manager:
        """The container, once it is started."""
        if self._manager is None:
            raise HarnessError("no container")
        return self._manager

    def check(self, name: str, run: Callable[[], Outcome], *, needed: bool = False) -> bool:
        """Carry out a check; say whether it went well.

        Args:
            name: What the report calls it.
            run: Does it; raises UnavailableError to skip it, any other error to fail.
            needed: Whether nothing after it makes sense without it.
        """
        if self._broken:
            reason = f"not reached: {self._broken} failed"
            self.report.add(Check(f"{self.name} {name}", State.SKIPPED, reason))
            return False
        begun = time.monotonic()
        details: Sequence[str] = ()
        try:
            summary, details = run()
            state = State.OK
        except UnavailableError as error:
            state, summary, details = State.SKIPPED, str(error), error.details
        except HarnessError as error:
            state, summary, details = State.FAILED, str(error), error.details
        except Exception as error:  # noqa: BLE001 - a fault of ours fails this check, no other lane
            state, summary = State.FAILED, f"{type(error).__name__}: {error}"
        if state is not State.OK and needed:
            self._broken = name
        took = time.monotonic() - begun
        self.report.add(Check(f"{self.name} {name}", state, summary, tuple(details), took))
        return state is State.OK

    def start(self) -> Outcome:
        """Start the container and wait until all daemons that matter answer."""
        options = self.world.options
        self._manager = self.world.containers.start(self.image, net_admin=options.net_admin)
        self.manager.prepare()
        self.wait_until_ready()
        facts = self.facts = self.manager.ask_one("facts")
        self.report.about = (
            f"Wazuh {facts['version'] or '(unknown)'}, Python {facts['python']},"
            f" {' '.join(facts['libc'])}, {facts['machine']}"
        )
        return f"{self.manager.name} answers", ()

    def wait_until_ready(self) -> list[int]:
        """Wait until analysisd, logtest and the queue answer; return analysisd's processes.

        Raises:
            HarnessError: They do not in time.
        """
        patience = self.world.options.patience
        try:
            answer = self.manager.ask_one("ready", str(patience))
        except HarnessError as error:
            words = self.manager.last_words()
            raise HarnessError(
                f"the manager did not start: {error}", details=[*error.details, *words]
            ) from error
        if answer["why"]:
            raise HarnessError(
                f"not ready after {answer['waited']:.0f} s: {answer['why']}",
                details=self.manager.last_words(),
            )
        pids: list[int] = answer["analysisd"]
        return pids

    def bring(self) -> Outcome:
        """Copy the pack, what it imports and the later version into the container."""
        facts = self.facts
        libc = facts["libc"][1] if facts["libc"][0] == "glibc" else ""
        python = closure.Python(facts["python"], facts["machine"], libc)
        folder = self.world.closures.of(python)
        for source, place in (
            (folder, CLOSURE),
            (self.world.pack, PACK),
            (self.world.later, LATER),
        ):
            self.manager.unpack(closure.archive(source, place))
        return f"the pack and its dependencies for Python {python.short} are in", ()

    def pack(self, *arguments: str, place: PurePosixPath = PACK) -> Done:
        """Run ``wazuh-pack`` in the container with Wazuh's own Python."""
        return self.manager.run([*_COMMAND, *arguments], _environment(place))

    def kill_pack(self, pattern: str, *arguments: str) -> bool:
        """Run ``wazuh-pack`` and kill it when a file appears; say whether it came to that."""
        words = [pattern, *_COMMAND, *arguments]
        (answer,) = self.manager.ask("kill", *words, environment=_environment(PACK))
        return bool(answer["killed"])

    def pack_or_fail(self, *arguments: str, place: PurePosixPath = PACK) -> list[str]:
        """Run ``wazuh-pack`` and return what it said.

        Raises:
            HarnessError: It failed.
        """
        done = self.pack(*arguments, place=place)
        if done.code:
            said = done.errors.strip().splitlines() or done.lines or ["it said nothing"]
            raise HarnessError(
                f"wazuh-pack {arguments[0]} ended with {done.code}: {said[0]}", details=done.lines
            )
        return done.lines

    def install(self) -> Outcome:
        """Install as ``make install`` does, and remember where the log stood."""
        self._log_size = self.manager.ask_one("size", _LOG)["size"]
        said = self.pack_or_fail("install", "--yes")
        self.wait_until_ready()
        return "; ".join(_conclusion(said)), ()

    def loading(self) -> Outcome:
        """See that nothing that Wazuh said since the installation warns of anything of ours."""
        tested = self.manager.run([str(HOME / "bin/wazuh-analysisd"), "-t"])
        if tested.code:
            raise HarnessError(f"wazuh-analysisd -t ended with {tested.code}", details=tested.lines)
        said = [*parse(tested.output + tested.errors), *self.logged()]
        bad = list(dict.fromkeys(message for message in said if message.level in BAD))
        complaints = [str(message) for message in bad if self._is_ours(message)]
        if complaints:
            raise HarnessError(f"{len(complaints)} warnings about ours", details=complaints)
        others = sorted({str(message) for message in bad})
        note = f"; {len(others)} about other things" if others else ""
        return f"no warning about ours in -t and the log{note}", others

    def _is_ours(self, message: Message) -> bool:
        return self.world.ours.concerned(message) or _NAME in message.text

    def logged(self) -> list[Message]:
        """Return what Wazuh's log says since the installation began."""
        lines = self.manager.ask("lines", _LOG, str(self._log_size))
        return parse("\n".join(lines))

    def ruleset(self) -> Ruleset:
        """Return the ruleset that the container has on disk, as the engine loads it."""
        folder = self.world.scratch / f"{self.manager.name}-home"
        for part in ("etc", "ruleset"):
            self.manager.fetch(HOME / part, folder)
        return Ruleset.from_manager_home(folder)


def _environment(place: PurePosixPath) -> dict[str, str]:
    return {"PYTHONPATH": f"{place}:{CLOSURE}"}


def _conclusion(said: Sequence[str]) -> Iterator[str]:
    """Yield the lines with which the installer ends, those that say what was done and proved."""
    marks = ("changes made", "was restarted", "was reloaded", "logtest answered", "nothing to do")
    for line in said:
        if any(mark in line for mark in marks):
            yield line.replace(f" in {HOME}", "")
