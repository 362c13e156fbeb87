"""What the pack is made of, as frozen data: detections, sources, cases. No I/O here."""

from wazuh_pack.model.case import Case, Step
from wazuh_pack.model.catalog import Catalog
from wazuh_pack.model.condition import Condition, Matcher, Operator
from wazuh_pack.model.detection import Count, Detection, ResponseUse, Sequence
from wazuh_pack.model.envelope import Envelope
from wazuh_pack.model.source import Delivery, Gate, Source

__all__ = [
    "Case",
    "Catalog",
    "Condition",
    "Count",
    "Delivery",
    "Detection",
    "Envelope",
    "Gate",
    "Matcher",
    "Operator",
    "ResponseUse",
    "Sequence",
    "Source",
    "Step",
]
