"""Trivy's records -> :class:`~wazuh_pack.reports.findings.Finding`.

Shapes are those of Trivy 0.74.0 and of the reports that older versions left behind; every field may
be absent, and unknown ones are ignored. A secret's ``Match`` and ``Code`` are never read: ``Match``
is masked, but the neighbouring lines in ``Code`` are not.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Callable, Mapping, Optional

from wazuh_pack.reports.findings import Finding, clean, public, severity_of
from wazuh_pack.reports.paths import steady

Record = Mapping[str, Any]
Reader = Callable[[Record, "Place"], Optional[Finding]]

_CHECK_ID = re.compile(r"(?:AVD-)?([A-Z]+)-?(\d{1,4})")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_SCORES = (("V40Score", "V40Vector"), ("V3Score", "V3Vector"), ("V2Score", "V2Vector"))
_SOURCES = ("nvd", "ghsa", "redhat")
_HIGHEST_SCORE = 10


class Place:
    """Where in a report a record stands: the result's head, and the cluster resource around it."""

    __slots__ = ("package_type", "resource", "result_class", "target")

    def __init__(self, head: Record, resource: str = "") -> None:
        self.target = public(clean(head.get("Target")))
        self.result_class = clean(head.get("Class"))
        self.package_type = clean(head.get("Type"))
        self.resource = resource


def vulnerability(record: Record, place: Place) -> Finding | None:
    """Read one member of ``Vulnerabilities``; one without an id is no finding."""
    finding_id = clean(record.get("VulnerabilityID"))
    if not finding_id:
        return None
    # The target of operating system packages names their version, which an upgrade changes.
    os_packages = place.result_class in ("os-pkgs", "")
    cvss, vector = _cvss(record)
    own_path, version = clean(record.get("PkgPath")), clean(record.get("InstalledVersion"))
    return Finding(
        scanner="vuln",
        finding_id=finding_id,
        severity=severity_of(clean(record.get("Severity"))),
        result_class=place.result_class,
        package_type=place.package_type,
        package=clean(record.get("PkgName")) or _purl_name(record),
        path=own_path or ("" if os_packages else place.target),
        place=steady(own_path, version) if own_path else "",
        resource=place.resource,
        target=place.target,
        title=clean(record.get("Title")),
        installed_version=version,
        fixed_version=clean(record.get("FixedVersion")),
        status=clean(record.get("Status")),
        url=_url(record),
        published=_time(record.get("PublishedDate")),
        cvss=cvss,
        cvss_vector=vector,
        cwe=_joined(record.get("CweIDs")),
        aliases=_joined(record.get("VendorIDs")),
    )


def misconfiguration(record: Record, place: Place) -> Finding | None:
    """Read one member of ``Misconfigurations``; passed and excepted checks are no findings."""
    if clean(record.get("Status")) not in ("FAIL", ""):
        return None
    finding_id = check_id(clean(record.get("AVDID")) or clean(record.get("ID")))
    if not finding_id:
        return None
    cause = _mapping(record.get("CauseMetadata"))
    return Finding(
        scanner="misconfig",
        finding_id=finding_id,
        severity=severity_of(clean(record.get("Severity"))),
        result_class=place.result_class,
        package_type=place.package_type,
        path=place.target,
        resource=_resource(place.resource, clean(cause.get("Resource"))),
        target=place.target,
        title=clean(record.get("Title")),
        message=clean(record.get("Message")),
        resolution=clean(record.get("Resolution")),
        status="fail",
        url=_url(record),
        line=_line(cause),
    )


def secret(record: Record, place: Place) -> Finding | None:
    """Read one member of ``Secrets``: the rule that matched and where, never what."""
    finding_id = clean(record.get("RuleID"))
    if not finding_id:
        return None
    return Finding(
        scanner="secret",
        finding_id=finding_id,
        severity=severity_of(clean(record.get("Severity"))),
        result_class=place.result_class,
        path=place.target,
        resource=place.resource,
        target=place.target,
        title=clean(record.get("Title")),
        category=clean(record.get("Category")),
        line=_line(record),
    )


