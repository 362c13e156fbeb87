"""Reports and a policy -> a decision.

Every doubt counts against the artifact: a report that cannot be read or is incomplete, a proof of
another digest, a proof without a digest, nothing to judge by at all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Iterable

from wazuh_pack.gate.policy import NEVER, PROOFS, Policy
from wazuh_pack.reports.findings import severity_rank
from wazuh_pack.reports.malicious import FINDING as MALICIOUS
from wazuh_pack.reports.malicious import Malicious
from wazuh_pack.reports.registry import AUTO, open_report
from wazuh_pack.reports.report import ReportError, ReportFile

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.reports.findings import Finding
    from wazuh_pack.reports.report import Evidence, Head

_BY_SEVERITY = ("vuln", "misconfig", "license", "sast", "dast")
_DENIED = ("fail", "deny", "error")
_WARNED = (*_DENIED, "warn")
_OF_IMAGES = frozenset(("trivy", "grype"))
"""Tools whose own reports name the digest of an image."""

_UNFIXED = frozenset(
    (
        *("affected", "will_not_fix", "fix_deferred", "end_of_life", "under_investigation"),
        *("not-fixed", "wont-fix"),
    )
)
"""What Trivy (trivy-db's ``pkg/types/status.go``) and Grype (``grype/vulnerability/fix.go``) call a
vulnerability of which they know that there is no fix. Other tools do not know, and nor do both of
them of ``unknown``.
"""

_ALWAYS = ("malicious", "signature", "provenance")
"""Checks that nobody can accept the failing of."""

_EXAMPLES = 5


@dataclass(frozen=True)
class Check:
    """One thing that does not hold: ``name`` is a word for rules, ``reason`` a line for people."""

    name: str
    reason: str


@dataclass
class Case:
    """What is known of an artifact; ``digest`` is ``sha256:`` and 64 digits, or ``""``."""

    policy: Policy
    digest: str = ""
    malicious: Malicious = field(default_factory=Malicious)
    image: bool = True
    """Whether it is a container image."""
    tools: set[str] = field(default_factory=set)
    """Tools of which a whole report was read."""
    sboms: set[bool] = field(default_factory=set)
    """Of the SBOMs that were read: whether the command line says that they are some."""
    proofs: list[Evidence] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    reports: int = 0
    allowed: int = 0
    failed: list[Check] = field(default_factory=list)

    def read(self, path: Path, tool: str) -> None:
        """Take a report into account; what is wrong with it counts against the artifact."""
        self.reports += 1
        try:
            reader, report = open_report(ReportFile(path), tool)
            with report:
                self._count(reader.NAME, self.malicious.apply(report.findings()))
                self._take(reader.NAME, path, report.head, vouched=tool != AUTO)
        except (ReportError, OSError) as error:
            text = error.strerror if isinstance(error, OSError) else str(error)
            self.failed.append(Check("report", f"{path.name}: {text}"))

    def decide(self) -> tuple[Check, ...]:
        """Return what does not hold; nothing means that the artifact passes."""
        checks = list(self.failed)
        if not self.reports:
            checks.append(Check("report", "there is nothing to judge by"))
        for required in self.policy.require:
            checks += self._proof(required) if required in PROOFS else self._tool(required)
        return tuple(checks)

    def _take(self, tool: str, path: Path, head: Head, *, vouched: bool) -> None:
        """Take what a report proves; only the command line can vouch for where it comes from."""
        if head.problems:
            text = "; ".join(head.problems)
            self.failed.append(Check("incomplete", f"the report of {tool} is incomplete: {text}"))
            return
        self.tools |= {tool, head.tool} - self._strangers(tool, path, head)
        self.proofs += (
            item if vouched else replace(item, verified=False) for item in head.evidence
        )
        if tool == "sbom":
            self.sboms |= {vouched}

    def _strangers(self, tool: str, path: Path, head: Head) -> set[str]:
        """Return the scanners of images in whose name a report tells of no image of this digest."""
        if not self.image or not self.digest or not {tool, head.tool} & _OF_IMAGES:
            return set()
        if tool in _OF_IMAGES and self.digest in (*head.digests, head.artifact.digest):
            return set()
        if head.digests:
            about = f"{path.name}: it is about another image, {head.digests[0]}"
            self.failed.append(Check("report", about))
        return set(_OF_IMAGES)

    def _count(self, tool: str, findings: Iterable[Finding]) -> None:
        bad: dict[str, list[str]] = {}
        numbers: Counter[str] = Counter()
        for finding in findings:
            if finding.scanner == "component" and finding.finding_id != MALICIOUS:
                continue
            self.counts[finding.severity] += 1
            name = self._objection(finding)
            if name and self._accepts(finding, name):
                self.allowed += 1
            elif name:
                numbers[name] += 1
                examples = bad.setdefault(name, [])
                if len(examples) < _EXAMPLES and finding.finding_id not in examples:
                    examples.append(finding.finding_id)
        for name, examples in bad.items():
            more = f" ({numbers[name]} in all)" if numbers[name] > len(examples) else ""
            self.failed.append(Check(name, f"{tool}: {', '.join(examples)}{more}"))

    def _objection(self, finding: Finding) -> str:
        """Return the check that a finding fails, ``""`` if none."""
        policy = self.policy
        if finding.finding_id == MALICIOUS:
            return "malicious"
        if finding.scanner in ("signature", "provenance"):
            return finding.scanner
        if finding.scanner == "policy":
            denied = {"fail": _DENIED, "warn": _WARNED}.get(policy.policy, ())
            return "policy" if finding.status in denied else ""
        if finding.scanner == "secret":
            proved = finding.status == "verified"
            wanted = policy.secrets == "any" or (policy.secrets == "verified" and proved)
            return "secret" if wanted else ""
        return "severity" if self._too_bad(finding) else ""

    def _accepts(self, finding: Finding, check: str) -> bool:
        if check in _ALWAYS:
            return False
        suppressed = bool(finding.accepted) and self.policy.ignore_suppressed
        return suppressed or finding.finding_id in self.policy.allow

    def _too_bad(self, finding: Finding) -> bool:
        policy = self.policy
        if finding.scanner not in _BY_SEVERITY or policy.fail_on == NEVER:
            return False
        if policy.ignore_unfixed and _unfixed(finding):
            return False
        return severity_rank(finding.severity) >= severity_rank(policy.fail_on)

    def _tool(self, tool: str) -> list[Check]:
        if tool in self.tools:
            return []
        about = f" about {self.digest}" if tool in _OF_IMAGES and self.digest and self.image else ""
        return [Check("missing", f"there is no whole report of {tool}{about}")]

    def _proof(self, kind: str) -> list[Check]:
        if kind == "sbom" and True in self.sboms:
            return []
        found = [item for item in self.proofs if item.kind == kind and item.verified]
        if not found:
            claimed = any(item.kind == kind for item in self.proofs)
            claimed = claimed or (kind == "sbom" and bool(self.sboms))
            hint = ": what is there was not verified" if claimed else ""
            return [Check(kind, f"there is no proof of {kind}{hint}")]
        if not self.digest:
            return [Check(kind, f"no digest to compare the {kind} with; give --digest")]
        fitting = [item for item in found if item.digest == self.digest]
        if not fitting:
            return [Check(kind, f"the {kind} is that of another artifact, or names no digest")]
        objections = [self._who(kind, item) for item in fitting]
        return [] if not all(objections) else [Check(kind, objections[0])]

    def _who(self, kind: str, proof: Evidence) -> str:
        """Return what is wrong with who made a proof, ``""`` if nothing."""
        policy = self.policy
        wanted = {
            "signature": (
                ("signer", proof.signer, policy.signers),
                ("issuer", proof.issuer, policy.issuers),
            ),
            "provenance": (
                ("builder", proof.builder, policy.builders),
                ("source", proof.source, policy.sources),
            ),
        }.get(kind, ())
        for what, found, patterns in wanted:
            if patterns and not any(fnmatchcase(found, pattern) for pattern in patterns):
                return f"the {what} is '{found}', which is none of those expected"
        return ""


def _unfixed(finding: Finding) -> bool:
    """Tell whether it is known that nothing fixes a vulnerability."""
    return finding.scanner == "vuln" and not finding.fixed_version and finding.status in _UNFIXED
