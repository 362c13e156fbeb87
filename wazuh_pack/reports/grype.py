"""Grype's JSON report (``grype -o json``), as of 0.116; fields of older versions are the same.

What the user's own ignore rules or VEX let be is accepted. What Grype leaves out by itself, or by a
filter (``--only-fixed``, kernel headers), is counted only.

An operating system's packages are known by name alone; where a language's package lies is part of
its identity, for the same one may be in several places.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Collection, Iterable, Iterator

from wazuh_pack.reports.findings import BY_TOOL, Artifact, Finding, clean, severity_of
from wazuh_pack.reports.reader import MAX_RECORD, RecordError, RecordReport, Top, in_object
from wazuh_pack.reports.report import Head, ReportFile
from wazuh_pack.reports.values import (
    Record,
    address,
    at,
    cves,
    cwes,
    day,
    digests,
    first,
    mapping,
    place,
    score,
    sequence,
    share,
    short_hash,
    texts,
    time,
)

if TYPE_CHECKING:
    from wazuh_pack.reports.sketch import Sketch

NAME = "grype"
TITLE = "Grype JSON report"
SCANNERS = ("vuln",)

_SYSTEM = ("deb", "rpm", "apk", "alpm", "portage")
_KINDS = {"image": "container_image", "sbom": "sbom", "sbom-file": "sbom"}
_KEPT = ("source", "distro", "descriptor")
_CHOICES = (
    *("only-fixed", "only-notfixed", "ignore-wontfix", "match-upstream-kernel-headers"),
    *("exclude", "search", "match", "by-cve", "add-cpes-if-none", "externalSources"),
    *("distro", "platform", "fix-channel", "vex-add"),
)
"""What of its configuration (``cmd/grype/cli/options/grype.go``) decides about what Grype finds."""


def recognise(sketch: Sketch) -> bool:
    """Tell a Grype report by its list of matches."""
    return sketch.has("matches") and (
        sketch.has("matches[].vulnerability") or sketch.has("source") or sketch.has("descriptor")
    )


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Report(RecordReport):
    TITLE = TITLE

    def __init__(self, file: ReportFile) -> None:
        self._ignores: frozenset[tuple[str, ...]] | None = None
        super().__init__(file)

    def _records(self, top: Top) -> Iterator[Any]:
        stream = self._file.stream(max_value=MAX_RECORD)
        for name, record in in_object(stream, ("matches", "ignoredMatches"), _KEPT, top):
            if name == "ignoredMatches":
                top["ignored"] = top.get("ignored", 0) + 1
                # The rules to compare with stand behind the matches: the second walk knows them.
                if self._ignores is None or not _acceptance(record, self._ignores):
                    continue
            yield name, record

    def _read(self, record: Any) -> Iterable[Finding]:
        name, match = record
        ignored = name == "ignoredMatches"
        yield self._finding(match, _acceptance(match, self._ignores or ()) if ignored else {})

    def _finding(self, record: Any, acceptance: dict[str, Any]) -> Finding:
        vulnerability = mapping(at(record, "vulnerability"))
        package = mapping(at(record, "artifact"))
        finding_id, name = clean(vulnerability.get("id")), clean(package.get("name"))
        if not finding_id or not name:
            raise RecordError
        fixes = texts(at(vulnerability, "fix", "versions"))
        number, vector = _cvss(vulnerability)
        return Finding(
            scanner="vuln",
            finding_id=finding_id,
            severity=severity_of(clean(vulnerability.get("severity"))),
            package_type=clean(package.get("type")),
            package=name,
            path=_path(package),
            target=_path(package),
            title=clean(vulnerability.get("description")),
            installed_version=clean(package.get("version")),
            fixed_version=", ".join(fixes),
            status=clean(at(vulnerability, "fix", "state")),
            url=address(vulnerability.get("dataSource")),
            published=time(vulnerability.get("publishedDate")),
            cvss=number,
            cvss_vector=vector,
            cwe=cwes([at(cwe, "cwe") for cwe in sequence(vulnerability.get("cwes"))]),
            aliases=_aliases(record, finding_id),
            **_exploitation(vulnerability),
            **acceptance,
        )

    def _head(self, top: Top) -> Head:
        self._require(top, "matches")
        configuration = mapping(at(top.get("descriptor"), "configuration"))
        rules = sequence(configuration.get("ignore"))
        self._ignores = frozenset(filter(any, map(_rule, rules)))
        system = mapping(top.get("distro"))
        target = at(top.get("source"), "target")
        kind = clean(at(top.get("source"), "type"))
        return Head(
            artifact=Artifact(
                name=_name(target),
                kind=_KINDS.get(kind, "filesystem" if kind else "unknown"),
                digest=_digest(mapping(target)),
                os=f"{clean(system.get('name'))} {clean(system.get('version'))}".strip(),
            ),
            created=time(at(top.get("descriptor"), "timestamp")),
            tool_version=clean(at(top.get("descriptor"), "version")),
            suppressed=top.get("ignored", 0),
            scope=_scope(configuration, [rule for rule in rules if not any(_rule(rule))]),
            digests=digests(_named(target), *texts(at(target, "repoDigests"))),
        )


def _rule(rule: object) -> tuple[str, ...]:
    """Return what tells a rule that lets something be; nothing for a filter of Grype's own."""
    if not at(rule, "vulnerability") and (at(rule, "fix-state") or at(rule, "match-type")):
        return ()
    package = (clean(at(rule, "package", key)) for key in ("name", "version", "type", "location"))
    return (*(clean(at(rule, key)) for key in ("vulnerability", "reason", "namespace")), *package)


