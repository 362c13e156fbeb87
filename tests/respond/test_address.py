import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wazuh_pack.agentkit.errors import MessageError
from wazuh_pack.respond.address import (
    Address,
    Network,
    is_address,
    network_of,
    parse_address,
    parse_network,
)

V4 = st.integers(0, 2**32 - 1)
GROUPS = st.lists(st.sampled_from([0, 0, 0, 1, 0xFFFF, 0x20]), min_size=8, max_size=8)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104 -- refused later, by the policy
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("::FFFF:203.0.113.9", "203.0.113.9"),
        ("::ffff:cb00:7109", "203.0.113.9"),
        ("0:0:0:0:0:ffff:203.0.113.9", "203.0.113.9"),
        ("::", "::"),
    ],
)
def test_an_address_is_read_to_its_canonical_form(text, address):
    assert str(parse_address(text)) == address


HOSTILE = [
    "",
    " ",
    "-",
    "203.0.113.9 ",
    " 203.0.113.9",
    "203.0.113.9\n",
    "203.0.113.9\x00",
    "203.0.113\x00.9",
    "\x00203.0.113.9",
    "203.0.113.9.",
    ".203.0.113.9",
    "203.0.113..9",
    "2001:db8::1.",
    "2001:db8::1\x00",
    "fe80::1%25eth0",
    "2001:db8::1%0",
    "203.0.113.9%eth0",
    "0313.0.0161.011",
    "0o313.0.113.9",
    "0b11001011.0.113.9",
    "203.0.0x71.9",
    "203.0.113.9\t",
    "203.0.113.9\r",
    "\ufeff203.0.113.9",
    "203\u200b.0.113.9",
    "203.0.113.\u0669",
    "203.0.113.\u00b2",
    "203.0.113.\ud800",
    "\u2488.0.113.9",
    "2001:db8::\u0661",
    "2001\uff1adb8::1",
    "1_0.0.0.1",
    "203.0.113.9/32",
    "203.0.113.0/24",
    "203.0.113.9:22",
    "[2001:db8::1]",
    "[2001:db8::1]:22",
    "2001:db8::1/64",
    "fe80::1%eth0",
    "203.0.113.9,10.0.0.1",
    "203.0.113.9, 10.0.0.1",
    "203.0.113.9 } drop; add rule",
    "203.0.113.9; nft flush ruleset",
    "$(id)",
    "`id`",
    "--help",
    "-f",
    "1.2.3",
    "1",
    "3405803785",
    "0xcb007109",
    "0xcb.0.0x71.9",
    "010.0.0.1",
    "10.0.0.01",
    "00.0.0.0",
    "256.0.0.1",
    "1.2.3.4.5",
    "1.2.3.-4",
    "+1.2.3.4",
    "1.2.3.4e0",
    "\u0661.2.3.4",
    "\uff11.2.3.4",
    "1\u30022.3.4",
    "::1.2.3.4",
    "64:ff9b::1.2.3.4",
    "2001:db8:::1",
    "2001:db8::1::",
    "2001:db8:1",
    "12345::",
    "g::1",
    "::ffff:256.0.0.1",
    "::ffff:01.2.3.4",
    "localhost",
    "example.org",
    "1.2.3.4.in-addr.arpa",
    "any",
    "0/0",
    "x" * 100_000,
    "1." * 50_000,
    ":" * 100_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:24]))
def test_anything_else_is_refused(text):
    with pytest.raises(MessageError):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ],
)
def test_an_administrator_writes_addresses_and_networks(text, network):
    assert str(parse_network(text)) == network


@pytest.mark.parametrize("text", ["192.0.2.1/24", "192.0.2.0/33", "x", "::ffff:0.0.0.0/80"])
def test_a_network_that_may_be_a_mistake_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_network(text)


@given(V4, GROUPS)
def test_addresses_are_written_as_everybody_writes_them(number, groups):
    wide = int("".join(f"{group:04x}" for group in groups), 16)

    assert str(Address(4, number)) == str(ipaddress.IPv4Address(number))
    assert str(Address(6, wide)) == str(ipaddress.IPv6Address(wide))


@given(st.text(alphabet="0129abfF:.", max_size=20))
def test_no_text_is_taken_that_ipaddress_refuses_or_reads_differently(text):
    if is_address(text):
        found = ipaddress.ip_address(text)
        mapped = getattr(found, "ipv4_mapped", None)
        assert str(parse_address(text)) == str(mapped or found)


@given(V4, st.integers(0, 32), V4, st.integers(0, 32))
def test_networks_hold_and_overlap_as_in_ipaddress(one, long, other, short):
    ours = [network_of(Address(4, n), p) for n, p in ((one, long), (other, short))]
    theirs = [ipaddress.ip_network(str(network)) for network in ours]

    assert ours[0].overlaps(ours[1]) == theirs[0].overlaps(theirs[1])
    for number in (one, other):
        assert (Address(4, number) in ours[1]) == (ipaddress.IPv4Address(number) in theirs[1])


def test_versions_are_never_mixed_up():
    assert Address(4, 1) != Address(6, 1)
    assert Address(4, 1) not in Network(6, 0, 0)
    assert not Network(4, 0, 0).overlaps(Network(6, 0, 0))
    assert len({Address(4, 1), Address(4, 1), Address(6, 1), Network(4, 1, 32)}) == 3
