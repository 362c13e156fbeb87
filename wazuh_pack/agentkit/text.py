"""Checks texts character by character.

The module ``re`` would do, but importing it and compiling a few patterns takes longer than starting
``nft``; so what every event passes through goes without.
"""

from __future__ import annotations

DIGITS = frozenset("0123456789")
LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
LETTERS = LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
ALPHANUMERIC = LETTERS | DIGITS
HEXADECIMAL = DIGITS | frozenset("abcdefABCDEF")


def consists_of(text: str, allowed: frozenset[str], longest: int) -> bool:
    """Return whether ``text`` has 1 to ``longest`` characters, all of them ``allowed``."""
    return 0 < len(text) <= longest and allowed.issuperset(text)


def is_number(text: str, longest: int = 9) -> bool:
    """Return whether ``text`` is a decimal number of ASCII digits and nothing else."""
    return consists_of(text, DIGITS, longest)
