"""Reads a Trivy JSON report of any size and age.

Shapes that are understood: schema 2 (``{"SchemaVersion": 2, "Results": [...]}``), the bare list of
results of schema 1, ``null``, and the three shapes of ``trivy kubernetes``: ``Resources``
(``--report all``), ``Findings`` (``--report summary``) and the older ``Vulnerabilities`` and
``Misconfigurations`` beside ``ClusterName``. ``Results`` may be absent or empty.

The file is walked twice: once to learn what was scanned and that the report is whole, once for the
findings. A report that is cut off is therefore refused before anything is concluded from it. An
empty list or ``null``, which is all that schema 1 had to say of something clean, is incomplete.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Iterator

from wazuh_pack.reports.findings import Artifact, Finding, clean
from wazuh_pack.reports.jsonstream import JsonError, JsonStream
from wazuh_pack.reports.report import MAX_BYTES, Head, ReportError, ReportFile
from wazuh_pack.reports.trivy_records import READERS, SUPPRESSED, Place, suppressed
from wazuh_pack.reports.values import digests

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.reports.sketch import Sketch

TOOL = "trivy"
NAME = TOOL
TITLE = "Trivy JSON report"
SCANNERS = ("vuln", "misconfig", "secret", "license")

_CLUSTER_LISTS = ("Resources", "Findings", "Vulnerabilities", "Misconfigurations")
_SCALARS = ("SchemaVersion", "CreatedAt", "ArtifactName", "ArtifactType", "ClusterName")
_PLACE = ("Target", "Class", "Type")
_METADATA = ("OS", "ImageID", "RepoTags", "RepoDigests", "Commit", "DiffIDs")
_BASE = "org.opencontainers.image.base.name"
_RESOURCE = ("Namespace", "Kind", "Name", "Error")

# By these classes Trivy lists what it looked at, wrong or not. Of secrets
# it lists finds only, so that a report without any does not tell whether they were looked for.
_LASTING = ("os-pkgs", "lang-pkgs", "config", "license")

_FOREIGN = (
    ("bomFormat", "a CycloneDX SBOM; scan it with Trivy"),
    ("spdxVersion", "an SPDX SBOM; scan it with Trivy"),
    ("runs", "a SARIF report; write it with --format json"),
    ("matches", "a Grype report"),
    ("manifests", "a GitHub dependency snapshot; write it with --format json"),
    ("apiVersion", "a Kubernetes object of the Trivy Operator"),
    ("RelatedResources", "a compliance report"),
)


@dataclass
class _Survey:
    """What the first walk collects."""

    top: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    places: list[Place] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    suppressed: int = 0
    legacy: bool = False


def recognise(sketch: Sketch) -> bool:
    """Tell a Trivy report, schema 2 or of a cluster; older ones have to be named."""
    return sketch.has("SchemaVersion") or (
        sketch.has("ClusterName") and not sketch.has("apiVersion")
    )


def open(file: ReportFile) -> Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return Report(file)


class Report:
    """An open report. Use it as a context manager; :meth:`findings` may be called repeatedly.

    Raises:
        ReportError: On opening, if the file is not a whole Trivy report; from :meth:`findings`, if
            it changes while it is read.
        OSError: The file cannot be read.
    """

    def __init__(self, source: Path | ReportFile, *, max_bytes: int = MAX_BYTES) -> None:
        if not isinstance(source, ReportFile):
            source = ReportFile(source, max_bytes=max_bytes)
        self._file = source
        try:
            source.refuse_empty()
            survey = self._survey()
            self._places = survey.places
            self.head = replace(_head(survey), body=self._body(survey.keys))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Report:  # noqa: PYI034 - typing.Self is younger than Python 3.8
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def findings(self) -> Iterator[Finding]:
        """Yield every finding in the report's order."""
        stream = self._file.stream()
        places = iter(self._places)
        try:
            for _ in _results(stream, None):
                yield from _findings(stream, next(places))
        except (JsonError, StopIteration) as error:
            raise ReportError(f"the report changed while it was read: {error}") from error
        self._file.check_unchanged()

    def _body(self, keys: set[str]) -> str:
        # What makes every report differ (CreatedAt, ReportID) stands before the results. The
        # results of a cluster have their resources' names before them.
        return "" if keys & {"ClusterName", *_CLUSTER_LISTS} else self._file.digest(b'"Results"')

    def _survey(self) -> _Survey:
        survey = _Survey()
        stream = self._file.stream()
        try:
            for resource in _results(stream, survey):
                survey.places.append(_read_place(stream, survey, resource))
            stream.finish()
        except JsonError as error:
            raise ReportError(f"not a whole JSON document: {error}") from error
        self._file.check_unchanged()
        return survey


def _results(stream: JsonStream, survey: _Survey | None) -> Iterator[str]:
    """Step to every result of a report; yields the cluster resource around it, or ``""``.

    With a survey, what stands beside the results is collected; without one, it is passed over.
    """
    kind = stream.peek()
    if kind == "[":
        if survey:
            survey.legacy = True
        yield from _each(stream)
    elif kind == "{":
        for key in stream.members():
            if survey:
                survey.keys.add(key)
            yield from _top_member(stream, key, survey)
    elif stream.value() is not None:
        raise JsonError("a report is an object or a list")
    elif survey:
        survey.legacy = True


def _top_member(stream: JsonStream, key: str, survey: _Survey | None) -> Iterator[str]:
    kind = stream.peek()
    if key == "Results" and kind == "[":
        yield from _each(stream)
    elif key in _CLUSTER_LISTS and kind == "[":
        for _ in stream.elements():
            yield from _cluster_resource(stream, survey)
    elif survey and (key in _SCALARS or key == "Trivy"):
        survey.top[key] = stream.value()
    elif survey and key == "Metadata" and kind == "{":
        survey.metadata = _metadata(stream)
    else:
        stream.skip()


