"""The story: scenes with events, read from YAML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_pack.errors import DiagnosticsError
from wazuh_pack.source.cases import read_step
from wazuh_pack.source.yamldoc import Problems, read

if TYPE_CHECKING:
    from wazuh_pack.model import Step
    from wazuh_pack.source.yamldoc import Doc

STORY = Path(__file__).parent / "data" / "story.yml"


@dataclass(frozen=True, slots=True)
class Scene:
    """One part of the story; ``scan`` says that a scan of the demo image belongs to it."""

    title: str
    text: str
    steps: tuple[Step, ...]
    scan: bool


@dataclass(frozen=True, slots=True)
class Story:
    """When the story begins (seconds since 1970) and its scenes in order."""

    begins: float
    scenes: tuple[Scene, ...]


def load(path: Path = STORY) -> Story:
    """Read a story; raises DiagnosticsError with every problem."""
    problems = Problems()
    doc = read(path, problems)
    story = _story(doc) if doc else None
    if problems.found or story is None:
        raise DiagnosticsError(problems.found)
    return story


def _story(doc: Doc) -> Story:
    parts = doc.mapping(required=("begins", "scenes"))
    begins = 0.0
    if "begins" in parts:
        begins = datetime.fromisoformat(parts["begins"].text()).timestamp()
    scenes = parts["scenes"].sequence() if "scenes" in parts else []
    return Story(begins=begins, scenes=tuple(_scene(item) for item in scenes))


def _scene(doc: Doc) -> Scene:
    parts = doc.mapping(required=("title", "text"), optional=("events", "scan"))
    events = parts["events"].sequence() if "events" in parts else []
    return Scene(
        title=parts["title"].line() if "title" in parts else "",
        text=parts["text"].line() if "text" in parts else "",
        steps=tuple(read_step(item, "") for item in events),
        scan=parts["scan"].boolean() if "scan" in parts else False,
    )
