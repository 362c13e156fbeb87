"""Limits of Wazuh 4.14 that content must respect, and the pack's own conventions of numbering."""

from __future__ import annotations

from enum import Enum

FIRST_RULE_ID = 110000
LAST_RULE_ID = 119999
"""The pack's part of the range 100000-120000 that Wazuh leaves to users."""

MAX_EVENT_BYTES = 65_535
"""analysisd receives at most this much; longer events are cut."""
MAX_TAG_BYTES = 2047
"""A rule's element text beyond this is logged as an error and treated as absent."""
MAX_GROUP_BYTES = 1023
"""What alerts show of a rule's groups."""
MAX_DESCRIPTION_BYTES = 1023
"""If a description grows beyond this when filled in, Wazuh shows the unfilled template."""
MAX_FREQUENCY = 9999
MAX_TIMEFRAME = 99_999
MAX_LISTS_PER_RULE = 2
"""Of three or more ``<list>`` conditions analysisd checks the last two only."""
MAX_RESPONSE_ROWS = 64
"""Rows of execd's table of active responses."""
MAX_EXTRA_ARGUMENTS = 2047
"""Bytes of ``<extra_args>`` that execd passes on."""

STATIC_CONDITION_TAGS = {
    "srcip": "srcip",
    "dstip": "dstip",
    "srcport": "srcport",
    "dstport": "dstport",
    "protocol": "protocol",
    "action": "action",
    "id": "id",
    "url": "url",
    "data": "data",
    "extra_data": "extra_data",
    "status": "status",
    "system_name": "system_name",
    "user": "user",
    "hostname": "hostname",
    "program_name": "program_name",
    "location": "location",
}
"""Field name in a detection -> the rule element that tests it; all else is ``<field name=...>``."""

ADDRESS_FIELDS = frozenset({"srcip", "dstip"})
"""Static fields that hold addresses: tested by address or network, never by pattern."""

SAME_TAGS = {
    "srcip": "same_srcip",
    "dstip": "same_dstip",
    "srcport": "same_srcport",
    "dstport": "same_dstport",
    "srcuser": "same_srcuser",
    "user": "same_user",
    "protocol": "same_protocol",
    "action": "same_action",
    "id": "same_id",
    "url": "same_url",
    "data": "same_data",
    "extra_data": "same_extra_data",
    "status": "same_status",
    "system_name": "same_system_name",
    "location": "same_location",
}
"""Grouping field -> element, for fields that are static; dynamic ones use ``same_field``."""

DIFFERENT_TAGS = {name: tag.replace("same_", "different_") for name, tag in SAME_TAGS.items()}
"""Like :data:`SAME_TAGS`, for ``distinct``."""


class Level(Enum):
    """Severity of a detection -> level of its rules."""

    SIGNAL = 1
    INFO = 3
    LOW = 5
    MEDIUM = 8
    HIGH = 12
    CRITICAL = 15
