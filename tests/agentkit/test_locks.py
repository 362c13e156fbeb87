import os
import signal

import pytest

from wazuh_pack.agentkit.errors import LockTimeoutError
from wazuh_pack.agentkit.locks import FileLock
from wazuh_pack.agentkit.process import run


def test_a_lock_is_held_by_one_at_a_time(tmp_path):
    path = str(tmp_path / "lock")
    first, second = FileLock(path), FileLock(path)

    assert first.try_acquire()
    assert not second.try_acquire()
    first.release()
    assert second.try_acquire()
    second.release()


def test_waiting_for_a_lock_has_an_end(tmp_path):
    path = str(tmp_path / "lock")
    with FileLock(path), pytest.raises(LockTimeoutError, match="held by another process"):
        FileLock(path, seconds=0.01).acquire()


def test_a_lock_ends_with_its_holder_even_when_it_is_killed(tmp_path):
    path = str(tmp_path / "lock")
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        FileLock(path).acquire()
        os.write(tell, b"x")
        signal.pause()
    os.read(ready, 1)
    assert not FileLock(path).try_acquire()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    lock = FileLock(path)
    assert lock.try_acquire()
    lock.release()
    os.close(ready)
    os.close(tell)


def test_a_program_that_the_holder_starts_does_not_keep_the_lock(tmp_path):
    path = str(tmp_path / "lock")
    with FileLock(path):
        result = run(["/bin/ls", "-l", "/proc/self/fd"], seconds=20)

    assert path.encode() not in result.output


def test_a_link_in_place_of_the_lock_is_refused(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "target")

    with pytest.raises(OSError, match="symbolic"):
        FileLock(str(tmp_path / "lock")).try_acquire()
    assert not (tmp_path / "target").exists()


def test_a_child_that_is_still_there_does_not_keep_the_lock(tmp_path):
    path = str(tmp_path / "lock")
    lock = FileLock(path)
    lock.acquire()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(read_end, 1)
        os._exit(0)
    lock.release()

    assert FileLock(path).try_acquire()
    os.write(write_end, b"x")
    os.waitpid(child, 0)
    os.close(read_end)
    os.close(write_end)
