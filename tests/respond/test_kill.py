"""kill -9 at every step: before each single thing that a process does to the disk or the firewall.

A step is a call that changes something outside the process. The process under test is killed before
its first, then before its second, and so on, until it comes to its end; each time another process
has to clear up.
"""

import json
import os
import signal
import time

import pytest

from wazuh_pack.agentkit.home import Home
from wazuh_pack.respond import block_ip
from wazuh_pack.respond.backends import Backend
from wazuh_pack.respond.state import Store

SCRIPT = "active-response/bin/wazuh-pack-block-ip"
STEPS = ("open", "write", "replace", "link", "unlink", "mkdir", "mkfifo")
TARGETS = ["203.0.113.1", "203.0.113.2", "2001:db8::1"]


class Killer:
    """Kills the process before the step with a number."""

    def __init__(self, step):
        self.left = step

    def step(self):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrap(self, function):
        def stepping(*arguments, **options):
            self.step()
            return function(*arguments, **options)

        return stepping


class DiskFirewall(Backend):
    """A firewall that outlives the process: a file for each address."""

    name = "nftables"

    def __init__(self, folder):
        self.folder = folder
        self.step = lambda: None

    def apply(self, changes, everything):  # noqa: ARG002 -- the interface's
        self.step()
        for change in changes:
            path = self.folder / str(change.target)
            if change.seconds:
                path.touch()
            else:
                path.unlink(missing_ok=True)
        self.step()

    def missing(self, wanted):
        return [change for change in wanted if not (self.folder / str(change.target)).exists()]

    def held(self):
        return sorted(path.name for path in self.folder.iterdir())


class Host:
    """A home, and processes at work in it."""

    def __init__(self, root, monkeypatch):
        self.root = root
        for name in ("logs", "etc/wazuh-pack", "firewall", "var"):
            (root / name).mkdir(parents=True)
        (root / "var").chmod(0o750)
        ini = root / "etc/wazuh-pack/respond.ini"
        ini.write_text("[block-ip]\nmode = enforce\n")
        ini.chmod(0o640)
        self.home = Home(str(root))
        self.firewall = DiskFirewall(root / "firewall")
        monkeypatch.setattr("wazuh_pack.respond.worker.choose", lambda *_: self.firewall)

    def run(self, work, kill_at=None):
        """Do something in a process of its own; return whether it came to its end."""
        child = os.fork()
        if not child:
            try:
                if kill_at is not None:
                    killer = Killer(kill_at)
                    self.firewall.step = killer.step
                    for name in STEPS:
                        setattr(os, name, killer.wrap(getattr(os, name)))
                work()
                os._exit(0)
            finally:
                os._exit(1)
        status = os.waitpid(child, 0)[1]
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return not os.WIFSIGNALED(status)

    def accept(self, target, command="add"):
        alert = {"id": target, "data": {"srcip": target}}
        document = {
            "version": 1,
            "origin": {},
            "command": command,
            "parameters": {"extra_args": [], "alert": alert},
        }
        block_ip.accept(self.home, json.dumps(document).encode())

    def work(self):
        block_ip.work_off(self.home, SCRIPT)

    def waiting(self):
        return list((self.root / "var").rglob("*.message"))

    def lines(self):
        try:
            text = (self.root / "logs/active-responses.log").read_text()
        except FileNotFoundError:
            return []
        return [json.loads(line.partition(": ")[2])["wazuh_pack"] for line in text.splitlines()]

    def live(self):
        store = Store(f"{self.home.state(block_ip.STATE)}/enforce/targets", 86_400)
        return sorted((record.target, record.offences) for record in store.live(time.time()))


@pytest.fixture
def make(tmp_path, monkeypatch):
    return lambda number: Host(tmp_path / str(number), monkeypatch)


def test_a_worker_killed_at_any_step_leaves_nothing_undone_and_nothing_done_wrong(make):
    ended, step = False, -1
    while not ended:
        step += 1
        host = make(step)
        for target in TARGETS:
            host.accept(target)
        ended = host.run(host.work, kill_at=step)
        host.run(host.work)

        assert host.waiting() == [], step
        assert host.firewall.held() == sorted(TARGETS), step
        assert host.live() == sorted((target, 1) for target in TARGETS), step
        told = {line["target"] for line in host.lines()}
        assert told == set(TARGETS), step
        assert {line["outcome"] for line in host.lines()} <= {"blocked", "refreshed"}, step
    assert step > 20


def test_an_unblock_killed_at_any_step_is_done_in_the_end(make):
    ended, step = False, -1
    while not ended:
        step += 1
        host = make(step)
        host.accept(TARGETS[0])
        host.run(host.work)
        host.accept(TARGETS[0], "delete")
        ended = host.run(host.work, kill_at=step)
        host.run(host.work)

        assert host.waiting() == [], step
        assert host.firewall.held() == [], step
        assert host.live() == [], step
        assert host.lines()[-1]["outcome"] == "unblocked", step


def test_a_script_killed_at_any_step_leaves_a_whole_message_or_none(make):
    ended, step = False, -1
    while not ended:
        step += 1
        host = make(step)
        ended = host.run(lambda host=host: host.accept(TARGETS[0]), kill_at=step)
        host.run(lambda host=host: host.accept(TARGETS[1]))
        host.run(host.work)

        outcomes = [(line["outcome"], line["target"]) for line in host.lines()]
        assert outcomes[-1] == ("blocked", TARGETS[1]), step
        assert outcomes[:-1] in ([], [("blocked", TARGETS[0])]), step
        assert host.firewall.held() == sorted(target for _, target in outcomes), step
    assert host.firewall.held() == TARGETS[:2]
