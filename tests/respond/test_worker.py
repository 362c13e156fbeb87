import json

import pytest

from wazuh_pack.agentkit.home import Home
from wazuh_pack.respond import block_ip
from wazuh_pack.respond.blocker import Blocker
from wazuh_pack.respond.worker import Worker

SCRIPT = "active-response/bin/wazuh-pack-block-ip"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "etc/wazuh-pack").mkdir(parents=True)
    return Home(str(tmp_path))


@pytest.fixture(autouse=True)
def nothing_beside(monkeypatch):
    """No process beside the test's looks after anything."""
    monkeypatch.setattr(block_ip, "detach", lambda *_, **__: True)


@pytest.fixture
def logged(tmp_path):
    """Return a function that gives what was logged."""

    def read():
        lines = (tmp_path / "logs/active-responses.log").read_text().splitlines()
        return [json.loads(line.partition(": ")[2])["wazuh_pack"] for line in lines]

    return read


def message(target):
    parameters = {"extra_args": [], "alert": {"data": {"srcip": target}}}
    document = {"version": 1, "origin": {}, "command": "add", "parameters": parameters}
    return json.dumps(document).encode()


def test_good_and_bad_messages_are_logged_in_their_order(home, logged):
    messages = [message("203.0.113.1"), b"{", message("x"), message("203.0.113.2")]
    for content in messages:
        block_ip.accept(home, content)
    block_ip.work_off(home, SCRIPT)

    assert [(d["outcome"], d.get("target")) for d in logged()] == [
        ("dry_run", "203.0.113.1"),
        ("refused_invalid", None),
        ("refused_invalid", None),
        ("dry_run", "203.0.113.2"),
    ]


def test_a_mistake_of_ours_is_logged_and_the_message_is_not_tried_for_ever(
    home, logged, monkeypatch, tmp_path
):
    def bug(*_):
        raise KeyError("oops")

    monkeypatch.setattr(Blocker, "handle", bug)
    block_ip.accept(home, message("203.0.113.1"))
    block_ip.work_off(home, SCRIPT)

    assert [(d["outcome"], d["reason"]) for d in logged()] == [
        ("failed", "internal error: KeyError: 'oops'")
    ]
    assert list(tmp_path.rglob("*.message")) == []


def test_each_mode_has_a_memory_of_its_own(home, logged, tmp_path):
    block_ip.accept(home, message("203.0.113.1"))
    block_ip.work_off(home, SCRIPT)
    path = tmp_path / "etc/wazuh-pack/respond.ini"
    path.write_text("[block-ip]\nmode = enforce\nnft = /opt/nft\n")
    path.chmod(0o640)
    block_ip.accept(home, message("203.0.113.1"))
    block_ip.work_off(home, SCRIPT)

    assert [d["mode"] for d in logged()] == ["dry-run", "enforce"]
    assert list(tmp_path.rglob("dry-run/targets/*.jsonl"))
    assert not list(tmp_path.rglob("enforce/targets/*.jsonl"))


@pytest.mark.parametrize(("seconds", "times"), [(59, 1), (60, 2), (-1, 2)])
def test_the_firewall_is_verified_once_a_minute(home, monkeypatch, tmp_path, seconds, times):
    verified = []
    monkeypatch.setattr(Blocker, "verify", lambda _: verified.append(1))
    path = tmp_path / "etc/wazuh-pack/respond.ini"
    path.write_text("[block-ip]\nmode = enforce\n")
    path.chmod(0o640)
    state = tmp_path / "var/wazuh-pack/respond/block-ip"
    for now in (1000.0, 1000.0 + seconds):
        worker = Worker(home, str(state), SCRIPT, clock=lambda now=now: now)
        worker.handle([message("127.0.0.1")])
        worker.maintain()

    assert len(verified) == times


def test_a_dry_run_verifies_nothing(home, monkeypatch, tmp_path):
    monkeypatch.setattr(Blocker, "verify", lambda _: pytest.fail("it did"))
    worker = Worker(home, str(tmp_path / "state"), SCRIPT)
    worker.handle([message("127.0.0.1")])
    worker.maintain()
