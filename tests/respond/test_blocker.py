import pytest

from wazuh_pack.agentkit.protocol import ADD, DELETE, Request
from wazuh_pack.respond.address import parse_network
from wazuh_pack.respond.backends import Backend, BackendError
from wazuh_pack.respond.blocker import Blocker
from wazuh_pack.respond.breaker import Breaker
from wazuh_pack.respond.policy import Policy
from wazuh_pack.respond.settings import DRY_RUN, ENFORCE, Settings
from wazuh_pack.respond.state import Store

BAD = "203.0.113.9"
WORSE = "203.0.113.10"
DAY = 86400


class Firewall(Backend):
    """Remembers what it was told; fails for the targets it is told to fail for."""

    def __init__(self):
        self.calls = []
        self.broken = set()
        self.missing = False
        self.hangs = False

    def apply(self, changes, everything):
        if self.missing:
            raise BackendError("no firewall", at_all=True)
        if self.broken & {str(change.target) for change in changes}:
            raise BackendError("that one does not work")
        self.calls.append([(str(c.target), c.seconds, c.known) for c in changes])
        self.everything = everything
        if self.hangs:
            raise BackendError("it hangs", at_all=True, unknown=True)


class World:
    """A blocker with its surroundings, and a clock that stands still."""

    def __init__(self, folder):
        self.folder = folder
        self.now = 1_000_000.0
        self.firewall = Firewall()
        self.stopped = False

    def handle(self, *requests, **settings):
        """Decide as a new process would."""
        settings = Settings(**{"mode": ENFORCE, "max_blocks": 5, **settings})
        never = [parse_network("192.0.2.0/24")]
        self.blocker = Blocker(
            settings=settings,
            policy=Policy(hosts=[], networks=never, allow_private=True),
            store=Store(str(self.folder), settings.forget_after),
            breaker=Breaker(
                str(self.folder / "breaker"), limit=settings.max_blocks, window=settings.window
            ),
            backend=self.firewall,
            stopped=self.stopped,
            clock=lambda: self.now,
        )
        return self.blocker.handle(requests)

    def one(self, request, **settings):
        (decision,) = self.handle(request, **settings)
        return decision


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def add(target=BAD, *words, timeout=None):
    return Request(action=ADD, arguments=words, alert={"data": {"srcip": target}}, timeout=timeout)


def delete(target=BAD):
    return Request(action=DELETE, alert={"data": {"srcip": target}})


def test_an_address_is_blocked_for_the_default_time(world):
    found = world.one(add())

    assert (found.outcome, found.target, found.timeout) == ("blocked", BAD, 3600)
    assert (found.until, found.offences) == (world.now + 3600, 1)
    assert world.firewall.calls == [[(BAD, 3600, False)]]


@pytest.mark.parametrize(
    ("request_", "seconds"),
    [
        (add(BAD, "--timeout", "60"), 60),
        (add(timeout=180), 180),
        (add(BAD, "--timeout", "60", timeout=180), 60),
        (add(BAD, "--timeout", "999999999"), 7 * DAY),
    ],
    ids=["argument", "message", "argument first", "never beyond the longest"],
)
def test_the_time_can_be_given(world, request_, seconds):
    assert world.one(request_).timeout == seconds


def test_what_is_blocked_already_is_prolonged_and_is_no_new_offence(world):
    world.one(add())
    world.now += 600
    found = world.one(add())

    assert (found.outcome, found.timeout, found.offences) == ("refreshed", 3600, 1)
    assert world.firewall.calls[-1] == [(BAD, 3600, True)]


def test_a_shorter_request_does_not_shorten_a_block(world):
    world.one(add(BAD, "--timeout", "3600"))
    world.now += 600

    assert world.one(add(BAD, "--timeout", "60")).timeout == 3000


def test_each_new_offence_blocks_longer_up_to_the_longest(world):
    times = []
    for _ in range(9):
        times.append(world.one(add()).timeout)
        world.now += times[-1] + 1

    assert times == [3600 * 2**n for n in range(8)] + [7 * DAY]


def test_offences_are_forgotten_after_good_conduct(world):
    world.one(add())
    world.now += 3600 + 30 * DAY + 1
    found = world.one(add())

    assert (found.outcome, found.offences, found.timeout) == ("blocked", 1, 3600)


def test_a_burst_of_alerts_for_one_address_is_one_offence(world):
    found = world.handle(add(), add(), add())

    assert [d.outcome for d in found] == ["blocked", "refreshed", "refreshed"]
    assert [d.offences for d in found] == [1, 1, 1]
    assert world.firewall.calls == [[(BAD, 3600, False)]]


def test_a_batch_is_one_transaction(world):
    world.handle(add(BAD), add(WORSE), add("2001:db8::1"))

    assert world.firewall.calls == [
        [(BAD, 3600, False), (WORSE, 3600, False), ("2001:db8::1", 3600, False)]
    ]


def test_an_address_is_unblocked(world):
    world.one(add())
    world.now += 60
    found = world.one(delete())

    assert (found.outcome, found.reason) == ("unblocked", "")
    assert world.firewall.calls[-1] == [(BAD, 0, True)]
    assert world.one(add()).offences == 2


def test_unblocking_what_is_not_blocked_is_done_and_said(world):
    found = world.one(delete())

    assert (found.outcome, found.reason) == ("unblocked", "was not blocked")
    assert world.firewall.calls == [[(BAD, 0, False)]]


