"""YAML content -> model, with every problem reported at its line and column."""

from wazuh_pack.source.loader import load

__all__ = ["load"]
