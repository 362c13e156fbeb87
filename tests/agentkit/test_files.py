import os
import signal
import stat
import time

import pytest
from disk import full_disk

from wazuh_pack.agentkit import files
from wazuh_pack.agentkit.errors import UntrustedFileError


def test_private_folders_are_made_for_us_alone(tmp_path):
    path = files.make_private(str(tmp_path / "var"), ("a", "b"))

    assert path == str(tmp_path / "var/a/b")
    assert stat.S_IMODE(os.stat(tmp_path / "var").st_mode) == 0o750  # noqa: PTH116 -- mode only
    assert stat.S_IMODE((tmp_path / "var/a/b").stat().st_mode) == 0o700


def test_private_folders_that_are_there_are_kept(tmp_path):
    base = str(tmp_path / "var")
    (tmp_path / files.make_private(base, ("a",)) / "file").write_text("x")
    files.make_private(base, ("a",))

    assert (tmp_path / "var/a/file").read_text() == "x"


def test_a_folder_that_others_can_write_is_refused(tmp_path):
    (tmp_path / "var/a").mkdir(parents=True)
    (tmp_path / "var/a").chmod(0o770)

    with pytest.raises(UntrustedFileError, match=r"var/a: writable for group or others"):
        files.make_private(str(tmp_path / "var"), ("a", "b"))


def test_a_link_in_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "var/a").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UntrustedFileError, match="not a folder"):
        files.make_private(str(tmp_path / "var"), ("a",))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "var/a").mkdir(parents=True)
    os.chown(tmp_path / "var/a", 12345, -1)

    with pytest.raises(UntrustedFileError, match="belongs to uid 12345"):
        files.make_private(str(tmp_path / "var"), ("a",))


def test_a_file_is_replaced_as_a_whole_and_nothing_stays_behind(tmp_path):
    path = tmp_path / "state"
    files.write_atomic(str(path), b"old")
    files.write_atomic(str(path), b"new")

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert files.names(str(tmp_path)) == ["state"]


def test_a_trusted_file_must_not_be_too_large(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    path.chmod(0o600)

    assert files.read_trusted(str(path), 5) == b"12345"
    with pytest.raises(UntrustedFileError, match="larger than 4 bytes"):
        files.read_trusted(str(path), 4)


def test_a_pipe_in_place_of_a_trusted_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "x", 0o600)

    with pytest.raises(UntrustedFileError, match="not a regular file"):
        files.read_trusted(str(tmp_path / "x"), 5)


def test_reading_what_is_not_there_gives_nothing(tmp_path):
    assert files.read(str(tmp_path / "x"), 5) is None
    assert files.read(str(tmp_path), 5) is None
    assert files.names(str(tmp_path / "x")) == []
    files.remove(str(tmp_path / "x"))


def test_a_dangling_link_exists(tmp_path):
    (tmp_path / "x").symlink_to(tmp_path / "none")

    assert files.exists(str(tmp_path / "x"))
    assert not files.exists(str(tmp_path / "none"))


def test_a_durable_file_is_on_the_disk_before_it_is_in_place_and_its_name_after(
    tmp_path, monkeypatch
):
    path = tmp_path / "job"
    synced = []

    def fsync(fd):
        synced.append((os.readlink(f"/proc/self/fd/{fd}"), path.exists()))  # noqa: PTH115 -- a number

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_atomic(str(path), b"x", durable=True)

    assert path.read_bytes() == b"x"
    assert synced == [(f"{path}.{os.getpid()}.tmp", False), (str(tmp_path), True)]


def test_other_files_wait_for_no_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _fd: pytest.fail("waited"))
    files.write_atomic(str(tmp_path / "hint"), b"x")

    assert (tmp_path / "hint").read_bytes() == b"x"


@pytest.mark.parametrize("write", [files.write_atomic, files.write_new])
def test_what_a_full_disk_cut_off_does_not_stay(tmp_path, write):
    with full_disk(), pytest.raises(OSError, match="too large"):
        write(str(tmp_path / "job"), b"glpat-secret")

    assert files.names(str(tmp_path)) == []


def test_what_cannot_be_put_in_place_does_not_stay(tmp_path):
    (tmp_path / "job").mkdir()
    with pytest.raises(IsADirectoryError):
        files.write_atomic(str(tmp_path / "job"), b"glpat-secret")

    assert files.names(str(tmp_path)) == ["job"]


def killed_while_writing(path):
    """Let a process be killed between the writing of a file and its renaming; return its id."""
    child = os.fork()
    if not child:
        os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        files.write_atomic(str(path), b"glpat-secret")
        os._exit(0)
    os.waitpid(child, 0)
    return child


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    killed = killed_while_writing(tmp_path / "job")
    assert files.names(str(tmp_path)) == [f"job.{killed}.tmp"]
    kept = ["job", "job.tmp", f"job.{os.getpid()}.tmp", "job.x.tmp", f"job.{killed}.tmp.json"]
    for name in kept:
        (tmp_path / name).write_text("x")
    files.remove_leftovers(str(tmp_path))

    assert files.names(str(tmp_path)) == sorted(kept)


@pytest.mark.parametrize("seconds", [-700, 700])
def test_a_leftover_whose_number_a_later_process_has_goes_when_it_is_old(tmp_path, seconds):
    left = tmp_path / f"job.{os.getpid()}.tmp"
    left.write_text("glpat-secret")
    when = time.time() + seconds
    os.utime(left, (when, when))
    files.remove_leftovers(str(tmp_path))

    assert not left.exists()


def test_leftovers_of_no_folder_are_none(tmp_path):
    files.remove_leftovers(str(tmp_path / "none"))

    assert files.names(str(tmp_path)) == []
