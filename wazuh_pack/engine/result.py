"""What became of an event, in the forms that Wazuh shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from wazuh_pack.engine.alert import Manager, event_json, rule_json, timestamp
from wazuh_pack.engine.mitre import mitre_output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_pack.engine.event import Event
    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rules import Rule
    from wazuh_pack.engine.trace import Trace


_NESTING_LIMIT = 900


class Mode(Enum):
    """Whose behaviour a session shows.

    docs/reference/engine-modes.md lists everything in which they differ, with the tests.
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
        exhausted: The patterns whose matching was given up, which counts as no match: PCRE2's
            match limit was hit, as in analysisd, or an osregex scan failed more often than any text
            lets it that was not made for that.
    """

    occurrence: Occurrence | None
    alert: bool
    manager: Manager
    mode: Mode
    number: int
    trace: Trace | None = None
    refused: str = ""
    load_warnings: int = 0
    exhausted: tuple[bytes, ...] = ()

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

    @property
    def is_too_deep(self) -> bool:
        """The output holds so many objects and arrays in one another that logtest cannot read it.

        It answers that the event could not be judged then. Its limit is 1000; ours is 900, which
        the standard library's JSON can still print.
        """
        if self.occurrence is None or _nesting(self.occurrence.event) < _NESTING_LIMIT // 2:
            return False
        level: list[object] = [self.output()]
        for _ in range(_NESTING_LIMIT):
            level = [item for held in level for item in _held(held)]
            if not level:
                return False
        return True

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
            return found | {"codemsg": -1} if self.mode is Mode.LOGTEST else found
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


def _nesting(event: Event) -> int:
    """Return a number that the depth of the fields does not exceed."""
    dots = brackets = 0
    for name, value in event.dynamic:
        dots = max(dots, name.count(b"."))
        if value.startswith(b"["):
            brackets = max(brackets, value.count(b"[") + value.count(b"{"))
    return dots + brackets


def _held(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
