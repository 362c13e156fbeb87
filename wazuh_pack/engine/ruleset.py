"""A ruleset: decoders, lists and rules loaded together, ready to judge events."""

from __future__ import annotations

import gc
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timezone
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.diagnostics import Diagnostic, Severity
from wazuh_pack.engine.alert import Manager
from wazuh_pack.engine.cache import RulesetCache, key_of
from wazuh_pack.engine.cdb import CdbList, list_name, parse_list
from wazuh_pack.engine.decoders import LoadError, load_decoders
from wazuh_pack.engine.files import RulesetFiles, ruleset_files
from wazuh_pack.engine.loadlog import BAD_TIME, LoadLog, RefuseFile
from wazuh_pack.engine.memory import DiffStore
from wazuh_pack.engine.plain import plain_decoders, plain_rules
from wazuh_pack.engine.result import Mode
from wazuh_pack.engine.rule_loader import Levels, RuleLoader
from wazuh_pack.engine.session import Session
from wazuh_pack.errors import DiagnosticsError, UsageError, XmlError
from wazuh_pack.location import Location
from wazuh_pack.xmlio import read_file, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from wazuh_pack.engine.decoders import DecoderSet
    from wazuh_pack.engine.memory import Watch
    from wazuh_pack.engine.rules import Rule
    from wazuh_pack.engine.tree import RuleNode
    from wazuh_pack.xmlio import Node

CONFIGURATION = Path("etc/ossec.conf")
"""Where a manager's configuration lies in its folder."""

_DEFAULT_RULESET = (
    b"<ruleset><decoder_dir>ruleset/decoders</decoder_dir><rule_dir>ruleset/rules</rule_dir>"
    b"<decoder_dir>etc/decoders</decoder_dir><rule_dir>etc/rules</rule_dir></ruleset>"
)
_BUILT_IN = Levels(alert=1, mail=7)
_STOCK_LISTS = ("ruleset/lists", "etc/lists")


class LoadFailure(LoadError):  # noqa: N818 - the name of the public interface
    """analysisd would not start: :attr:`diagnostics` holds all that it logs, warnings included."""


