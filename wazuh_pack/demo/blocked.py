"""What the demo's nftables drop, read back from the kernel."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def blocked_addresses(enter: Sequence[str]) -> list[str]:
    """Return the addresses in the responder's sets, with the time that each has left."""
    if not enter:
        return []
    done = subprocess.run(
        [*enter, "nft", "-j", "list", "table", "inet", "wazuh_pack"],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        return []
    elements = [
        element
        for item in json.loads(done.stdout)["nftables"]
        for element in item.get("set", {}).get("elem", [])
    ]
    return [_text(element) for element in elements]


def _text(element: Any) -> str:
    if isinstance(element, dict):
        inner = element["elem"]
        return f"{inner['val']} for {inner['expires'] // 60} more minutes"
    return str(element)
