r"""Recognises tokens by their published formats.

Only what a provider documents is known here: a prefix, an alphabet, a length, and a checksum where
its formula has been proved on a real token. GitHub's classic tokens end in the CRC-32 of the thirty
characters before, in base 62. GitLab's routable tokens end in one too, but its formula is not
public, so it is not judged.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKED = 30
_CHECKSUM = 6
_MOST = 32


@dataclass(frozen=True, slots=True)
class TokenFormat:
    """A kind of token.

    Attributes:
        kind: Its name; begins with the provider's.
        pattern: Of the whole token.
        valid: Its checksum test, or None when there is none that is known for certain.
    """

    kind: str
    pattern: str
    valid: Callable[[str], bool] | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was found."""

    kind: str
    value: str


def github_checksum(token: str) -> bool:
    """Return whether the last six characters of a classic GitHub token fit the thirty before."""
    secret = token.rpartition("_")[2]
    number = zlib.crc32(secret[:_CHECKED].encode("ascii"))
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return secret[_CHECKED:] == digits.rjust(_CHECKSUM, "0")


FORMATS = (
    TokenFormat("github-personal", r"ghp_[0-9A-Za-z]{36}", github_checksum),
    TokenFormat("github-oauth", r"gho_[0-9A-Za-z]{36}", github_checksum),
    TokenFormat("github-user", r"ghu_[0-9A-Za-z]{36}", github_checksum),
    TokenFormat("github-refresh", r"ghr_[0-9A-Za-z]{36}", github_checksum),
    TokenFormat("github-fine-grained", r"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}"),
    # Since April 2026 also a JWT of some 520 characters with dots.
    TokenFormat("github-installation", r"ghs_[0-9A-Za-z._-]{36,2000}"),
    TokenFormat("gitlab-access", r"glpat-(?:[0-9A-Za-z_-]{27,300}\.[0-9a-z]{9}|[0-9A-Za-z_-]{20})"),
    TokenFormat("gitlab-deploy", r"gldt-[0-9A-Za-z_-]{20}"),
    TokenFormat("gitlab-trigger", r"glptt-[0-9a-f]{40}"),
    TokenFormat(
        "gitlab-runner",
        r"glrt-(?:t[0-9]_[0-9A-Za-z_-]{27,300}\.[0-9a-z]{9}|[0-9A-Za-z_-]{20})",
    ),
    TokenFormat("gitlab-feed", r"glft-[0-9A-Za-z_-]{20}"),
    TokenFormat("gitlab-mail", r"glimt-[0-9A-Za-z_-]{25}"),
    TokenFormat("gitlab-agent", r"glagent-[0-9A-Za-z_-]{50}"),
    TokenFormat("gitlab-application-secret", r"gloas-[0-9A-Za-z_-]{64}"),
    TokenFormat("vault-service", r"hvs\.[0-9A-Za-z_-]{90,120}|s\.[0-9A-Za-z]{24}"),
    TokenFormat("vault-batch", r"hvb\.[0-9A-Za-z_-]{138,300}"),
    TokenFormat("aws-access-key", r"AKIA[A-Z2-7]{16}"),
    TokenFormat("aws-session-key", r"ASIA[A-Z2-7]{16}"),
    TokenFormat("dockerhub-personal", r"dckr_pat_[0-9A-Za-z_-]{27}"),
    TokenFormat("dockerhub-organisation", r"dckr_oat_[0-9A-Za-z_-]{32}"),
    TokenFormat(
        "jwt", r"ey[0-9A-Za-z_-]{17,4000}\.ey[0-9A-Za-z_-]{17,8000}\.[0-9A-Za-z_-]{10,2000}"
    ),
)
_BY_NUMBER = dict(enumerate(FORMATS))
# A token must not be a part of something longer: a cut-off one would be somebody else's.
_ANY = re.compile(
    r"(?<![0-9A-Za-z_-])(?:"
    + "|".join(f"(?P<f{number}>{form.pattern})" for number, form in _BY_NUMBER.items())
    + r")(?![0-9A-Za-z_-])"
)


def find_tokens(text: str) -> Iterator[Token]:
    """Yield the different tokens in a text, at most 32, those with a wrong checksum left out."""
    seen: set[str] = set()
    for match in _ANY.finditer(text):
        form = _BY_NUMBER[int(str(match.lastgroup)[1:])]
        value = match[0].rstrip(".") if form.kind == "github-installation" else match[0]
        if value in seen or (form.valid and not form.valid(value)):
            continue
        seen.add(value)
        yield Token(form.kind, value)
        if len(seen) >= _MOST:
            return


def kind_of(text: str) -> str:
    """Return what kind of token the whole of a text is, or an empty string."""
    found = next(find_tokens(text), None)
    return found.kind if found and found.value == text else ""
