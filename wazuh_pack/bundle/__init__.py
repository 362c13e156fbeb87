"""Builds the one file per script that is installed on agents and managers."""

from __future__ import annotations

from wazuh_pack.bundle.build import BundleInfo, build_bundle, bundle_all

__all__ = ["BundleInfo", "build_bundle", "bundle_all"]
