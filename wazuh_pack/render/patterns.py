r"""Conditions -> PCRE2 patterns that survive Wazuh's XML reader.

Wazuh's reader knows no entities, so ``<``, ``>`` and ``&`` are written as ``\x3c``, ``\x3e`` and
``\x26``; a backslash is ``\x5c`` because one before ``<`` has a meaning of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_pack.errors import PackError
from wazuh_pack.model import Operator

if TYPE_CHECKING:
    from wazuh_pack.model import Condition

_HEX = {"<": r"\x3c", ">": r"\x3e", "&": r"\x26", "\\": r"\x5c"}
_META = frozenset(".^$*+?()[]{}|#")
_NAMED_OR_BEHIND = re.compile(r"\(\?<|\(\?>")
_WRAP = {
    Operator.EQUALS: ("^", "$"),
    Operator.STARTSWITH: ("^", ""),
    Operator.ENDSWITH: ("", "$"),
    Operator.CONTAINS: ("", ""),
}


def literal(text: str) -> str:
    r"""Return a pattern that matches exactly ``text``.

    >>> literal('a.b<c')
    'a\\.b\\x3cc'
    """
    return "".join(_literal(character) for character in text)


def _literal(character: str) -> str:
    if character in _HEX:
        return _HEX[character]
    if character in _META:
        return "\\" + character
    if character.isascii() and not character.isprintable():
        return f"\\x{ord(character):02x}"
    return character


def expression(text: str, condition: Condition) -> str:
    """Return a pattern given by an author, with what the reader cannot carry rewritten."""
    if _NAMED_OR_BEHIND.search(text):
        raise PackError(
            "Wazuh's XML reader cannot carry (?<...) or (?>...)",
            at=condition.at,
            hint="use another form: (?'name'...), \\K, or a possessive quantifier",
        )
    for character in "<>&":
        text = text.replace(character, _HEX[character])
    return text


def pattern(condition: Condition) -> str:
    """Return the PCRE2 pattern for a condition that compares by pattern."""
    flag = "(?i)" if condition.ignore_case else ""
    if condition.operator is Operator.EXISTS:
        return "^"
    if condition.operator is Operator.REGEX:
        parts = [expression(value, condition) for value in condition.values]
        return flag + (parts[0] if len(parts) == 1 else _alternation(parts))
    before, after = _WRAP[condition.operator]
    parts = [literal(value) for value in condition.values]
    body = parts[0] if len(parts) == 1 else _alternation(parts)
    return f"{flag}{before}{body}{after}"


def _alternation(parts: list[str]) -> str:
    return f"(?:{'|'.join(parts)})"
