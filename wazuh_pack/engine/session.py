"""A session: events in, results out, with counters and histories of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from wazuh_pack.engine.alert import Manager, event_json, rule_json, timestamp
from wazuh_pack.engine.decode import DecodeState, decode
from wazuh_pack.engine.memory import DiffStore, Memory
from wazuh_pack.engine.mitre import mitre_output
from wazuh_pack.engine.occurrence import Occurrence
from wazuh_pack.engine.predecode import EventError, predecode
from wazuh_pack.engine.trace import Trace
from wazuh_pack.engine.tree import find_rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.rules import Rule
    from wazuh_pack.engine.ruleset import Ruleset


NAMES_ITS_RULE = "ossec-alert"
"""The category of events that carry the id of their rule; no other rule is looked for."""


class Mode(Enum):
    """Whose behaviour a session shows.

    They differ in: what a rule's ``ignore`` time does, ``no_log``/``log_alert`` (only the daemon
    obeys them), results of level 0 (the daemon forgets the rule), and whether errors of loading
    refuse the session (logtest).
    """

    LOGTEST = "logtest"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one event.

    Attributes:
        occurrence: The judged event; None when it was refused.
        alert: The event raises an alert.
        manager: Whose analysisd judged it.
        mode: Whose behaviour it is.
        number: The event's number in its session, from 1.
        trace: The path through the rules, when the session records it.
        refused: Why the event was not judged at all; empty otherwise.
        load_warnings: How many warnings about ATT&CK references loading gave; logtest answers with
            them once, to a session's first event.
    """

    occurrence: Occurrence | None
    alert: bool
    manager: Manager
    mode: Mode
    number: int
    trace: Trace | None = None
    refused: str = ""
    load_warnings: int = 0

    @property
    def mitre_warnings(self) -> int:
        """How many warnings about ATT&CK references logtest answers with."""
        own = mitre_output(self.matched.definition.mitre).warnings if self.matched else 0
        return self.load_warnings + own

    @property
    def matched(self) -> Rule | None:
        """The rule that is the result."""
        return self.occurrence.rule if self.occurrence else None

    @property
    def rule_id(self) -> int | None:
        """The id of the rule, None when there is none."""
        return self.matched.id if self.matched else None

    @property
    def level(self) -> int:
        """The level of the rule, 0 when there is none."""
        return self.matched.level if self.matched else 0

    @property
    def rule(self) -> dict[str, object] | None:
        """``rule`` of the output."""
        return rule_json(self.occurrence) if self.occurrence else None

    @property
    def decoder(self) -> str | None:
        """The decoder's name."""
        return self._part("decoder", "name")

    @property
    def parent(self) -> str | None:
        """The name of the decoder's parent."""
        return self._part("decoder", "parent")

    @property
    def predecoder(self) -> dict[str, object]:
        """``predecoder`` of the output."""
        return self._object("predecoder")

    @property
    def data(self) -> dict[str, object]:
        """``data`` of the output."""
        return self._object("data")

    @property
    def previous_output(self) -> str | None:
        """The events that a composite counted, newest first."""
        value = self.output().get("previous_output")
        return value if isinstance(value, str) else None

    def output(self) -> dict[str, object]:
        """Return the event as logtest's ``output`` has it, or as the daemon's archives do.

        Time stamp and id are left out. Empty for a refused event.
        """
        if self.occurrence is None:
            return {}
        keep = self.mode is Mode.DAEMON
        found = event_json(self.occurrence, self.manager, keep_full_log=keep)
        rule = found.get("rule")
        if keep and isinstance(rule, dict) and not rule["level"]:
            # the parent of a muted rule; the daemon never prints a level of 0
            del rule["level"]
        return found

    def as_alert(self) -> dict[str, object]:
        """Return the line of alerts.json; the number after the dot of ``id`` is the event's own."""
        if self.occurrence is None:
            return {}
        event = self.occurrence.event
        found = event_json(self.occurrence, self.manager, keep_full_log=False)
        ordered: dict[str, object] = {"timestamp": timestamp(event.time, self.manager.timezone)}
        for key in ("rule", "agent", "manager"):
            if key in found:
                ordered[key] = found.pop(key)
        ordered["id"] = f"{int(event.time)}.{self.number}"
        return ordered | found

    def as_logtest(self) -> dict[str, object]:
        """Return the fields that say what was decoded, matched and alerted, in a flat form.

        Keys: decoder, parent, predecoder, data, rule (None when no rule matched), alert, location,
        full_log; where they apply: previous_output, previous_log, agent (unless it is the manager
        itself), agentless, decoder_accumulate, decoder_ftscomment, mitre_warnings, codemsg (-1:
        refused).
        """
        output = self.output()
        usual = {"id": "000", "name": self.manager.name}
        found: dict[str, object] = {
            "decoder": self._part("decoder", "name", output),
            "parent": self._part("decoder", "parent", output),
            "predecoder": output.get("predecoder", {}),
            "data": output.get("data", {}),
            "rule": output.get("rule"),
            "alert": self.alert,
            "location": output.get("location"),
        }
        if self.occurrence is None:
            found["codemsg"] = -1
            return found
        for key in ("full_log", "previous_output", "previous_log", "agentless"):
            if key in output:
                found[key] = output[key]
        if output.get("agent", usual) != usual:
            found["agent"] = output["agent"]
        for key in ("accumulate", "ftscomment"):
            value = self._part("decoder", key, output)
            if value is not None:
                found[f"decoder_{key}"] = value
        if self.mitre_warnings and self.mode is Mode.LOGTEST:
            found["mitre_warnings"] = self.mitre_warnings
        return found

    def _object(self, key: str) -> dict[str, object]:
        value = self.output().get(key)
        return value if isinstance(value, dict) else {}

    def _part(self, key: str, part: str, output: dict[str, object] | None = None) -> str | None:
        value = (self.output() if output is None else output).get(key)
        return value.get(part) if isinstance(value, dict) else None


