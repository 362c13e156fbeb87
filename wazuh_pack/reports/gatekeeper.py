"""Gatekeeper's audit: the audit pod's log, or the constraints' status.

The log has one JSON object a line among other text; every audit repeats all violations, so that of
a file only the last audit counts. It says that it has finished even when it has failed
(``pkg/audit/manager.go``): after an error the report is incomplete.

``kubectl get constraints -o json`` lists constraints with at most 20 violations each unless
Gatekeeper is told otherwise: when ``totalViolations`` says that there are more, the report is
incomplete, and nothing is called fixed.

Refusals at admission are no state of the cluster and are not read here.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator

from wazuh_pack.reports.findings import Artifact, Finding, clean, public
from wazuh_pack.reports.reader import (
    MAX_RECORD,
    RecordError,
    RecordReport,
    Top,
    in_object,
    json_lines,
)
from wazuh_pack.reports.report import Head, ReportError, ReportFile
from wazuh_pack.reports.sketch import Sketch, sketch_of
from wazuh_pack.reports.values import Record, at, mapping, resource, sequence, whole

NAME = "gatekeeper"
TITLE = "Gatekeeper audit"
SCANNERS = ("policy",)

_GROUP = "constraints.gatekeeper.sh/"
# Said of an audit that is whole: of its statistics, and of writing down what it found.
_HARMLESS = (
    "failed to report ",
    "failed to export audit ",
    "could not update constraint ",
    "could not get latest constraint ",
    "error while listing constraints",
)
# Ends of an audit that has looked at nothing, which are no errors for Gatekeeper.
_NOTHING_DONE = ("Audit exits, ", "no constraint is found with apiversion")
_FAILED = "audit manager audit() failed"
_SEVERITIES = {"deny": "high", "warn": "medium", "dryrun": "low"}


def recognise(sketch: Sketch) -> bool:
    """Tell an audit by its events, or by the API group of the constraints."""
    return sketch.has("event_type", "audit_id") or sketch.members.get(
        "items[].apiVersion", ""
    ).startswith(_GROUP)


def open(file: ReportFile) -> RecordReport:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Constraints(file) if sketch_of(file).has("items") else _Log(file)


class _Log(RecordReport):
    TITLE = TITLE

    def __init__(self, file: ReportFile) -> None:
        self._last = ""
        self._ended = False
        self._errors: dict[str, str] = {}
        super().__init__(file)

    def _records(self, top: Top) -> Iterator[Any]:
        if not self._last:
            self._find_last()
        for record in json_lines(self._file, text_between=True):
            line = mapping(record)
            if line.get("event_type") == "violation_audited" and line.get("audit_id") == self._last:
                top["violations"] = True
                yield line

    def _find_last(self) -> None:
        """Find the last audit; one that has ended is preferred to one that is under way."""
        last = ended = ""
        for record in json_lines(self._file, text_between=True):
            line = mapping(record)
            if line.get("process") != "audit":
                continue
            audit, trouble = clean(line.get("audit_id")), _trouble(line)
            if trouble and (audit or trouble.startswith(_FAILED)):
                # That it has failed is said without its id, when it has ended.
                self._errors.setdefault(audit or ended, trouble)
            if not audit:
                continue
            if audit != last:
                kept = (ended, last, audit)
                self._errors = {key: text for key, text in self._errors.items() if key in kept}
            last = audit
            if line.get("event_type") == "audit_finished":
                ended = audit
        if not last:
            raise ReportError(f"not a {TITLE}: no line with an audit_id")
        self._last = ended or last
        self._ended = bool(ended)

    def _read(self, record: Any) -> Iterable[Finding]:
        yield _finding(
            constraint=(record.get("constraint_kind"), record.get("constraint_name")),
            action=clean(record.get("constraint_action")),
            where=resource(
                record.get("resource_kind"),
                record.get("resource_namespace"),
                record.get("resource_name"),
            ),
            message=clean(record.get("msg")),
        )

    def _head(self, top: Top) -> Head:
        del top
        problems: tuple[str, ...] = ()
        if not self._ended:
            problems = ("the audit's end is not in the log",)
        elif self._errors.get(self._last):
            problems = (f"the audit met an error: {self._errors[self._last]}",)
        return Head(Artifact("", "kubernetes"), created=self._last, problems=problems)


def _trouble(line: Record) -> str:
    """Return what a line says of an audit that did not look at everything."""
    message = clean(line.get("msg"))
    if message.startswith(_NOTHING_DONE):
        return message
    if clean(line.get("level")).lower() != "error" or message.startswith(_HARMLESS):
        return ""
    return public(": ".join(filter(None, (message, clean(line.get("error"))))))[:500]


class _Constraints(RecordReport):
    TITLE = TITLE

    def _records(self, top: Top) -> Iterator[Any]:
        stream = self._file.stream(max_value=MAX_RECORD)
        for _, constraint in in_object(stream, ("items",), (), top):
            listed = sequence(at(constraint, "status", "violations"))
            total = whole(at(constraint, "status", "totalViolations"))
            if total > len(listed):
                top["omitted"] = top.get("omitted", 0) + total - len(listed)
            yield constraint

    def _read(self, record: Any) -> Iterable[Finding]:
        constraint = mapping(record)
        if not clean(constraint.get("apiVersion")).startswith(_GROUP):
            raise RecordError
        for item in sequence(at(constraint, "status", "violations")):
            violation = mapping(item)
            yield _finding(
                constraint=(constraint.get("kind"), at(constraint, "metadata", "name")),
                action=clean(violation.get("enforcementAction")),
                where=resource(
                    violation.get("kind"), violation.get("namespace"), violation.get("name")
                ),
                message=clean(violation.get("message")),
            )

    def _head(self, top: Top) -> Head:
        self._require(top, "items")
        omitted = top.get("omitted", 0)
        problems = (f"{omitted} violations are not in the constraints' status",) if omitted else ()
        return Head(Artifact("", "kubernetes"), problems=problems)


def _finding(
    *, constraint: tuple[object, object], action: str, where: str, message: str
) -> Finding:
    kind, name = map(clean, constraint)
    if not kind or not name:
        raise RecordError
    return Finding(
        scanner="policy",
        finding_id=f"{kind}/{name}",
        severity=_SEVERITIES.get(action, "medium"),
        resource=where,
        target=where,
        title=f"{kind}: {name}",
        message=message,
        status=action,
        category="audit",
    )
