import pytest

from wazuh_pack.respond.state import Record, Store

DAY = 86400


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path), forget_after=30 * DAY)


def record(target="203.0.113.9", *, offences=1, until=1000.0, duration=600):
    return Record(target=target, offences=offences, until=until, duration=duration)


def as_tuple(found):
    return found and (found.target, found.offences, found.until, found.duration)


def test_what_was_put_is_found_again(store):
    store.put([record(offences=3)], 500.0)

    assert as_tuple(store.get("203.0.113.9", 500.0)) == ("203.0.113.9", 3, 1000.0, 600)
    assert store.get("203.0.113.10", 500.0) is None


def test_an_address_that_begins_like_another_is_not_taken_for_it(store, tmp_path):
    store.put([record("203.0.113.9", offences=3)], 500.0)
    (path,) = tmp_path.iterdir()
    path.write_text('["203.0.113.90",1,1000.0,600]\n' + path.read_text() + 'x["203.0.113.9",7,1,1]')

    assert store.get("203.0.113.9", 500.0).offences == 3


def test_a_new_record_takes_the_place_of_the_old_one(store):
    store.put([record(offences=1)], 500.0)
    store.put([record(offences=2)], 500.0)

    assert store.get("203.0.113.9", 500.0).offences == 2
    assert len(list(store.live(500.0))) == 1


def test_many_records_are_put_and_found(store):
    targets = [f"10.0.{high}.{low}" for high in range(8) for low in range(250)]
    store.put([record(target) for target in targets], 500.0)

    assert sorted(r.target for r in store.live(500.0)) == sorted(targets)
    assert all(store.get(target, 500.0) for target in targets[::97])


def test_only_blocks_that_last_are_live(store):
    store.put([record("203.0.113.1", until=900.0), record("2001:db8::1", until=1100.0)], 500.0)

    assert [r.target for r in store.live(1000.0)] == ["2001:db8::1"]


def test_an_address_is_forgotten_after_its_time(store):
    store.put([record(until=1000.0)], 500.0)

    assert store.get("203.0.113.9", 1000.0 + 30 * DAY)
    assert store.get("203.0.113.9", 1001.0 + 30 * DAY) is None


def test_the_forgotten_leave_the_file_when_it_is_next_written(store, tmp_path):
    store.put([record("203.0.113.9", until=0.0)], 0.0)
    (name,) = [path.name for path in tmp_path.iterdir()]
    neighbour = next(
        target
        for target in (f"10.0.{i >> 8}.{i & 255}" for i in range(65536))
        if _file_of(target) == name
    )
    store.put([record(neighbour, until=31 * DAY)], 31 * DAY)

    assert "203.0.113.9" not in (tmp_path / name).read_text()


def _file_of(target):
    from wazuh_pack.respond.state import _file_of as file_of  # noqa: PLC0415 -- only here

    return file_of(target)


@pytest.mark.parametrize(
    ("now", "left"),
    [(400.0, 600), (700.0, 300), (1000.0, 0), (2000.0, 0), (-50_000.0, 600)],
    ids=["new", "halfway", "over", "long over", "clock set back"],
)
def test_what_remains_never_exceeds_the_duration(now, left):
    assert record(until=1000.0, duration=600).remaining(now) == left


def test_damaged_lines_are_skipped(store, tmp_path):
    store.put([record()], 500.0)
    (path,) = tmp_path.iterdir()
    good = path.read_bytes()
    path.write_bytes(b'\x00\xff\n{"a":1}\n["x"]\n[1,2,3,4,5]\nnull\n' + good + b'["203.0.113.1", 1')

    assert [r.target for r in store.live(500.0)] == ["203.0.113.9"]


def test_an_empty_store_has_nothing(store):
    assert list(store.live(0.0)) == []
    assert store.get("203.0.113.9", 0.0) is None
