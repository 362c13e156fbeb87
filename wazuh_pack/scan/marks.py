"""How a finding was last seen, in one number.

What is told of is in the low bits, the texts that are only remembered are a checksum above them: a
finding with the mark of last time has not changed, and costs no query. While a scan is under way,
a finding that was seen has a small negative number instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from wazuh_pack.reports.findings import severity_rank

if TYPE_CHECKING:
    from wazuh_pack.reports.findings import Finding

STATUS_BITS, KEV_BIT, ACCEPTED_BIT = 3, 4, 8
_RANK_SHIFT, _RANK_BITS, _TEXT_SHIFT = 4, 7, 8
_WORSE = 8


def mark_of(finding: Finding) -> int:
    """Return the mark of an open finding."""
    texts = f"{finding.installed_version}\0{finding.fixed_version}\0{finding.accepted}"
    return (
        crc32(texts.encode("utf-8", "replace")) << _TEXT_SHIFT
        | severity_rank(finding.severity) << _RANK_SHIFT
        | (ACCEPTED_BIT if finding.accepted else 0)
        | (KEV_BIT if finding.kev else 0)
    )


def seen(mark: int) -> int:
    """Return a small negative number; of two records of a problem the worse has the lower one."""
    rank = rank_of(mark)
    return -1 - (rank | (0 if mark & ACCEPTED_BIT else _WORSE))


def unseen(number: int) -> int:
    """Return the bits of a mark that :func:`seen` kept."""
    kept = -1 - number
    return (kept & _RANK_BITS) << _RANK_SHIFT | (0 if kept & _WORSE else ACCEPTED_BIT)


def rank_of(mark: int) -> int:
    """Return the rank of the severity in a mark."""
    return mark >> _RANK_SHIFT & _RANK_BITS