@dataclass(frozen=True, slots=True, eq=False)
class Ruleset:
    """Loaded decoders, lists and rules. It never changes; sessions share it.

    Attributes:
        diagnostics: What analysisd logs while loading, in its order; codes are its message numbers,
            empty for messages without one.
        decoders: The decoders.
        levels: The manager's thresholds.
        max_frequency: See :class:`~wazuh_pack.engine.rule_loader.RuleLoader`.
        refusal: Why logtest would open no session, empty when it would.
        rules: The rules by id.
        rule_names: Their ids as texts.
        roots: The top of the rule tree, in the order of trial.
        indexes: Whether sessions leave out what cannot match; results are the same either way.
    """

    diagnostics: tuple[Diagnostic, ...]
    decoders: DecoderSet
    levels: Levels
    max_frequency: int
    refusal: str
    rules: Mapping[int, Rule]
    rule_names: frozenset[bytes]
    indexes: bool
    roots: Sequence[RuleNode]

    @classmethod
    def load(
        cls,
        rules: Sequence[Path],
        decoders: Sequence[Path],
        lists: Mapping[str, Path] | None = None,
        *,
        levels: Levels | None = None,
        indexes: bool = True,
        cache: Path | None = None,
    ) -> Ruleset:
        """Load a ruleset.

        Args:
            rules: Files, and folders of which every ``*.xml`` is taken; all are sorted together by
                base name, as analysisd does.
            decoders: Likewise.
            lists: Name that rules use (``etc/lists/x``) -> file.
            levels: The manager's thresholds.
            indexes: False for plain evaluation, step by step: the same results, slower. It is what
                the indexes and translations are compared with.
            cache: A folder to keep loaded rulesets in (see :mod:`wazuh_pack.engine.cache`).

        Raises:
            LoadFailure: analysisd would not start.
        """
        files = RulesetFiles(
            rules=_sorted_files(rules),
            decoders=_sorted_files(decoders),
            lists=tuple((lists or {}).items()),
        )
        return cls.from_files(files, levels=levels, indexes=indexes, cache=cache)

    @classmethod
    def from_manager_home(
        cls, home: Path, *, levels: Levels | None = None, cache: Path | None = None
    ) -> Ruleset:
        """Load what a manager in this folder would load.

        Its ``etc/ossec.conf`` says what (see :func:`~wazuh_pack.engine.files.ruleset_files`), and
        gives the thresholds (``<alerts>``) unless ``levels`` does. In a folder without one, such as
        a tree that is being put together, the stock and the user's folders and all their lists are
        taken. ``cache`` as in :meth:`load`.

        Raises:
            LoadFailure: analysisd would not start.
            UsageError: The folder holds neither a configuration nor a ruleset.
        """
        files, thresholds = _of_manager(home)
        return cls.from_files(files, levels=levels or thresholds, cache=cache)

    @classmethod
    def from_files(
        cls,
        files: RulesetFiles,
        *,
        levels: Levels | None = None,
        indexes: bool = True,
        cache: Path | None = None,
    ) -> Ruleset:
        """Load files whose order is settled; see :meth:`load` for the options.

        Raises:
            LoadFailure: analysisd would not start.
        """
        with _without_garbage_collection():
            if cache is None or not indexes:
                return cls._from_files(files, levels, indexes=indexes)
            return cls._from_cache(files, levels, RulesetCache(cache))

    @classmethod
    def _from_cache(
        cls, files: RulesetFiles, levels: Levels | None, entries: RulesetCache
    ) -> Ruleset:
        """Take a ruleset from the cache, or load it and keep it unless its files changed."""
        try:
            key = key_of(files, levels)
        except OSError:
            return cls._from_files(files, levels, indexes=True)
        found = entries.read(key)
        if found is None:
            found = cls._from_files(files, levels, indexes=True)
            with suppress(OSError):
                if key_of(files, levels) == key:
                    entries.write(key, found)
        return found

    @classmethod
    def _from_files(cls, files: RulesetFiles, levels: Levels | None, *, indexes: bool) -> Ruleset:
        try:
            decoders, logged = load_decoders(files.decoders)
        except LoadError as error:
            raise LoadFailure(error.diagnostics) from error
        notes = LoadLog()
        notes.diagnostics += logged
        loader = RuleLoader(decoders, _load_lists(files, notes), levels or Levels(), notes)
        try:
            for path in files.rules:
                loader.load(path)
        except RefuseFile as error:
            raise LoadFailure(notes.diagnostics) from error
        rules = loader.finish()
        if not indexes:
            plain_rules(rules)
            decoders = plain_decoders(decoders)
        return cls(
            diagnostics=tuple(notes.diagnostics),
            decoders=decoders,
            levels=loader.levels,
            max_frequency=loader.max_frequency,
            refusal=_refusal(notes.diagnostics, rules, files),
            rules={rule.id: rule for rule in reversed(rules)},
            rule_names=frozenset(str(rule.id).encode() for rule in rules),
            indexes=indexes,
            roots=tuple(loader.tree.roots),
        )

    @property
    def mitre_warnings(self) -> int:
        """How many diagnostics are about ATT&CK references."""
        return sum("ATT&CK" in found.message for found in self.diagnostics)

    def rule(self, rule_id: int) -> Rule | None:
        """Return a loaded rule by its id."""
        return self.rules.get(rule_id)

    def places(self, rule_id: int) -> list[RuleNode]:
        """Return the places of a rule in the tree; empty when it is not loaded."""
        found: list[RuleNode] = []
        waiting = list(reversed(self.roots))
        while waiting:
            node = waiting.pop()
            if node.rule.id == rule_id:
                found.append(node)
            waiting.extend(reversed(node.children))
        return found

    def session(
        self,
        *,
        mode: Mode = Mode.LOGTEST,
        clock: Callable[[], float] | None = None,
        manager: str | None = None,
        tz: tzinfo = timezone.utc,
        diffs: DiffStore | None = None,
        trace: bool = False,
        watch: Watch | None = None,
    ) -> Session:
        """Open a session with empty counters and histories.

        Args:
            mode: Whose behaviour it shows.
            clock: Gives the time of events that come without one, in seconds since the epoch.
            manager: The manager's host name; this machine's by default.
            tz: The manager's time zone.
            diffs: Texts of ``check_diff``; analysisd's sessions share them, ours only on request.
            trace: Record the path of every event through the rules.
            watch: Learns of all that events of the session share.
        """
        return Session(
            self,
            mode=mode,
            clock=clock,
            manager=Manager(manager or socket.gethostname(), tz),
            diffs=diffs or DiffStore(),
            trace=trace,
            watch=watch,
        )


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Hold collections off: loading makes many objects that stay, and looks at all again and again.

    It takes a third of the time otherwise.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _refusal(diagnostics: Iterable[Diagnostic], rules: Sequence[Rule], files: RulesetFiles) -> str:
    """Say why logtest opens no session. It does not learn of errors that are printed at once."""
    errors = (found.code for found in diagnostics if found.severity is Severity.ERROR)
    if any(code != BAD_TIME for code in errors):
        return "loading logged an error; logtest opens no session then"
    if files.fell_back:
        return "no file of rules or none of decoders was found; logtest takes no stock files then"
    return "" if rules else "no rule is left"


