"""The logtest protocol, asked by a client written from the protocol."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from wazuh_pack.engine import Ruleset
from wazuh_pack.errors import PackError, UsageError
from wazuh_pack.serve import Responder, RulesetSource, Server, SessionStore

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_790_000_000.5
RULES = """
<group name="base,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>r</description></rule>
</group>
<group name="app,">
  <rule id="100" level="3">
    <if_sid>1</if_sid><field name="who">\\.</field><description>By $(who)</description>
  </rule>
  <rule id="101" level="10" frequency="3" timeframe="60">
    <if_matched_sid>100</if_matched_sid><description>Many</description>
  </rule>
  <rule id="102" level="0">
    <if_sid>1</if_sid><match>quiet</match><description>Quiet</description>
  </rule>
</group>
"""
WITH_WARNING = RULES.replace("<match>quiet", "<if_sid>999</if_sid><match>quiet")
WITH_UNKNOWN_ATTACK = RULES.replace("<match>quiet", "<mitre><id>T9999</id></mitre><match>quiet")
DECODERS = """
<decoder name="json"><prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
<decoder name="named"><program_name>^named$</program_name></decoder>
<decoder name="rest"><prematch>^</prematch></decoder>
"""


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Client:
    """Speaks the protocol over a socket of its own for every message."""

    def __init__(self, path):
        self.path = str(path)

    def connect(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(20)
        connection.connect(self.path)
        return connection

    def exchange(self, message):
        with self.connect() as connection:
            connection.sendall(struct.pack("<I", len(message)) + message)
            return self.receive(connection)

    @staticmethod
    def receive(connection):
        def exactly(size):
            data = b""
            while len(data) < size:
                part = connection.recv(size - len(data))
                if not part:
                    return None
                data += part
            return data

        head = exactly(4)
        return None if head is None else json.loads(exactly(struct.unpack("<I", head)[0]))

    def command(self, command, **parameters):
        return self.exchange(
            json.dumps(
                {
                    "version": 1,
                    "origin": {"name": "test", "module": "test"},
                    "command": command,
                    "parameters": parameters,
                }
            ).encode()
        )

    def log(self, event, **more):
        given = {"event": event, "log_format": "syslog", "location": "stdin"} | more
        answer = self.command("log_processing", **given)
        assert answer["error"] == 0
        return answer["data"]


@pytest.fixture
def ruleset_file(tmp_path):
    folder = tmp_path / "ruleset"
    folder.mkdir()
    (folder / "rules.xml").write_text(RULES, encoding="utf-8")
    (folder / "decoders.xml").write_text(DECODERS, encoding="utf-8")
    return folder


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def serving(tmp_path, ruleset_file, clock):
    """A server in a thread."""

    def load():
        return Ruleset.load([ruleset_file / "rules.xml"], [ruleset_file / "decoders.xml"])

    def stamp():
        return (ruleset_file / "rules.xml").read_bytes()

    sessions = SessionStore(limit=3, idle_limit=900, clock=clock)
    responder = Responder(
        RulesetSource(load, stamp), sessions, clock=lambda: NOW, manager="manager"
    )
    server = Server(tmp_path / "logtest", responder, sessions, patience=2)
    server.sessions = sessions
    with server:
        thread = threading.Thread(target=server.run)
        thread.start()
        yield server
        server.stop()
        thread.join(timeout=20)
    assert not thread.is_alive()
    assert not (tmp_path / "logtest").exists()


@pytest.fixture
def client(serving, tmp_path):
    assert serving is not None
    return Client(tmp_path / "logtest")


def token_of(data):
    assert re.fullmatch(r"[0-9a-f]{8}", data["token"])
    return data["token"]


def numbers(data):
    """Return level and number of every message."""
    found = [re.match(r"(\w+): (?:\((\d+)\))?", text) for text in data.get("messages", ())]
    return [match.groups() for match in found]


def test_an_event_opens_a_session_and_is_answered(client):
    data = client.log('{"who": "eve"}')
    token = token_of(data)
    (message,) = data.pop("messages")
    assert message.startswith("INFO: (7202): ")
    assert f"'{token}'" in message
    output = data.pop("output")
    assert data == {"token": token, "alert": True, "codemsg": 0}
    assert output.pop("timestamp").startswith("2026-09-")
    assert output == {
        "rule": {
            "level": 3,
            "description": "By eve",
            "id": "100",
            "firedtimes": 1,
            "mail": False,
            "groups": ["app"],
        },
        "agent": {"id": "000", "name": "manager"},
        "manager": {"name": "manager"},
        "id": "1790000000.1",
        "full_log": '{"who": "eve"}',
        "decoder": {"name": "json"},
        "data": {"who": "eve"},
        "location": "stdin",
    }


def test_a_token_goes_on_with_its_session(client):
    first = client.log('{"who": "eve"}')
    answers = [client.log('{"who": "eve"}', token=first["token"]) for _ in range(2)]
    assert [answer["output"]["rule"]["id"] for answer in answers] == ["100", "101"]
    assert [answer["output"]["rule"]["firedtimes"] for answer in answers] == [2, 1]
    assert [answer["token"] for answer in answers] == [first["token"]] * 2
    assert "messages" not in answers[0]


def test_sessions_do_not_see_each_other(client):
    answers = [client.log('{"who": "eve"}') for _ in range(3)]
    assert {answer["output"]["rule"]["id"] for answer in answers} == {"100"}
    assert len({answer["token"] for answer in answers}) == 3


def test_sessions_share_what_check_diff_saw(client, ruleset_file):
    """analysisd keeps it on disk, so that it outlives a session."""
    changed = RULES.replace("<if_sid>1</if_sid><match>quiet", "<if_sid>100</if_sid><check_diff/>")
    text = changed.replace("</match><description>Quiet", "<description>Changed")
    text = text.replace('id="102" level="0"', 'id="102" level="4"')
    (ruleset_file / "rules.xml").write_text(text, encoding="utf-8")
    first = client.log('{"who": "one"}')
    answers = [first, client.log('{"who": "two"}', token=first["token"])]
    answers.append(client.log('{"who": "one"}'))
    assert answers[2]["token"] != first["token"]
    assert [answer["output"]["rule"]["id"] for answer in answers] == ["100", "102", "102"]


def test_an_event_may_be_an_object(client):
    data = client.log({"who": "eve", "n": 1.50})
    assert data["output"]["full_log"] == '{"who":"eve","n":1.5}'


def test_level_0_and_no_rule_are_no_alert(client):
    quiet = client.log("quiet")
    assert (quiet["alert"], quiet["output"]["rule"]["level"]) == (False, 0)
    other = client.log("other")
    assert other["alert"] is False
    assert "rule" not in other["output"]


def test_the_location_names_the_agent(client):
    output = client.log("x", location="[007] (web) 192.0.2.1->/var/log/x")["output"]
    assert output["agent"] == {"id": "007", "name": "web", "ip": "192.0.2.1"}
    assert output["location"] == "/var/log/x"


def test_a_refused_location_fails_the_event(client):
    data = client.log("x", location="[007")
    assert (numbers(data)[-1], data["codemsg"]) == (("ERROR", "7312"), -1)
    assert "output" not in data
    assert "alert" not in data


def test_an_unknown_token_gets_a_new_session_and_a_warning(client):
    data = client.log("x", token="0123abcd")
    assert numbers(data) == [("WARNING", "7003"), ("INFO", "7202")]
    assert (data["codemsg"], token_of(data) != "0123abcd") == (1, True)


@pytest.mark.parametrize("token", ["short", 12, None, {"a": 1}])
def test_a_malformed_token_is_ignored_with_a_warning(client, token):
    data = client.log("x", token=token)
    assert numbers(data) == [("WARNING", "7309"), ("INFO", "7202")]
    assert data["codemsg"] == 1


def test_a_session_can_be_removed(client):
    token = client.log("x")["token"]
    removed = client.command("remove_session", token=token)
    assert removed["error"] == 0
    assert numbers(removed["data"]) == [("INFO", "7206")]
    assert removed["data"]["codemsg"] == 0
    again = client.command("remove_session", token=token)
    assert (numbers(again["data"]), again["data"]["codemsg"]) == ([("ERROR", "7004")], -1)
    assert numbers(client.log("x", token=token))[0] == ("WARNING", "7003")


@pytest.mark.parametrize(
    ("parameters", "number"), [({}, "7316"), ({"token": 5}, "7316"), ({"token": "x"}, "7309")]
)
def test_removing_needs_a_token(client, parameters, number):
    answer = client.command("remove_session", **parameters)
    assert (answer["error"], answer["data"]) == (4, {})
    assert answer["message"].startswith(f"({number}): ")


def request(**changes):
    parameters = {"event": "x", "log_format": "syslog", "location": "stdin"}
    whole = {"version": 1, "command": "log_processing", "parameters": parameters} | changes
    return json.dumps({key: value for key, value in whole.items() if value is not Ellipsis})


@pytest.mark.parametrize(
    ("message", "code", "number"),
    [
        ("{", 1, "7307"),
        ("", 1, "7307"),
        ("[" * 60000, 1, "7307"),
        ("[1]", 2, "7313"),
        (request(parameters=...), 2, "7313"),
        (request(parameters=[1]), 2, "7317"),
        (request(command=...), 2, "7313"),
        (request(command=5), 2, "7317"),
        (request(command="stop"), 3, "7306"),
        (request(parameters={"event": "x", "log_format": "syslog"}), 2, "7308"),
        (request(parameters={"event": "x", "location": "l"}), 2, "7308"),
        (request(parameters={"event": "x", "log_format": "", "location": "l"}), 2, "7308"),
        (request(parameters={"log_format": "syslog", "location": "l"}), 2, "7313"),
        (request(parameters={"event": "", "log_format": "s", "location": "l"}), 2, "7317"),
        (request(parameters={"event": {}, "log_format": "s", "location": "l"}), 2, "7317"),
        (request(parameters={"event": 5, "log_format": "s", "location": "l"}), 2, "7317"),
    ],
)
def test_what_is_no_request_is_refused(client, message, code, number):
    answer = client.exchange(message.encode() or b"\0")
    assert (answer["error"], answer["data"]) == (code, {})
    assert answer["message"].startswith(f"({number}): ")


def test_a_parse_error_shows_where(client):
    answer = client.exchange(b'{"version": 1, "command": nonsense, "more": true}')
    assert "position 26" in answer["message"]
    assert '"command": nonsense,'[10:] in answer["message"]


def test_text_after_the_request_is_ignored(client):
    assert client.exchange(request().encode() + b" trailing")["error"] == 0
    assert client.exchange(request().encode() + b"\0trailing")["error"] == 0


def test_verbose_mode_lists_the_rules_tried(client):
    data = client.log('{"who": "eve"}', options={"rules_debug": True})
    assert data["rules_debug"] == [
        "Trying rule: 1 - r",
        "*Rule 1 matched",
        "*Trying child rules",
        "Trying rule: 102 - Quiet",
        "Trying rule: 100 - By $(who)",
        "*Rule 100 matched",
        "*Trying child rules",
        "Trying rule: 101 - Many",
    ]
    assert "rules_debug" not in client.log("x", token=data["token"])


@pytest.mark.parametrize(
    ("options", "number"), [("yes", "7005"), ([], "7005"), ({"rules_debug": "yes"}, "7006")]
)
def test_options_of_another_type_are_ignored_with_a_warning(client, options, number):
    data = client.log("x", options=options)
    assert ("WARNING", number) in numbers(data)
    assert (data["codemsg"], "rules_debug" in data) == (1, False)


def test_warnings_of_loading_come_with_a_new_session(client, ruleset_file):
    (ruleset_file / "rules.xml").write_text(WITH_WARNING, encoding="utf-8")
    data = client.log("x")
    assert numbers(data)[-1] == ("INFO", "7202")
    assert {level for level, _ in numbers(data)[:-1]} == {"WARNING"}
    assert data["codemsg"] == 1
    again = client.log("x", token=data["token"])
    assert ("messages" in again, again["codemsg"]) == (False, 0)


def test_unknown_attack_ids_are_warned_of_with_the_event(client, ruleset_file):
    (ruleset_file / "rules.xml").write_text(WITH_UNKNOWN_ATTACK, encoding="utf-8")
    data = client.log("quiet")
    assert (numbers(data)[-1], data["codemsg"]) == (("WARNING", None), 1)


def test_changed_rules_are_read_for_the_next_session_only(client, ruleset_file):
    old = client.log('{"who": "eve"}')
    (ruleset_file / "rules.xml").write_text(RULES.replace("By ", "From "), encoding="utf-8")
    new = client.log('{"who": "eve"}')
    kept = client.log('{"who": "eve"}', token=old["token"])
    described = [data["output"]["rule"]["description"] for data in (old, new, kept)]
    assert described == ["By eve", "From eve", "By eve"]


def test_a_ruleset_that_cannot_be_loaded_opens_no_session(client, ruleset_file):
    (ruleset_file / "rules.xml").write_text("<group name='x,'><rule", encoding="utf-8")
    data = client.log("x")
    assert data["codemsg"] == -1
    assert numbers(data)[-1] == ("ERROR", "7311")
    assert "token" not in data


def test_idle_sessions_are_closed(client, serving, clock):
    token = client.log("x")["token"]
    clock.now += 899
    serving.sessions.expire()
    assert len(serving.sessions) == 1
    client.log("x", token=token)
    clock.now += 900
    serving.sessions.expire()
    assert len(serving.sessions) == 0


def test_one_session_too_many_closes_the_one_idle_longest(client, clock):
    tokens = []
    for _ in range(3):
        tokens.append(client.log("x")["token"])
        clock.now += 1
    client.log("x", token=tokens[0])
    clock.now += 1
    client.log("x")
    kept = [numbers(client.log("x", token=token)) == [] for token in (tokens[2], tokens[0])]
    assert kept == [True, True]
    assert numbers(client.log("x", token=tokens[1]))[0] == ("WARNING", "7003")


def test_a_message_that_is_too_long_is_refused_unread(client):
    with client.connect() as connection:
        connection.sendall(struct.pack("<I", 65536))
        answer = client.receive(connection)
    assert answer["error"] == 5
    assert answer["message"].startswith("(7315): ")
    assert "data" not in answer


def test_the_longest_message_is_answered(client):
    space = 65535 - len(request().encode())
    whole = json.loads(request())
    whole["parameters"]["event"] = "x" * (space + 1)
    message = json.dumps(whole).encode()
    assert len(message) == 65535
    answer = client.exchange(message)
    assert len(answer["data"]["output"]["full_log"]) == space + 1


@pytest.mark.parametrize("sent", [b"", b"\1", struct.pack("<I", 0), struct.pack("<I", 9) + b"{"])
def test_a_client_that_leaves_early_is_forgotten(client, sent):
    with client.connect() as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert client.receive(connection) is None
    assert client.log("x")["codemsg"] == 0


def test_silent_clients_do_not_hold_up_others(client):
    silent = [client.connect() for _ in range(8)]
    assert client.log("x")["codemsg"] == 0
    for connection in silent:
        connection.close()


def test_an_event_that_nests_too_deeply_fails_alone(client):
    deep = json.dumps({".".join("a" * 20000): "x"})
    data = client.log(deep)
    assert (numbers(data)[-1], data["codemsg"]) == (("ERROR", "7312"), -1)
    assert client.log("x", token=data["token"])["codemsg"] == 0


def test_bytes_that_are_not_utf8_come_back_as_they_were(client, tmp_path):
    message = request().replace('"x"', '"user \xff"').encode("latin-1")
    with client.connect() as connection:
        connection.sendall(struct.pack("<I", len(message)) + message)
        (size,) = struct.unpack("<I", connection.recv(4))
        raw = b""
        while len(raw) < size:
            raw += connection.recv(size)
    assert b'"full_log":"user \xff"' in raw
    assert tmp_path.is_dir()


def test_many_clients_at_once_are_all_answered(client):
    answers = []

    def ask():
        answers.append(client.log('{"who": "eve"}')["output"]["rule"]["id"])

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert answers == ["100"] * 30


def test_the_socket_is_for_owner_and_group(client):
    assert stat.S_IMODE(os.stat(client.path).st_mode) == 0o660  # noqa: PTH116 - a plain path


def bare_server(path):
    sessions = SessionStore()
    return Server(path, Responder(RulesetSource(lambda: None), sessions), sessions)


def test_a_socket_left_behind_is_replaced(tmp_path):
    path = tmp_path / "logtest"
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(path))
    left.close()
    with bare_server(path):
        assert stat.S_ISSOCK(path.stat().st_mode)
    assert not path.exists()


def test_a_socket_in_use_is_left_alone(tmp_path):
    path = tmp_path / "logtest"
    with bare_server(path):
        with pytest.raises(PackError, match="in use"), bare_server(path):
            pass
        assert path.exists()


def test_a_file_is_not_replaced(tmp_path):
    path = tmp_path / "logtest"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(PackError, match="no socket"), bare_server(path):
        pass
    assert path.read_text(encoding="utf-8") == "precious"


def test_a_path_that_cannot_be_bound_is_an_error(tmp_path):
    with pytest.raises(PackError, match="cannot listen"), bare_server(tmp_path / ("x" * 200)):
        pass


def test_another_server_s_socket_is_not_removed(tmp_path):
    path = tmp_path / "logtest"
    with bare_server(path):
        path.unlink()
        path.write_text("somebody else's", encoding="utf-8")
    assert path.exists()


@pytest.fixture
def command(tmp_path, ruleset_file):
    """The command in a process of its own, ready to be asked."""
    path = tmp_path / "command"
    argv = [sys.executable, "-m", "wazuh_pack", "serve", "--socket", str(path), "--no-stock"]
    argv += ["--rules", str(ruleset_file / "rules.xml")]
    argv += ["--decoders", str(ruleset_file / "decoders.xml")]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    process.path = path
    try:
        assert "listening" in process.stderr.readline()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_a_signal_and_cleans_up(command, number):
    data = Client(command.path).log('{"who": "eve"}')
    assert data["output"]["rule"]["id"] == "100"
    seconds = time.time() - int(data["output"]["id"].partition(".")[0])
    assert abs(seconds) < 600
    command.send_signal(number)
    assert command.wait(timeout=20) == 0
    assert not command.path.exists()


def oracle():
    """A Python that has wazuhtester; it is GPL, and so never imported here."""
    named = os.environ.get("WAZUH_PACK_WAZUHTESTER", "")
    return shutil.which(named) if named else None


def test_wazuhtester_takes_it_for_a_manager(command):
    python = oracle()
    if python is None:
        pytest.skip("WAZUH_PACK_WAZUHTESTER names no Python with wazuhtester")
    script = """
import json, sys
from wazuhtester import LogtestSession, is_logtest_available, send_log, send_multiple_logs
path = sys.argv[1]
assert is_logtest_available(path)
event = '{"who": "eve"}'
with LogtestSession(socket_path=path) as session:
    raw = [session.process_log(event) for _ in range(3)]
print(json.dumps([answer["data"]["output"]["rule"]["id"] for answer in raw]))
print(json.dumps([str(r.status) + " " + str(r.rule_id) for r in
                  send_multiple_logs([event, event, event, "quiet", "none"], socket_path=path)]))
"""
    done = subprocess.run(
        [python, "-c", script, str(command.path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert json.loads(first) == ["100", "100", "101"]
    assert [row.rpartition(" ")[2] for row in json.loads(second)][:3] == ["100", "100", "101"]


def test_a_choice_that_does_not_exist_is_refused(tmp_path):
    from wazuh_pack.verify.choice import RulesetChoice  # noqa: PLC0415 - only this test needs it

    with pytest.raises(UsageError, match="no stock ruleset"):
        RulesetChoice(stock=tmp_path).load()
