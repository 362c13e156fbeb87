"""What a scanner found, whichever scanner it was.

A finding's identity says *which* problem it is, and nothing about how it looks today: the artifact
without digest or commit, class, package type, package, place and problem. Installed version,
severity, image digest, line numbers and the position in the report are attributes. Trivy's own
``Fingerprint`` is no identity: it changes with every rebuild of an image.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

SEVERITIES = ("unknown", "info", "low", "medium", "high", "critical")
"""From harmless to bad; the position is the rank. ``unknown`` means not assessed yet."""

SCANNERS = (
    "vuln",
    "misconfig",
    "secret",
    "license",
    "policy",
    "signature",
    "provenance",
    "sast",
    "dast",
    "component",
)
"""What kind of problem a finding is.

``policy`` is a rule of a policy engine that something breaks, ``signature`` and ``provenance`` are
verifications that failed, ``sast`` and ``dast`` weaknesses in source (pipelines included) and in
what runs, ``component`` is a part of an SBOM.
"""

BY_TOOL = "tool"
"""What accepts a finding that its own tool was told to put up with."""

_RANK = {name: rank for rank, name in enumerate(SEVERITIES)}
_SYNONYM = {
    "negligible": "info",
    "informational": "info",
    "minor": "low",
    "moderate": "medium",
    "important": "high",
}
_DIGEST = re.compile(r"@sha256:[0-9a-fA-F]{64}")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
_INVISIBLE = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " "),
    **dict.fromkeys((*range(0x200B, 0x2010), *range(0x202A, 0x202F)), ""),
    **dict.fromkeys((*range(0x2066, 0x206A), 0xFEFF), ""),
}
_SURROGATE = re.compile("[\ud800-\udfff]")


def severity_of(raw: str) -> str:
    """Return a scanner's severity word as one of :data:`SEVERITIES`."""
    word = raw.strip().lower()
    word = _SYNONYM.get(word, word)
    return word if word in _RANK else "unknown"


def severity_rank(severity: str) -> int:
    """Return the rank of one of :data:`SEVERITIES`, 0 to 5."""
    return _RANK[severity]


def clean(value: object) -> str:
    """Return a report's value as text on one line that every JSON reader accepts.

    Control characters become spaces, characters that turn or hide text are dropped, and lone
    surrogates become U+FFFD (cJSON, which Wazuh reads events with, rejects the whole event for one
    of them). Containers and ``null`` become ``""``.
    """
    if not isinstance(value, str):
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, (int, float)) else ""
    if value.isprintable():
        return value.strip()
    return _SURROGATE.sub("\ufffd", value.translate(_INVISIBLE)).strip()


def public(text: str) -> str:
    """Return ``text`` without the credentials that a URL in it may carry."""
    return _USERINFO.sub("", text) if "://" in text else text


@dataclass(frozen=True)
class Artifact:
    """The thing that was scanned.

    ``kind`` is Trivy's artifact type (``container_image``, ``filesystem``, ``repository``, ``vm``),
    ``rootfs``, ``sbom`` or ``kubernetes``; ``name`` has no digest and no credentials; ``digest`` is
    an image's digest or id, or a repository's commit. ``base`` is what an image says it was built
    on (label ``org.opencontainers.image.base.name``), ``layers`` are its layers' diff ids.
    """

    name: str
    kind: str
    digest: str = ""
    os: str = ""
    end_of_life: bool = False
    running: bool | None = None
    base: str = ""
    layers: tuple[str, ...] = ()

    @staticmethod
    def plain_name(name: str) -> str:
        """Return an artifact's name without digest and credentials."""
        return public(_DIGEST.sub("", name))


@dataclass(frozen=True)
class Finding:
    """One problem in an artifact; texts are clean, absent ones are ``""``.

    ``scanner`` is one of :data:`SCANNERS`, ``severity`` one of :data:`SEVERITIES`, ``result_class``
    Trivy's class (``os-pkgs``, ``lang-pkgs``, ``config``, ``secret``, ``license`` ...). ``line``
    counts from 1; 0 means unknown. ``aliases`` are further ids of the same problem, separated by
    commas. ``kev`` is the day on which CISA listed it as exploited, ``epss`` FIRST's estimate
    ("0.97"). ``accepted`` says who takes the risk for granted (``exception``, ``ignore_file``,
    ``vex`` or a tool's own word); such a finding is remembered and not told as new. Nothing here
    holds a secret's text or code. ``fingerprint`` tells two findings in one place apart where the
    tool itself offers something that does not move with lines and commits.
    """

    scanner: str
    finding_id: str
    severity: str
    result_class: str = ""
    package_type: str = ""
    package: str = ""
    path: str = ""
    resource: str = ""
    target: str = ""
    title: str = ""
    message: str = ""
    resolution: str = ""
    installed_version: str = ""
    fixed_version: str = ""
    status: str = ""
    category: str = ""
    url: str = ""
    published: str = ""
    cvss: str = ""
    cvss_vector: str = ""
    cwe: str = ""
    line: int = 0
    aliases: str = ""
    kev: str = ""
    kev_due: str = ""
    kev_ransomware: bool = False
    epss: str = ""
    epss_percentile: str = ""
    accepted: str = ""
    accepted_by: str = ""
    accepted_reason: str = ""
    accepted_until: str = ""
    fingerprint: str = ""

    def key(self, artifact: Artifact, tool: str) -> bytes:
        """Return the 16 bytes that stand for what a tool says of that artifact, for ever."""
        parts = (
            tool,
            artifact.kind,
            artifact.name,
            self.result_class,
            self.package_type,
            self.package,
            self.path,
            self.resource,
            self.finding_id,
            *([self.fingerprint] if self.fingerprint else ()),
        )
        text = "\0".join(parts).encode("utf-8", "replace")
        return hashlib.blake2b(text, digest_size=16).digest()


_OPTIONAL = {item.name: item.default for item in fields(Finding) if item.default is not MISSING}


def _initialise(self: Finding, scanner: str, finding_id: str, severity: str, **others: Any) -> None:
    """Do what the generated ``__init__`` does, three times as fast: a report has thousands."""
    values = self.__dict__
    values.update(_OPTIONAL)
    values.update(others)
    if len(values) != len(_OPTIONAL):
        raise TypeError(f"no such field: {', '.join(others.keys() - _OPTIONAL.keys())}")
    values.update(scanner=scanner, finding_id=finding_id, severity=severity)


if not TYPE_CHECKING:  # type checkers know the generated one
    Finding.__init__ = _initialise
