import json
import os
from pathlib import Path

import pytest

from wazuh_pack.scan.spool import Spool, SpoolFullError


def line(number):
    return json.dumps({"n": number}).encode() + b"\n"


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path)


def deliver(spool, max_lines=10**6, **options):
    """Deliver into a pipe and return the numbers that came out."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as end:
        spool.deliver(writer, max_lines=max_lines, **options)
        os.close(writer)
        return [json.loads(text)["n"] for text in end]


def fill(spool, *batches):
    for batch in batches:
        spool.publish(map(line, batch))


def test_events_come_once_and_oldest_first(spool):
    fill(spool, [1, 2], [3], [4, 5])

    assert deliver(spool) == [1, 2, 3, 4, 5]
    assert deliver(spool) == []
    fill(spool, [6])
    assert deliver(spool) == [6]


def test_a_limit_spreads_events_over_deliveries(spool):
    fill(spool, [1, 2, 3], [4, 5])

    assert [deliver(spool, 2) for _ in range(4)] == [[1, 2], [3, 4], [5], []]


def test_a_limit_of_bytes_ends_a_delivery_after_the_line_that_reaches_it(spool):
    fill(spool, [1, 2, 3])

    assert deliver(spool, max_bytes=len(line(1)) + 1) == [1, 2]


def test_being_told_to_stop_ends_a_delivery_at_a_line(spool):
    fill(spool, [1, 2, 3])
    answers = iter([False, False, False, True])

    assert deliver(spool, stopped=lambda: next(answers, True)) == [1, 2]
    assert deliver(spool) == [3]


def test_order_does_not_depend_on_what_was_delivered_and_removed(spool, tmp_path):
    fill(spool, [1])
    deliver(spool)
    fill(spool, [2])

    assert [path.name for path in tmp_path.glob("*.jsonl")] == ["00000000000000000002.jsonl"]
    assert deliver(spool) == [2]


def test_delivered_batches_are_removed(spool, tmp_path):
    fill(spool, [1, 2], [3])
    deliver(spool)

    assert list(tmp_path.glob("*.jsonl")) == []


def test_a_reader_that_goes_away_takes_the_delivery_back(spool):
    fill(spool, [1], [2])
    assert deliver(spool, 1) == [1]
    reader, writer = os.pipe()
    os.close(reader)

    delivery = spool.deliver(writer, max_lines=10)
    os.close(writer)

    assert delivery.interrupted
    assert deliver(spool) == [2]


def test_a_reader_that_goes_away_later_takes_finished_batches_back_too(spool, monkeypatch):
    fill(spool, [1], [2], [3])
    original = os.write

    def write(descriptor, content):
        if bytes(content) == line(3):
            raise BrokenPipeError
        return original(descriptor, content)

    with monkeypatch.context() as patch:
        patch.setattr("os.write", write)
        assert deliver(spool) == [1, 2]
    assert deliver(spool) == [1, 2, 3]


def test_one_delivery_at_a_time(spool, tmp_path):
    fill(spool, [1, 2])
    inner = []

    def second_instance():
        inner.append(deliver(Spool(tmp_path)))
        return False

    assert deliver(spool, stopped=second_instance) == [1, 2]
    assert inner
    assert not any(inner)


def test_events_published_during_a_delivery_come_in_the_next(spool):
    fill(spool, [1])

    def publish_more():
        fill(spool, [2])
        return False

    assert deliver(spool, stopped=publish_more) == [1]
    assert 2 in deliver(spool)


def test_a_staged_batch_is_invisible_until_it_is_committed(spool):
    staged = spool.stage("abc")
    staged.write(line(1))
    staged.seal()
    assert deliver(spool) == []

    spool.commit("abc")

    assert deliver(spool) == [1]


def test_recovery_publishes_what_the_memory_has_and_drops_the_rest(spool, tmp_path):
    for scan_id, number in (("kept", 1), ("lost", 2)):
        staged = spool.stage(scan_id)
        staged.write(line(number))
        staged.seal()

    spool.recover(lambda scan_id: scan_id == "kept")

    assert deliver(spool) == [1]
    assert list(tmp_path.glob("*.tmp")) == []


def test_a_discarded_batch_leaves_nothing(spool, tmp_path):
    spool.stage("abc").discard()

    assert list(tmp_path.glob("*.tmp")) == []


def test_a_batch_that_fails_half_way_adds_nothing(spool, tmp_path):
    def lines():
        yield line(1)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        spool.publish(lines())

    assert deliver(spool) == []
    assert list(tmp_path.glob("*.tmp")) == []


def test_what_a_killed_one_left_holds_nobody_up(spool, tmp_path):
    started = []

    def lines():
        started.extend(path for path in tmp_path.iterdir() if path.suffix == ".tmp")
        yield line(1)

    spool.publish(lines())
    (left,) = started
    left.write_bytes(b"half a li")

    fill(spool, [2])

    assert deliver(spool) == [1, 2]
    assert list(tmp_path.glob("*.tmp")) == []


@pytest.mark.parametrize("stage", [False, True])
def test_what_a_full_disk_refuses_leaves_nothing_behind(spool, tmp_path, stage):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")

    def lines():
        # From here on the disk is full: closing the file cannot write what is buffered.
        (path,) = tmp_path.glob("*.tmp")
        for name in Path("/proc/self/fd").iterdir():
            if name.exists() and name.resolve() == path:
                full = os.open("/dev/full", os.O_WRONLY)
                os.dup2(full, int(name.name))
                os.close(full)
        yield line(1)

    def stage_one():
        staged = spool.stage("abc")
        staged.write(next(lines()))
        staged.discard()

    with pytest.raises(OSError, match="No space left"):
        stage_one() if stage else spool.publish(lines())

    assert list(tmp_path.glob("*.tmp")) == []
    fill(spool, [2])
    assert deliver(spool) == [2]


def test_a_full_spool_takes_nothing_more(tmp_path):
    spool = Spool(tmp_path, max_bytes=10)
    fill(spool, [1111111111])

    with pytest.raises(SpoolFullError):
        fill(spool, [2])
    with pytest.raises(SpoolFullError):
        spool.stage("abc")
    assert deliver(spool) == [1111111111]
    fill(spool, [3])


CURSOR = f"{1:020}.jsonl {' ' * 14}{9999:020}\n"


@pytest.mark.parametrize(
    "cursor", ["", "garbage", "a b", "x.jsonl 5", "\0" * 62, f"{1:020}.jsonl{5:36}\n", CURSOR]
)
def test_a_lost_cursor_repeats_rather_than_loses(spool, tmp_path, cursor):
    fill(spool, [1, 2])
    deliver(spool, 1)
    (tmp_path / "cursor").write_text(cursor, encoding="ascii")

    fill(spool, [3])

    assert deliver(spool) == [1, 2, 3]


def test_a_cursor_before_its_batch_was_removed_does_not_repeat_it(spool, tmp_path):
    fill(spool, [1, 2], [3])
    batches = {path: path.read_bytes() for path in tmp_path.glob("*.jsonl")}
    deliver(spool, 2)
    for path, content in batches.items():
        path.write_bytes(content)

    assert deliver(spool) == [3]
