"""A disk without room for a message, or for what else an event needs: the block is made anyway."""

import shutil
import subprocess
import time

import pytest

pytestmark = pytest.mark.network_namespace

SIZE = 128 << 10
PAGE = 4096


class Disk:
    """A small disk under block-ip's state."""

    def __init__(self, manager):
        self.state = manager.state
        self._filler = self.state / "filler"

    def fill(self, *, left=0):
        with self._filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(PAGE)):
                    continue
            except OSError:
                file.truncate(file.tell() // PAGE * PAGE - left)

    def messages(self):
        return list((self.state / "inbox").glob("*.message*"))


@pytest.fixture
def disk(host):
    state = host.manager.state
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "wazuh-pack-tests", state]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small disk can be had: {done.stderr.strip()}")
    try:
        for name in ("inspected", "verified"):  # no process is to write or free anything later
            (state / name).write_text(repr(time.time()))
        yield Disk(host.manager)
    finally:
        host.leave()
        subprocess.run([shutil.which("umount"), "--lazy", state], check=True)


@pytest.fixture(params=["python", "shell"])
def ready(request, host, disk):  # noqa: ARG001 -- the state is to be on it from the beginning
    """A host that has blocked somebody; whether a worker waits, so that the shell is on its own."""
    linger = 600 if request.param == "shell" else 0
    host.manager.configure(f"mode = enforce\nlinger = {linger}\n")
    host.run(host.message("203.0.113.1"))
    return host


def decided(host, lines, wait_until):
    wait_until(lambda: len(host.manager.decisions()) >= lines)
    return [line["wazuh_pack"] for line in host.manager.decisions()]


def test_what_cannot_be_kept_is_dealt_with_at_once(network, ready, disk, wait_until):
    decided(ready, 1, wait_until)
    wait_until(lambda: not disk.messages())
    disk.fill()
    assert ready.run(ready.message("203.0.113.2")) == (b"", 0)
    assert ready.run(ready.message("203.0.113.3")) == (b"", 0)
    found = decided(ready, 3, wait_until)

    assert [d["outcome"] for d in found] == ["blocked"] * 3
    assert "cannot be remembered" in found[1]["reason"]
    assert network.host.elements("hosts4").keys() == {f"203.0.113.{n}" for n in (1, 2, 3)}
    assert disk.messages() == []


def test_where_a_worker_cannot_wait_it_works_all_the_same(network, host, disk, wait_until):
    host.respond("203.0.113.1")
    disk.fill(left=PAGE)
    assert host.run(host.message("203.0.113.2")) == (b"", 0)

    assert decided(host, 2, wait_until)[1]["outcome"] == "blocked"
    assert network.host.elements("hosts4").keys() == {"203.0.113.1", "203.0.113.2"}
    wait_until(lambda: not disk.messages())


def test_a_message_that_nobody_can_deal_with_is_said(host, disk, wait_until):
    host.respond("203.0.113.1")
    remount = ["mount", "-o", "remount,ro", disk.state]
    # As long as a process that is on its way out has a file open, the kernel refuses.
    wait_until(lambda: subprocess.run(remount, check=False).returncode == 0)
    try:
        host.run(host.message("203.0.113.2"))
        found = decided(host, 2, wait_until)[1]
    finally:
        subprocess.run([*remount[:2], "remount,rw", disk.state], check=True)

    assert found["outcome"] == "failed"
    assert "Read-only file system" in found["reason"]
