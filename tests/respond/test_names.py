import pytest

from wazuh_pack.respond.names import NameCache, UnresolvedNameError, getent, is_name


class Lookup:
    """A resolver that counts what it is asked."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, name):
        self.asked.append(name)
        return self.answers.get(name, [])


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "names.json")


def test_a_name_is_asked_for_once_and_then_remembered(path):
    lookup = Lookup(bastion=["203.0.113.20", "2001:db8::20"])

    for _ in range(2):
        found = NameCache(path, lookup).addresses(["bastion"], 1000.0)
        assert found == [("bastion", "203.0.113.20"), ("bastion", "2001:db8::20")]
    assert lookup.asked == ["bastion"]


def test_an_old_answer_is_used_rather_than_waiting_for_a_new_one(path):
    NameCache(path, Lookup(bastion=["203.0.113.20"])).addresses(["bastion"], 0.0)
    lookup = Lookup(bastion=["203.0.113.21"])
    cache = NameCache(path, lookup)

    assert cache.addresses(["bastion"], 1e6) == [("bastion", "203.0.113.20")]
    assert lookup.asked == []
    cache.refresh(["bastion"], 1e6)
    assert cache.addresses(["bastion"], 1e6) == [("bastion", "203.0.113.21")]


def test_a_fresh_answer_is_not_asked_for_again(path):
    lookup = Lookup(bastion=["203.0.113.20"])
    cache = NameCache(path, lookup)
    cache.addresses(["bastion"], 1000.0)
    cache.refresh(["bastion"], 1299.0)

    assert lookup.asked == ["bastion"]


@pytest.mark.parametrize("now", [1300.0, 999.0], ids=["old", "clock set back"])
def test_a_failure_keeps_the_old_answer(path, now):
    NameCache(path, Lookup(bastion=["203.0.113.20"])).addresses(["bastion"], 1000.0)
    lookup = Lookup()
    cache = NameCache(path, lookup)
    cache.refresh(["bastion"], now)

    assert lookup.asked == ["bastion"]
    assert cache.addresses(["bastion"], now) == [("bastion", "203.0.113.20")]


def test_a_name_that_never_was_resolved_is_an_error(path):
    with pytest.raises(UnresolvedNameError, match="nowhere cannot be resolved"):
        NameCache(path, Lookup()).addresses(["nowhere"], 0.0)


@pytest.mark.parametrize("content", ["{", "[]", '{"bastion": 5}', '{"bastion": [1, ["rm -rf"]]}'])
def test_a_damaged_memory_is_asked_for_anew(tmp_path, path, content):
    (tmp_path / "names.json").write_text(content)
    lookup = Lookup(bastion=["203.0.113.20", "odd"])

    assert NameCache(path, lookup).addresses(["bastion"], 0.0) == [("bastion", "203.0.113.20")]


def test_names_are_resolved_as_the_host_does_it():
    assert set(getent("localhost")) & {"127.0.0.1", "::1"}


@pytest.mark.parametrize("text", ["localhost", "bastion.example.org", "a-b.c", "x.y."])
def test_host_names_are_names(text):
    assert is_name(text)


@pytest.mark.parametrize(
    "text", ["-v", "a..b", "a b", "192.0.2.1", "a;b", "", "x" * 300, "a\n", "::1", "a-.b", "1"]
)
def test_what_could_be_an_option_or_an_address_is_no_name(text):
    assert not is_name(text)
