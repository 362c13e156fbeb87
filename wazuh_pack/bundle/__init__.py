"""Builds the one file per script: for agents and managers, and the gate for runners."""

from __future__ import annotations

from wazuh_pack.bundle.build import BundleInfo, build_bundle, build_gate, bundle_all

__all__ = ["BundleInfo", "build_bundle", "build_gate", "bundle_all"]