def _scope(configuration: Record, filters: list[Any]) -> str:
    chosen = {key: configuration[key] for key in _CHOICES if key in configuration}
    if not chosen and not filters:
        return ""
    return short_hash(json.dumps([chosen, filters], sort_keys=True))


def _acceptance(record: object, ignores: Collection[tuple[str, ...]]) -> dict[str, Any]:
    """Return who takes an ignored match for granted; nothing if Grype itself left it out."""
    for rule in sequence(at(record, "appliedIgnoreRules")):
        said = (clean(at(rule, "vex-status")), clean(at(rule, "vex-justification")))
        if said[0]:
            reason = ": ".join(filter(None, said))
            return {"accepted": "vex", "accepted_by": NAME, "accepted_reason": reason}
        if _rule(rule) in ignores:
            reason = clean(at(rule, "reason")) or "ignore rule"
            return {"accepted": BY_TOOL, "accepted_by": NAME, "accepted_reason": reason}
    return {}


def _named(target: object) -> str:
    return clean(target) or clean(at(target, "userInput"))


def _name(target: object) -> str:
    if isinstance(target, str):
        return Artifact.plain_name(clean(target))
    names = [clean(at(target, "userInput")), *texts(at(target, "tags"))]
    return first(Artifact.plain_name(name) for name in names if not name.startswith("sha256:"))


def _digest(target: Record) -> str:
    repository = [text.rpartition("@")[2] for text in sorted(texts(target.get("repoDigests")))]
    return first(
        iter([*repository, clean(target.get("manifestDigest")), clean(target.get("imageID"))])
    )


def _path(package: Record) -> str:
    if clean(package.get("type")) in _SYSTEM:
        return ""
    paths = sorted(place(at(location, "path")) for location in sequence(package.get("locations")))
    return first(iter(paths))


def _aliases(record: Record, finding_id: str) -> str:
    related = [clean(at(item, "id")) for item in sequence(record.get("relatedVulnerabilities"))]
    return ",".join(sorted({name for name in related if name and name != finding_id})) or (
        "" if finding_id.startswith("CVE-") else cves(at(record, "vulnerability", "dataSource"))
    )


def _exploitation(vulnerability: Record) -> dict[str, Any]:
    """Return what Grype's database says of exploitation: CISA's list and FIRST's estimate."""
    found: dict[str, Any] = {}
    for entry in map(mapping, sequence(vulnerability.get("knownExploited"))[:1]):
        found["kev"] = day(entry.get("dateAdded"))
        found["kev_due"] = day(entry.get("dueDate"))
        found["kev_ransomware"] = clean(entry.get("knownRansomwareCampaignUse")).lower() == "known"
    estimates = map(mapping, sequence(vulnerability.get("epss")))
    worst = max(estimates, key=lambda entry: share(entry.get("epss")), default={})
    if share(worst.get("epss")):
        found["epss"] = share(worst.get("epss"))
        found["epss_percentile"] = share(worst.get("percentile"))
    return found


def _cvss(vulnerability: Record) -> tuple[str, str]:
    ratings = [mapping(item) for item in sequence(vulnerability.get("cvss"))]
    for rating in sorted(ratings, key=_preference):
        number = score(at(rating, "metrics", "baseScore"))
        if number:
            return number, clean(rating.get("vector"))
    return "", ""


def _preference(rating: Record) -> tuple[bool, str]:
    version = clean(rating.get("version"))
    return clean(rating.get("type")) != "Primary", {"4": "0", "3": "1"}.get(version[:1], "2")
