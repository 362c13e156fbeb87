"""The id lock: ids are given once, kept, retired, and guard a rule's meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wazuh_pack.errors import PackError
from wazuh_pack.source.ids import RETIRED, Entry, Lock, Wanted, read, update

KEYS = st.lists(st.sampled_from([f"rule-{number}" for number in range(12)]), unique=True)


def wanted(*keys, digest="d1", first=100, last=119):
    return [Wanted(key=key, digest=digest, first=first, last=last) for key in keys]


def test_new_rules_get_the_lowest_ids_that_were_never_given():
    lock = Lock((Entry(100, "a", "d1"), Entry(101, "gone", RETIRED)))

    result = update(lock, wanted("a", "b", "c"))

    assert result.lock.ids() == {"a": 100, "b": 102, "c": 103}
    assert result.new == ("b", "c")


def test_a_rule_that_is_gone_keeps_its_line():
    result = update(Lock((Entry(100, "a", "d1"),)), [])

    assert result.lock.entries == (Entry(100, "a", RETIRED),)
    assert result.retired == ("a",)


def test_a_returning_rule_gets_a_new_id():
    lock = Lock((Entry(100, "a", RETIRED),))

    assert update(lock, wanted("a")).lock.ids() == {"a": 101}


def test_a_changed_meaning_is_a_problem_until_accepted():
    lock = Lock((Entry(100, "a/or-2", "d1"),))

    refused = update(lock, wanted("a/or-2", digest="d2"))
    accepted = update(lock, wanted("a/or-2", digest="d2"), accept=["a"])

    assert [item.code for item in refused.diagnostics] == ["WP130"]
    assert refused.lock == lock
    assert accepted.diagnostics == ()
    assert accepted.lock.entries == (Entry(100, "a/or-2", "d2"),)


def test_a_full_block_says_so():
    with pytest.raises(PackError, match="has no id left for 'c'"):
        update(Lock(), wanted("a", "b", "c", first=100, last=101))


@pytest.mark.parametrize("line", ["100 a", "x a d1", "100 a d1\n100 b d1", "100 a d1\n101 a d1"])
def test_a_damaged_lock_is_refused_with_its_line(tmp_path, line):
    path = tmp_path / "ids.lock"
    path.write_text(line + "\n")

    with pytest.raises(PackError, match=r"ids\.lock:[12]: "):
        read(path)


@given(history=st.lists(KEYS, max_size=6))
def test_no_id_is_ever_given_to_two_rules(history):
    lock = Lock()
    owners = {}
    for keys in history:
        lock = update(lock, wanted(*keys, last=199)).lock
        for entry in lock.entries:
            assert owners.setdefault(entry.id, entry.key) == entry.key
        assert sorted(lock.ids()) == sorted(keys)


def test_the_lock_survives_writing_and_reading(tmp_path):
    lock = update(Lock((Entry(100, "a", RETIRED),)), wanted("b")).lock
    path = tmp_path / "ids.lock"
    path.write_text(lock.text())

    assert read(path) == lock
