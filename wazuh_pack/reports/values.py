"""Values of a report that may be of any type -> values of the type that is needed."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any, Iterator, Mapping
from urllib.parse import unquote

from wazuh_pack.reports.findings import clean, public

Record = Mapping[str, Any]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?!\d)")
_HIGHEST_SCORE = 10
_BANDS = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"))
_MARKUP = re.compile(r"<[^<>]*>")
_CVE = re.compile(r"CVE-\d{4}-\d{4,19}", re.IGNORECASE)
# What Kubernetes appends to the names of pods: safe letters of k8s.io/apimachinery/pkg/util/rand.
_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
_POD = re.compile(f"(?:-{_SAFE}{{8,10}})?-{_SAFE}{{5}}")
_REPLICA_SET = re.compile(f"-{_SAFE}{{8,10}}")


def mapping(value: object) -> Record:
    """Return an object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """Return a list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """Return the texts of a list, or of a text alone; empty ones are dropped."""
    items = value if isinstance(value, list) else [value]
    return [text for text in map(clean, items) if text]


def at(value: object, *keys: str) -> Any:
    """Return a member of nested objects; ``None`` if any is missing."""
    for key in keys:
        value = mapping(value).get(key)
    return value


def address(value: object) -> str:
    """Return an http address without credentials; ``""`` for anything else."""
    text = clean(value)
    return public(text) if text.startswith(("https://", "http://")) else ""


def time(value: object) -> str:
    """Return an ISO 8601 time with its zone; ``""`` for anything else."""
    text = clean(value)
    return text if _TIME.fullmatch(text) else ""


def day(value: object) -> str:
    """Return the day at a time's or a day's start, ``2026-01-31``; ``""`` for anything else."""
    found = _DAY.match(clean(value))
    return found[0] if found else ""


def share(value: object) -> str:
    """Return a probability as text with four decimals, ``"0.9700"``; ``""`` if it is none."""
    return f"{value:.4f}" if isinstance(value, float) and 0 < value <= 1 else ""


def whole(value: object, lowest: int = 1) -> int:
    """Return a whole number that fits into 31 bits, ``0`` for anything else."""
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) <= len("2147483647")
    ):
        value = int(value)
    return value if type(value) is int and lowest <= value < 2**31 else 0


def score(value: object) -> str:
    """Return a CVSS score as text, ``"9.8"``; ``""`` if it is none."""
    number = _number(value)
    return f"{number:.1f}" if 0 < number <= _HIGHEST_SCORE else ""


def severity_of_score(value: object) -> str:
    """Return the severity of a CVSS 3 score; ``""`` if it is none."""
    number = _number(value)
    if not 0 < number <= _HIGHEST_SCORE:
        return ""
    return next((name for low, name in _BANDS if number >= low), "low")


def _number(value: object) -> float:
    if isinstance(value, str) and len(value) <= len("10.000000"):
        try:
            value = float(value)
        except ValueError:
            return 0.0
    if type(value) is int:
        return float(value) if 0 <= value <= _HIGHEST_SCORE else 0.0
    return value if isinstance(value, float) and math.isfinite(value) else 0.0


def cwes(value: object) -> str:
    """Return CWE numbers or names as ``CWE-79,CWE-80``."""
    found = set()
    for text in texts(value):
        digits = re.search(r"(?:^|CWE-)(\d{1,5})(?!\d)", text, re.IGNORECASE)
        if digits and int(digits[1]):
            found.add(int(digits[1]))
    return ",".join(f"CWE-{number}" for number in sorted(found))


def cves(value: object) -> str:
    """Return the CVE ids in a text or in texts, ``CVE-2021-44228,CVE-2021-45046``."""
    return ",".join(
        sorted({found.upper() for text in texts(value) for found in _CVE.findall(text[:10_000])})
    )


def plain(value: object) -> str:
    """Return text without HTML's tags; entities that matter are written out."""
    text = _MARKUP.sub(" ", clean(value)[:20_000])
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, character)
    return " ".join(text.split())


def place(value: object) -> str:
    """Return where something is, without what a request or a login adds to an address.

    A file's address becomes its path; ``./`` in front, query and fragment go.
    """
    text = public(clean(value))
    if "://" in text:
        text = text.split("#", 1)[0].split("?", 1)[0]
    if text.startswith("file://"):
        text = unquote(text[len("file://") :])
    while text.startswith("./"):
        text = text[2:]
    return clean(text)


def origin(value: object) -> str:
    """Return scheme, host and port of an address, or what stands before the first slash."""
    text = place(value)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text.split("/", 1)[0].lower()
    return f"{scheme}://{rest.split('/', 1)[0]}".lower()


def workload(kind: str, name: str) -> str:
    """Return a pod's or replica set's name without the part that every rollout changes."""
    pattern = {"pod": _POD, "replicaset": _REPLICA_SET}.get(kind.lower())
    if pattern is None:
        return name
    for match in pattern.finditer(name):
        if match.end() == len(name) and match.start():
            return name[: match.start()]
    return name


def resource(kind: object, namespace: object, name: object) -> str:
    """Return a cluster resource as ``namespace/Kind/name``, stable over rollouts."""
    what = clean(kind)
    parts = (clean(namespace), what, workload(what, clean(name)))
    return "/".join(part for part in parts if part)


def digests(*references: str) -> tuple[str, ...]:
    """Return the digests in references to images, ``shop/web:1@sha256:...``, each once."""
    found = (text.rpartition("@")[2] for text in references if "@sha256:" in text)
    return tuple(dict.fromkeys(found))


def purl_parts(purl: str) -> tuple[str, str, str]:
    """Return type, name (with namespace) and version of a package URL, ``""`` where unknown."""
    if not purl.startswith("pkg:"):
        return "", "", ""
    text = purl[len("pkg:") :].lstrip("/").split("#", 1)[0].split("?", 1)[0]
    kind, _, rest = text.partition("/")
    # A scope is written %40scope, so an @ only ever stands before the version.
    name, separator, version = rest.rpartition("@")
    if not separator:
        name, version = rest, ""
    return clean(kind.lower()), clean(unquote(name)), clean(unquote(version))


def short_hash(*parts: str) -> str:
    """Return 16 hexadecimal digits that stand for texts which shall not be shown."""
    text = "\0".join(parts).encode("utf-8", "replace")
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def slug(value: object) -> str:
    """Return a tool's name in lower case with dashes, ``""`` if nothing is left."""
    return re.sub(r"[^a-z0-9._]+", "-", clean(value).lower()).strip("-.")[:60]


def short(value: object) -> str:
    """Return a value as text of at most 1,000 characters, for what is kept in memory."""
    return clean(value)[:1000]


def first(values: Iterator[str]) -> str:
    """Return the first text that is not empty."""
    return next((value for value in values if value), "")
