"""Whether an installation is healthy: one check after the other, each with a verdict."""

from __future__ import annotations

import configparser
import os
import stat
import time
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack import __version__
from wazuh_pack.bundle.launcher import PREFIX, VERSIONS
from wazuh_pack.errors import InstallError
from wazuh_pack.install import journal, process
from wazuh_pack.install.daemonlog import Message, Ours, parse, parse_json
from wazuh_pack.install.drift import compare
from wazuh_pack.install.fs import Tree
from wazuh_pack.install.managerconf import rules_in
from wazuh_pack.install.prove import Expectation, check_canaries
from wazuh_pack.install.record import RECORD
from wazuh_pack.install.source import STATE_FOLDER, Kind
from wazuh_pack.install.target import CONF, NEWEST, version_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wazuh_pack.install.managerconf import ManagerConf
    from wazuh_pack.install.prove import Canary
    from wazuh_pack.install.record import Record
    from wazuh_pack.install.service import Service
    from wazuh_pack.install.target import Target

LOG_TAIL = 8 * 1024 * 1024
KILL_SWITCHES = {
    "block-ip": STATE_FOLDER / "respond.stop",
    "revoke-token": STATE_FOLDER / "revoke.stop",
}

_SHOWN = 5
_SECONDS = 60.0
_COMPILE = """\
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for name in archive.namelist():
        if name.endswith(".py"):
            compile(archive.read(name), name, "exec")
print("%d.%d.%d" % sys.version_info[:3])
"""

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Verdict(Enum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Check:
    """One check; ``details`` are lines for a reader, ``hint`` says what to do."""

    name: str
    verdict: Verdict
    details: tuple[str, ...]
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs that our scripts need are looked for, as the scripts do."""

    nft: Sequence[str] = field(default=("/usr/sbin", "/sbin", "/usr/bin", "/bin"))
    trivy: Sequence[str] = field(default=("/usr/local/bin", "/usr/bin"))


@dataclass(frozen=True, slots=True)
class Examination:
    """What is examined. ``service`` is None for a tree that nothing runs from."""

    target: Target
    record: Record
    conf: ManagerConf
    service: Service | None = None
    canaries: tuple[Canary, ...] = ()
    programs: Programs = field(default_factory=Programs)

    def checks(self) -> Iterator[Check]:
        """Yield every check; one that cannot be made is a failure."""
        made: tuple[tuple[str, Callable[[], Check]], ...] = (
            ("wazuh", self._wazuh),
            ("pack", self._pack),
            ("transaction", self._transaction),
            ("files", self._files),
            ("folders", self._folders),
            ("ossec.conf", self._conf),
            ("ruleset", self._ruleset),
            ("scripts", self._scripts),
            ("responses", self._responses),
            ("scanner", self._scanner),
            ("log", self._log),
        )
        if self.service is not None:
            made += (
                ("configuration", self._configuration),
                ("running", self._running),
                ("detections", self._detections),
            )
        for name, make in made:
            yield _checked(name, make)

    def _wazuh(self) -> Check:
        version = self.target.version or "unknown"
        role = "" if self.conf.role == "single" else f", a cluster's {self.conf.role}"
        newer = version_numbers(version) > NEWEST
        details = (f"{version} in {self.target.home}{role}",)
        if newer:
            return Check("wazuh", Verdict.WARNING, details, "the pack was not checked against it")
        return Check("wazuh", Verdict.OK, details)

    def _pack(self) -> Check:
        installed = self.record.version
        count = len(self.record.files)
        if installed == __version__:
            return Check("pack", Verdict.OK, (f"{installed}, {count} files",))
        details = (f"{installed} is installed, this is {__version__}",)
        return Check("pack", Verdict.WARNING, details, "wazuh-pack install upgrades")

    def _transaction(self) -> Check:
        with Tree(self.target.home) as tree:
            journal.refuse_pending(tree)
        return Check("transaction", Verdict.OK, ("no run was interrupted",))

    def _files(self) -> Check:
        drift = [d for d in compare(self.record, self.target) if d.path != CONF]
        bad = [str(d) for d in drift if not d.expected]
        yours = [f"{d} (yours to change)" for d in drift if d.expected]
        if bad:
            hint = "wazuh-pack install puts them back and keeps a copy"
            return Check("files", Verdict.FAILURE, (*bad, *yours), hint)
        return Check("files", Verdict.OK, ("content, modes and owners as installed", *yours))

    def _folders(self) -> Check:
        """Look who may replace scripts that root runs, whatever the scripts' own modes are."""
        scripts = self._paths(Kind.RESPONSE, Kind.INTEGRATION, Kind.WODLE)
        folders = sorted({path.parent for path in scripts})
        open_ones = [path for path in folders if path.is_dir() and path.stat().st_mode & _OTHERS]
        if open_ones:
            details = tuple(f"{path}: others than root may replace scripts" for path in open_ones)
            hint = f"chmod go-w {' '.join(map(str, open_ones))}"
            return Check("folders", Verdict.WARNING, details, hint)
        return Check("folders", Verdict.OK, ("only root may replace our scripts",))

    def _conf(self) -> Check:
        bad = [str(d) for d in compare(self.record, self.target) if d.path == CONF]
        if bad:
            hint = "move your change outside our markers, then wazuh-pack install"
            return Check("ossec.conf", Verdict.FAILURE, tuple(bad), hint)
        return Check("ossec.conf", Verdict.OK, ("our part is as installed",))

    def _paths(self, *kinds: Kind) -> list[Path]:
        files = [entry for entry in self.record.files if entry.kind in kinds]
        return [self.target.home / entry.path for entry in files]

    def _rule_ids(self) -> frozenset[int]:
        present = [path for path in self._paths(Kind.RULE) if path.is_file()]
        return frozenset(rule.id for path in present for rule in rules_in(path))

    def _ruleset(self) -> Check:
        files = self.conf.files()
        loaded = {*files.rules, *files.decoders}
        ours = self._paths(Kind.RULE, Kind.DECODER)
        bad = [f"{path.name} is not loaded" for path in ours if path not in loaded]
        rules = self._rule_ids()
        theirs = self.conf.rules(without=frozenset(ours), wanted=rules)
        bad += [
            f"{rule.at}: defines rule {rule.id} too"
            for rule in theirs
            if rule.id in rules and not rule.overwrites
        ]
        if bad:
            hint = "see the <ruleset> of ossec.conf, and install with another --id-base"
            return Check("ruleset", Verdict.FAILURE, tuple(bad), hint)
        return Check("ruleset", Verdict.OK, (f"{len(ours)} files with {len(rules)} rules",))

    def _scripts(self) -> Check:
        scripts = self._paths(Kind.RESPONSE, Kind.INTEGRATION, Kind.WODLE)
        if not scripts:
            return Check("scripts", Verdict.OK, ("none are installed",))
        python = _python(self.target.home)
        if python is None:
            hint = "install one as /usr/bin/python3"
            return Check("scripts", Verdict.FAILURE, ("there is no Python 3.8 or later",), hint)
        bad = []
        said = ""
        for script in scripts:
            done = process.run(
                [*_isolated(python, _COMPILE), script], folder=Path("/"), seconds=_SECONDS
            )
            said = done.output.strip()
            if done.cut or done.code:
                bad.append(f"{script.name}: {done.cut or said.rpartition(chr(10))[2]}")
        if bad:
            hint = "wazuh-pack install puts them back"
            return Check("scripts", Verdict.FAILURE, tuple(bad), hint)
        return Check("scripts", Verdict.OK, (f"{len(scripts)} fit Python {said} ({python})",))

    def _settings(self) -> configparser.ConfigParser:
        settings = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            paths = [path for path in self._paths(Kind.CONFIG) if str(path).endswith(".ini")]
            settings.read(paths, "utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise InstallError(f"a configuration of ours is malformed: {error}") from error
        return settings

    def _responses(self) -> Check:
        settings = self._settings()
        paths = self._paths(Kind.RESPONSE, Kind.INTEGRATION)
        names = [path.name.removeprefix("custom-").removeprefix(PREFIX) for path in paths]
        if not names:
            return Check("responses", Verdict.OK, ("none are installed",))
        modes = {name: settings.get(name, "mode", fallback="dry-run") for name in names}
        details = [f"{name}: {mode}" for name, mode in modes.items()]
        switches = [
            path
            for name, path in KILL_SWITCHES.items()
            if name in names and (self.target.home / path).exists()
        ]
        if switches:
            details += [f"{path} is there: nothing is done" for path in switches]
            return Check("responses", Verdict.WARNING, tuple(details), "remove it to go on")
        program = settings.get("block-ip", "nft", fallback="")
        if "block-ip" in names and not _found("nft", program, self.programs.nft):
            details.append("there is no nft on this host")
            verdict = Verdict.FAILURE if modes["block-ip"] == "enforce" else Verdict.WARNING
            return Check("responses", verdict, tuple(details), "install nftables")
        return Check("responses", Verdict.OK, tuple(details))

    def _scanner(self) -> Check:
        if not self._paths(Kind.WODLE):
            return Check("scanner", Verdict.OK, ("not installed",))
        program = self._settings().get("trivy", "binary", fallback="")
        found = _found("trivy", program, self.programs.trivy)
        if found:
            return Check("scanner", Verdict.OK, (str(found),))
        details = (program or f"no trivy in {', '.join(self.programs.trivy)}",)
        hint = "install Trivy here, or install with --no-wodles if only agents scan"
        return Check("scanner", Verdict.WARNING, details, hint)

    def _ours(self) -> Ours:
        kinds = (Kind.RULE, Kind.DECODER, Kind.LIST, Kind.RESPONSE, Kind.INTEGRATION, Kind.WODLE)
        return Ours(self._rule_ids(), frozenset(path.name for path in self._paths(*kinds)))

    def _log(self) -> Check:
        since = _local_time((self.target.home / RECORD).stat().st_mtime)
        messages = [m for m in _logged(self.target.home) if m.time >= since]
        found = self._ours().complaints(messages)
        if not found:
            return Check("log", Verdict.OK, ("nothing about us since the installation",))
        details = tuple(f"{m.time} {m}" for m in found[-_SHOWN:])
        hint = "these may be over; `configuration` says what is true now"
        return Check("log", Verdict.WARNING, details, hint)

    def _configuration(self) -> Check:
        tested = _needed(self.service).test_configuration()
        complaints = [str(m) for m in self._ours().complaints(tested.messages)]
        if tested.failures or complaints:
            return Check("configuration", Verdict.FAILURE, (*tested.failures, *complaints))
        return Check("configuration", Verdict.OK, ("Wazuh accepts it, no warning is about us",))

    def _running(self) -> Check:
        since = _needed(self.service).started()
        if since is None:
            return Check("running", Verdict.WARNING, ("analysisd does not run",), "start Wazuh")
        if (self.target.home / CONF).stat().st_mtime > since:
            details = ("analysisd was started before ossec.conf changed",)
            return Check("running", Verdict.WARNING, details, "restart Wazuh")
        return Check("running", Verdict.OK, ("analysisd runs",))

    def _detections(self) -> Check:
        service = _needed(self.service)
        name = "detections"
        if not self.canaries:
            return Check(name, Verdict.OK, ("rules come from the cluster's master",))
        if not service.has_logtest():
            return Check(name, Verdict.WARNING, ("logtest does not answer, so nothing was asked",))
        wanted = {rule for canary in self.canaries for rule in canary.rules}
        ours = self._ours()
        theirs = self.conf.rules(without=frozenset(self._paths(Kind.RULE)), wanted=ours.rules)
        known = Expectation(ours, frozenset(rule.id for rule in theirs) - wanted, self.canaries)
        right, wrong, notes = check_canaries(service, known)
        if wrong:
            return Check(name, Verdict.FAILURE, (*wrong, *notes))
        return Check(name, Verdict.OK, (f"logtest answered {right} events with our rules", *notes))


def _checked(name: str, make: Callable[[], Check]) -> Check:
    try:
        return make()
    except InstallError as error:
        return Check(name, Verdict.FAILURE, (str(error),), error.hint)


def _needed(service: Service | None) -> Service:
    if service is None:
        raise ValueError("nothing runs from this tree")
    return service


def _python(home: Path) -> Path | None:
    """Return the interpreter that the launcher of a script on this host takes."""
    own = home / "framework/python/bin"
    for folder in (own, Path("/usr/bin"), Path("/usr/local/bin")):
        for minor in VERSIONS:
            program = folder / f"python3.{minor}"
            if os.access(program, os.X_OK):
                return program
    code = "import sys; sys.exit(sys.version_info < (3, 8))"
    for folder in (own, Path("/usr/bin"), Path("/usr/local/bin")):
        program = folder / "python3"
        if os.access(program, os.X_OK):
            done = process.run(_isolated(program, code), folder=Path("/"), seconds=_SECONDS)
            if done.code == 0:
                return program
    return None


def _isolated(python: Path, code: str) -> list[str | Path]:
    return [python, "-I", "-S", "-c", code]


def _found(name: str, configured: str, folders: Iterable[str]) -> Path | None:
    places = [Path(configured)] if configured else [Path(folder) / name for folder in folders]
    return next((p for p in places if p.is_file() and os.access(p, os.X_OK)), None)


def _local_time(seconds: float) -> str:
    return time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(seconds))


def _logged(home: Path) -> list[Message]:
    """Return the last messages of Wazuh's log, plain or JSON."""
    return [
        *parse(_tail(home / "logs/ossec.log")),
        *parse_json(_tail(home / "logs/ossec.json")),
    ]


def _tail(path: Path) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(fd, "rb") as file:
        size = os.fstat(fd).st_size
        file.seek(max(0, size - LOG_TAIL))
        return file.read(LOG_TAIL).decode("utf-8", "replace")
