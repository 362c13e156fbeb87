import pytest

from wazuh_pack.respond.breaker import Breaker


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "breaker.json")


def breaker(path):
    return Breaker(path, limit=3, window=60)


def test_no_more_than_the_limit_is_allowed_within_the_window(path):
    found = breaker(path)
    for now in (0.0, 10.0, 20.0):
        assert found.allows(now)
        found.count(now)

    assert not found.allows(59.0)
    assert found.allows(60.0)


def test_the_count_outlives_the_process(path):
    found = breaker(path)
    for _ in range(3):
        found.count(0.0)
    found.save()

    assert not breaker(path).allows(1.0)


def test_what_could_not_be_done_does_not_count(path):
    found = breaker(path)
    for _ in range(3):
        found.count(0.0)
    found.discount()

    assert found.allows(1.0)


def test_blocks_from_the_future_do_not_count(path):
    found = breaker(path)
    for _ in range(3):
        found.count(10_000.0)

    assert found.allows(0.0)


@pytest.mark.parametrize("content", ["{", "5", '["x"]', "[[1]]", ""])
def test_a_damaged_file_counts_anew(tmp_path, path, content):
    (tmp_path / "breaker.json").write_text(content)

    assert breaker(path).allows(0.0)
