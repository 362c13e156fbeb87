"""``response.yml`` and ``wodle.yml``: what ossec.conf must say about our scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.errors import DiagnosticsError
from wazuh_pack.source.yamldoc import Problems, read

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.source.yamldoc import Doc


@dataclass(frozen=True, slots=True)
class ResponseScript:
    """An active-response script: which action it carries out, and where it runs."""

    folder: Path
    executable: str
    action: str
    location: str
    config: Path
    """The template of its configuration file."""


@dataclass(frozen=True, slots=True)
class WodleScript:
    """A script that modulesd runs on a schedule; ``timeout`` is in seconds."""

    folder: Path
    executable: str
    tag: str
    arguments: str
    interval: str
    timeout: int
    run_on_start: bool
    config: Path


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
    path = doc.path.parent / _text(values, "config_file")
    if not path.is_file():
        doc.fail(f"there is no {path.name}", "name the template that lies beside this file")
    return path


def _response(doc: Doc) -> ResponseScript:
    required = ("name", "title", "executable", "action", "default_location", "config_file")
    described = ("description", "arguments", "stateful", "platforms", "logged", "message")
    values = doc.mapping(required=required, optional=described)
    return ResponseScript(
        folder=doc.path.parent,
        executable=_text(values, "executable"),
        action=_text(values, "action"),
        location=_text(values, "default_location"),
        config=_config(doc, values),
    )


def _wodle(doc: Doc) -> WodleScript:
    required = ("name", "title", "executable", "tag", "interval", "timeout", "config_file")
    described = ("description", "arguments", "run_on_start", "platforms", "location")
    values = doc.mapping(required=required, optional=described)
    return WodleScript(
        folder=doc.path.parent,
        executable=_text(values, "executable"),
        tag=_text(values, "tag"),
        arguments=_text(values, "arguments"),
        interval=_text(values, "interval"),
        timeout=values["timeout"].seconds() if "timeout" in values else 0,
        run_on_start=values["run_on_start"].boolean() if "run_on_start" in values else True,
        config=_config(doc, values),
    )
