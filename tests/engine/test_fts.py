"""First time seen: the key of an event, and which similar keys of intrusions are kept apart."""

import pytest

from wazuh_pack.engine.decoder_model import Decoder
from wazuh_pack.engine.event import STATIC_FIELDS, Event
from wazuh_pack.engine.fts import FirstTimeSeen, fts_key


def event(category="syslog", words=(), **static):
    found = Event(full_log=b"x", location=b"here", time=0.0, category=category)
    found.static.update(static)
    for name, value in words:
        found.add_dynamic(name, value)
    return found


def decoder(*slots, fields=()):
    return Decoder(b"dec", fts=True, fts_slots=frozenset(slots), fts_fields=fields)


ALL = {slot: slot.encode() for slot in STATIC_FIELDS}


@pytest.mark.parametrize(
    ("slots", "static", "key"),
    [
        (("name",), ALL, b"dec        "),
        (("id", "dstip"), ALL, b"dec id    dstip   "),
        (("location", "data"), ALL, b"dec      data  here"),
        (("id", "srcuser", "system_name"), {}, b"dec        "),
        (
            ("system_name", "dstuser", "srcuser", "srcip"),
            ALL,
            b"dec  dstuser srcuser srcip   system_name ",
        ),
    ],
)
def test_a_key_has_a_place_for_every_slot(slots, static, key):
    assert fts_key(event(**static), decoder(*slots)) == key


def test_dynamic_fields_follow_in_the_decoders_order_where_there_are_any():
    words = [(b"TWO", b"2"), (b"One", b"1"), (b"three", b"3"), (b"one", b"x"), (b"void", b"")]
    fields = (b"oNe", b"none", b"void", b"Two")
    found = fts_key(event(words=words, id=b"7"), decoder("id", fields=fields))
    assert found == b"dec 7        1  2"


def test_a_key_has_255_bytes_and_one_more_of_dynamic_fields():
    long, words = {"id": b"i" * 300}, [(b"w", b"word")]
    assert fts_key(event(**long), decoder("id")) == b"dec " + b"i" * 251
    found = fts_key(event(words=words, **long), decoder("id", fields=(b"w",)))
    assert found == b"dec " + b"i" * 251 + b" "
    nearly = event(words=words, id=b"i" * 241)
    assert fts_key(nearly, decoder("id", fields=(b"w",)))[-6:] == b"   wor"


def answers(texts, category="ids"):
    first_time_seen, by = FirstTimeSeen(), decoder("data", fields=(b"word",))
    found = []
    for text in texts:
        data, _, word = text.partition(b"/")
        words = [(b"word", word)] if word else []
        found.append(first_time_seen.check(event(category, words, data=data), by))
    return found


# The data begin at the tenth byte of a key, so five of them are among its first fourteen.
SAME_FIFTEEN = [b"abcdef%d" % number for number in range(6)]
SAME_FOURTEEN = [b"abcde%d" % number for number in range(6)]
DIFFERENT = [b"%dabcdef" % number for number in range(6)]


@pytest.mark.parametrize(
    ("texts", "new"),
    [
        (SAME_FIFTEEN, [True, True, True, True, False, False]),
        (SAME_FOURTEEN, [True] * 6),
        ([*DIFFERENT, *SAME_FIFTEEN], [True] * 10 + [False] * 2),
        ([*DIFFERENT, b"abcde-1", b"abcde+2"], [True] * 8),
    ],
)
def test_intrusions_are_similar_when_their_keys_share_more_than_fourteen_bytes(texts, new):
    assert answers(texts) == new


def test_a_key_of_fifteen_bytes_is_long_enough():
    texts = [b"abcd", b"abcd/1", b"abcd/2", b"abcd/3", b"abcd/4"]
    assert answers(texts) == [True, True, True, True, False]


def test_other_events_are_not_compared():
    assert answers(SAME_FIFTEEN, "syslog") == [True] * 6
    assert answers([b"a", b"b", b"a"], "syslog") == [True, True, False]


@pytest.mark.parametrize(("others", "new"), [(28, [True, False]), (29, [True, True])])
def test_similar_ones_are_looked_for_among_the_latest_32(others, new):
    between = [b"%02d" % number for number in range(others)]
    assert answers([*SAME_FIFTEEN[:3], *between, *SAME_FIFTEEN[3:5]])[-2:] == new


def test_a_key_that_was_not_new_takes_no_place_among_the_latest():
    between = [b"%02d" % number for number in range(27)]
    later = [b"abcdef%d" % number for number in range(3, 8)]
    assert answers([*SAME_FIFTEEN[:3], *between, *later])[-5:] == [True, *[False] * 4]
