"""Gives all rules of the pack other ids, for managers where somebody else has ours."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from wazuh_pack.errors import UsageError
from wazuh_pack.limits import FIRST_RULE_ID, LAST_RULE_ID
from wazuh_pack.source.ids import Lock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_pack.model import Catalog

FIRST_BASE = 100_000
_STEP = LAST_RULE_ID - FIRST_RULE_ID + 1
LAST_BASE = 1_000_000 - _STEP
"""analysisd 4.14.7 takes ids of six digits."""
LAST_USER_ID = 120_000
"""The end of the range that Wazuh leaves to its users."""


def check_base(base: int) -> int:
    """Return a base that can be used.

    Raises:
        UsageError: It cannot.
    """
    if not FIRST_BASE <= base <= LAST_BASE or base % 1000:
        raise UsageError(
            f"{base} cannot be the first rule id",
            hint=f"a multiple of 1000 from {FIRST_BASE} to {LAST_BASE - LAST_BASE % 1000}",
        )
    return base


def free_base(taken: Iterable[int]) -> int | None:
    """Return the first base from which on the whole range of the pack is free."""
    taken = sorted(taken)
    for base in range(FIRST_BASE, LAST_BASE + 1, _STEP):
        if not any(base <= number < base + _STEP for number in taken):
            return base
    return None


def renumber(catalog: Catalog, lock: Lock, base: int) -> tuple[Catalog, Lock]:
    """Return the content with blocks of ids that begin at ``base`` in place of 110000.

    Every id moves by the same distance, so whatever names a rule (parents, correlations, responses)
    names the same rule as before.

    Raises:
        UsageError: ``base`` cannot be used.
    """
    offset = check_base(base) - FIRST_RULE_ID
    sources = tuple(
        replace(item, first_id=item.first_id + offset, last_id=item.last_id + offset)
        for item in catalog.sources
    )
    entries = tuple(replace(entry, id=entry.id + offset) for entry in lock.entries)
    return replace(catalog, sources=sources), Lock(entries)


def renumber_text(content: bytes, base: int) -> bytes:
    """Return a text, such as a configuration's template, with all ids in our range moved likewise.

    Args:
        content: The text.
        base: The first id afterwards.
    """
    offset = base - FIRST_RULE_ID

    def moved(found: re.Match[bytes]) -> bytes:
        number = int(found[0])
        ours = FIRST_RULE_ID <= number <= LAST_RULE_ID
        return b"%d" % (number + offset) if ours else found[0]

    return re.sub(rb"\b\d{6}\b", moved, content)
