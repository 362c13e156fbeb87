"""Addresses, times, days and built-in predicates: what rule options compare with."""

import pytest

from wazuh_pack.engine.addresses import parse_address, parse_network
from wazuh_pack.engine.compiled import PREDICATES
from wazuh_pack.engine.event import Event
from wazuh_pack.engine.schedule import TimeRange, parse_days, parse_time


def contains(entry, value):
    network = parse_network(entry)
    address = parse_address(value)
    assert network is not None
    return address is not None and network.contains(address)


@pytest.mark.parametrize(
    ("entry", "value", "inside"),
    [
        (b"10.0.0.1", b"10.0.0.1", True),
        (b"10.0.0.1", b"10.0.0.2", False),
        (b"!10.0.0.1", b"10.0.0.1", True),
        (b"10.0.0.0/8", b"10.255.0.1", True),
        (b"10.0.0.0/255.0.0.0", b"10.255.0.1", True),
        (b"10.1.2.3/8", b"10.9.9.9", True),
        (b"0.0.0.0/0", b"8.8.8.8", True),
        (b"any", b"8.8.8.8", True),
        (b"any", b"2001:db8::1", True),
        (b"2001:db8::/32", b"2001:db8:1::1", True),
        (b"2001:db8::/32", b"2001:db9::1", False),
        (b"::1", b"203.0.113.9", True),
        (b"2001:db8::1", b"203.0.113.9", False),
        (b"10.0.0.1", b"2001:db8::1", False),
        (b"any", b"bogus", False),
        (b"any", b"010.0.0.1", False),
        (b"any", b" 10.0.0.1", False),
        (b"any", b"10.0.0.0/8", False),
    ],
)
def test_an_address_is_compared_with_an_entry(entry, value, inside):
    assert contains(entry, value) is inside


@pytest.mark.parametrize(
    "entry",
    [b"", b"10.0.0", b"10.0.0.256", b"10.0.0.0/33", b"10.0.0.0/08", b"::/0", b"::1/129", b"ANY"],
)
def test_a_bad_entry_is_refused(entry):
    assert parse_network(entry) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"8:30 - 17", TimeRange("08:30", "17:00", outside=False)),
        (b" ! 9 am - 5 PM ", TimeRange("09:00", "17:00", outside=True)),
        (b"12 am - 12 pm", TimeRange("00:00", "12:00", outside=False)),
        (b"22:00-06:00", TimeRange("06:00", "22:00", outside=True)),
        (b"!22:00-06:00", TimeRange("06:00", "22:00", outside=True)),
        (b"8-17", TimeRange("08:00", "17:00", outside=False)),
        (b"9am-5pm", TimeRange("09:00", "17:00", outside=False)),
        (b"1pm-2pm", TimeRange("13:00", "14:00", outside=False)),
        (b"8 - 8", TimeRange("08:00", "08:00", outside=False)),
        (b"10:00", None),
        (b"10 - 11 x", None),
        (b"10 - 11\t", None),
        (b"10 - 11 X", None),
        (b"8\t- 9", None),
        (b"8 X- 9", None),
        (b"8 \tam - 9", None),
        (b"8 Xam - 9", None),
        (b"1:5x - 2", TimeRange("01:05", "02:00", outside=False)),
        (b"6:-5 - 7:1 ", TimeRange("06:-5", "07:01", outside=False)),
        (b"1:123 - 2", None),
        (b"1:1234 - 2", None),
    ],
)
def test_a_time_is_read(text, expected):
    assert parse_time(text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        (b"24 - 1", [b"24 - 1"]),
        (b"9" * 5000 + b" - 1", [b"9" * 5000 + b" - 1"]),
        (b"-1 - 2", [b"-1 - 2", b"-1 - 2"]),
        (b"x - 1", [b"x - 1"]),
        (b"13 pm - 14", [b"m - 14"]),
        (b"1 pn - 14", [b"n - 14"]),
        (b"1 an - 14", [b"n - 14"]),
        (b"1:x55 - 2", [b"x55 - 2"]),
        (b"1 - 007", [b""]),
        (b"1 - 2:3", [b"3"]),
        (b"\t8 - 9", [b"\t8 - 9"]),
        (b"X8 - 9", [b"X8 - 9"]),
        (b"!\t8 - 9", [b"\t8 - 9"]),
        (b"!X8 - 9", [b"X8 - 9"]),
        (b"8 -\t9", [b"\t9"]),
        (b"8 -X9", [b"X9"]),
        # The time may be six bytes long ("01:-23"); one that is longer is refused in silence.
        (b"1:   -023", [b""]),
        (b"1:   -123", []),
    ],
)
def test_an_hour_out_of_range_is_refused_with_a_number(text, complaints):
    assert parse_time(text) == (None, complaints)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"- 5", TimeRange("00:00", "05:00", outside=False)),
        (b"5 -", TimeRange("00:00", "05:00", outside=True)),
        (b"am - 5", TimeRange("00:00", "05:00", outside=False)),
    ],
)
def test_a_missing_hour_is_complained_of_and_taken_for_midnight(text, expected):
    found, complaints = parse_time(text)
    assert (found, len(complaints)) == (expected, 1)


