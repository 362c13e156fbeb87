import os
import time

import pytest

from wazuh_pack.agentkit.errors import ProcessError
from wazuh_pack.agentkit.process import ENVIRONMENT, find_program, run

SH = "/bin/sh"


def sh(script, **options):
    options.setdefault("seconds", 20)
    return run([SH, "-c", script], **options)


def test_status_and_outputs_are_returned():
    result = sh("echo out; echo err >&2; exit 3")

    assert (result.status, result.output, result.errors) == (3, b"out\n", b"err\n")
    assert not result.timed_out


def test_input_larger_than_a_pipe_is_fed_while_output_is_read():
    content = b"0123456789abcde\n" * 50_000
    result = run(["/bin/cat"], stdin=content, seconds=20, limit=len(content))

    assert result.output == content


def test_a_program_that_does_not_read_its_input_is_no_failure():
    assert sh("exec true", stdin=b"x" * 1_000_000).status == 0


def test_output_beyond_the_limit_is_dropped_without_blocking_the_program():
    result = sh("yes | head -c 1000000", limit=10)

    assert (result.status, result.output) == (0, b"y\ny\ny\ny\ny\n")


def test_arguments_are_not_read_by_a_shell():
    assert run(["/bin/echo", "$HOME; `id` *"], seconds=20).output == b"$HOME; `id` *\n"


def test_the_environment_is_fixed(monkeypatch):
    monkeypatch.setenv("LD_PRELOAD_X", "evil")
    lines = set(run(["/usr/bin/env"], seconds=20).output.decode().splitlines())

    assert lines == {f"{name}={value}" for name, value in ENVIRONMENT.items()}


def test_descriptors_of_the_caller_are_not_inherited(tmp_path):
    with (tmp_path / "secret").open("w") as stream:
        result = sh(f"test -e /proc/self/fd/{stream.fileno()} && echo leaked")

    assert result.output == b""


def test_when_time_is_up_the_whole_group_is_killed(tmp_path):
    marker = tmp_path / "pid"
    result = sh(f"sleep 1000 & echo $! >{marker}; wait", seconds=0.5)

    assert result.timed_out
    assert result.status == -9
    child = int(marker.read_text())
    deadline = time.monotonic() + 20
    while (state := _state(child)) not in {"gone", "Z"} and time.monotonic() < deadline:
        os.sched_yield()
    assert state in {"gone", "Z"}


def _state(pid):
    try:
        with open(f"/proc/{pid}/stat") as stream:  # noqa: PTH123 -- procfs
            return stream.read().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def test_a_program_that_closes_its_outputs_and_goes_on_is_killed_too():
    result = sh("exec >&- 2>&-; exec sleep 1000", seconds=0.3)

    assert result.timed_out


def test_a_program_that_cannot_be_started_is_an_error(tmp_path):
    with pytest.raises(ProcessError, match="cannot be started"):
        run([str(tmp_path / "none")], seconds=1)


def test_no_descriptor_is_left_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- procfs
    sh("true")
    with pytest.raises(ProcessError):
        run([str(tmp_path / "none")], seconds=1)

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 -- procfs


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "tool"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to own a program")


@as_root
def test_a_program_is_found_by_name_in_the_folders_given(program):
    assert find_program("tool", [str(program.parent)]) == str(program)


@as_root
def test_a_program_is_taken_by_its_path(program):
    assert find_program(str(program)) == str(program)


@as_root
@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_a_program_that_others_can_change_is_refused(program, mode):
    program.chmod(mode)

    with pytest.raises(ProcessError, match="others than root can change it"):
        find_program(str(program))


@as_root
def test_a_program_of_somebody_else_is_refused(program):
    os.chown(program, 12345, -1)

    with pytest.raises(ProcessError, match="others than root can change it"):
        find_program(str(program))


@pytest.mark.parametrize("name", ["/nonexistent/nft", "no-such-program"])
def test_a_missing_program_is_named(name):
    with pytest.raises(ProcessError, match=f"{name}: .*; install it"):
        find_program(name)
