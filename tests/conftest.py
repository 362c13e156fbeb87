"""Fixtures for all tests."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).parent))
os.environ["WAZUH_PACK_CACHE"] = ""  # tests leave the user's own cache alone

from content_folder import Content  # noqa: E402 - tests are not a package
from trivy_reports import TrivyReports  # noqa: E402 - same

# How fast the machine is decides nothing: no deadlines, and slow generation is no failure.
settings.register_profile("pack", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pack")


@pytest.fixture(scope="session")
def shared():
    """The folder of reference data beside the checkout; tests skip without it."""
    folder = Path(os.environ.get("WAZUH_PACK_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("no reference data (../shared or WAZUH_PACK_SHARED)")
    return folder


@pytest.fixture
def content(tmp_path):
    """A folder of content with one source, ``src``."""
    folder = tmp_path / "content"
    folder.mkdir()
    return Content(folder).source()


@pytest.fixture
def reports(tmp_path):
    """A builder of small Trivy reports."""
    return TrivyReports(tmp_path)


@pytest.fixture(autouse=True)
def _own_umask():
    """Let no script that a test runs in this process change the modes of the next test's files."""
    before = os.umask(0o022)
    yield
    os.umask(before)
