"""The names of ``same_*`` and ``different_*`` options, and the field that each compares."""

SAME = {
    "same_source_ip": "srcip",
    "same_srcip": "srcip",
    "same_dstip": "dstip",
    "same_src_port": "srcport",
    "same_srcport": "srcport",
    "same_dst_port": "dstport",
    "same_dstport": "dstport",
    "same_protocol": "protocol",
    "same_action": "action",
    "same_location": "location",
    "same_srcuser": "srcuser",
    "same_user": "dstuser",
    "same_id": "id",
    "same_url": "url",
    "same_data": "data",
    "same_extra_data": "extra_data",
    "same_status": "status",
    "same_system_name": "system_name",
    "same_srcgeoip": "srcgeoip",
    "same_dstgeoip": "dstgeoip",
}

DIFFERENT = {
    "different_srcip": "srcip",
    "not_same_source_ip": "srcip",
    "different_dstip": "dstip",
    "different_src_port": "srcport",
    "different_srcport": "srcport",
    "different_dst_port": "dstport",
    "different_dstport": "dstport",
    "different_protocol": "protocol",
    "different_action": "action",
    "different_id": "id",
    "not_same_id": "id",
    "different_url": "url",
    "different_data": "data",
    "different_extra_data": "extra_data",
    "different_status": "status",
    "different_system_name": "system_name",
    "different_srcgeoip": "srcgeoip",
    "different_dstgeoip": "dstgeoip",
    "different_srcuser": "srcuser",
    "different_user": "dstuser",
    "not_same_user": "dstuser",
    "different_location": "location",
}

EXACT_NAMES = frozenset(
    {
        *("same_id", "same_url", "same_data", "same_extra_data", "same_status"),
        *("same_system_name", "same_srcgeoip", "same_dstgeoip", "different_srcip"),
        *("not_same_source_ip", "different_protocol", "different_action", "different_id"),
        *("not_same_id", "different_url", "different_data", "different_extra_data"),
        *("different_status", "different_system_name", "different_srcgeoip"),
        *("different_dstgeoip",),
    }
)
"""The few option names that must be written in lower case."""

NO_LONGER = frozenset({"same_agent", "not_same_agent"})
