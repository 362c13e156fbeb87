"""What to install: read from ``wazuh-pack.yml``, remembered in RECORD.json, checked.

RECORD.json can be read by Wazuh, so secrets never get into choices: a parameter names the file that
holds one (:mod:`~wazuh_pack.install.secrets`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wazuh_pack.errors import DiagnosticsError, UsageError
from wazuh_pack.limits import FIRST_RULE_ID
from wazuh_pack.model import Operator
from wazuh_pack.source.references import named
from wazuh_pack.source.yamldoc import Problems, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from wazuh_pack.model import Catalog, Detection, Source
    from wazuh_pack.source.scripts import ResponseScript, WodleScript
    from wazuh_pack.source.yamldoc import Doc

Options = dict[str, str | bool | tuple[str, ...]]
Names = tuple[str, ...] | None
"""Some by name; None for all that there are."""

_KEYS = ("sources", "collect", "responses", "integrations", "wodles", "id_base")
_UNREADABLE = frozenset("<>&")
_COLLECT = "collect."
_LAST_BASE = 999_999


@dataclass(frozen=True, slots=True)
class Choices:
    """What to install.

    ``sources`` are those whose rules are wanted; ``collect`` maps sources whose logs are collected
    here to parameters that differ from the content's; ``responses`` and ``wodles`` name scripts by
    action (``block-ip``) and tag; ``integrations`` are those of the responses that integratord
    starts, not execd.
    """

    sources: Names = None
    collect: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    responses: Names = None
    integrations: tuple[str, ...] = ()
    wodles: Names = None
    id_base: int = FIRST_RULE_ID

    def options(self) -> Options:
        """Return the choices as RECORD.json keeps them; what is not there is the default."""
        found: Options = {"collect": tuple(sorted(self.collect))}
        for name in ("sources", "responses", "wodles"):
            value: Names = getattr(self, name)
            if value is not None:
                found[name] = tuple(sorted(value))
        if self.integrations:
            found["integrations"] = tuple(sorted(self.integrations))
        if self.id_base != FIRST_RULE_ID:
            found["id_base"] = str(self.id_base)
        for source, parameters in self.collect.items():
            for name, text in parameters.items():
                found[f"{_COLLECT}{source}.{name}"] = text
        return found


def remembered(options: Mapping[str, str | bool | tuple[str, ...]]) -> Choices:
    """Return the choices that RECORD.json keeps; what is strange there counts as not chosen."""
    base = str(options.get("id_base", ""))
    return Choices(
        sources=_names(options.get("sources")),
        collect={
            source: {
                key.removeprefix(f"{_COLLECT}{source}."): str(value)
                for key, value in options.items()
                if key.startswith(f"{_COLLECT}{source}.")
            }
            for source in _names(options.get("collect")) or ()
        },
        responses=_names(options.get("responses")),
        integrations=_names(options.get("integrations")) or (),
        wodles=_names(options.get("wodles")),
        id_base=int(base) if base.isdecimal() else FIRST_RULE_ID,
    )


def _names(value: object) -> Names:
    if value is False:
        return ()
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else None


def read_choices(path: Path) -> Choices:
    """Return the choices in a ``wazuh-pack.yml``.

    Raises:
        DiagnosticsError: It is malformed; every problem with its line and column.
    """
    problems = Problems()
    doc = read(path, problems)
    choices = _choices(doc) if doc is not None else Choices()
    if problems.found:
        raise DiagnosticsError(problems.found)
    return choices


def _choices(doc: Doc) -> Choices:
    values = doc.mapping(optional=_KEYS)
    base = values["id_base"].integer(1, _LAST_BASE) if "id_base" in values else FIRST_RULE_ID
    return Choices(
        sources=_some(values.get("sources")),
        collect=_collect(values["collect"]) if "collect" in values else {},
        responses=_some(values.get("responses")),
        integrations=values["integrations"].texts() if "integrations" in values else (),
        wodles=_some(values.get("wodles")),
        id_base=base,
    )


def _some(doc: Doc | None) -> Names:
    """Return a list of names; ``true`` and nothing stand for all, ``false`` for none."""
    if doc is None:
        return None
    items = doc.one_or_more()
    if len(items) == 1:
        word = items[0].scalar()
        if isinstance(word, bool):
            return None if word else ()
        if word == "all":
            return None
    return tuple(item.line() for item in items)


def _collect(doc: Doc) -> dict[str, dict[str, str]]:
    return {
        name: {key: item.line() for key, _, item in value.items()} for name, _, value in doc.items()
    }


def check(
    choices: Choices,
    catalog: Catalog,
    responses: Iterable[ResponseScript],
    wodles: Iterable[WodleScript],
) -> None:
    """Check every name and value.

    Raises:
        UsageError: One of them does not exist or cannot stand in ossec.conf.
    """
    sources = {source.id: source for source in catalog.sources}
    _known("source", (*(choices.sources or ()), *choices.collect), sources)
    responses = tuple(responses)
    _known("response", choices.responses or (), {script.action for script in responses})
    _known(
        "response that integratord can start",
        choices.integrations,
        {script.action for script in responses if script.integration},
    )
    _known("wodle", choices.wodles or (), {script.tag for script in wodles})
    for name, parameters in choices.collect.items():
        if not sources[name].delivery.config:
            raise UsageError(
                f"there is nothing to collect for {name}", hint=sources[name].delivery.summary
            )
        _check_parameters(sources[name], parameters)


def _known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(known)
    for name in names:
        if name not in known:
            raise UsageError(f"no {what} {name!r}", hint=f"one of: {', '.join(known)}")


def _check_parameters(source: Source, parameters: Mapping[str, str]) -> None:
    known = dict(source.delivery.parameters)
    for name, value in parameters.items():
        if name not in known:
            raise UsageError(
                f"{source.id} has no parameter {name!r}",
                hint=f"one of: {', '.join(sorted(known))}" if known else "it takes none",
            )
        check_value(f"{source.id}.{name}", value)


def check_value(name: str, value: str) -> None:
    """Check that a value can stand in ossec.conf; the value itself is never repeated.

    Raises:
        UsageError: It cannot.
    """
    if not value or not value.isprintable() or _UNREADABLE & set(value):
        raise UsageError(
            f"the value of {name} cannot stand in ossec.conf",
            hint="it must be one line without <, > and &",
        )


def with_dependencies(choices: Choices, catalog: Catalog, wodles: Iterable[WodleScript]) -> Names:
    """Return the sources to install: those chosen and those that they cannot do without.

    These are the sources of detections that theirs count or refine, of lists that theirs look into,
    of what our responses report, and of what our wodles find.
    """
    if choices.sources is None:
        return None
    tags = {w.tag for w in wodles if choices.wodles is None or w.tag in choices.wodles}
    wanted = set(choices.sources)
    for source in catalog.sources:
        place = source.delivery.location
        reports = choices.responses != () and place.endswith("/active-responses.log")
        if reports or place.removeprefix("command_") in tags:
            wanted.add(source.id)
    needs = _needs(catalog)
    while True:
        more = {name for source in wanted for name in needs.get(source, ())} - wanted
        if not more:
            return tuple(source.id for source in catalog.sources if source.id in wanted)
        wanted |= more


def _needs(catalog: Catalog) -> dict[str, set[str]]:
    """Return for each source those that its detections name."""
    detections = {item.id: item.source for item in catalog.detections}
    lists = {
        name.removeprefix("wazuh-pack-"): source.id
        for source in catalog.sources
        for name, _ in source.lists
    }
    needs: dict[str, set[str]] = {}
    for item in catalog.detections:
        others = {detections[name] for name in named(item) if name in detections}
        looked_up = {lists[name] for name in _listed(item) if name in lists}
        needs.setdefault(item.source, set()).update(others, looked_up)
    return needs


def _listed(detection: Detection) -> set[str]:
    """Return the lists that a detection looks into."""
    groups = (
        detection.matcher.all,
        *detection.matcher.any,
        *detection.unless,
    )
    lookups = {Operator.IN_LIST, Operator.NOT_IN_LIST}
    return {
        name
        for group in groups
        for condition in group
        if condition.operator in lookups
        for name in condition.values
    }


def narrowed(catalog: Catalog, sources: Names, responses: Names) -> Catalog:
    """Return the content of some sources, where detections ask only for some responses."""
    detections = tuple(
        replace(item, response=None)
        if item.response and responses is not None and item.response.action not in responses
        else item
        for item in catalog.detections
        if sources is None or item.source in sources
    )
    kept = tuple(item for item in catalog.sources if sources is None or item.id in sources)
    return replace(catalog, sources=kept, detections=detections)
