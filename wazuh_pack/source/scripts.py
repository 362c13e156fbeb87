"""``response.yml`` and ``wodle.yml``: what ossec.conf must say about our scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.errors import DiagnosticsError
from wazuh_pack.source.yamldoc import Problems, read

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.source.yamldoc import Doc

_PREFIX = "wazuh-pack-"
_MAX_TIMEOUT = 86_400
_DESCRIBED = (
    "title",
    "description",
    "arguments",
    "command",
    "stateful",
    "locations",
    "default_location",
    "integration",
    "platforms",
    "requires",
    "state_folder",
    "kill_switch",
    "log",
    "events",
)
"""Keys that are there for people, and for commands that show a script."""


@dataclass(frozen=True, slots=True)
class ResponseScript:
    """An active-response script: which action it carries out, and where it runs."""

    folder: Path
    executable: str
    action: str
    location: str
    config: Path
    """The template of its configuration file."""
    integration: str = ""
    """Its name when integratord starts it; empty when it cannot be started that way."""


@dataclass(frozen=True, slots=True)
class WodleScript:
    """A script that modulesd runs on a schedule; ``timeout`` is in seconds."""

    folder: Path
    executable: str
    tag: str
    command: str
    """Path of the executable below the Wazuh home."""
    arguments: str
    interval: str
    timeout: int
    run_on_start: bool
    config: Path
    further_config: tuple[Path, ...] = ()
    """Templates of files that the administrator may fill in besides."""
    sink: str = ""
    """The source whose file it writes to when that is collected."""


def response_scripts(tree: Path) -> tuple[ResponseScript, ...]:
    """Return the scripts below ``active_response``.

    Raises:
        DiagnosticsError: a description is malformed.
    """
    problems = Problems()
    found = []
    for path in sorted((tree / "active_response").glob("*/response.yml")):
        doc = read(path, problems)
        if doc is not None:
            found.append(_response(doc))
    _raise(problems)
    return tuple(found)


def wodle_scripts(tree: Path) -> tuple[WodleScript, ...]:
    """Return the scripts below ``wodles``.

    Raises:
        DiagnosticsError: a description is malformed.
    """
    problems = Problems()
    found = []
    for path in sorted((tree / "wodles").glob("*/wodle.yml")):
        doc = read(path, problems)
        if doc is not None:
            found.append(_wodle(doc))
    _raise(problems)
    return tuple(found)


def _raise(problems: Problems) -> None:
    if problems.found:
        raise DiagnosticsError(problems.found)


def _text(values: dict[str, Doc], name: str) -> str:
    return values[name].line() if name in values else ""


def _config(doc: Doc, values: dict[str, Doc]) -> Path:
    missing = doc.path.parent
    if "config_file" not in values:
        return missing
    optional = ("target", "owner", "group", "mode", "folder_mode")
    parts = values["config_file"].mapping(required=("template",), optional=optional)
    return _beside(doc, parts["template"]) if "template" in parts else missing


def _beside(doc: Doc, name: Doc) -> Path:
    path = doc.path.parent / name.line()
    if not path.is_file():
        name.fail(f"there is no {path.name} beside this file")
    return path


def _response(doc: Doc) -> ResponseScript:
    required = ("name", "executable", "default_location", "config_file")
    values = doc.mapping(required=required, optional=_DESCRIBED)
    return ResponseScript(
        folder=doc.path.parent,
        executable=_text(values, "executable"),
        action=_text(values, "name").removeprefix(_PREFIX),
        location=_text(values, "default_location"),
        config=_config(doc, values),
        integration=_text(values, "integration"),
    )


def _wodle(doc: Doc) -> WodleScript:
    required = ("name", "executable", "tag", "command", "interval", "timeout", "config_file")
    optional = (*_DESCRIBED, "further_config", "run_on_start", "sink")
    values = doc.mapping(required=required, optional=optional)
    further = values["further_config"].sequence() if "further_config" in values else []
    return WodleScript(
        folder=doc.path.parent,
        executable=_text(values, "executable"),
        tag=_text(values, "tag"),
        command=_text(values, "command"),
        arguments=str(values["arguments"].value()) if "arguments" in values else "",
        interval=_text(values, "interval"),
        timeout=values["timeout"].integer(1, _MAX_TIMEOUT) if "timeout" in values else 0,
        run_on_start=_text(values, "run_on_start") == "yes",
        config=_config(doc, values),
        further_config=tuple(_beside(doc, name) for name in further),
        sink=_text(values, "sink"),
    )
