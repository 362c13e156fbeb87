r"""Takes secrets out of text before it is logged.

The patterns are the published formats of tokens of CI/CD systems, as wide as their providers
document them: a pattern that ends too early would leave the rest of the token in the log.
"""

from __future__ import annotations

import hashlib
import re

_TOKENS = (
    r"gh[pour]_[0-9A-Za-z]{36,}",
    r"ghs_[0-9A-Za-z._-]{36,}",  # since 2026 also a JWT with dots
    r"github_pat_\w{22,}",
    r"gl(?:pat|dt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[0-9A-Za-z_.=-]{16,}",
    r"glrtr?-[0-9A-Za-z_.=-]{16,}",
    r"GR1348941[\w-]{20,}",
    r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
    r"hv[sbr]\.[\w-]{20,}",
    r"[sb]\.(?=[0-9a-z]*[A-Z])[0-9A-Za-z]{24,}",  # OpenBao; names of hosts are in lower case
    r"npm_[0-9A-Za-z]{36,}",
    r"pypi-[\w-]{16,}",
    r"dckr_[a-z]{3}_[\w-]{20,}",
    r"CCIPAT_\w{22,}",
    r"AT(?:BB|ATT3|CTT3)[\w=.-]{20,}",
    r"(?:AKCp|cmVmd)[0-9A-Za-z]{50,}",
    r"xox[a-z]-[\w-]{10,}|xoxe[.-][\w.-]{10,}",
    # What words may end with: task_test_..., disk-..., linuxapp-...
    r"(?<![0-9A-Za-z])(?:xapp-[\w-]{10,}|(?:sk|rk)_(?:test|live|prod)_\w{10,}|sk-[\w-]{20,})",
    r"rubygems_[0-9a-f]{48}|pul-[0-9a-f]{40}|do[opr]_v1_[0-9a-f]{64}",
    r"glsa_\w{32,}|sntry[su]_[\w=+/.-]{20,}|hf_[0-9A-Za-z]{30,}|bkua_\w{20,}",
    r"ey[\w-]{15,}\.ey[\w-]{15,}\.[\w-]*",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?",
)
_LEAD = (
    r"(?i:(?:bearer|basic)\s+|(?:token|password|passwd|secret|api[_-]?key)[\"']?\s*[=:]\s*[\"']?)"
)
_PATTERN = re.compile(rf"(?:{'|'.join(_TOKENS)})|(?P<lead>{_LEAD})(?P<value>[^\s\"'&,;]{{6,}})")
_TAIL_FROM = 16


def fingerprint(secret: str) -> str:
    """Return what may be logged of a secret: part of its SHA-256 and its last four characters.

    The last characters are left out where they would be a large part of it.
    """
    digest = hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()[:12]
    tail = f" ...{secret[-4:]}" if len(secret) >= _TAIL_FROM else ""
    return f"[redacted sha256:{digest}{tail}]"


def redact(text: str) -> str:
    """Return ``text`` with every token of a known form, and values after a telling word, replaced.

    Equal secrets get equal fingerprints, so that lines about the same one can be found.
    """
    return _PATTERN.sub(_replace, text)


def _replace(match: re.Match[str]) -> str:
    if match["value"] is None:
        return fingerprint(match[0])
    return f"{match['lead']}{fingerprint(match['value'])}"
