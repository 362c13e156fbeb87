"""The built script under several Pythons, started as execd does it."""

import json
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

NAME = "wazuh-pack-block-ip"


def test_the_script_decides_on_every_supported_python(any_execd):
    found = any_execd.respond("203.0.113.9", extra_args=["--timeout", "60"])

    assert found | {"until": ""} == {
        "response": "block-ip",
        "outcome": "dry_run",
        "would": "blocked",
        "mode": "dry-run",
        "target": "203.0.113.9",
        "timeout": 60,
        "until": "",
        "offences": 1,
        "rule_id": "110001",
        "alert_id": "1795303542.0",
        "agent_id": "000",
    }


def test_messages_of_a_real_execd_get_the_decisions_expected(any_execd, shared):
    lines = (shared / "samples/active-response/execd-messages.ndjson").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    sent = [e["message"] for e in entries if e["direction"] == "execd to script"]
    for message in sent:
        # The capture was configured with arguments that are not this script's.
        message["parameters"]["extra_args"] = []
        any_execd.run(json.dumps(message, separators=(",", ":")).encode())
    any_execd.settle(len(sent))

    found = [line["wazuh_pack"] for line in any_execd.manager.decisions()]
    assert [(f.get("would", f["outcome"]), f.get("target")) for f in found] == [
        ("blocked", "10.20.30.40"),
        ("blocked", "203.0.113.9"),
        ("refreshed", "203.0.113.9"),
        ("refreshed", "203.0.113.9"),
        ("refused_invalid", None),
        ("refreshed", "203.0.113.9"),
        ("unblocked", "10.20.30.40"),
        ("unblocked", "203.0.113.9"),
    ]
    assert found[4]["reason"] == "the alert has no field data.srcip"


def test_a_message_of_wazuh_5_is_answered_alike(any_execd):
    ours = {"type": "stateful", "stateful_timeout": 90, "extra_arguments": None}
    document = {"source": {"ip": "203.0.113.9"}, "wazuh": {"active_response": ours}}
    for command in ("enable", "disable"):
        any_execd.run(json.dumps({**document, "command": command}).encode())
    any_execd.settle(2)

    found = [line["wazuh_pack"] for line in any_execd.manager.decisions()]
    assert [(f["would"], f["target"], f.get("timeout")) for f in found] == [
        ("blocked", "203.0.113.9", 90),
        ("unblocked", "203.0.113.9", None),
    ]


def test_arguments_that_are_not_its_own_are_refused(execd, shared):
    lines = (shared / "samples/active-response/execd-messages.ndjson").read_text().splitlines()
    first = json.dumps(json.loads(lines[0])["message"]).encode()
    execd.run(first)
    execd.settle(1)

    assert execd.manager.decisions()[0]["wazuh_pack"]["reason"] == (
        "an extra argument is neither --field nor --timeout"
    )


def test_the_field_of_the_address_is_an_argument(execd):
    found = execd.respond(
        "192.0.2.1",
        extra_args=["--field", "data.app_security.source_ip"],
        data={"app_security": {"source_ip": "203.0.113.9"}},
    )

    assert found["target"] == "203.0.113.9"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "no message on standard input"),
        (b"x" * 200_000, "the message is longer than 131072 bytes"),
    ],
    ids=["empty", "huge"],
)
def test_what_is_no_message_is_refused_at_once(execd, line, reason):
    script = subprocess.Popen(
        [execd.manager.root / "active-response/bin" / NAME],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with suppress(BrokenPipeError):  # it may have read enough
        script.stdin.write(line + b"\n")
        script.stdin.flush()
    assert script.stdout.read() == b""
    assert script.wait() == 1
    script.stdout.close()
    with suppress(BrokenPipeError):
        script.stdin.close()
    assert execd.manager.decisions()[0]["wazuh_pack"] == {
        "response": "block-ip",
        "outcome": "refused_invalid",
        "reason": reason,
    }


def test_a_message_that_is_not_json_is_refused(execd):
    execd.run(b"{")
    execd.settle(1)

    found = execd.manager.decisions()[0]
    assert "command" not in found
    assert found["wazuh_pack"]["reason"] == "the message is not JSON, or nested too deeply"


@pytest.mark.parametrize(
    "target", ["203.0.113.9\x00", "\ud800", "203.0.113.9\n\n", "\u202e9.311.0.302", "a" * 60_000]
)
def test_a_hostile_address_is_quoted_on_one_harmless_line(execd, target):
    found = execd.respond(target)

    assert found["outcome"] == "refused_invalid"
    (line,) = execd.manager.log.read_bytes().splitlines()
    assert len(line) < 500
    assert all(32 <= byte < 127 for byte in line)


def test_the_largest_message_of_execd_is_taken(execd):
    line = execd.message(full_log="x" * 65_000)
    assert execd.run(line) == (b"", 0)
    execd.settle(1)

    assert execd.manager.outcomes() == ["dry_run"]


def test_a_mistake_in_the_configuration_stops_all_action(execd):
    execd.manager.configure("mode = enforced\nmax_timeout = long\n")
    found = execd.respond("203.0.113.9")
    path = execd.manager.root / "etc/wazuh-pack/respond.ini"

    assert found["outcome"] == "failed"
    assert found["reason"].startswith(
        f"{path}:2: 'mode': 'enforced' is not known; write one of dry-run, enforce; {path}:3: "
    )


def test_a_configuration_that_others_can_write_stops_all_action(execd):
    execd.manager.configure("mode = dry-run\n")
    path = execd.manager.root / "etc/wazuh-pack/respond.ini"
    path.chmod(0o660)
    found = execd.respond("203.0.113.9")

    assert found["outcome"] == "failed"
    assert "writable for group or others" in found["reason"]


def test_the_kill_switch_stops_blocking_but_not_unblocking(execd):
    execd.respond("203.0.113.9")
    execd.manager.stop.touch()

    assert execd.respond("203.0.113.10")["outcome"] == "refused_stopped"
    assert execd.respond("203.0.113.9", command="delete")["would"] == "unblocked"


def test_a_state_folder_that_others_can_write_is_not_used(execd):
    (execd.manager.root / "var").chmod(0o777)
    assert execd.run(execd.message()) == (b"", 1)

    found = execd.manager.decisions()[0]["wazuh_pack"]
    assert found["outcome"] == "failed"
    assert "var: writable for group or others" in found["reason"]


def test_the_state_is_for_root_alone(execd):
    execd.respond("203.0.113.9")
    state = execd.manager.state

    assert {p.name for p in state.iterdir()} >= {"inbox", "dry-run"}
    assert [p for p in state.rglob("*") if p.stat().st_mode & 0o077] == []


def test_the_environment_does_not_matter(execd, monkeypatch, tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('hijacked')")
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "WAZUH_PATH", "WAZUH_HOME"):
        monkeypatch.setenv(name, str(tmp_path))

    assert execd.respond("203.0.113.9")["outcome"] == "dry_run"


def test_the_default_configuration_is_a_valid_dry_run(execd):
    template = execd.manager.root / "etc/wazuh-pack/respond.ini"
    source = Path(__file__).resolve().parents[2] / "active_response/block_ip"
    template.write_bytes((source / "respond.ini").read_bytes())
    template.chmod(0o640)

    assert execd.respond("203.0.113.9")["outcome"] == "dry_run"
