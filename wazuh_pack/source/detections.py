"""A detection's file -> :class:`~wazuh_pack.model.Detection`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_pack.limits import MAX_FREQUENCY, MAX_TIMEFRAME, Level
from wazuh_pack.model import Count, Detection, Matcher, Sequence, Source
from wazuh_pack.source.cases import read_cases
from wazuh_pack.source.conditions import read_conjunction, read_matcher
from wazuh_pack.source.responses import REVOKE, read_response

if TYPE_CHECKING:
    from wazuh_pack.model import Condition
    from wazuh_pack.source.yamldoc import Doc

COMPLIANCE = ("pci_dss", "gdpr", "hipaa", "nist_800_53", "tsc", "iso_27001", "nist_csf")
"""Frameworks by the prefix that Wazuh's groups use; Wazuh itself sorts the first five out."""

_REQUIRED = ("id", "title", "message", "why", "severity", "attack", "cicd_sec", "tests")
_OPTIONAL = (
    "match",
    "unless",
    "refines",
    "before",
    "count",
    "sequence",
    "compliance",
    "groups",
    "catalogue",
    "false_positives",
    "references",
    "runbook",
    "response",
)
_SEVERITIES = tuple(level.name.lower() for level in Level)
_TECHNIQUE = re.compile(r"T[0-9]{4}(\.[0-9]{3})?")
_MAX_CICD_SEC = 10
_OUTCOMES = "active_response"
"""The group of alerts about what responses did; one that started a response would go round."""


def read_detection(doc: Doc, source: Source) -> Detection | None:
    """Read one detection; None when it has problems (they are recorded)."""
    before = len(doc.problems.found)
    parts = doc.mapping(required=_REQUIRED, optional=_OPTIONAL)
    if any(name not in parts for name in _REQUIRED):
        return None
    identifier = parts["id"].text()
    if identifier != doc.path.stem:
        parts["id"].fail(f"the id must be the file's name, {doc.path.stem!r}")
    severity = parts["severity"].choice(_SEVERITIES)
    detection = Detection(
        id=identifier,
        source=source.id,
        title=parts["title"].line(),
        message=_message(parts["message"]),
        why=parts["why"].line(),
        severity=Level[severity.upper()] if severity in _SEVERITIES else Level.INFO,
        cases=read_cases(parts["tests"]),
        matcher=read_matcher(parts["match"]) if "match" in parts else Matcher(),
        unless=_unless(parts),
        refines=_texts(parts, "refines"),
        before=_texts(parts, "before"),
        correlation=_correlation(parts),
        attack=_attack(parts["attack"]),
        cicd_sec=tuple(item.integer(1, _MAX_CICD_SEC) for item in parts["cicd_sec"].one_or_more()),
        compliance=_compliance(parts),
        groups=_texts(parts, "groups"),
        catalogue=_texts(parts, "catalogue"),
        false_positives=_texts(parts, "false_positives"),
        references=_texts(parts, "references"),
        runbook=_texts(parts, "runbook"),
        response=read_response(parts["response"]) if "response" in parts else None,
        at=doc.at,
    )
    _check_shape(detection, doc, parts)
    if detection.response and _OUTCOMES in (*source.groups, *detection.groups):
        parts["response"].fail(
            "alerts about a response never start one", f"leave it out, or leave {_OUTCOMES}"
        )
    return detection if len(doc.problems.found) == before else None


def _texts(parts: dict[str, Doc], name: str) -> tuple[str, ...]:
    return parts[name].texts() if name in parts else ()


def _message(doc: Doc) -> str:
    message = doc.line()
    bad = sorted(set("<>&") & set(message))
    if bad:
        doc.fail(f"Wazuh's XML cannot carry {' '.join(bad)} in a description", "use words")
    return message


def _unless(parts: dict[str, Doc]) -> tuple[tuple[Condition, ...], ...]:
    if "unless" not in parts:
        return ()
    return tuple(read_conjunction(item) for item in parts["unless"].one_or_more())


def _attack(doc: Doc) -> tuple[str, ...]:
    for item in doc.one_or_more():
        if not _TECHNIQUE.fullmatch(item.line()):
            item.fail("expected an ATT&CK technique", "such as T1562.001")
    return doc.texts()


def _compliance(parts: dict[str, Doc]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if "compliance" not in parts:
        return ()
    frameworks = parts["compliance"].mapping(optional=COMPLIANCE)
    return tuple((name, frameworks[name].texts()) for name in COMPLIANCE if name in frameworks)


def _correlation(parts: dict[str, Doc]) -> Count | Sequence | None:
    if "count" in parts:
        return _count(parts["count"])
    if "sequence" in parts:
        return _sequence(parts["sequence"])
    return None


def _window(doc: Doc) -> int:
    seconds = doc.seconds()
    if seconds > MAX_TIMEFRAME:
        doc.fail(f"Wazuh's timeframe ends at {MAX_TIMEFRAME} seconds (about 27 hours)")
    return seconds


def _count(doc: Doc) -> Count | None:
    required = ("of", "at_least", "within")
    parts = doc.mapping(required=required, optional=("group_by", "distinct", "across_agents"))
    if any(name not in parts for name in required):
        return None
    return Count(
        of=parts["of"].texts(),
        count=parts["at_least"].integer(2, MAX_FREQUENCY),
        within=_window(parts["within"]),
        group_by=_texts(parts, "group_by"),
        distinct=_texts(parts, "distinct"),
        across_agents=parts["across_agents"].boolean() if "across_agents" in parts else False,
    )


def _sequence(doc: Doc) -> Sequence | None:
    required = ("first", "within")
    parts = doc.mapping(required=required, optional=("then", "group_by", "across_agents"))
    if any(name not in parts for name in required):
        return None
    return Sequence(
        first=parts["first"].texts(),
        then=_texts(parts, "then"),
        within=_window(parts["within"]),
        group_by=_texts(parts, "group_by"),
        across_agents=parts["across_agents"].boolean() if "across_agents" in parts else False,
    )


def _check_shape(detection: Detection, doc: Doc, parts: dict[str, Doc]) -> None:
    if "count" in parts and "sequence" in parts:
        doc.fail("a detection counts or follows a sequence, not both")
    if not {"match", "count", "sequence"} & set(parts):
        doc.fail("nothing to look for", "write `match:`, `count:` or `sequence:`")
    if detection.correlation is not None and detection.matcher.any:
        parts["match"].fail("a correlation's own conditions cannot have alternatives")
    use = detection.response
    if use and use.action == REVOKE and detection.severity.value < Level.HIGH.value:
        parts["response"].fail("what revokes is for high and critical detections")
    correlation = detection.correlation
    if isinstance(correlation, Sequence) and not correlation.then and not detection.matcher.all:
        parts["sequence"].fail("nothing says what follows", "write `then:`, or `match:` beside it")
    own_place = isinstance(correlation, Sequence) and not correlation.then
    if correlation is not None and detection.refines and not own_place:
        parts["refines"].fail("a correlation hangs from what it correlates; leave out `refines`")
