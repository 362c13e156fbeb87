import os
import subprocess
import threading

import pytest

from wazuh_pack.agentkit.errors import InboxError, PostponedError
from wazuh_pack.agentkit.inbox import Inbox
from wazuh_pack.agentkit.locks import FileLock


class Handler:
    """Remembers what it was given."""

    def __init__(self):
        self.batches = []
        self.finished = 0

    def handle(self, messages):
        self.batches.append(list(messages))

    def finish(self):
        self.finished += 1


def drain(folder, handler, **options):
    Inbox(str(folder)).drain(handler.handle, handler.finish, **options)


def test_messages_are_handled_once_in_the_order_they_came(tmp_path):
    inbox, handler = Inbox(str(tmp_path)), Handler()
    for number in range(12):
        inbox.put(b"%d" % number)
    drain(tmp_path, handler, batch=5)
    drain(tmp_path, handler)

    expected = [b"%d" % number for number in range(12)]
    assert handler.batches == [expected[:5], expected[5:10], expected[10:]]
    assert handler.finished == 1


def test_only_one_worker_is_at_it(tmp_path):
    Inbox(str(tmp_path)).put(b"x")
    handler = Handler()
    with FileLock(str(tmp_path / "worker.lock")):
        drain(tmp_path, handler)

    assert handler.batches == []
    drain(tmp_path, handler)
    assert handler.batches == [[b"x"]]


def test_a_message_that_comes_while_the_worker_is_about_to_leave_is_not_left_behind(tmp_path):
    inbox, handler = Inbox(str(tmp_path)), Handler()
    inbox.put(b"first")

    def finish():
        if not handler.finished:
            inbox.put(b"late")
        handler.finish()

    inbox.drain(handler.handle, finish)
    assert handler.batches == [[b"first"], [b"late"]]


def test_a_message_whose_worker_died_is_taken_again_before_later_ones(tmp_path):
    inbox = Inbox(str(tmp_path))
    inbox.put(b"first")

    def die(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inbox.drain(die, lambda: None)
    inbox.put(b"second")
    handler = Handler()
    drain(tmp_path, handler)

    assert handler.batches == [[b"first", b"second"]]


def test_what_cannot_be_dealt_with_now_stays_with_all_later_ones(tmp_path):
    inbox = Inbox(str(tmp_path))
    for number in range(4):
        inbox.put(b"%d" % number)

    def fail(_):
        raise PostponedError("full", done=2)

    with pytest.raises(PostponedError, match="full"):
        inbox.drain(fail, lambda: None)
    handler = Handler()
    drain(tmp_path, handler)

    assert handler.batches == [[b"2", b"3"]]


def test_a_full_inbox_takes_no_more(tmp_path):
    inbox = Inbox(str(tmp_path), capacity=2)
    inbox.put(b"1")
    inbox.put(b"2")

    with pytest.raises(InboxError, match="2 messages are waiting already"):
        inbox.put(b"3")


def test_a_folder_that_is_not_there_is_an_error_of_the_inbox(tmp_path):
    with pytest.raises(InboxError, match="none"):
        Inbox(str(tmp_path / "none")).put(b"x")


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes").write_text("half")
    handler = Handler()
    drain(tmp_path, handler)

    assert handler.batches == []
    assert (tmp_path / "notes").exists()


@pytest.mark.parametrize("waiting", [True, False])
def test_what_a_killed_script_left_half_written_goes(tmp_path, waiting):
    killed = subprocess.Popen(["/bin/true"])
    killed.wait()
    left = tmp_path / f"100000000001.message.{killed.pid}.tmp"
    left.write_text("glpat-secret")
    if waiting:
        Inbox(str(tmp_path)).put(b"x")
    handler = Handler()
    drain(tmp_path, handler)

    assert handler.batches == ([[b"x"]] if waiting else [])
    assert not left.exists()


def test_a_message_that_the_shell_wrote_comes_in_its_turn(tmp_path):
    inbox, handler = Inbox(str(tmp_path)), Handler()
    inbox.put(b"1")
    (tmp_path / "100000000002.message").write_bytes(b"2\n")
    inbox.put(b"3")
    drain(tmp_path, handler)

    assert handler.batches == [[b"1", b"2", b"3"]]


def test_a_number_that_somebody_took_meanwhile_is_not_used_again(tmp_path, monkeypatch):
    inbox, handler = Inbox(str(tmp_path)), Handler()
    real, seen = Inbox._waiting, []

    def waiting(self):
        found = real(self)
        if not seen:
            seen.append(found)
            (tmp_path / "100000000001.message").write_bytes(b"theirs\n")
        return found

    monkeypatch.setattr(Inbox, "_waiting", waiting)
    inbox.put(b"ours")
    drain(tmp_path, handler)

    assert handler.batches == [[b"theirs", b"ours"]]


def test_a_message_that_is_being_written_is_waited_for_with_all_later_ones(tmp_path):
    inbox, handler = Inbox(str(tmp_path)), Handler()
    inbox.put(b"1")
    half = tmp_path / "100000000002.message"
    half.write_bytes(b"2")
    inbox.put(b"3")

    def handle(messages):
        handler.handle(messages)
        half.write_bytes(b"2\n")

    inbox.drain(handle, handler.finish)
    assert handler.batches == [[b"1"], [b"2", b"3"]]


def test_half_a_message_of_a_killed_shell_is_passed_on_in_the_end(tmp_path):
    handler = Handler()
    half = tmp_path / "100000000001.message"
    half.write_bytes(b'{"version":')
    os.utime(half, (1000, 1000))
    drain(tmp_path, handler)

    assert handler.batches == [[b'{"version":']]
    assert not half.exists()


def test_a_worker_that_lingers_takes_what_comes_and_leaves_when_nothing_does(tmp_path):
    inbox, handler = Inbox(str(tmp_path)), Handler()
    inbox.put(b"first")

    def linger():
        if handler.finished == 1:
            inbox.put(b"second")
            assert inbox.ring()
        return 0.001

    inbox.drain(handler.handle, handler.finish, linger=linger)
    assert handler.batches == [[b"first"], [b"second"]]
    assert handler.finished == 2
    assert not inbox.ring()


def test_nothing_is_left_behind_however_workers_leave_while_messages_come(tmp_path):
    inbox, taken = Inbox(str(tmp_path)), []

    def post():
        for number in range(200):
            inbox.put(b"%d" % number)
            if not inbox.ring():
                inbox.drain(taken.extend, lambda: None)

    inbox.put(b"0")
    poster = threading.Thread(target=post)
    poster.start()
    while poster.is_alive():
        inbox.drain(taken.extend, lambda: None, linger=lambda: 0.001)
    poster.join()
    inbox.drain(taken.extend, lambda: None)

    assert sorted(map(int, taken)) == sorted([0, *range(200)])