def licence(record: Record, place: Place) -> Finding | None:
    """Read one member of ``Licenses``; the licence's name is the finding."""
    finding_id = clean(record.get("Name"))
    if not finding_id:
        return None
    path = clean(record.get("FilePath"))
    return Finding(
        scanner="license",
        finding_id=finding_id,
        severity=severity_of(clean(record.get("Severity"))),
        result_class=place.result_class,
        package=clean(record.get("PkgName")),
        path=path,
        place=steady(path),
        resource=place.resource,
        target=place.target,
        category=clean(record.get("Category")),
        url=_http(clean(record.get("Link"))),
    )


READERS: Mapping[str, Reader] = {
    "Vulnerabilities": vulnerability,
    "Misconfigurations": misconfiguration,
    "Secrets": secret,
    "Licenses": licence,
}
"""The lists of a result that hold findings."""


SUPPRESSED = "ExperimentalModifiedFindings"
"""The list of findings that ``--show-suppressed`` adds: (not) affected by somebody's word."""

_TYPES = {
    "vulnerability": vulnerability,
    "misconfiguration": misconfiguration,
    "secret": secret,
    "license": licence,
}


def suppressed(record: Record, place: Place) -> Finding | None:
    """Read one member of ``ExperimentalModifiedFindings`` (Trivy's ``pkg/types/finding.go``).

    ``Status`` is ``ignored`` for what an ignore file names, else the word of a VEX document;
    ``Source`` is the file.
    """
    read = _TYPES.get(clean(record.get("Type")))
    finding = read(_mapping(record.get("Finding")), place) if read else None
    if finding is None:
        return None
    status = clean(record.get("Status"))
    statement = clean(record.get("Statement"))
    return replace(
        finding,
        accepted="ignore_file" if status == "ignored" else "vex",
        accepted_by=clean(record.get("Source")),
        accepted_reason=f"{status}: {statement}" if statement else status,
    )


def check_id(raw: str) -> str:
    """Return a check's id as Trivy writes it now: ``KSV001`` and ``AVD-KSV-0001``: ``KSV-0001``."""
    found = _CHECK_ID.fullmatch(raw)
    return f"{found.group(1)}-{int(found.group(2)):04}" if found else raw


def _cvss(record: Record) -> tuple[str, str]:
    """Return score ("9.8") and vector from the source that also gave the severity, if it can."""
    sources = _mapping(record.get("CVSS"))
    names = [record.get("SeveritySource"), *_SOURCES, *sorted(sources)] if sources else []
    for name in names:
        if not isinstance(name, str) or name not in sources:
            continue
        scores = _mapping(sources[name])
        for score_key, vector_key in _SCORES:
            score = scores.get(score_key)
            if isinstance(score, (int, float)) and 0 < score <= _HIGHEST_SCORE:
                return f"{score:.1f}", clean(scores.get(vector_key))
    return "", ""


def _purl_name(record: Record) -> str:
    purl = clean(_mapping(record.get("PkgIdentifier")).get("PURL"))
    without_version = purl.split("?", 1)[0].rsplit("@", 1)[0]
    return without_version.split("/", 1)[1] if "/" in without_version else ""


def _url(record: Record) -> str:
    references = record.get("References")
    first = references[0] if isinstance(references, list) and references else ""
    return _http(clean(record.get("PrimaryURL"))) or _http(clean(first))


def _http(url: str) -> str:
    return public(url) if url.startswith(("https://", "http://")) else ""


def _time(value: object) -> str:
    text = clean(value)
    return text if _TIME.fullmatch(text) else ""


def _line(record: Record) -> int:
    line = record.get("StartLine")
    return line if isinstance(line, int) and 0 < line < 2**31 else 0


def _resource(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _joined(values: object) -> str:
    return ",".join(map(clean, values)) if isinstance(values, list) else ""


def _mapping(value: object) -> Record:
    return value if isinstance(value, dict) else {}