def _each(stream: JsonStream, resource: str = "") -> Iterator[str]:
    for _ in stream.elements():
        yield resource


def _cluster_resource(stream: JsonStream, survey: _Survey | None) -> Iterator[str]:
    """Step to the results of one cluster resource, whose name precedes them in every version."""
    if stream.peek() != "{":
        stream.skip()
        return
    head: dict[str, str] = {}
    for key in stream.members():
        if key in _RESOURCE:
            head[key] = clean(stream.value())
        elif key == "Results" and stream.peek() == "[":
            yield from _each(stream, _resource_name(head))
        else:
            stream.skip()
    if survey and head.get("Error"):
        survey.problems.append(f"{_resource_name(head)}: {head['Error']}")


def _resource_name(head: dict[str, str]) -> str:
    return "/".join(head[part] for part in ("Namespace", "Kind", "Name") if head.get(part))


def _read_place(stream: JsonStream, survey: _Survey, resource: str) -> Place:
    head: dict[str, Any] = {}
    if stream.peek() != "{":
        raise JsonError("a result is not an object")
    for key in stream.members():
        if key in _PLACE:
            head[key] = stream.value()
        elif key == SUPPRESSED and stream.peek() == "[":
            for _ in stream.elements():
                survey.suppressed += 1
                stream.value()
        else:
            stream.skip()
    if survey.legacy and "Target" not in head:
        raise ReportError("not a Trivy report but some other list")
    return Place(head, resource)


def _findings(stream: JsonStream, place: Place) -> Iterator[Finding]:
    for key in stream.members():
        if key == SUPPRESSED and stream.peek() == "[":
            yield from _suppressed(stream, place)
            continue
        read = READERS.get(key)
        if read is None or stream.peek() != "[":
            stream.skip()
            continue
        for record in stream.values():
            finding = read(record, place) if isinstance(record, dict) else None
            if finding is not None:
                yield finding


def _suppressed(stream: JsonStream, place: Place) -> Iterator[Finding]:
    for record in stream.values():
        finding = suppressed(record, place) if isinstance(record, dict) else None
        if finding is not None:
            yield finding


def _metadata(stream: JsonStream) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in stream.members():
        if key in _METADATA:
            found[key] = stream.value()
        elif key == "ImageConfig":
            # Beside the labels it has the image's environment, which may hold secrets.
            found["Labels"] = _descend(stream, ("config", "Labels"))
        else:
            stream.skip()
    return found


def _descend(stream: JsonStream, path: tuple[str, ...]) -> Any:
    """Return the member at ``path`` below the value at the cursor; ``None`` if there is none."""
    if not path:
        return stream.value()
    if stream.peek() != "{":
        stream.skip()
        return None
    found = None
    for key in stream.members():
        if key == path[0]:
            found = _descend(stream, path[1:])
        else:
            stream.skip()
    return found


def _head(survey: _Survey) -> Head:
    if not survey.legacy:
        _refuse_foreign(survey.keys)
    elif not survey.places:
        survey.problems.append("an empty list says neither what was scanned nor that it was")
    trivy = survey.top.get("Trivy")
    classes = {place.result_class for place in survey.places}
    return Head(
        artifact=_artifact(survey),
        created=clean(survey.top.get("CreatedAt")),
        tool_version=clean(trivy.get("Version")) if isinstance(trivy, dict) else "",
        suppressed=survey.suppressed,
        problems=tuple(survey.problems),
        scope=",".join(name for name in _LASTING if name in classes),
        digests=digests(
            clean(survey.top.get("ArtifactName")), *_texts(survey.metadata.get("RepoDigests"))
        ),
    )


def _refuse_foreign(keys: set[str]) -> None:
    for key, what in _FOREIGN:
        if key in keys:
            raise ReportError(f"not a Trivy report but {what}")
    if not keys & {"SchemaVersion", "ArtifactName", "ClusterName"}:
        names = ", ".join(sorted(keys)[:5]) or "no keys"
        raise ReportError(f"not a Trivy report (found: {clean(names)[:200]})")


def _artifact(survey: _Survey) -> Artifact:
    top, metadata = survey.top, survey.metadata
    if "ClusterName" in survey.keys:
        return Artifact(clean(top.get("ClusterName")) or "cluster", "kubernetes")
    system = metadata.get("OS")
    system = system if isinstance(system, dict) else {}
    kind = clean(top.get("ArtifactType")) or "unknown"
    name = Artifact.plain_name(clean(top.get("ArtifactName")))
    if not name or name.startswith("sha256:"):
        name = _first(metadata.get("RepoTags")) or name
    return Artifact(
        name=name or "unknown",
        kind="sbom" if kind in ("cyclonedx", "spdx") else kind,
        digest=_first(metadata.get("RepoDigests")).rpartition("@")[2]
        or clean(metadata.get("ImageID"))
        or clean(metadata.get("Commit")),
        os=f"{clean(system.get('Family'))} {clean(system.get('Name'))}".strip(),
        end_of_life=system.get("EOSL") is True,
        base=_base(metadata.get("Labels")),
        layers=_texts(metadata.get("DiffIDs")),
    )


def _base(labels: object) -> str:
    return Artifact.plain_name(clean(labels.get(_BASE))) if isinstance(labels, dict) else ""


def _texts(values: object) -> tuple[str, ...]:
    return tuple(map(clean, values)) if isinstance(values, list) else ()


def _first(values: object) -> str:
    return next((text for text in sorted(_texts(values)) if text), "")
