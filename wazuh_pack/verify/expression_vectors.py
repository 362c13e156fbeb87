"""Replays vectors of the expression languages: OS_Regex, OS_Match and PCRE2 as Wazuh compiles it.

A vector has a pattern and a string, and says whether it matches, where the match ends, what it
captures, that the pattern does not compile, or that the real daemon crashes on it: such a pattern
must give no match. ``byte_classes.json`` says which bytes each escape and each literal accepts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wazuh_pack.engine.expression import Kind, compile_expression
from wazuh_pack.errors import ExpressionError, PackError
from wazuh_pack.verify.vectors import as_bytes, as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wazuh_pack.location import Location

Row = dict[str, Any]

KINDS = (Kind.OSREGEX, Kind.OSMATCH, Kind.PCRE2)
_QUESTION = ("pattern", "string")
_PAIR = 2


def is_expression(row: Mapping[str, object]) -> bool:
    """Tell whether an object has the layout of an expression's vector."""
    return all(isinstance(row.get(key), str) for key in _QUESTION) and any(
        key in row for key in ("match", "error", "crashes_daemon")
    )


def checked(row: Row, at: Location) -> Row:
    """Return a vector that has what it takes.

    Raises:
        PackError: It has not.
    """
    if not is_expression(row):
        raise PackError("not a vector with 'pattern', 'string' and what comes of them", at=at)
    try:
        for key in _QUESTION:
            as_bytes(row[key])
    except PackError as error:
        raise PackError(error.message, at=at) from None
    return row


def are_byte_classes(tables: Mapping[str, object]) -> bool:
    """Tell whether an object has the layout of ``byte_classes.json``."""
    classes = tables.get("classes", {})
    literals = tables.get("literals_matching_other_bytes", {})
    if not isinstance(classes, dict) or not isinstance(literals, dict):
        return False
    languages = {kind.value for kind in KINDS}
    return literals.keys() <= languages and all(
        isinstance(rows, list) and all(map(_is_literal, rows)) for rows in literals.values()
    )


def _is_literal(row: object) -> bool:
    return isinstance(row, list) and len(row) == _PAIR and row[0] in range(256)


def kind_of(name: str, rows: Iterable[Mapping[str, object]]) -> Kind:
    """Return the language of a file of vectors: from its name, else from what the vectors say."""
    for kind in KINDS:
        if kind.value in name:
            return kind
    keys = {key for row in rows for key in row}
    if "match_nosub" in keys or "crashes_daemon" in keys:
        return Kind.OSREGEX
    return Kind.PCRE2 if "end" in keys else Kind.OSMATCH


def expected_of(row: Row) -> Row:
    """Return what a vector asks for, without the question."""
    if row.get("crashes_daemon"):
        return {"match": False}
    return {key: value for key, value in row.items() if key not in _QUESTION}


def answer(row: Row, kind: Kind) -> Row:
    """Return what the engine says about a vector, in the vector's own terms."""
    pattern, text = as_bytes(row["pattern"]), as_bytes(row["string"])
    try:
        capturing = compile_expression(pattern, kind, captures=True)
        plain = compile_expression(pattern, kind)
    except ExpressionError:
        return {"error": True}
    result: Row = {"match": capturing.matches(text)}
    if kind is Kind.OSMATCH or row.get("crashes_daemon"):
        return result
    found = capturing.search(text)
    result["end"] = None if found is None else found.end
    result["captures"] = [] if found is None else [as_text(part) for part in found.captures]
    if kind is Kind.OSREGEX:
        found = plain.search(text)
        result["match_nosub"] = plain.matches(text)
        result["end_nosub"] = None if found is None else found.end
    return result


def accepted_by_class(escape: str) -> list[int]:
    """Return the bytes that an escape of OS_Regex accepts."""
    expression = compile_expression(as_bytes(escape), Kind.OSREGEX)
    return [byte for byte in range(256) if expression.matches(bytes((byte,)))]


def accepted_by_literal(literal: int, language: str) -> list[int]:
    """Return the bytes that a literal byte accepts, without NUL."""
    expression = compile_expression(bytes((literal,)), Kind(language))
    return [byte for byte in range(1, 256) if expression.matches(bytes((byte,)))]
