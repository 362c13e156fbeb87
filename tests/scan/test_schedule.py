import pytest

from wazuh_pack.scan.config import Schedule
from wazuh_pack.scan.schedule import (
    Arrivals,
    Notices,
    Record,
    after_run,
    before_run,
    begin,
    is_due,
    overdue,
    settled,
)

DAILY = Schedule(interval=86_400, jitter=600, retry=3_600)
NOW = 1_800_000_000.0


def test_a_new_host_starts_within_the_jitter():
    assert begin(Record(), NOW, DAILY, lambda: 0.5) == Record(begun=NOW, due=NOW + 300)


def test_a_scan_is_due_at_its_time_and_not_before():
    record = Record(begun=NOW, due=NOW + 300)

    assert not is_due(record, NOW + 299, DAILY)
    assert is_due(record, NOW + 300, DAILY)


def test_a_clock_that_went_back_makes_a_scan_due_at_once():
    record = Record(begun=NOW, due=NOW + 300)

    assert is_due(record, NOW - 10 * 86_400, DAILY)


def test_success_waits_an_interval_and_failure_a_retry():
    record = Record(begun=1.0, succeeded=5.0)

    after = after_run(record, NOW, DAILY, succeeded=True, spread=lambda: 0.0)
    assert after == Record(begun=1.0, due=NOW + 86_400, succeeded=NOW)
    after = after_run(record, NOW, DAILY, succeeded=False, spread=lambda: 1.0)
    assert after == Record(begun=1.0, due=NOW + 4_200, succeeded=5.0)


def test_a_run_that_never_ends_is_known_and_retried_later():
    during = before_run(Record(begun=1.0, succeeded=5.0), NOW, DAILY, lambda: 0.0)

    assert during == Record(begun=1.0, due=NOW + 3_600, succeeded=5.0, running=NOW)
    assert after_run(during, NOW, DAILY, succeeded=True).running == 0


def test_silence_of_two_intervals_is_overdue():
    record = Record(begun=NOW - 10**6, due=0, succeeded=NOW)
    limit = 2 * DAILY.interval + DAILY.jitter

    assert overdue(record, NOW + limit, DAILY) == 0
    assert overdue(record, NOW + limit + 1, DAILY) == limit + 1


def test_a_host_that_never_scanned_is_overdue_from_its_first_run_on():
    assert overdue(Record(begun=NOW), NOW + 200_000, DAILY) == 200_000
    assert overdue(Record(), NOW, DAILY) == 0


def test_a_clock_that_went_back_is_not_silence():
    assert overdue(Record(begun=1.0, succeeded=NOW), NOW - 10**7, DAILY) == 0


def test_a_clock_that_was_ahead_once_does_not_hide_silence():
    ahead = Record(begun=NOW + 10**8, due=1.0, succeeded=NOW + 10**7)

    record = settled(ahead, NOW)

    assert overdue(record, NOW + 300_000, DAILY) == 300_000
    assert settled(record, NOW + 5) == record
    after = after_run(ahead, NOW, DAILY, succeeded=False)
    assert (after.begun, after.succeeded) == (NOW, NOW)


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b'{"due": "x", "other": 1}', b"\xff"])
def test_a_lost_or_damaged_record_counts_as_never(tmp_path, content):
    path = tmp_path / "schedule.json"
    if content is not None:
        path.write_bytes(content)

    assert Record.load(path) == Record()


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = Record(begun=1.5, due=2.5, succeeded=3.5)
    record.save(tmp_path / "schedule.json")

    assert Record.load(tmp_path / "schedule.json") == record


def test_a_lasting_problem_is_told_once_a_period(tmp_path):
    path = tmp_path / "notices.json"

    given = [
        Notices(path).wanted("overdue", NOW + hours * 3600, 86_400) for hours in (0, 1, 23, 24, 25)
    ]

    assert given == [True, False, False, True, False]
    assert Notices(path).wanted("other", NOW, 86_400)
    assert Notices(path).wanted("overdue", NOW - 10**6, 86_400)


def test_silence_is_counted_from_the_first_time_of_asking_and_from_each_arrival(tmp_path):
    path = tmp_path / "arrivals.json"

    assert Arrivals(path).silent("a", NOW) == 0
    assert Arrivals(path).silent("a", NOW + 100) == 100
    Arrivals(path).note("a", NOW + 100)
    assert Arrivals(path).silent("a", NOW + 150) == 50
    assert Arrivals(path).silent("b", NOW + 150) == 0


def test_an_arrival_while_the_clock_was_ahead_hides_no_silence(tmp_path):
    arrivals = Arrivals(tmp_path / "arrivals.json")
    arrivals.note("a", NOW + 10**7)

    assert arrivals.silent("a", NOW) == 0
    assert arrivals.silent("a", NOW + 100) == 100