def _sorted_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += [file for file in path.iterdir() if file.name.endswith(".xml")]
        else:
            found.append(path)
    return _by_base_name(found)


def _by_base_name(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(sorted(paths, key=lambda path: (path.name.encode(), str(path))))


def manager_files(home: Path) -> RulesetFiles:
    """Return the files that :meth:`Ruleset.from_manager_home` loads.

    Raises:
        LoadFailure: analysisd would not start, for what its configuration says.
        UsageError: The folder holds neither a configuration nor a ruleset.
    """
    return _of_manager(home)[0]


def _of_manager(home: Path) -> tuple[RulesetFiles, Levels | None]:
    """Return a manager's files, and the thresholds that it sets."""
    conf = home / CONFIGURATION
    if not conf.is_file():
        return _default_files(home, conf), None
    try:
        sections = _sections(conf)
        elements = (section for section in sections if section.name == "ruleset")
        return ruleset_files(elements, home), _levels(sections)
    except XmlError as error:
        raise LoadFailure([_as_diagnostic(error, conf)]) from error
    except DiagnosticsError as error:
        raise LoadFailure(error.diagnostics) from error


def _sections(conf: Path) -> list[Node]:
    return [
        section
        for root in read_file(conf)
        for section in root.children
        if root.name == "ossec_config"
    ]


def _levels(sections: Sequence[Node]) -> Levels:
    """Return the thresholds of ``<alerts>``; a missing one is what analysisd has built in."""
    found = {
        option.name: int(option.content)
        for section in sections
        for option in section.children
        if section.name == "alerts" and option.content.isdigit()
    }
    return Levels(
        alert=found.get("log_alert_level", _BUILT_IN.alert),
        mail=found.get("email_alert_level", _BUILT_IN.mail),
    )


def _default_files(home: Path, conf: Path) -> RulesetFiles:
    files = ruleset_files(read_text(_DEFAULT_RULESET, conf), home)
    if not files.rules and not files.decoders:
        raise UsageError(
            f"{home} is no manager's folder: it has no {CONFIGURATION}",
            hint="give the folder of an installed manager, such as /var/ossec",
        )
    lists = [
        (str(file.relative_to(home)), file)
        for folder in _STOCK_LISTS
        for file in sorted((home / folder).rglob("*"))
        if file.is_file() and not file.name.endswith(".cdb")
    ]
    return RulesetFiles(files.rules, files.decoders, tuple(lists))


def _load_lists(files: RulesetFiles, notes: LoadLog) -> list[CdbList]:
    found = []
    for name, path in files.lists:
        entries = _read_list(path, notes)
        if entries is not None:
            found.append(CdbList(list_name(name), entries))
    return found


def _read_list(path: Path, notes: LoadLog) -> dict[bytes, bytes] | None:
    try:
        return parse_list(path.read_bytes())
    except IsADirectoryError:
        # A folder can be opened; nothing can be read from it.
        return {}
    except OSError as error:
        message = f"cannot open the list (error {error.errno}, {error.strerror})"
        notes.warn(message, Location(path), "1103")
        return None


def _as_diagnostic(error: XmlError, path: Path) -> Diagnostic:
    return Diagnostic(error.code, error.message, error.at or Location(path))
