"""Parsers of the values in ``trivy.ini``; each says what is wrong and what to write."""

from __future__ import annotations

import pwd
import re
from typing import Any

from wazuh_pack.agentkit import config as ini

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})")
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._/:@-]{0,511}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,252}")
_MAX_ENTRIES = 1000


def absolute(text: str) -> str:
    """Parse an absolute path."""
    if not text.startswith("/") or "\n" in text or "\0" in text:
        raise ValueError(f"'{text}' is not an absolute path; write one")
    return text


def lines(text: str) -> tuple[str, ...]:
    """Parse one entry per line; entries may hold blanks."""
    entries = tuple(line for line in text.splitlines() if line)
    if len(entries) > _MAX_ENTRIES:
        raise ValueError(f"{len(entries)} entries; {_MAX_ENTRIES} are the limit, use patterns")
    return entries


def paths(text: str) -> tuple[str, ...]:
    """Parse absolute paths, one per line."""
    return tuple(absolute(entry) for entry in lines(text))


def repositories(text: str) -> tuple[str, ...]:
    """Parse Git repositories: absolute paths and https addresses without credentials."""
    entries = lines(text)
    for entry in entries:
        if not entry.startswith(("/", "https://")):
            raise ValueError(f"'{entry}' is neither an absolute path nor https://; write one")
        if "@" in entry.split("://", 1)[-1].split("/", 1)[0]:
            raise ValueError(
                "a repository's address holds credentials; put them into 'environment'"
            )
    return entries


def images(text: str) -> tuple[str, ...]:
    """Parse image references."""
    return _matching(text, _IMAGE, "an image reference; write name:tag")


def names(text: str) -> tuple[str, ...]:
    """Parse names that another program gave: cluster contexts, containerd's namespaces."""
    return _matching(text, _NAME, "a name; use letters, digits and . _ : / @ -")


def oci_repositories(text: str) -> tuple[str, ...]:
    """Parse where databases come from, ``registry/name:tag`` in the order to try."""
    return _matching(text, _IMAGE, "a repository; write registry.example.org/trivy-db:2")


def _matching(text: str, pattern: re.Pattern[str], what: str) -> tuple[str, ...]:
    entries = ini.words(text)
    for entry in entries:
        if not pattern.fullmatch(entry):
            raise ValueError(f"'{entry[:80]}' is not {what}")
    return entries


def some_of(*choices: str) -> Any:
    """Return a parser of some words out of a few, in the order of the choices."""

    def parse(text: str) -> tuple[str, ...]:
        chosen = ini.words(text)
        unknown = [word for word in chosen if word not in choices]
        if unknown or not chosen:
            what = f"'{unknown[0]}' is not known" if unknown else "empty"
            raise ValueError(f"{what}; write some of {', '.join(choices)}")
        return tuple(word for word in choices if word in chosen)

    return parse


def sha256(text: str) -> str:
    """Parse a SHA-256."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("not a SHA-256; write the 64 hexadecimal digits of sha256sum")
    return text.lower()


def version(text: str) -> tuple[int, int, int]:
    """Parse a version."""
    found = _VERSION.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is not a version; write for example 0.69.3")
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


def address(text: str) -> str:
    """Parse the address of a Trivy server."""
    if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[\w./-]*)?", text):
        raise ValueError("not http(s)://host:port; write it so, without credentials")
    return text


def duration_or_never(text: str) -> int:
    """Parse a duration, or ``never`` to 0."""
    return 0 if text == "never" else ini.duration(text)


def file_pattern(text: str) -> str:
    """Parse a pattern over file names: ``*``, ``?`` and at most one ``{artifact}``."""
    if not text or "/" in text or text.count("{artifact}") > 1:
        raise ValueError(
            f"'{text}' is not a pattern over file names; write for example {{artifact}}-grype.json"
        )
    return text


def users(text: str) -> tuple[int, ...]:
    """Parse names or ids of users of this host."""
    return tuple(_user(word) for word in ini.words(text))


def _user(word: str) -> int:
    if word.isdigit():
        return int(word)
    try:
        return pwd.getpwnam(word).pw_uid
    except KeyError:
        raise ValueError(f"there is no user '{word[:40]}' on this host") from None


def text(value: str) -> str:
    """Take one line as it is."""
    if "\n" in value:
        raise ValueError("more than one line; write one")
    return value
