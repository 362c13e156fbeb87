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
        (b"web auth|security:info su: x", b"web", b"su", b"x"),
        (b"web auth|security:info su[3]: x", b"web", b"su", b"x"),
        (b"web auth|security:info su x", b"web", b"su x", b" x"),
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


def test_an_event_ends_at_its_first_nul():
    event = predecode(b"abc\0def", b"x\0y", 0.0)
    assert (event.full_log, event.log, event.location) == (b"abc", b"abc", b"x")


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
    ],
)
def test_odd_locations_of_agents(location, rest, name, output):
    event = predecode(b"x", location, 0.0)
    assert (event.agent.id, event.location, event.hostname) == (b"5", rest, name)
    assert output_location(event) == output


def test_an_agents_id_must_be_closed():
    with pytest.raises(EventError, match="does not close it"):
        predecode(b"x", b"[001 (a) b->c", 0.0)


def test_the_manager_is_agent_000():
    event = predecode(b"x", b"/var/log/x", 0.0)
    assert (event.agent.id, event.hostname, output_location(event)) == (b"000", None, b"/var/log/x")


def test_agentless_devices_are_recognised_by_location():
    event = predecode(b"x", b"(ssh_diff) root@fw->/etc", 0.0)
    assert output_agentless(event) == {"script": b"ssh_diff", "user": b"root", "host": b"fw"}
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


HEADER_BYTES = st.text("Oct 1-2:/.[]TZ|ab,\0é", max_size=60).map(str.encode)


@given(HEADER_BYTES)
def test_any_line_keeps_its_text_and_ends_with_its_log(message):
    event = predecode(message, b"x", 0.0)
    assert event.full_log == message.partition(b"\0")[0]
    assert event.log in event.full_log
    assert b"\0" not in event.log
    assert len(event.lead) + len(event.log) <= len(event.full_log) + 1
