"""SBOMs as inventories: CycloneDX JSON and SPDX 2 JSON.

Every component is a finding of severity ``info``, so that the memory tells which ones are new or
gone: ``new`` is a component that was added, ``fixed`` one that was removed. A component is known by
its package URL without version and qualifiers; an upgrade is neither.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator

from wazuh_pack.reports.findings import Artifact, Finding, clean
from wazuh_pack.reports.reader import MAX_RECORD, RecordError, RecordReport, Top, in_object
from wazuh_pack.reports.report import Head, ReportFile
from wazuh_pack.reports.sketch import Sketch, sketch_of
from wazuh_pack.reports.values import Record, at, first, mapping, purl_parts, sequence, time

NAME = "sbom"
TITLE = "CycloneDX or SPDX SBOM"
SCANNERS = ("component",)

COMPONENT = "component"
"""The id of a component that is not known for anything bad."""

_MAX_NESTING = 20


def recognise(sketch: Sketch) -> bool:
    """Tell an SBOM by the member that names its format."""
    return sketch.has("bomFormat") or sketch.has("spdxVersion")


def open(file: ReportFile) -> RecordReport:  # noqa: A001 - the reader's interface
    """Open an SBOM."""
    return _Spdx(file) if sketch_of(file).has("spdxVersion") else _CycloneDx(file)


class _CycloneDx(RecordReport):
    TITLE = "CycloneDX SBOM"

    def _records(self, top: Top) -> Iterator[Any]:
        stream = self._file.stream(max_value=MAX_RECORD)
        kept = ("bomFormat", "metadata")
        for _, component in in_object(stream, ("components",), kept, top):
            yield component

    def _read(self, record: Any) -> Iterable[Finding]:
        return self._component(mapping(record), 0)

    def _component(self, component: Record, depth: int) -> Iterator[Finding]:
        name = "/".join(
            part for part in (clean(component.get("group")), clean(component.get("name"))) if part
        )
        if not name:
            raise RecordError
        yield _finding(
            clean(component.get("purl")),
            name,
            clean(component.get("version")),
            clean(component.get("type")),
        )
        if depth < _MAX_NESTING:
            for inner in sequence(component.get("components")):
                yield from self._component(mapping(inner), depth + 1)

    def _head(self, top: Top) -> Head:
        self._require(top, "bomFormat")
        subject = mapping(at(top.get("metadata"), "component"))
        tools = at(top.get("metadata"), "tools")
        listed = tools if isinstance(tools, list) else at(tools, "components")
        return Head(
            artifact=Artifact(Artifact.plain_name(clean(subject.get("name"))), "sbom"),
            created=time(at(top.get("metadata"), "timestamp")),
            tool_version=first(clean(at(tool, "version")) for tool in sequence(listed)),
        )


class _Spdx(RecordReport):
    TITLE = "SPDX SBOM"

    def _records(self, top: Top) -> Iterator[Any]:
        stream = self._file.stream(max_value=MAX_RECORD)
        kept = ("spdxVersion", "name", "creationInfo", "documentDescribes")
        for _, package in in_object(stream, ("packages",), kept, top):
            yield package

    def _read(self, record: Any) -> Iterable[Finding]:
        package = mapping(record)
        name = clean(package.get("name"))
        if not name:
            raise RecordError
        purls = (
            clean(at(item, "referenceLocator"))
            for item in sequence(package.get("externalRefs"))
            if at(item, "referenceType") == "purl"
        )
        yield _finding(
            first(purls),
            name,
            clean(package.get("versionInfo")),
            clean(package.get("primaryPackagePurpose")).lower(),
        )

    def _head(self, top: Top) -> Head:
        self._require(top, "spdxVersion")
        return Head(
            artifact=Artifact(Artifact.plain_name(clean(top.get("name"))), "sbom"),
            created=time(at(top.get("creationInfo"), "created")),
        )


def _finding(purl: str, name: str, version: str, kind: str) -> Finding:
    package_type, package, purl_version = purl_parts(purl)
    return Finding(
        scanner="component",
        finding_id=COMPONENT,
        severity="info",
        package_type=package_type or kind,
        package=package or name,
        title=f"component {package or name}",
        installed_version=version or purl_version,
    )
