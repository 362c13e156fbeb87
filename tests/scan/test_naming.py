"""What images are called over time."""

import json

import pytest

from wazuh_pack.scan.naming import Names, Tagged

NOW = 1_800_000_000.0


class Host:
    """Gives names run after run, as the wodle does."""

    def __init__(self):
        self.kept = None
        self.now = NOW

    def names(self, *images):
        self.now += 86_400
        names = Names(self.kept, self.now)
        given = names.assign([Tagged(image, where, tags) for image, where, *tags in images])
        self.kept = json.loads(json.dumps(names.document()))
        return [given[image] for image, *_ in images]


@pytest.fixture
def host():
    return Host()


def test_an_image_keeps_its_name_when_it_gets_more_and_as_long_as_it_has_it(host):
    assert host.names(("A", "docker", "x:1")) == ["x:1"]
    assert host.names(("A", "docker", "x:0", "x:1")) == ["x:1"]
    assert host.names(("A", "docker", "x:0")) == ["x:0"]


def test_a_rebuilt_image_has_the_name_of_the_one_before(host):
    host.names(("A", "docker", "x:latest"))

    assert host.names(("B", "docker", "x:latest")) == ["x:latest"]
    # One more tag does not take its history from it.
    assert host.names(("C", "docker", "a:1", "x:latest")) == ["x:latest"]


def test_images_of_one_name_keep_theirs_whatever_is_rebuilt_or_down(host):
    docker, podman = ("A", "docker", "x:1"), ("B", "podman", "x:1")
    both = ["x:1", "x:1 (podman)"]
    assert host.names(docker, podman) == both
    assert host.names(docker, podman) == both
    assert host.names(podman) == both[1:]
    assert host.names(docker) == both[:1]
    assert host.names(("C", "docker", "x:1"), podman) == both
    assert host.names(("C", "docker", "x:1"), ("D", "podman", "x:1")) == both
    assert host.names(("E", "podman", "x:1")) == both[1:]
    assert host.names(("F", "docker", "x:1"), ("G", "podman", "x:1")) == both


def test_who_comes_later_gets_the_longer_name_for_good(host):
    assert host.names(("B", "podman", "x:1")) == ["x:1"]
    assert host.names(("A", "docker", "x:1"), ("B", "podman", "x:1")) == ["x:1 (docker)", "x:1"]
    assert host.names(("C", "docker", "x:1"), ("D", "podman", "x:1")) == ["x:1 (docker)", "x:1"]


def test_an_image_that_another_engine_holds_meanwhile_keeps_its_name(host):
    host.names(("A", "docker", "x:1"))

    assert host.names(("A", "podman", "x:1")) == ["x:1"]
    assert host.names(("A", "docker", "x:1")) == ["x:1"]


def test_a_name_that_is_gone_for_long_is_free(host):
    host.names(("A", "docker", "x:1"))
    host.now += 100 * 86_400

    assert host.names(("B", "podman", "x:1")) == ["x:1"]


def test_two_images_never_share_a_name(host):
    # B has its names from two engines, and both are taken.
    given = host.names(("A", "docker", "x:1"), ("C", "podman", "x:1"), ("B", "podman", "x:1"))

    assert given == ["x:1", "x:1 (podman)", "B"]


@pytest.mark.parametrize("kept", [None, [], {"x:1": 1}, {"x:1": ["A", "docker", None]}])
def test_damaged_names_are_none(kept):
    assert Names(kept, NOW).assign([Tagged("A", "docker", ["x:0", "x:1"])]) == {"A": "x:0"}