@pytest.mark.parametrize(
    ("clock", "holds"), [("08:29", False), ("08:30", True), ("17:00", True), ("17:01", False)]
)
def test_both_ends_of_a_time_belong_to_it(clock, holds):
    assert TimeRange("08:30", "17:00", outside=False).holds(clock) is holds
    assert TimeRange("08:30", "17:00", outside=True).holds(clock) is not holds


@pytest.mark.parametrize(
    ("text", "days"),
    [
        (b"monday,TUE wed", {1, 2, 3}),
        (b"weekends", {0, 6}),
        (b"weekdays, sat", {1, 2, 3, 4, 5, 6}),
        (b" monday", {1}),
        (b"!monday", None),
        (b"\tmonday", None),
        (b"Xmonday", None),
        (b"monday funk", None),
        (b"monday-friday", None),
        (b"funday", None),
        (b"", None),
    ],
)
def test_days_are_read(text, days):
    assert parse_days(text) == (frozenset(days) if days else None)


@pytest.mark.parametrize(
    ("name", "static", "log", "holds"),
    [
        (b"check_id_size", {"id": b"1234567890"}, b"", True),
        (b"check_id_size", {"id": b"123456789"}, b"", False),
        (b"check_id_size", {}, b"", False),
        (b"comp_srcuser_dstuser", {"srcuser": b"a", "dstuser": b"b"}, b"", False),
        (b"comp_srcuser_dstuser", {"srcuser": b"a", "dstuser": b"a"}, b"", True),
        (b"comp_srcuser_dstuser", {"srcuser": b"a", "dstuser": b""}, b"", False),
        (b"comp_srcuser_dstuser", {"srcuser": b"a"}, b"", True),
        (b"is_simple_http_request", {"url": b"/a"}, b"", True),
        (b"is_simple_http_request", {"url": b"/a?b"}, b"", False),
        (b"is_simple_http_request", {}, b"", False),
        (b"is_valid_crawler", {}, b"66.249.1.1 GET", True),
        (b"is_valid_crawler", {}, b"166.249.1.1", False),
        (
            b"comp_mswin_targetuser_calleruser_diff",
            {},
            b"Target Account Name: a\tCaller User Name: b\t",
            True,
        ),
        (
            b"comp_mswin_targetuser_calleruser_diff",
            {},
            b"Target Account Name: a\tCaller User Name: a\t",
            False,
        ),
    ],
)
def test_a_built_in_predicate_answers(name, static, log, holds):
    event = Event(full_log=log, location=b"x", time=0.0, log=log, static=static)
    assert PREDICATES[name](event) is holds
