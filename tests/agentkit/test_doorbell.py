import os
import signal

import pytest

from wazuh_pack.agentkit.doorbell import Doorbell, ring


def test_a_worker_hears_the_bell_once(tmp_path):
    with Doorbell(str(tmp_path)) as bell:
        assert ring(str(tmp_path))
        assert ring(str(tmp_path))
        assert bell.wait(5)
        assert not bell.wait(0)


def test_without_a_worker_nobody_hears_it(tmp_path):
    assert not ring(str(tmp_path))
    with Doorbell(str(tmp_path)):
        pass

    assert not ring(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["wake"]


def test_ringing_more_often_than_the_pipe_holds_does_not_block(tmp_path):
    with Doorbell(str(tmp_path)) as bell:
        for _ in range(70_000):
            ring(str(tmp_path))
        assert bell.wait(0)


def test_the_shell_can_tell_a_waiting_worker_by_its_descriptor(tmp_path):
    with Doorbell(str(tmp_path)):
        process, fd = (tmp_path / "worker").read_text().split()
        assert int(process) == os.getpid()
        assert (tmp_path / "wake").samefile(f"/proc/{process}/fd/{fd}")


def test_a_signal_makes_the_worker_leave_and_the_old_handler_comes_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with Doorbell(str(tmp_path)) as bell:
        os.kill(os.getpid(), signal.SIGTERM)
        assert not bell.wait(60)
        assert not bell.wait(60)

    assert signal.getsignal(signal.SIGTERM) == before


def test_a_link_in_the_pipes_place_is_not_followed(tmp_path):
    (tmp_path / "wake").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match=r"wake"), Doorbell(str(tmp_path)):
        pass
