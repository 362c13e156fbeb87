"""SARIF 2.1 of any tool.

Snippets, code flows and the parts of artifacts are never read, and of what finds secrets no message
either. Severity is GitHub's ``security-severity`` of the rule, else the level. What tells results
of one rule in one file apart is a fingerprint that the tool calculated to survive edits
(``primaryLocationLineHash``, ``<name>/v<number>``); without one they are one finding.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Iterable, Iterator

from wazuh_pack.reports.findings import BY_TOOL, Artifact, Finding, clean
from wazuh_pack.reports.jsonstream import JsonError, JsonStream
from wazuh_pack.reports.reader import Nested, RecordError, RecordReport, Top
from wazuh_pack.reports.report import Head, ReportError, ReportFile
from wazuh_pack.reports.values import (
    Record,
    address,
    at,
    cves,
    cwes,
    first,
    mapping,
    place,
    score,
    sequence,
    severity_of_score,
    short,
    short_hash,
    slug,
    texts,
    whole,
)

if TYPE_CHECKING:
    from wazuh_pack.reports.sketch import Sketch

NAME = "sarif"
TITLE = "SARIF 2.1 report"
SCANNERS = ("sast", "vuln", "misconfig", "secret", "license")

_LEVELS = {"error": "high", "warning": "medium", "note": "low", "none": "info"}
_SECRET_TOOLS = ("gitleaks", "trufflehog", "detect-secrets", "noseyparker")
_TAGS = (
    ("secret", "secret"),
    ("vulnerability", "vuln"),
    ("misconfiguration", "misconfig"),
    ("license", "license"),
)
_FINGERPRINT = re.compile(r"[\w.-]+/v\d+")
_QUIET_KINDS = ("pass", "notApplicable", "informational")
_MAX_RULES = 50_000
_KEPT = ("tool", "versionControlProvenance", "invocations")


def recognise(sketch: Sketch) -> bool:
    """Tell SARIF by its runs."""
    return sketch.has("runs") and (
        sketch.members.get("version", "").startswith("2.")
        or "sarif" in sketch.members.get("$schema", "")
    )


def open(file: ReportFile) -> _Report:  # noqa: A001 - the reader's interface
    """Open a report."""
    return _Report(file)


class _Rule:
    """What a rule says about its results."""

    __slots__ = ("cwe", "level", "rule_id", "scanner", "score", "severity", "title", "url")

    def __init__(self, rule: Record) -> None:
        properties = mapping(rule.get("properties"))
        tags = [tag.lower() for tag in texts(properties.get("tags"))[:50]]
        self.rule_id = short(rule.get("id"))
        self.title = short(at(rule, "shortDescription", "text")) or short(rule.get("name"))
        self.severity = severity_of_score(properties.get("security-severity"))
        self.score = score(properties.get("security-severity"))
        self.level = clean(at(rule, "defaultConfiguration", "level"))
        self.url = address(rule.get("helpUri"))
        self.scanner = first(kind for tag, kind in _TAGS if tag in tags)
        self.cwe = cwes([tag for tag in tags if "cwe-" in tag])


_NO_RULE = _Rule({})


def _beside(key: str, stream: JsonStream) -> Any:
    """Read what stands beside a run's results; of the tool's rules, one at a time."""
    if key != "tool" or stream.peek() != "{":
        return stream.value()
    found: dict[str, Any] = {}
    budget = [_MAX_RULES]
    for member in stream.members():
        if member == "driver" and stream.peek() == "{":
            found[member] = _component(stream, budget)
        elif member == "extensions" and stream.peek() == "[":
            found[member] = [_component(stream, budget) for _ in stream.elements()]
        else:
            stream.skip()
    return found


def _component(stream: JsonStream, budget: list[int]) -> dict[str, Any]:
    """Read a part of the tool; ``budget`` holds how many more rules and parts there may be."""
    found: dict[str, Any] = {}
    _spend(budget)
    if stream.peek() != "{":
        stream.value()
        return found
    for member in stream.members():
        if member == "rules" and stream.peek() == "[":
            found[member] = []
            for _ in stream.elements():
                _spend(budget)
                found[member].append(_Rule(mapping(stream.value())))
        elif member in ("name", "version", "semanticVersion"):
            found[member] = short(stream.value())
        else:
            stream.skip()
    return found


def _spend(budget: list[int]) -> None:
    budget[0] -= 1
    if budget[0] < 0:
        raise JsonError(f"a run's tool has more than {_MAX_RULES} rules")


class _Run:
    """The head of a run: its tool and the tool's rules."""

    def __init__(self, place_: Top) -> None:
        driver = mapping(at(place_.get("tool"), "driver"))
        self.tool = slug(driver.get("name"))
        self.version = clean(driver.get("semanticVersion")) or clean(driver.get("version"))
        self._driver: list[_Rule] = sequence(driver.get("rules"))
        extensions = sequence(at(place_.get("tool"), "extensions"))
        self._extensions: list[list[_Rule]] = [sequence(item.get("rules")) for item in extensions]
        listed = [*self._driver, *(rule for rules in self._extensions for rule in rules)]
        self._by_id: dict[str, _Rule] = {rule.rule_id: rule for rule in reversed(listed)}
        repositories = sequence(place_.get("versionControlProvenance"))
        self.repository = first(place(at(item, "repositoryUri")) for item in repositories)
        self.commit = first(clean(at(item, "revisionId")) for item in repositories)
        self.failed = any(
            at(item, "executionSuccessful") is False for item in sequence(place_.get("invocations"))
        )

    def rule_of(self, result: Record) -> _Rule:
        """Return the rule of a result: by index in driver or extension, else by id."""
        reference = mapping(result.get("rule"))
        index = reference.get("index", result.get("ruleIndex"))
        rules: list[_Rule] = self._driver
        component = at(reference, "toolComponent", "index")
        if type(component) is int and 0 <= component < len(self._extensions):
            rules = self._extensions[component]
        if type(index) is int and 0 <= index < len(rules):
            return rules[index]
        rule_id = clean(result.get("ruleId")) or clean(reference.get("id"))
        # A result may name a part of a rule, CA1000/1.
        return self._by_id.get(rule_id) or self._by_id.get(rule_id.rpartition("/")[0]) or _NO_RULE


