"""The ``data`` object of the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_pack.engine.event import Event


def output_data(event: Event) -> dict[str, object]:
    """Return ``data`` as analysisd 4.14.7 prints it: names nested at dots, JSON arrays expanded.

    Bytes that are not UTF-8 become surrogates (``surrogateescape``).
    """
    raise NotImplementedError
