"""All sources and detections together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.model.detection import Detection
    from wazuh_pack.model.source import Source


@dataclass(frozen=True, slots=True)
class Catalog:
    """Sources by their order, detections by source and id."""

    sources: tuple[Source, ...]
    detections: tuple[Detection, ...]

    def source(self, source_id: str) -> Source:
        """Return the source of that id; KeyError if there is none."""
        for source in self.sources:
            if source.id == source_id:
                return source
        raise KeyError(source_id)

    def detection(self, detection_id: str) -> Detection:
        """Return the detection of that id; KeyError if there is none."""
        for detection in self.detections:
            if detection.id == detection_id:
                return detection
        raise KeyError(detection_id)

    def of_source(self, source_id: str) -> tuple[Detection, ...]:
        """Return the detections of a source, sorted by id."""
        return tuple(item for item in self.detections if item.source == source_id)
