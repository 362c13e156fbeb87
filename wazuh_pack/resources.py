"""Where the pack's own files are, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def content() -> Path:
    """Return the folder that holds one folder of YAML per source."""
    return _PACKAGE / "content"


def stock() -> Path:
    """Return the folder of our minimal equivalents of stock decoders and rules."""
    return _PACKAGE / "stock"


def tree() -> Path:
    """Return the folder that holds ``rules_xml``, ``decoders``, ``active_response``, ``wodles``.

    In a wheel they lie inside the package (``wazuh_pack/_tree``), in a checkout beside it.
    """
    packed = _PACKAGE / "_tree"
    return packed if packed.is_dir() else _PACKAGE.parent


def is_checkout() -> bool:
    """Tell whether the pack runs from its repository, whose content may be changed."""
    return tree() == _PACKAGE.parent
