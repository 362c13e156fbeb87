"""A folder of YAML content -> :class:`~wazuh_pack.model.Catalog`."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from wazuh_pack.location import Location
from wazuh_pack.model import Catalog, Detection, Source
from wazuh_pack.source.detections import read_detection
from wazuh_pack.source.references import check_references
from wazuh_pack.source.sources import read_source
from wazuh_pack.source.yamldoc import Problems, read

if TYPE_CHECKING:
    from pathlib import Path

    from wazuh_pack.diagnostics import Diagnostic

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def load(root: Path) -> tuple[Catalog, tuple[Diagnostic, ...]]:
    """Read all content below ``root``.

    Returns what could be read and every problem found, sorted by place. A detection or source with
    a problem may be missing from the catalogue, so do not render it when there are problems.
    """
    problems = Problems()
    sources: list[Source] = []
    detections: list[Detection] = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        _read_folder(folder, problems, sources, detections)
    if not sources and not problems.found:
        problems.add("WP100", "no source in this folder", Location(root))
    _check_unique(detections, problems)
    _check_blocks(sources, problems)
    catalog = Catalog(
        sources=tuple(sorted(sources, key=lambda source: (source.order, source.id))),
        detections=tuple(sorted(detections, key=lambda item: (item.source, item.id))),
    )
    if not problems.found:
        check_references(catalog, problems)
    unknown = Location(root)
    return catalog, tuple(sorted(problems.found, key=lambda item: item.at or unknown))


def _read_folder(
    folder: Path, problems: Problems, sources: list[Source], detections: list[Detection]
) -> None:
    description = folder / "source.yml"
    if not description.is_file():
        problems.add(
            "WP110",
            "a folder of content without source.yml",
            Location(folder),
            "describe the source system in source.yml",
        )
        return
    doc = read(description, problems)
    source = read_source(doc, folder) if doc else None
    if source is None:
        return
    sources.append(source)
    for path in sorted(folder.glob("*.yml")):
        if path == description:
            continue
        if not _SLUG.fullmatch(path.stem):
            problems.add("WP111", "file names are lower-case words with dashes", Location(path))
            continue
        item = read(path, problems)
        detection = read_detection(item, source) if item else None
        if detection is not None:
            detections.append(detection)


def _check_unique(detections: list[Detection], problems: Problems) -> None:
    seen: dict[str, Detection] = {}
    for detection in detections:
        other = seen.setdefault(detection.id, detection)
        if other is not detection:
            problems.add(
                "WP112",
                f"the id {detection.id!r} is taken by {other.at}",
                detection.at,
                "choose another file name",
            )


def _check_blocks(sources: list[Source], problems: Problems) -> None:
    ordered = sorted(sources, key=lambda source: source.first_id)
    for lower, upper in itertools.pairwise(ordered):
        if upper.first_id <= lower.last_id:
            problems.add(
                "WP113",
                f"rule_ids overlap those of {lower.id} ({lower.first_id}-{lower.last_id})",
                upper.at,
                "give the source a block of its own",
            )
    orders: dict[int, Source] = {}
    for source in sources:
        other = orders.setdefault(source.order, source)
        if other is not source:
            problems.add("WP113", f"order {source.order} is taken by {other.id}", source.at)
