"""Fixtures of the agentkit's tests."""

import time

import pytest


@pytest.fixture
def wait_until():
    """Return a function that waits for a condition, and fails when it does not come about."""

    def wait(condition, seconds=20.0):
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.005)
        return value

    return wait