@pytest.mark.parametrize(
    ("requests", "last"),
    [([add(), delete()], (BAD, 0, False)), ([delete(), add()], (BAD, 3600, False))],
    ids=["add, delete", "delete, add"],
)
def test_the_last_word_of_a_batch_counts(world, requests, last):
    found = world.handle(*requests)

    assert {d.outcome for d in found} == {"blocked", "unblocked"}
    assert world.firewall.calls == [[last]]


def test_a_protected_address_is_refused_with_the_reason(world):
    found = world.one(add("192.0.2.5"))

    assert (found.outcome, found.reason) == ("refused_allowlist", "allowlist")
    assert world.firewall.calls == []


def test_a_protected_address_may_be_unblocked(world):
    assert world.one(delete("192.0.2.5")).outcome == "unblocked"


@pytest.mark.parametrize(
    "request_",
    [
        add("203.0.113.9; reboot"),
        add(BAD, "--home", "/x"),
        Request(action=ADD, alert={}),
        delete("localhost"),
    ],
)
def test_what_makes_no_sense_is_refused(world, request_):
    found = world.one(request_)

    assert found.outcome == "refused_invalid"
    assert found.reason
    assert world.firewall.calls == []


def test_too_many_new_addresses_in_the_window_are_refused(world):
    requests = [add(f"203.0.113.{n}") for n in range(1, 8)]
    found = world.handle(*requests)

    assert [d.outcome for d in found] == ["blocked"] * 5 + ["refused_rate_limit"] * 2
    assert found[-1].reason == "5 addresses blocked within 600 seconds"
    assert world.one(add(WORSE)).outcome == "refused_rate_limit"
    assert world.one(add("203.0.113.1")).outcome == "refreshed"
    assert world.one(delete("203.0.113.2")).outcome == "unblocked"
    world.now += 600
    assert world.one(add(WORSE)).outcome == "blocked"


def test_the_kill_switch_stops_blocking_and_lets_unblock(world):
    world.one(add())
    world.stopped = True

    assert world.one(add(WORSE)).outcome == "refused_stopped"
    assert world.one(delete()).outcome == "unblocked"


def test_a_dry_run_says_what_it_would_do(world):
    found = world.handle(add(), add(), delete(), add("192.0.2.5"), mode=DRY_RUN)

    assert [(d.outcome, d.would) for d in found] == [
        ("dry_run", "blocked"),
        ("dry_run", "refreshed"),
        ("dry_run", "unblocked"),
        ("refused_allowlist", ""),
    ]


def test_a_block_that_may_have_been_made_counts_and_is_remembered(world):
    world.firewall.hangs = True
    found = [world.one(add(target), max_blocks=2) for target in (BAD, WORSE, "203.0.113.11")]
    assert [d.outcome for d in found] == ["failed", "failed", "refused_rate_limit"]
    assert found[0].reason.startswith("it hangs; ")

    (missing,) = [list(world.firewall.everything())]
    assert {str(change.target): change.seconds for change in missing} == {BAD: 3600, WORSE: 3600}
    world.firewall.hangs = False
    again = world.one(add(BAD))
    assert (again.outcome, again.offences) == ("refreshed", 1)


def test_a_block_whose_end_is_not_sure_goes_on_in_our_memory(world):
    world.one(add())
    world.firewall.hangs = True
    assert world.one(delete()).outcome == "failed"

    assert [str(change.target) for change in world.firewall.everything()] == [BAD]


def test_what_the_firewall_refuses_is_a_failure_and_is_not_remembered(world):
    world.firewall.missing = True
    found = world.handle(add(), add(WORSE))

    assert [(d.outcome, d.reason) for d in found] == [("failed", "no firewall")] * 2
    assert [d.timeout for d in found] == [None, None]
    world.firewall.missing = False
    again = world.handle(*(add(f"203.0.113.{n}") for n in range(9, 14)))
    assert [(d.outcome, d.offences) for d in again] == [("blocked", 1)] * 5


def test_one_bad_apple_does_not_spoil_the_batch(world):
    world.firewall.broken = {WORSE}
    found = world.handle(add(BAD), add(WORSE), add("203.0.113.11"))

    assert [d.outcome for d in found] == ["blocked", "failed", "blocked"]
    assert found[1].reason == "that one does not work"


def test_the_same_message_twice_comes_to_the_same(world):
    world.one(add())
    first = world.firewall.calls[-1]
    world.one(add())

    assert [(t, s) for t, s, _ in world.firewall.calls[-1]] == [(t, s) for t, s, _ in first]
    assert world.one(add()).offences == 1


def test_what_is_in_force_can_be_put_back(world):
    world.handle(add(BAD), add("2001:db8::1", "--timeout", "60"), add(WORSE))
    world.one(delete(WORSE))
    world.now += 100
    world.one(add("203.0.113.77"))
    before = {(str(c.target), c.seconds) for c in world.firewall.everything()}

    assert before == {(BAD, 3500), ("203.0.113.77", 3600)}


@pytest.mark.parametrize("years", [-1, 1])
def test_a_clock_that_jumps_neither_prolongs_nor_stops_blocks(world, years):
    world.one(add())
    world.now += years * 365 * DAY
    found = world.one(add())

    assert found.timeout == 3600
    assert found.outcome == ("refreshed" if years < 0 else "blocked")


def test_a_block_that_cannot_be_remembered_is_still_reported_as_done(world, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "put", full)
    found = world.one(add())

    assert found.outcome == "blocked"
    assert found.reason.startswith("done, but cannot be remembered: ")