class _Report(RecordReport):
    TITLE = TITLE

    def __init__(self, file: ReportFile) -> None:
        self._runs: list[_Run] = []
        self._run_of: dict[int, _Run] = {}
        """By the identity of what stands beside its results, which the report keeps."""
        self._nested = Nested("runs", "results", _KEPT, _beside)
        super().__init__(file)

    def _records(self, top: Top) -> Iterator[Any]:
        for place_, result in self._nested.walk(self._file.stream(), ("version",), top):
            top["suppressed"] = top.get("suppressed", 0) + bool(_suppression(mapping(result)))
            yield place_, result

    def _read(self, record: Any) -> Iterable[Finding]:
        run = self._run_of.get(id(record[0]))
        return self._finding(run, mapping(record[1])) if run else self._judge(record[1])

    def _judge(self, record: object) -> Iterable[Finding]:
        """Check a result on the first walk, when the rules need not be known yet."""
        result = mapping(record)
        if not result or not mapping(result.get("message")):
            raise RecordError
        return ()

    def _finding(self, run: _Run, result: Record) -> Iterable[Finding]:
        self._judge(result)
        if clean(result.get("kind")) in _QUIET_KINDS or result.get("baselineState") == "absent":
            return
        rule = run.rule_of(result)
        rule_id = clean(result.get("ruleId")) or rule.rule_id or "unnamed"
        where = _location(result)
        path = place(at(where, "physicalLocation", "artifactLocation", "uri"))
        scanner = "secret" if run.tool in _SECRET_TOOLS else rule.scanner or "sast"
        message = "" if scanner == "secret" else clean(at(result, "message", "text"))
        own = mapping(result.get("properties"))
        yield Finding(
            scanner=scanner,
            finding_id=rule_id,
            severity=severity_of_score(own.get("security-severity"))
            or rule.severity
            or _LEVELS.get(clean(result.get("level")) or rule.level)
            or ("high" if scanner == "secret" else "medium"),
            path=path,
            resource=_logical(where),
            target=path,
            title=rule.title or message,
            message=message,
            url=rule.url,
            cvss=rule.score if scanner == "vuln" else "",
            cwe=rule.cwe,
            line=whole(at(where, "physicalLocation", "region", "startLine")),
            aliases="" if rule_id.startswith("CVE-") else cves(rule_id),
            fingerprint=_fingerprint(result),
            **_acceptance(result, run, silent=scanner == "secret"),
        )

    def _head(self, top: Top) -> Head:
        self._require(top, "runs")
        if not clean(top.get("version")).startswith("2."):
            raise ReportError(f"not a {TITLE}: its version is '{clean(top.get('version'))[:20]}'")
        self._runs = [_Run(place_) for place_ in self._nested.places]
        self._run_of = {id(place_): run for place_, run in zip(self._nested.places, self._runs)}
        tools = sorted({run.tool for run in self._runs if run.tool})
        repository = first(run.repository for run in self._runs)
        failed = sum(run.failed for run in self._runs)
        none = () if self._runs else ("no tool has run",)
        return Head(
            artifact=Artifact(
                Artifact.plain_name(repository),
                "repository",
                digest=first(run.commit for run in self._runs),
            ),
            tool_version=self._runs[0].version if len(self._runs) == 1 else "",
            suppressed=top.get("suppressed", 0),
            tool=tools[0] if len(tools) == 1 else "",
            problems=(f"{failed} runs of the tool did not succeed",) if failed else none,
        )


def _location(result: Record) -> Record:
    for location in sequence(result.get("locations")):
        return mapping(location)
    return {}


def _logical(where: Record) -> str:
    names = (
        clean(at(item, "fullyQualifiedName")) for item in sequence(where.get("logicalLocations"))
    )
    return first(names)


def _suppression(result: Record) -> Record:
    """Return the suppression that holds; one under review or rejected does not."""
    for item in map(mapping, sequence(result.get("suppressions"))):
        if item and clean(item.get("status")) in ("", "accepted"):
            return item
    return {}


def _acceptance(result: Record, run: _Run, *, silent: bool) -> dict[str, Any]:
    found = _suppression(result)
    if not found:
        return {}
    parts = (clean(found.get("kind")), "" if silent else clean(found.get("justification")))
    return {
        "accepted": BY_TOOL,
        "accepted_by": run.tool,
        "accepted_reason": ": ".join(part for part in parts if part),
    }


def _fingerprint(result: Record) -> str:
    partial = mapping(result.get("partialFingerprints"))
    line_hash = clean(partial.get("primaryLocationLineHash"))
    if line_hash:
        return short_hash(line_hash)
    stable = [
        f"{key}={clean(value)}"
        for group in (mapping(result.get("fingerprints")), partial)
        for key, value in sorted(group.items())
        if _FINGERPRINT.fullmatch(key) and clean(value)
    ]
    return short_hash(stable[0]) if stable else ""
