"""ATT&CK names and tactics as Wazuh 4.14.7's database has them (ATT&CK 13.1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wazuh_pack.engine.rules import Mitre

_DATA = Path(__file__).parent / "data" / "attack.json"


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique and the names of its tactics, in the database's order."""

    name: str
    tactics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attack:
    """The database."""

    tactics: Mapping[str, str]
    techniques: Mapping[str, Technique]


@cache
def attack() -> Attack:
    """Return the database; it is read once."""
    data = json.loads(_DATA.read_text(encoding="utf-8"))
    techniques = {key: Technique(name, tuple(of)) for key, (name, of) in data["techniques"].items()}
    return Attack(data["tactics"], techniques)


@dataclass(frozen=True, slots=True)
class MitreOutput:
    """``rule.mitre`` of an alert, None when it is left out, and how often analysisd warns."""

    value: Mapping[str, list[str]] | None
    warnings: int


def mitre_output(references: Mitre) -> MitreOutput:
    """Look a rule's references up; ids must be written exactly."""
    if references.pairs:
        return _new_form(references.pairs)
    if references.techniques:
        return _old_form(references.techniques)
    return MitreOutput(None, 0)


def _new_form(pairs: tuple[tuple[bytes, bytes], ...]) -> MitreOutput:
    """Pairs that the database does not know are left out with a warning."""
    database = attack()
    ids: list[str] = []
    tactics: list[str] = []
    names: list[str] = []
    warnings = 0
    for tactic_id, technique_id in pairs:
        key = technique_id.decode("latin-1")
        technique = database.techniques.get(key)
        tactic = database.tactics.get(tactic_id.decode("latin-1"))
        if technique is None or tactic not in technique.tactics:
            warnings += 1
            continue
        if tactic not in tactics:
            tactics.append(tactic)
        if technique.name not in names:
            ids.append(key)
            names.append(technique.name)
    return _output(ids, tactics, names, warnings)


def _old_form(techniques: tuple[bytes, ...]) -> MitreOutput:
    """Unknown ids stay among the ids as long as one id is known."""
    database = attack()
    ids = [technique.decode("utf-8", "surrogateescape") for technique in techniques]
    known = [database.techniques[key] for key in ids if key in database.techniques]
    tactics = list(dict.fromkeys(tactic for technique in known for tactic in technique.tactics))
    names = [technique.name for technique in known]
    return _output(ids, tactics, names, len(ids) - len(known))


def _output(ids: list[str], tactics: list[str], names: list[str], warnings: int) -> MitreOutput:
    value = {"id": ids, "tactic": tactics, "technique": names} if tactics else None
    return MitreOutput(value, warnings)
