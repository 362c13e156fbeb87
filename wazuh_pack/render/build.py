"""A catalogue and the id lock -> every rendered file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_pack.render.compile import compile_catalog
from wazuh_pack.render.decoders import decoders_file
from wazuh_pack.render.matched import plan_matching
from wazuh_pack.render.xml import rules_file
from wazuh_pack.source import ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wazuh_pack.model import Catalog, Source
    from wazuh_pack.render.spec import RuleSpec


@dataclass(frozen=True, slots=True)
class Build:
    """Rendered files by path (``rules_xml/...``, ``decoders/...``) and the ids behind them."""

    files: dict[str, bytes]
    rules: tuple[RuleSpec, ...]
    update: ids.Update

    def rule_ids(self) -> dict[str, int]:
        """Return key -> rule id."""
        return self.update.lock.ids()


def build(catalog: Catalog, lock: ids.Lock, accept: Iterable[str] = ()) -> Build:
    """Render everything.

    Raises:
        PackError: a detection says what one Wazuh rule cannot, or a block of ids is full.
    """
    rules = compile_catalog(catalog)
    places = {detection.id: detection.at for detection in catalog.detections}
    blocks = {source.id: source for source in catalog.sources}
    wanted = [
        ids.Wanted(
            key=rule.key,
            digest=rule.digest(),
            first=blocks[rule.source].first_id,
            last=blocks[rule.source].last_id,
            at=places.get(rule.key.partition("/")[0], blocks[rule.source].at),
        )
        for rule in rules
    ]
    update = ids.update(lock, wanted, accept)
    numbers = update.lock.ids()
    matching = plan_matching(rules, numbers)
    files: dict[str, bytes] = {}
    for source in catalog.sources:
        own = [rule for rule in rules if rule.source == source.id]
        if own:
            files[f"rules_xml/{file_stem(source)}.xml"] = rules_file(source, own, numbers, matching)
        if source.decoders is not None:
            files[f"decoders/{file_stem(source)}_decoders.xml"] = decoders_file(source)
    return Build(files=files, rules=rules, update=update)


def file_stem(source: Source) -> str:
    """Return the base name of a source's files: sorts after stock files, before a user's."""
    return f"9{source.order:03d}-wazuh-pack-{source.id}"
