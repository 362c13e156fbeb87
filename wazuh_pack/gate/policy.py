"""What an artifact has to fulfil: the gate's configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Mapping

from wazuh_pack.agentkit import config as ini
from wazuh_pack.agentkit.errors import ConfigError
from wazuh_pack.reports.findings import SEVERITIES
from wazuh_pack.reports.registry import BY_NAME

PROOFS = ("signature", "provenance", "sbom")
"""Proofs that may be required besides the reports of tools."""

NEVER = "never"
_SECTION = "gate"
# The tools behind SARIF have names of their own; a wrong one is never there, and nothing passes.
_TOOL = re.compile(r"[a-z0-9][a-z0-9._-]{0,60}")
_MAX_SIZE = 1 << 20


@dataclass(frozen=True)
class Policy:
    """A policy; the defaults are strict about what is there and require nothing more."""

    require: tuple[str, ...] = ()
    """Proofs (:data:`PROOFS`) and tools, without which an artifact does not pass."""
    fail_on: str = "high"
    """The lowest severity of vulnerabilities, misconfigurations, licences, sast and dast."""
    policy: str = "fail"
    """``fail``: what a policy engine denies fails; ``warn``: its warnings, too; ``never``."""
    secrets: str = "any"
    """``any``, ``verified`` (only secrets that were proved to work) or ``never``."""
    ignore_unfixed: bool = False
    """Let vulnerabilities pass for which there is no fix."""
    ignore_suppressed: bool = False
    """Let pass what the tool itself was told to put up with."""
    signers: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    builders: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Shell patterns, one of which has to fit; empty: whatever the verifier accepted."""
    allow: tuple[str, ...] = ()
    """Ids of findings that are accepted."""
    override: bool = False
    """Whether ``--override`` may let an artifact pass all the same."""


def load(path: str) -> Policy:
    """Read a policy.

    Raises:
        ConfigError: It has mistakes; all of them, each with file and line.
        OSError: It cannot be read.
    """
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib is not needed for more
        content = file.read(_MAX_SIZE + 1)
    if len(content) > _MAX_SIZE:
        raise ConfigError([f"{path}:1: larger than {_MAX_SIZE} bytes; make it smaller"])
    try:
        parsed = ini.Ini(path, content.decode("utf-8"))
    except UnicodeDecodeError:
        raise ConfigError([f"{path}:1: not UTF-8; save it as UTF-8"]) from None
    found = parsed.take(_SECTION, _KEYS)
    if _SECTION not in parsed.sections:
        parsed.problems.append(f"{path}:1: there is no [{_SECTION}]; add it")
    parsed.finish((_SECTION,))
    return Policy(**found)


def with_flags(policy: Policy, flags: Mapping[str, str | None]) -> Policy:
    """Return the policy with what the command line says instead.

    Raises:
        ConfigError: A flag is wrong.
    """
    found: dict[str, Any] = {}
    problems = []
    for name, text in flags.items():
        if text is not None:
            try:
                found[name] = _KEYS[name](text)
            except ValueError as error:
                problems.append(f"--{name.replace('_', '-')}: {error}")
    if problems:
        raise ConfigError(problems)
    return replace(policy, **found)


def _required(text: str) -> tuple[str, ...]:
    words = ini.words(text)
    for word in words:
        if not _TOOL.fullmatch(word):
            known = ", ".join((*PROOFS, *sorted(BY_NAME)))
            raise ValueError(f"'{word[:40]}' is no tool; write some of {known}")
    return words


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


_KEYS: Mapping[str, Any] = {
    "require": _required,
    "fail_on": ini.one_of(*SEVERITIES, NEVER),
    "policy": ini.one_of("fail", "warn", NEVER),
    "secrets": ini.one_of("any", "verified", NEVER),
    "ignore_unfixed": ini.yes_or_no,
    "ignore_suppressed": ini.yes_or_no,
    "signers": _patterns,
    "issuers": _patterns,
    "builders": _patterns,
    "sources": _patterns,
    "allow": ini.words,
    "override": ini.yes_or_no,
}