class Session:
    """Judges events one after the other; sessions of one ruleset do not influence each other.

    The clock is virtual: an event's explicit time, else the clock given, else the previous event's
    time.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        *,
        mode: Mode,
        clock: Callable[[], float] | None,
        manager: Manager,
        diffs: DiffStore,
        trace: bool,
    ) -> None:
        """Start with empty counters and histories; see :meth:`Ruleset.session`."""
        self._ruleset = ruleset
        self._mode = mode
        self._clock = clock
        self._manager = manager
        self._host = manager.host
        self._trace = trace
        self._memory = Memory(diffs=diffs, decoding=DecodeState(ruleset.rule_names))
        self._now = 0.0
        self._number = 0

    def process(
        self, event: bytes | str, *, location: bytes | str = "stdin", time: float | None = None
    ) -> Result:
        """Judge one event.

        Args:
            event: The log line.
            location: Where it comes from, ``[id] (name) ip->path`` for an agent's event.
            time: Seconds since the epoch; later events without a time happen at the same moment
                unless the session has a clock.
        """
        self._now = self._tell_time(time)
        self._number += 1
        refusal = self._ruleset.refusal if self._mode is Mode.LOGTEST else ""
        try:
            if refusal:
                return self._refused(refusal)
            decoded = predecode(_bytes(event), _bytes(location), self._now)
        except EventError as error:
            return self._refused(error.message)
        decode(decoded, self._ruleset.decoders, self._memory.decoding)
        seen = self._occurrence(decoded)
        trace = self._new_trace(seen) if self._trace else None
        judge = _judge_as_daemon if self._mode is Mode.DAEMON else _judge_as_logtest
        alert = judge(seen, self._find(seen, trace), self._memory, self._ruleset)
        warnings = self._ruleset.mitre_warnings if self._number == 1 else 0
        return Result(
            seen, alert, self._manager, self._mode, self._number, trace, load_warnings=warnings
        )

    def _tell_time(self, time: float | None) -> float:
        if time is not None:
            return time
        return self._clock() if self._clock else self._now

    def _refused(self, why: str) -> Result:
        return Result(None, False, self._manager, self._mode, self._number, refused=why)

    def _occurrence(self, event: Event) -> Occurrence:
        return Occurrence(
            event=event,
            hostname=self._host if event.hostname is None else event.hostname,
            second=int(event.time),
            zone=self._manager.timezone,
        )

    def _new_trace(self, seen: Occurrence) -> Trace:
        return Trace(decoder=seen.event.decoder.name if seen.event.decoder else None)

    def _find(self, seen: Occurrence, trace: Trace | None) -> Rule | None:
        category = seen.event.category
        if category == NAMES_ITS_RULE:
            return self._ruleset.rule(int(seen.event.rule_id or b"0"))
        roots = (root for root in self._ruleset.roots if root.rule.definition.category == category)
        return find_rule(roots, seen, self._memory, trace)


def _judge_as_logtest(
    seen: Occurrence, rule: Rule | None, memory: Memory, ruleset: Ruleset
) -> bool:
    """A muted rule is still shown but neither alerts nor is stored."""
    seen.rule = rule
    if rule is None or rule.level == 0 or seen.event.category == NAMES_ITS_RULE:
        return False
    if _is_muted(seen, rule, memory, restart=False):
        return False
    memory.store(seen, rule, ruleset.max_frequency)
    return rule.level >= ruleset.levels.alert


def _judge_as_daemon(seen: Occurrence, rule: Rule | None, memory: Memory, ruleset: Ruleset) -> bool:
    """A muted rule's parent is reported in its place; level 0 shows no rule."""
    if rule is None or rule.level == 0:
        return False
    if _is_muted(seen, rule, memory, restart=True):
        if seen.parent is None:
            return False
        rule = seen.parent
        seen.counted.clear()
    seen.rule = rule
    memory.store(seen, rule, ruleset.max_frequency)
    return rule.definition.options.log


def _is_muted(seen: Occurrence, rule: Rule, memory: Memory, *, restart: bool) -> bool:
    """``ignore``: tell whether the rule's time of silence runs, and keep its clock.

    Args:
        seen: The event.
        rule: The rule found.
        memory: Holds the clocks.
        restart: A match after the time is over starts the next silence at once (daemon);
            otherwise it only ends the last one, and the match after that starts the next (logtest).
    """
    if not rule.definition.ignore_time:
        return False
    since = memory.muted_since.get(rule.index, 0)
    if since and seen.second - since < rule.definition.ignore_time:
        return True
    memory.muted_since[rule.index] = seen.second if restart or not since else 0
    return False


def _bytes(value: bytes | str) -> bytes:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
