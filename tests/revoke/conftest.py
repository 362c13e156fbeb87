"""Fixtures of the revoke tests; what they give is in revoke_world.py."""

import sys
from pathlib import Path

import pytest

from wazuh_pack.revoke.transport import HttpTransport

sys.path.insert(0, str(Path(__file__).parent))

from revoke_world import Fake, World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "manager")


@pytest.fixture
def fake():
    made = Fake()
    yield made
    made.close()


@pytest.fixture
def over_http():
    """What a lane connects by to speak real HTTP; half a second of silence is too long."""
    return lambda _, instance: HttpTransport(instance, seconds=0.5, total=1.5)
