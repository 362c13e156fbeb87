"""The JSON that logtest and alerts.json show for an event."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from wazuh_pack.engine.conditions import text
from wazuh_pack.engine.fields import output_data
from wazuh_pack.engine.mitre import mitre_output
from wazuh_pack.engine.predecode import output_agentless, output_hostname, output_location

if TYPE_CHECKING:
    from datetime import tzinfo

    from wazuh_pack.engine.occurrence import Occurrence
    from wazuh_pack.engine.rules import Rule

_GROUPS_LIMIT = 1023
_DESCRIPTION_LIMIT = 1024
_FULL_LOG_LIMIT = 1023
_STANDARDS = ("pci_dss", "cis", "gdpr", "gpg13", "hipaa", "nist_800_53", "tsc")
_BENCHMARK = re.compile(rb"\{([A-Za-z0-9_]*: [A-Za-z0-9_., ]*)\}")
_STATIC_VARIABLES = {
    name.encode(): name
    for name in (
        *("dstuser", "srcuser", "srcip", "dstip", "srcport", "dstport", "protocol", "action"),
        *("id", "url", "data", "status", "extra_data", "system_name"),
    )
}


@dataclass(frozen=True, slots=True)
class Manager:
    """Whose analysisd this is."""

    name: str
    timezone: tzinfo

    @property
    def host(self) -> bytes:
        """The name that rules see: without the domain."""
        return self.name.partition(".")[0].encode()


def rule_json(seen: Occurrence) -> dict[str, object] | None:
    """Return ``rule`` of the output, None when no rule is the result."""
    rule = seen.rule
    if rule is None:
        return None
    definition = rule.definition
    found: dict[str, object] = {"level": rule.level}
    if seen.described:
        found["description"] = text(expand_description(rule, seen))
    if rule.id:
        found["id"] = str(rule.id)
    mitre = mitre_output(definition.mitre).value
    if mitre is not None:
        found["mitre"] = mitre
    if definition.cve is not None:
        found["cve"] = text(definition.cve)
    if definition.info is not None:
        found["info"] = text(definition.info)
    if rule.is_composite:
        found["frequency"] = definition.correlation.frequency + 2
    if definition.options.counter and seen.fired >= 0:
        found["firedtimes"] = seen.fired
    found["mail"] = definition.options.mail
    found.update(groups_json(definition.groups))
    return found


def groups_json(groups: bytes) -> dict[str, list[str]]:
    """Split a rule's group text into ``groups`` and the arrays of the standards."""
    return {name: list(words) for name, words in _groups(groups).items()}


@lru_cache(maxsize=4096)
def _groups(groups: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"groups": []}
    for word in groups[:_GROUPS_LIMIT].split(b","):
        if word:
            name = text(word)
            standard = next((s for s in _STANDARDS if name.startswith(s + "_")), None)
            if standard is None:
                found["groups"].append(name)
            else:
                found.setdefault(standard, []).append(name[len(standard) + 1 :])
    return found


def expand_description(rule: Rule, seen: Occurrence) -> bytes:
    """Fill ``$(name)`` in; a text that gets too long stays as it was written."""
    template = rule.definition.description
    rest = template[:_DESCRIPTION_LIMIT]
    out = b""
    while (start := rest.find(b"$(")) >= 0:
        out += rest[:start]
        if len(out) >= _DESCRIPTION_LIMIT:
            return template
        name, closed, after = rest[start + 2 :].partition(b")")
        if not closed:
            rest = rest[start:]
            break
        out += _variable(name, seen) or b""
        if len(out) >= _DESCRIPTION_LIMIT:
            return template
        rest = after
    out += rest
    return template if len(out) >= _DESCRIPTION_LIMIT else out


def _variable(name: bytes, seen: Occurrence) -> bytes | None:
    event = seen.event
    if name in _STATIC_VARIABLES:
        return event.static.get(_STATIC_VARIABLES[name])
    if name == b"program_name":
        return event.program_name
    if name == b"hostname":
        return seen.hostname
    return event.lookup.get(name.lower())


