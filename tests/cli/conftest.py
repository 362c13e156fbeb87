"""A manager in service, played by a stand-in whose logtest is our engine."""

import functools

import pytest
from standin_manager import standin

from wazuh_pack.cli import _load
from wazuh_pack.install.target import Target

CATALOG = functools.cache(_load.catalog)


def _play(made, monkeypatch):
    """Let commands take a stand-in for the installed manager, whoever runs the tests."""

    def detect(*, home=None, destdir=None):
        assert destdir is None
        assert home in {None, made.home}
        return Target(
            home=made.home,
            version="4.14.7",
            is_manager=True,
            staged=False,
            wazuh_ids=None,
            privileged=False,
        )

    monkeypatch.setattr("wazuh_pack.install.detect", detect)
    monkeypatch.setattr("wazuh_pack.install.service._unit", lambda _: "")
    monkeypatch.setattr("wazuh_pack.cli._load.catalog", CATALOG)


@pytest.fixture(scope="session")
def play():
    return _play


@pytest.fixture
def manager(monkeypatch):
    with standin() as made:
        _play(made, monkeypatch)
        yield made
