"""Byte classes as source text for Python's ``re``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from wazuh_pack.engine.osregex_parse import FOLDED_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator


@lru_cache(maxsize=1024)
def class_source(members: frozenset[str]) -> str:
    """Return a pattern for one byte out of ``members``, given that the text is folded."""
    if not members:
        return "(?!)"
    if members == FOLDED_BYTES:
        return "."
    if len(members) == 1:
        return re.escape("".join(members))
    missing = FOLDED_BYTES - members
    if len(missing) < len(members):
        return f"[^{''.join(_ranges(missing))}]"
    return f"[{''.join(_ranges(members))}]"


@lru_cache(maxsize=4096)
def compiled(source: str) -> re.Pattern[str]:
    """Return the compiled pattern; rulesets repeat a few hundred sources thousands of times."""
    return re.compile(source, re.DOTALL)


def _ranges(members: frozenset[str]) -> Iterator[str]:
    ordered = sorted(map(ord, members))
    first = previous = ordered[0]
    for code in ordered[1:]:
        if code != previous + 1:
            yield rf"\x{first:02x}-\x{previous:02x}"
            first = code
        previous = code
    yield rf"\x{first:02x}-\x{previous:02x}"