def event_json(seen: Occurrence, manager: Manager, *, keep_full_log: bool) -> dict[str, object]:
    """Return what the output says, without time stamp and alert id.

    Args:
        seen: The judged event.
        manager: The manager.
        keep_full_log: Show ``full_log`` even for a rule with ``no_full_log``, as archives do.
    """
    rule, agentless = rule_json(seen), output_agentless(seen.event)
    data, location = output_data(seen.event), output_location(seen.event)
    parts: dict[str, object] = {
        "rule": rule,
        "agent": _agent(seen, manager) if agentless is None else None,
        "manager": {"name": manager.name},
        "previous_output": _previous_output(seen) if rule else None,
        "full_log": text(seen.event.full_log) if keep_full_log or _keeps_log(seen) else None,
        "predecoder": _predecoder(seen) or None,
        "decoder": _decoder(seen),
        "previous_log": None if seen.previous is None else text(seen.previous),
        "data": data or None,
        "location": None if location is None else text(location),
        "agentless": agentless and {key: text(value) for key, value in agentless.items()},
    }
    if rule is not None:
        _add_benchmarks(rule, seen.event.full_log, data)
    return {key: value for key, value in parts.items() if value is not None}


def _keeps_log(seen: Occurrence) -> bool:
    return seen.rule is None or seen.rule.definition.options.full_log


def timestamp(seconds: float, zone: tzinfo) -> str:
    """Return a time as alerts write it: ``2026-11-21T23:26:24.719+0000``."""
    moment = datetime.fromtimestamp(int(seconds), zone)
    milliseconds = int(seconds % 1 * 1000)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}{moment:%z}"


def _agent(seen: Occurrence, manager: Manager) -> dict[str, str]:
    agent = seen.event.agent
    found = {"id": text(agent.id)}
    place = seen.event.location
    if place.startswith(b"("):
        found["name"] = text(seen.hostname)
        _, closed, rest = place.partition(b")")
        address = rest[1:].partition(b"-")[0]
        if closed and address != b"any":
            found["ip"] = text(address)
    elif agent.id == b"000":
        found["name"] = manager.name
    return found


def _previous_output(seen: Occurrence) -> str | None:
    """Shown when two texts or more were collected and the second is not empty."""
    texts = seen.counted
    return text(b"\n".join(texts)) if len(texts) > 1 and texts[1] else None


def _predecoder(seen: Occurrence) -> dict[str, str]:
    event = seen.event
    parts = {
        "program_name": event.program_name,
        "timestamp": event.timestamp,
        "hostname": output_hostname(event.full_log),
    }
    return {key: text(value) for key, value in parts.items() if value is not None}


def _decoder(seen: Occurrence) -> dict[str, object]:
    decoder = seen.event.decoder
    found: dict[str, object] = {}
    if decoder is None:
        return found
    if decoder.accumulate:
        found["accumulate"] = 1
    if decoder.parent is not None:
        found["parent"] = text(decoder.parent)
    found["name"] = text(decoder.name)
    if decoder.ftscomment is not None:
        found["ftscomment"] = text(decoder.ftscomment)
    return found


def _add_benchmarks(rule: dict[str, object], full_log: bytes, data: dict[str, object]) -> None:
    """Add what policy checks say about standards: SCA in the data, rootcheck in the text."""
    compliance: object = data
    for key in ("sca", "check", "compliance"):
        compliance = compliance.get(key) if isinstance(compliance, dict) else None
    if isinstance(compliance, dict):
        for name, value in compliance.items():
            _extend(rule, name, value if isinstance(value, str) else "")
    groups = rule["groups"]
    if isinstance(groups, list) and "rootcheck" in groups:
        for found in _BENCHMARK.findall(full_log[:_FULL_LOG_LIMIT]):
            name, _, value = text(found).partition(":")
            rule[name.strip().lower()] = [word.strip() for word in value.split(",") if word]


def _extend(rule: dict[str, object], name: str, value: str) -> None:
    words = [word.strip() for word in value.split(",") if word.strip()]
    known = rule.get(name)
    if isinstance(known, list):
        known.extend(words)
    elif words:
        rule[name] = words
