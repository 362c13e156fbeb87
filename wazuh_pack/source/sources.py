"""``source.yml`` -> :class:`~wazuh_pack.model.Source`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wazuh_pack.limits import FIRST_RULE_ID, LAST_RULE_ID
from wazuh_pack.model import Delivery, Envelope, Gate, Matcher, Source
from wazuh_pack.source.conditions import read_matcher

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.source.yamldoc import Doc

_REQUIRED = ("id", "title", "prefix", "order", "rule_ids", "delivery", "envelope", "gate")
_OPTIONAL = ("actor", "address", "object", "groups", "full_log")


def read_source(doc: Doc, folder: Path) -> Source | None:
    """Read a source's description; None (and problems) when essential parts are wrong."""
    before = len(doc.problems.found)
    parts = doc.mapping(required=_REQUIRED, optional=_OPTIONAL)
    if any(name not in parts for name in _REQUIRED):
        return None
    source_id = parts["id"].text()
    if source_id != folder.name:
        parts["id"].fail(f"the id must be the folder's name, {folder.name!r}")
    first, last = _block(parts["rule_ids"])
    decoders = folder / "decoders.xml.j2"
    source = Source(
        id=source_id,
        title=parts["title"].line(),
        prefix=parts["prefix"].line(),
        order=parts["order"].integer(0, 999),
        first_id=first,
        last_id=last,
        delivery=_delivery(parts["delivery"]),
        envelope=_envelope(parts["envelope"]),
        gate=_gate(parts["gate"]),
        actor=parts["actor"].text() if "actor" in parts else "",
        address=parts["address"].text() if "address" in parts else "",
        object=parts["object"].text() if "object" in parts else "",
        groups=parts["groups"].texts() if "groups" in parts else (),
        full_log=parts["full_log"].boolean() if "full_log" in parts else False,
        decoders=decoders if decoders.is_file() else None,
        lists=_lists(folder),
        at=doc.at,
    )
    return source if len(doc.problems.found) == before else None


def _lists(folder: Path) -> tuple[tuple[str, Path], ...]:
    lists = folder / "lists"
    if not lists.is_dir():
        return ()
    return tuple((f"wazuh-pack-{path.name}", path) for path in sorted(lists.iterdir()))


def _block(doc: Doc) -> tuple[int, int]:
    first, _, last = doc.text().partition("-")
    if first.isdigit() and last.isdigit():
        block = int(first), int(last)
        if FIRST_RULE_ID <= block[0] <= block[1] <= LAST_RULE_ID:
            return block
    doc.fail(
        "expected a block of rule ids",
        f"FIRST-LAST inside {FIRST_RULE_ID}-{LAST_RULE_ID}, such as 110000-110199",
    )
    return FIRST_RULE_ID, FIRST_RULE_ID


def _delivery(doc: Doc) -> Delivery:
    parts = doc.mapping(required=("summary", "location"), optional=("config", "parameters"))
    parameters = parts["parameters"].value() if "parameters" in parts else {}
    return Delivery(
        summary=parts["summary"].line() if "summary" in parts else "",
        location=parts["location"].text() if "location" in parts else "",
        config=parts["config"].text() if "config" in parts else "",
        parameters=tuple(parameters.items()) if isinstance(parameters, dict) else (),
    )


def _envelope(doc: Doc) -> Envelope:
    parts = doc.mapping(optional=("wrap", "add", "prefix", "drop_null"))
    add = parts["add"].value() if "add" in parts else {}
    return Envelope(
        wrap=parts["wrap"].text() if "wrap" in parts else "",
        add=tuple(add.items()) if isinstance(add, dict) else (),
        prefix=str(parts["prefix"].value()) if "prefix" in parts else "",
        drop_null=parts["drop_null"].boolean() if "drop_null" in parts else False,
    )


def _gate(doc: Doc) -> Gate | None:
    if doc.value() == "none":
        return None
    parts = doc.mapping(optional=("parents", "decoded_as", "match"))
    listed = parts["parents"].one_or_more() if "parents" in parts else []
    parents = tuple(item.integer(1, 999_999) for item in listed)
    if not parents and "decoded_as" not in parts:
        doc.fail("a gate needs stock rules to hang from (parents) or a decoder (decoded_as)")
    return Gate(
        matcher=read_matcher(parts["match"]) if "match" in parts else Matcher(),
        parents=parents,
        decoded_as=parts["decoded_as"].text() if "decoded_as" in parts else "",
    )
