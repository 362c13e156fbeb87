"""Headers, senders, and what the output says about them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wazuh_pack.engine.predecode import (
    EventError,
    output_agentless,
    output_hostname,
    output_location,
    predecode,
)

BSD = b"Oct 11 22:14:15 "


def header(message, location=b"stdin"):
    event = predecode(message, location, 0.0)
    return event.timestamp, event.hostname, event.program_name, event.log


@pytest.mark.parametrize(
    ("rest", "hostname", "program", "log"),
    [
        (b"web sshd[12]: hello", b"web", b"sshd", b"hello"),
        (b"web sshd[12]:hello", b"web", b"sshd", b"hello"),
        (b"web sshd[12] hello", b"web", b"sshd", b"hello"),
        (b"web sshd: hello", b"web", b"sshd", b"hello"),
        (b"web sshd:hello", b"web", b"sshd", b"hello"),
        (b"web sshd hello", b"web", None, b"sshd hello"),
        (b"web sshd[x]: hello", b"web", None, b"sshd[x]: hello"),
        (b"web sshd[12x]: hello", b"web", None, b"sshd[12x]: hello"),
        (b" web sshd: hello", b"web", b"sshd", b"hello"),
        (b"  web sshd: hello", b"", None, b"web sshd: hello"),
        (b"sshd: hello", None, b"sshd", b"hello"),
        (b"sshd:hello", None, None, b"sshd:hello"),
        (b"we,b sshd: hello", None, None, b"we,b sshd: hello"),
        (b"web : hello", b"web", b"", b"hello"),
        (b"web s[1]: [ID 7 a.b] x", b"web", b"s", b"x"),
        (b"web s[1]: [ID 7 a.b", b"web", b"s", b"[ID 7 a.b"),
        (b"web s: [ID 7]", b"web", b"s", b""),
        (b"web s[1]: [ID ] x", b"web", b"s", b"x"),
        (b"web auth|security:info su: x", b"web", b"su", b"x"),
        (b"web auth|security:info su[3]: x", b"web", b"su", b"x"),
        (b"web auth|security:info su x", b"web", b"su x", b" x"),
        (b"web auth|security:info su:x", b"web", b"su:x", b":x"),
        (b"web auth|security:info su, x", b"web", b"su, x", b", x"),
        (b"web auth|security:info su[3] x", b"web", b"su", b"auth|security:info su"),
        (b"web auth|Security:info su: x", b"web", None, b"auth|Security:info su: x"),
        (b"web auth|security info su: x", b"web", None, b"auth|security info su: x"),
        (b"web auth|security:info,su: x", b"web", None, b"auth|security:info,su: x"),
    ],
)
def test_words_after_a_syslog_stamp(rest, hostname, program, log):
    assert header(BSD + rest) == (BSD[:-1], hostname, program, log)


@pytest.mark.parametrize(
    ("stamp", "kept"),
    [
        (b"2024-10-11 22:14:15,805 ", b"2024-10-11 22:14:15,805"),
        (b"2024-10-11T22:14:15+02:00 ", b"2024-10-11T22:14:15+02:00"),
        (b"2024-10-11T22:14:15.288+02:00 ", b"2024-10-11T22:14:15.288+02:00"),
        (b"2024-10-11T22:14:15.288111+02:00 ", b"2024-10-11T22:14:15.288111+02:00"),
        (b"2024 Oct 11 22:14:15 ", b"2024 Oct 11 22:14:15"),
        (b"2024-10-11 22:14:15.288111+0200 ", b"2024-10-11 22:14:15.288111+0200"),
    ],
)
def test_other_stamps_before_host_and_program(stamp, kept):
    assert header(stamp + b"web app: hello!!!") == (kept, b"web", b"app", b"hello!!!")


def test_a_stamp_with_z_eats_text_of_the_message():
    stamp = b"2024-10-11T22:14:15.288Z"
    found = header(stamp + b" web1234 app: hello")
    assert found == (stamp + b" web123", None, b"app", b"hello")


@pytest.mark.parametrize(
    ("message", "timestamp", "log"),
    [
        (b"Mon Apr 17 18:27:14 2006 1 1.2.3.4", b"Mon Apr 17 18:27:14 2006", b"1 1.2.3.4"),
        (b"01/28-09:13:16.240702  [**] x", b"01/28-09:13:16.240702", b"[**] x"),
        (b"01/28/1979-09:13:16.240702  [**] x", b"01/28/1979-09:13:16.240702", b"[**] x"),
        (b"[Fri Feb 11 18:06:35 2004] [warn] x", b"Fri Feb 11 18:06:35 2004", b"[warn] x"),
        (
            b"1140804070.368  11623 1.2.3.4 TCP_MISS/200 x",
            b"1140804070.368 ",
            b"11623 1.2.3.4 TCP_MISS/200 x",
        ),
        (
            b"1140804070.368   1162 1.2.3.4 TCP_MISS/200 x",
            b"1140804070.368  ",
            b"1162 1.2.3.4 TCP_MISS/200 x",
        ),
    ],
)
def test_stamps_without_host_and_program(message, timestamp, log):
    assert header(message) == (timestamp, None, None, log)


def test_apples_log_names_sender_message_and_host_in_brackets():
    start = b"[Time 2006.12.28 15:53:55 UTC] "
    message = start + b"[Sender sshd] [PID 4] [Message a [b] c] [Host mac] [Sender x]"
    assert header(message) == (None, b"mac", b"sshd", b"a [b")
    assert header(start + b"[Message open") == (None, None, None, b"open")
    assert header(start + b"[Sender open") == (None, None, None, b" UTC] [Sender open")
    assert header(start + b"[Host open") == (None, None, None, b" UTC] [Host open")


@pytest.mark.parametrize(
    ("entries", "hostname", "program", "log"),
    [
        (b"[Sender s[Host in] [Host out]", b"out", b"s[Host in", b" UTC] [Sender s[Host in"),
        (b"[Sender s][Host out]", b"out", b"s", b" UTC] [Sender s"),
        (b"[Message m[Host in] [Host out]", b"out", None, b"m[Host in"),
        (b"[Message m][Host out]", b"out", None, b"m"),
        (b"[Message m] [Message n]", None, None, b"m"),
        (b"[Sender s] [Sender t] [Message m]", None, b"s", b"m"),
        (b"[Sender s] [Message m [Sender t] x]", None, b"s", b"m [Sender t"),
    ],
)
def test_a_bracket_of_apples_log_is_read_once(entries, hostname, program, log):
    found = header(b"[Time 2006.12.28 15:53:55 UTC] " + entries)
    assert found == (None, hostname, program, log)


def test_brackets_in_the_stamp_of_apples_log_are_no_entries():
    start = b"[Time 2006.12.28 15:[Host"
    assert header(start + b" a] b") == (None, None, None, b" a] b")


def test_columns_decide_and_nothing_else():
    assert header(b"xxx xx xx:xx:xx web app: y")[2] == b"app"
    assert header(b"xxx xx xx:xx:xx ") == (None, None, None, b"xxx xx xx:xx:xx ")
    assert header(b"xxx xx xx:xx:xx y") == (b"xxx xx xx:xx:xx", None, None, b"y")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b'{"a": 1}',
        b"<13>Oct 11 22:14:15 web app: x",
        b" Oct 11 22:14:15 web app: x",
        b"2024-10-11T22:14:15Z web app: hello world",
        b"2024-10-11 22:14:15 web app: x",
    ],
)
def test_lines_without_header_are_taken_whole(message):
    assert header(message) == (None, None, None, message)


def test_a_german_march_is_two_bytes_for_recognition_and_three_for_cutting():
    found = header("Mär 02 17:30:52 web app: x".encode())
    assert found == ("Mär 02 17:30:5".encode(), b"web", b"app", b"x")


@pytest.mark.parametrize(("rest", "is_header"), [(b"80", False), (b"805", True)])
def test_a_repaired_umlaut_does_not_change_how_long_an_event_is(rest, is_header):
    message = b"x\xc3\xa424-10-11 22:14:15," + rest
    found = (message[:-1], None, None, b"") if is_header else (None, None, None, message)
    assert header(message) == found


def test_an_event_ends_at_its_first_nul():
    event = predecode(b"abc\0def", b"x\0y", 7.5)
    assert (event.full_log, event.log, event.location) == (b"abc", b"abc", b"x")
    assert event.time == 7.5


def test_the_header_is_kept_with_its_words_ended():
    event = predecode(BSD + b"web app[3]: x", b"x", 0.0)
    assert (event.lead, event.log) == (b"Oct 11 22:14:15\0web\0app\0003]: ", b"x")
    assert predecode(b"no header", b"x", 0.0).lead == b""


def test_an_agents_event_has_the_agents_name_as_host():
    event = predecode(BSD + b"web app: x", b"[007] (db01) 10.0.0.5->/var/log/x", 0.0)
    assert (event.agent.id, event.agent.name, event.agent.ip) == (b"007", b"db01", b"10.0.0.5")
    assert (event.hostname, event.location) == (b"db01", b"(db01) 10.0.0.5->/var/log/x")
    assert output_location(event) == b"/var/log/x"


@pytest.mark.parametrize(
    ("location", "rest", "name", "output"),
    [
        (b"[5]", b"", b"", b""),
        (b"[5]x", b"", b"", b""),
        (b"[5] noparen", b"noparen", b"", b"noparen"),
        (b"[5] (open any->x", b"(open any->x", b"", b"x"),
        (b"[5] (a) any", b"(a) any", b"a", None),
        (b"[5] (a) b->c>d", b"(a) b->c>d", b"a", b"c>d"),
        (b"[5] (a) b->/c(1)", b"(a) b->/c(1)", b"a", b"/c(1)"),
        (b"[5] /c[1]", b"/c[1]", b"", b"/c[1]"),
    ],
)
def test_odd_locations_of_agents(location, rest, name, output):
    event = predecode(b"x", location, 0.0)
    assert (event.agent.id, event.location, event.hostname) == (b"5", rest, name)
    assert output_location(event) == output


@pytest.mark.parametrize(
    ("location", "address"),
    [
        (b"[5] (a) 10.0.0.5->/x-y", b"10.0.0.5"),
        (b"[5] (a) 10.0.0.5->/x(1)-y", b"10.0.0.5"),
        (b"[5] (a) any", b"any"),
        (b"[5] (open 10.0.0.5->/x", b""),
        (b"[5] /x", b""),
        (b"/x", b""),
    ],
)
def test_an_agents_address_stands_behind_its_name(location, address):
    assert predecode(b"x", location, 0.0).agent.ip == address


def test_an_agents_id_must_be_closed():
    with pytest.raises(EventError, match=r"^the location .* does not close it$"):
        predecode(b"x", b"[001 (a) b->c", 0.0)


def test_the_manager_is_agent_000():
    event = predecode(b"x", b"/var/log/x", 0.0)
    assert (event.agent.id, event.hostname, output_location(event)) == (b"000", None, b"/var/log/x")


def test_agentless_devices_are_recognised_by_location():
    event = predecode(b"x", b"(ssh_diff) root@fw->/etc", 0.0)
    assert output_agentless(event) == {"script": b"ssh_diff", "user": b"root", "host": b"fw"}
    odd = predecode(b"x", b"(a) b) c@d@e->f->g", 0.0)
    assert output_agentless(odd) == {"script": b"a", "user": b"b) c", "host": b"d@e"}
    assert output_agentless(predecode(b"x", b"(ssh_diff) fw->/etc", 0.0)) is None
    assert output_agentless(predecode(b"x", b"[001] (a) b@c->d", 0.0)) is None
    assert output_agentless(predecode(b"x", b"root@fw->/etc", 0.0)) is None


@pytest.mark.parametrize(
    ("full_log", "hostname"),
    [
        (BSD + b"web app: x", b"web"),
        (BSD + b"app: x", b"app:"),
        (b"Oct  1 22:14:15 a\nb c", b"a\nb"),
        (b"Oct 41 22:14:15 web", None),
        (b"oct 11 22:14:15 web", None),
        (b"2024-10-11T22:14:15+02:00 web app: x", None),
    ],
)
def test_the_hosts_name_in_the_output_is_found_by_a_search_of_its_own(full_log, hostname):
    assert output_hostname(full_log) == hostname


BYTES = st.text("Oct 1-2:/.[]TZ|ab,\0é", max_size=60).map(str.encode)
STARTS = st.sampled_from(
    [
        b"",
        BSD,
        BSD + b"web ",
        BSD + b"web a|b:c ",
        "Mär 02 17:30:52 ".encode(),
        b"2024-10-11 22:14:15,805 ",
        b"2024-10-11T22:14:15.288Z ",
        b"01/28-09:13:16.240702  ",
        b"[Fri Feb 11 18:06:35 2004] ",
        b"[Time 2006.12.28 15:53:55 UTC] [Sender a",
        b"1140804070.368  11623 ",
    ]
)


@given(STARTS, BYTES)
def test_any_line_keeps_its_text_and_ends_with_its_log(start, rest):
    message = start + rest
    event = predecode(message, b"x", 0.0)
    assert event.full_log == message.partition(b"\0")[0]
    assert event.log in event.full_log
    assert b"\0" not in event.log
    assert len(event.lead) + len(event.log) <= len(event.full_log) + 1
