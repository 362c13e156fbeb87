"""What in the user's ossec.conf stands in the way of our block.

The codes ``WP6xx`` are the installer's. Facts about Wazuh are analysisd's, execd's and modulesd's
of 4.14.7.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.diagnostics import Diagnostic, Severity
from wazuh_pack.install.confblock import ConfBlock, read_element
from wazuh_pack.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_pack.install.conftext import ConfText, Element

__all__ = ["Diagnostic", "Kept", "check"]

MAX_RESPONSE_ROWS = 63
"""execd keeps its responses in a table of 64 rows and does not check its end."""
BUILT_IN_ROWS = 2
"""Rows that analysisd adds itself (restart-ossec, restart-wazuh)."""

_ONLY_ONE = {
    "github": "modulesd would take the options and organisations of the last block only",
    "docker-listener": "modulesd runs it once",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """The part of a block that fits into a configuration, and what was found on the way."""

    elements: tuple[str, ...]
    lists: tuple[str, ...]
    findings: tuple[Diagnostic, ...]


def check(text: ConfText, block: ConfBlock) -> Kept:
    """Compare a configuration, without our regions, with a block.

    What the user has already is left out and reported as a warning; what cannot stand beside the
    user's is reported as an error.

    Args:
        text: The user's part of the configuration.
        block: Our part.
    """
    findings = [*_ruleset_findings(text), *_response_findings(text, block)]
    elements = []
    for piece in block.elements:
        element = read_element(piece)
        finding = _element_finding(text, element)
        if finding is not None:
            findings.append(finding)
        if finding is None or finding.severity is Severity.ERROR:
            elements.append(piece)
    theirs = _listed(text)
    lists = tuple(name for name in block.lists if name not in theirs)
    findings += [
        Diagnostic(
            "WP602",
            f"{name} is loaded already; no second line is added",
            at=text.location(theirs[name]),
            severity=Severity.WARNING,
        )
        for name in block.lists
        if name in theirs
    ]
    return Kept(tuple(elements), lists, tuple(findings))


def _listed(text: ConfText) -> dict[str, Element]:
    return {
        _tidy_path(child.node.text): child
        for ruleset in text.sections("ruleset")
        for child in text.children(ruleset)
        if child.name == "list"
    }


def _element_finding(text: ConfText, ours: Element) -> Diagnostic | None:
    match ours.name:
        case "command":
            return _same_command(text, ours)
        case "localfile":
            return _same_log(text, ours)
        case "github":
            return _second_module(text, ours, "github")
        case "wodle" if ours.node.get("name") == "command":
            return _same_tag(text, ours)
        case "wodle":
            return _second_module(text, ours, str(ours.node.get("name")))
        case _:
            return None


def _same_command(text: ConfText, ours: Element) -> Diagnostic | None:
    name = ours.text("name")
    for theirs in text.sections("command"):
        if theirs.text("name") == name:
            return Diagnostic(
                "WP601",
                f"a command named {name} is defined here; Wazuh would run it instead of ours",
                at=text.location(theirs),
                hint="rename or remove it",
            )
    return None


def _same_tag(text: ConfText, ours: Element) -> Diagnostic | None:
    tag = ours.text("tag")
    for theirs in text.sections("wodle"):
        if theirs.node.get("name") == "command" and theirs.text("tag") == tag:
            return Diagnostic(
                "WP601",
                f"a command wodle with the tag {tag} is defined here; Wazuh would run only one",
                at=text.location(theirs),
                hint="change its tag or remove it",
            )
    return None


def _same_log(text: ConfText, ours: Element) -> Diagnostic | None:
    source = ours.text("location") or ours.text("command")
    for theirs in text.sections("localfile"):
        if source != (theirs.text("location") or theirs.text("command")):
            continue
        wanted, present = ours.text("log_format"), theirs.text("log_format")
        hint = "" if wanted == present else f"set its log_format from {present} to {wanted}"
        return Diagnostic(
            "WP603",
            f"{source} is collected already; ours is left out",
            at=text.location(theirs),
            hint=hint,
            severity=Severity.WARNING,
        )
    return None


def _second_module(text: ConfText, ours: Element, name: str) -> Diagnostic | None:
    for theirs in text.sections(ours.name):
        if ours.name == "wodle" and theirs.node.get("name") != name:
            continue
        return Diagnostic(
            "WP604",
            f"the module {name} is configured already; ours is left out",
            at=text.location(theirs),
            hint=_ONLY_ONE.get(name, ""),
            severity=Severity.WARNING,
        )
    return None


def _ruleset_findings(text: ConfText) -> Iterator[Diagnostic]:
    rulesets = list(text.sections("ruleset"))
    if not rulesets:
        yield Diagnostic(
            "WP609",
            "there is no <ruleset>, so Wazuh loads only its stock rules; ours adds one that loads"
            " etc/rules and etc/decoders too, with what you have there",
            at=Location(text.path),
            severity=Severity.WARNING,
        )
        return
    for ignored in rulesets[:-1]:
        yield Diagnostic(
            "WP606",
            "a later <ruleset> replaces the folders and files of this one",
            at=text.location(ignored),
            hint="put everything into one <ruleset>",
            severity=Severity.WARNING,
        )
    last = rulesets[-1]
    children = list(text.children(last))
    for tag, folder in (("rule_dir", "etc/rules"), ("decoder_dir", "etc/decoders")):
        loads = [c for c in children if c.name == tag and _tidy_path(c.node.text) == folder]
        if not loads:
            yield Diagnostic(
                "WP605",
                f"<ruleset> does not load {folder}",
                at=text.location(last),
                hint=f"add <{tag}>{folder}</{tag}> to it",
            )
        elif all(load.node.get("pattern") for load in loads):
            yield Diagnostic(
                "WP610",
                f"only files of {folder} that match a pattern are loaded",
                at=text.location(loads[0]),
                hint="see that it matches 9*-wazuh-pack-*.xml",
                severity=Severity.WARNING,
            )


def _response_findings(text: ConfText, block: ConfBlock) -> Iterator[Diagnostic]:
    ours = sum(read_element(piece).name == "active-response" for piece in block.elements)
    if not ours:
        return
    theirs = list(text.sections("active-response"))
    rows = ours + BUILT_IN_ROWS + sum(1 for response in theirs if response.text("command"))
    if rows > MAX_RESPONSE_ROWS:
        yield Diagnostic(
            "WP608",
            f"{rows} active responses are more than execd can hold ({MAX_RESPONSE_ROWS})",
            at=text.location(theirs[-1]) if theirs else None,
            hint="remove responses that are not used, or install fewer of ours",
        )
    switches = [response for response in theirs if response.text("disabled")]
    if switches and switches[0].text("disabled") == "yes":
        yield Diagnostic(
            "WP607",
            "active response is switched off here, for every response on this machine",
            at=text.location(switches[0]),
            hint="set <disabled> to no to let ours run here",
            severity=Severity.WARNING,
        )


def _tidy_path(text: str | None) -> str:
    """Return a folder's or list's path as analysisd resolves it: relative to the Wazuh home."""
    return posixpath.normpath("/" + (text or "").strip()).lstrip("/")
