"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared():
    """The folder of reference data beside the checkout; tests skip without it."""
    folder = Path(os.environ.get("WAZUH_PACK_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("no reference data (../shared or WAZUH_PACK_SHARED)")
    return folder
