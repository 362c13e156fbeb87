"""The predicates that ``<compiled_rule>`` can name; they are built into analysisd."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_pack.engine.event import Event

_CRAWLER_NETWORKS = (
    b"66.249.",
    b"72.14.",
    b"209.85.",
    b"65.55.",
    b"207.46.",
    b"74.6.",
    b"72.30.",
    b"67.195.",
)
_LONG_ID = 10


def srcuser_is_dstuser(event: Event) -> bool:
    """Hold unless both users are known and differ."""
    source, target = event.static.get("srcuser"), event.static.get("dstuser")
    return source is None or target is None or source == target


def has_long_id(event: Event) -> bool:
    """Hold when the id has ten bytes or more."""
    return len(event.static.get("id", b"")) >= _LONG_ID


def windows_users_differ(event: Event) -> bool:
    """Hold when a Windows event names a target account that is not the caller's."""
    target = _windows_user(event.log, b"Target Account Name")
    caller = _windows_user(event.log, b"Caller User Name")
    if target is None or caller is None:
        return False
    for position, byte in enumerate(target):
        if caller[position : position + 1] != target[position : position + 1]:
            return True
        if byte == ord("\t") or target[position : position + 2] == b"  ":
            return False
    return False


def _windows_user(log: bytes, label: bytes) -> bytes | None:
    start = log.find(label)
    colon = log.find(b":", start) if start >= 0 else -1
    return log[colon + 1 :] if colon >= 0 else None


def is_simple_request(event: Event) -> bool:
    """Hold for a URL without a query."""
    url = event.static.get("url")
    return url is not None and b"?" not in url


def is_known_crawler(event: Event) -> bool:
    """Hold when the log begins with an address of a few old search engines."""
    return event.log.startswith(_CRAWLER_NETWORKS)


PREDICATES: dict[bytes, Callable[[Event], bool]] = {
    b"check_id_size": has_long_id,
    b"comp_srcuser_dstuser": srcuser_is_dstuser,
    b"comp_mswin_targetuser_calleruser_diff": windows_users_differ,
    b"is_simple_http_request": is_simple_request,
    b"is_valid_crawler": is_known_crawler,
}
