"""Many offenders of one network: the whole network is blocked."""

import pytest

from wazuh_pack.agentkit.protocol import ADD, DELETE, Request
from wazuh_pack.respond.address import parse_network
from wazuh_pack.respond.backends import Backend, BackendError
from wazuh_pack.respond.blocker import Blocker
from wazuh_pack.respond.breaker import Breaker
from wazuh_pack.respond.policy import Policy
from wazuh_pack.respond.settings import ENFORCE, Settings
from wazuh_pack.respond.state import Store

HOUR = 3600
NET = "203.0.113.0/24"


class Firewall(Backend):
    def __init__(self):
        self.held = {}
        self.broken = False

    def apply(self, changes, everything):  # noqa: ARG002 -- the interface's
        if self.broken:
            raise BackendError("no", at_all=True)
        for change in changes:
            self.held.pop(str(change.target), None)
            if change.seconds:
                self.held[str(change.target)] = change.seconds


class World:
    def __init__(self, folder):
        self.folder = folder
        self.now = 1_000_000.0
        self.firewall = Firewall()
        self.never = ()

    def blocker(self, **options):
        settings = Settings(**{"mode": ENFORCE, "aggregate_at": 3, **options})
        return Blocker(
            settings=settings,
            policy=Policy(hosts=[], networks=self.never, allow_private=True),
            store=Store(str(self.folder), settings.forget_after),
            breaker=Breaker(str(self.folder / "breaker"), limit=300, window=600),
            backend=self.firewall,
            stopped=False,
            clock=lambda: self.now,
        )

    def handle(self, *targets, action=ADD, **options):
        """Return the decisions, as pairs of outcome and target."""
        requests = [Request(action=action, alert={"data": {"srcip": t}}) for t in targets]
        self.last = self.blocker(**options).handle(requests)
        return [(d.outcome, d.target) for d in self.last]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def hosts(*numbers):
    return [f"203.0.113.{number}" for number in numbers]


def test_the_network_is_blocked_with_the_offender_that_makes_it_enough(world):
    assert world.handle(*hosts(1)) == [("blocked", "203.0.113.1")]
    assert world.handle(*hosts(2)) == [("blocked", "203.0.113.2")]
    assert world.handle(*hosts(3)) == [("blocked", "203.0.113.3"), ("blocked", NET)]

    assert world.firewall.held[NET] == HOUR
    assert world.last[1].reason == "3 addresses of it are blocked"


def test_offenders_of_one_batch_count_too(world):
    assert world.handle(*hosts(1, 2, 3, 4))[4:] == [("blocked", NET)]
    assert world.handle(*hosts(5))[1:] == [("refreshed", NET)]


def test_the_same_offender_again_and_other_networks_do_not_count(world):
    world.handle(*hosts(1, 1, 1, 2))
    world.handle("198.51.100.1", "203.0.112.1", "2001:db8::1", "2001:db8::2")

    assert NET not in world.firewall.held


def test_ipv6_has_networks_of_its_own(world):
    found = world.handle("2001:db8::1", "2001:db8::2:1", "2001:db8:0:0:ffff::", "2001:db8:0:1::")

    assert found[4:] == [("blocked", "2001:db8::/64")]


def test_offenders_whose_block_has_ended_do_not_count(world):
    world.handle(*hosts(1, 2))
    world.now += HOUR + 1

    assert world.handle(*hosts(3)) == [("blocked", "203.0.113.3")]


def test_unless_it_is_switched_on_no_network_is_blocked(world):
    world.handle(*hosts(*range(1, 30)), aggregate_at=0)

    assert NET not in world.firewall.held


def test_a_network_that_holds_what_is_never_blocked_is_not_blocked(world):
    world.never = (parse_network("203.0.113.200"),)
    world.handle(*hosts(1, 2, 3, 4))

    assert sorted(world.firewall.held) == hosts(1, 2, 3, 4)


def test_ending_the_block_of_an_address_ends_that_of_its_network(world):
    world.handle(*hosts(1, 2, 3))
    found = world.handle(*hosts(2), action=DELETE)

    assert found == [("unblocked", "203.0.113.2"), ("unblocked", NET)]
    assert sorted(world.firewall.held) == hosts(1, 3)
    assert world.handle(*hosts(4)) == [("blocked", "203.0.113.4")]


def test_a_network_is_restored_and_its_end_told_like_an_address(world):
    world.handle(*hosts(1, 2, 3))
    standing = {str(c.target): c.seconds for c in world.blocker()._standing(world.now)}
    assert standing == {NET: HOUR, **dict.fromkeys(hosts(1, 2, 3), HOUR)}

    world.now += HOUR + 1
    ended = world.blocker().ended(world.now - HOUR)
    assert {d.target for d in ended} == {NET, *hosts(1, 2, 3)}


def test_when_the_firewall_fails_the_network_is_not_taken_for_blocked(world):
    world.handle(*hosts(1, 2))
    world.firewall.broken = True
    assert world.handle(*hosts(3)) == [("failed", "203.0.113.3"), ("failed", NET)]
    world.firewall.broken = False

    assert {str(c.target) for c in world.blocker()._standing(world.now)} == set(hosts(1, 2))
    assert world.handle(*hosts(3))[1:] == [("blocked", NET)]
