"""What a vendor's event looks like when it reaches Wazuh."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Envelope:
    """The way from a vendor's event to the line that analysisd gets.

    ``wrap`` puts a JSON event under one key, ``add`` gives constant members beside it, ``prefix``
    is put before the text of a line. ``drop_null`` leaves out members whose value is null.
    """

    wrap: str = ""
    add: tuple[tuple[str, Any], ...] = ()
    prefix: str = ""
    drop_null: bool = False

    def apply(self, event: Any) -> str:
        """Return the line for ``event``: a mapping (JSON sources) or the text of a line."""
        if isinstance(event, str):
            return self.prefix + event
        body = _without_nulls(event) if self.drop_null else event
        whole = {**dict(self.add), **({self.wrap: body} if self.wrap else body)}
        return self.prefix + json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
