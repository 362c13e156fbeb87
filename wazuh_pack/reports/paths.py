"""Paths of installed packages without what an upgrade changes in them.

Many package managers put the version into the path: ``requests-2.31.0.dist-info``,
``log4j-core-2.14.1.jar``, ``rake-13.0.6.gemspec``, ``.pnpm/lodash@4.17.20``. An upgrade that does
not help must not look like a problem that was fixed and another that is new.
"""

from __future__ import annotations

import re
from functools import lru_cache

_MARK = "*"
_LONGEST = 4096  # PATH_MAX; a report may hold anything
# Archives have versions of their own, which are not the package's: shop-1.4.jar/lib/log4j-2.14.jar.
_VERSIONED = (
    *(".dist-info", ".egg-info", ".egg", ".gemspec"),
    *(".jar", ".war", ".ear", ".par", ".hpi", ".jpi", ".nar"),
)
_GOES_BEFORE = re.compile(r"[0-9A-Za-z.]")
_GOES_ON = re.compile(r"[0-9A-Za-z]|\.[0-9]")
_VERSION = re.compile(r"(?<=.)[-_]v?[0-9]")


def steady(path: str, version: str = "") -> str:
    """Return a package's path as it is the same in every version.

    Args:
        path: Where the package is.
        version: Its version.
    """
    return path if len(path) > _LONGEST else _steady(path, version)


@lru_cache(maxsize=256)  # a package has its vulnerabilities one after the other
def _steady(path: str, version: str) -> str:
    parts = [_without_version(part) for part in path.split("/")]
    if parts[-2:-1] == ["conda-meta"]:  # name-version-build.json
        parts[-1] = parts[-1].rsplit("-", 2)[0]
    found = "/".join(parts)
    # A bare number could be anything's.
    return _masked(found, version) if "." in version and version in found else found


def _masked(path: str, version: str) -> str:
    """Return a path with a mark wherever the version stands by itself, with or without a v."""
    kept = []
    begin = 0
    at = path.find(version)
    while at >= 0:
        end = at + len(version)
        before = at - 1 if path[at - 1 : at] == "v" else at
        if not (_GOES_ON.match(path, end) or _GOES_BEFORE.match(path[before - 1 : before])):
            kept += [path[begin:before], _MARK]
            begin = end
        at = path.find(version, end)
    return "".join(kept) + path[begin:]


def _without_version(part: str) -> str:
    if not part.endswith(_VERSIONED):
        return part
    version = _VERSION.search(part)
    return f"{part[: version.start()]}-{_MARK}.{part.rpartition('.')[2]}" if version else part
