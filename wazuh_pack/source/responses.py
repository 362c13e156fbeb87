"""``response:`` of a detection -> :class:`~wazuh_pack.model.ResponseUse`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_pack.model import ResponseUse

if TYPE_CHECKING:
    from wazuh_pack.source.yamldoc import Doc

BLOCK = "block-ip"
REVOKE = "revoke-token"

_OF_BLOCK = ("timeout",)
_OF_REVOKE = ("revoke", "from", "pick", "location")
_FIELD = r"[A-Za-z0-9_@-]{1,128}(?:\.[A-Za-z0-9_@-]{1,128}){0,15}"
_ACTION = r"[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*"
_WORD = r"[^\s<>&]{1,128}"


def read_response(doc: Doc) -> ResponseUse | None:
    """Read one; None for ``none`` and when it has problems (they are recorded)."""
    if doc.value() == "none":
        return None
    parts = doc.mapping(required=("action", "field"), optional=(*_OF_BLOCK, *_OF_REVOKE))
    if not {"action", "field"} <= parts.keys():
        return None
    action = parts["action"].choice((BLOCK, REVOKE))
    others = _OF_REVOKE if action == BLOCK else _OF_BLOCK
    for name in others:
        if name in parts:
            parts[name].fail(f"{action} knows no {name!r}")
    field = _matching(parts["field"], _FIELD, "a field such as github.repo")
    if action == BLOCK:
        if "timeout" not in parts:
            doc.fail("how long to block is missing", "write for example timeout: 1h")
            return None
        return ResponseUse(action, field, timeout=parts["timeout"].seconds())
    return _revocation(field, parts)


def _revocation(field: str, parts: dict[str, Doc]) -> ResponseUse:
    return ResponseUse(
        REVOKE,
        field,
        revoke=tuple(
            _matching(item, _ACTION, "provider.action such as github.runner")
            for item in (parts["revoke"].one_or_more() if "revoke" in parts else ())
        ),
        sources=tuple(
            (name, _matching(value, _FIELD, "a field such as github.repo"))
            for name, _, value in (parts["from"].items() if "from" in parts else ())
        ),
        pick=_pick(parts["pick"]) if "pick" in parts else "",
        location=_matching(parts["location"], _WORD, "one word") if "location" in parts else "",
    )


def _matching(doc: Doc, pattern: str, wanted: str) -> str:
    text = doc.line()
    if not re.fullmatch(pattern, text):
        doc.fail(f"{text!r} is not {wanted}")
    return text


def _pick(doc: Doc) -> str:
    text = doc.line()
    try:
        groups = re.compile(text).groups
    except re.error as error:
        doc.fail(f"not a pattern: {error}")
        return ""
    if groups != 1 or set("<>&") & set(text):
        doc.fail("the pattern needs one group, and no < > &", "such as \"token_id: '([0-9]+)'\"")
    return text
