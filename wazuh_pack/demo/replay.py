"""Replays the story against an installed pack, as data: nothing is printed here."""

from __future__ import annotations

import json
import time as clock
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wazuh_pack.render.compile import rule_keys
from wazuh_pack.verify import execd
from wazuh_pack.verify.cases import envelop, expand_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from wazuh_pack.demo.story import Scene, Story
    from wazuh_pack.engine.ruleset import Ruleset
    from wazuh_pack.engine.session import Session
    from wazuh_pack.model import Catalog, Detection

_PATIENCE = 10.0
_PAUSE = 0.002


@dataclass(frozen=True, slots=True)
class SceneBegins:
    """A scene of the story begins."""

    scene: Scene


@dataclass(frozen=True, slots=True)
class AlertFired:
    """A rule fired: ``alert`` is what alerts.json would hold."""

    time: float
    source: str
    alert: dict[str, Any]
    detection: Detection | None


@dataclass(frozen=True, slots=True)
class Responded:
    """A response script ran; ``outcome`` is what it logged (empty: nothing in time)."""

    response: execd.Response
    status: int
    outcome: dict[str, Any]
    returned: float
    """Seconds until the script let execd go on."""
    took: float
    """Seconds until its decision was in the log."""


Happening = SceneBegins | AlertFired | Responded


@dataclass
class Replay:
    """A story on its way through an installed pack.

    ``home`` is the manager's home, ``enter`` the words that run a command in the demo's network
    namespace, ``scan`` yields the events of the demo's scan with the time at which they begin.
    """

    story: Story
    catalog: Catalog
    ids: dict[str, int]
    ruleset: Ruleset
    home: Path
    enter: Sequence[str]
    scan: Callable[[], Iterator[dict[str, Any]]]
    events: int = 0
    _responses: tuple[execd.Response, ...] = field(default=(), init=False)

    def run(self) -> Iterator[Happening]:
        """Yield what happens, in the order of the story's time."""
        self._responses = execd.configured(self.home / "etc/ossec.conf")
        session = self.ruleset.session()
        time = self.story.begins
        for scene in self.story.scenes:
            yield SceneBegins(scene)
            for source, raw in expand_steps(self.catalog, "", scene.steps, time):
                time = raw.time
                yield from self._event(session, source.id, raw.event, time)
            if scene.scan:
                for event in self.scan():
                    time += 1
                    yield from self._event(session, "security-scan", event, time)
            time += 60

    def _event(
        self, session: Session, source_id: str, event: Any, time: float
    ) -> Iterator[Happening]:
        source = self.catalog.source(source_id)
        sent = envelop(source, event, time)
        result = session.process(sent.line, location=sent.location, time=time)
        self.events += 1
        if not result.alert:
            return
        alert = result.as_alert()
        yield AlertFired(time, source_id, alert, self._detection(result.rule_id))
        for response in execd.triggered(self._responses, str(result.rule_id)):
            yield self._respond(response, alert)

    def _detection(self, rule_id: int | None) -> Detection | None:
        for detection in self.catalog.detections:
            if rule_id in {self.ids[key] for key in rule_keys(detection)}:
                return detection
        return None

    def _respond(self, response: execd.Response, alert: dict[str, Any]) -> Responded:
        log = self.home / "logs/active-responses.log"
        before = log.stat().st_size
        began = clock.monotonic()
        status = execd.execute(response, alert, self.home, self.enter)
        returned = clock.monotonic() - began
        outcome = _outcome(log, before, str(alert["id"]))
        return Responded(
            response, status, outcome, returned=returned, took=clock.monotonic() - began
        )


def _outcome(log: Path, before: int, alert_id: str) -> dict[str, Any]:
    """Wait for the line that the script's worker logs about an alert, and return its content."""
    deadline = clock.monotonic() + _PATIENCE
    while clock.monotonic() < deadline:
        for line in log.read_bytes()[before:].decode().splitlines():
            if alert_id in line and "{" in line:
                content: dict[str, Any] = json.loads(line[line.index("{") :])
                return dict(content.get("wazuh_pack", {}))
        clock.sleep(_PAUSE)
    return {}
