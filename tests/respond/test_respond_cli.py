"""``wazuh-pack respond``, in a dry run: the tests' own host is never changed."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from wazuh_pack.agentkit.home import Home
from wazuh_pack.cli import _exit, main
from wazuh_pack.respond import block_ip, manage


class Cli:
    def __init__(self, root, capsys):
        self.root = root
        self._capsys = capsys

    def __call__(self, *words, code=_exit.OK):
        """Return what was printed, as JSON objects."""
        found = main(["respond", *words, "--home", str(self.root), "--format", "json"])
        out = self._capsys.readouterr()
        assert found == code, out.err
        return [json.loads(line) for line in out.out.splitlines()]

    def text(self, *words, code=_exit.OK):
        assert main(["respond", *words, "--home", str(self.root)]) == code
        out = self._capsys.readouterr()
        return out.out + out.err

    def configure(self, text):
        path = self.root / "etc/wazuh-pack/respond.ini"
        path.write_text(f"[block-ip]\n{text}")
        path.chmod(0o640)


@pytest.fixture
def cli(tmp_path, capsys):
    (tmp_path / "logs").mkdir()
    (tmp_path / "etc/wazuh-pack").mkdir(parents=True)
    return Cli(tmp_path, capsys)


def test_a_host_where_nothing_happened_yet_has_a_status(cli):
    (found,) = cli("status")

    assert found == {
        "response": "block-ip",
        "home": str(cli.root),
        "installed": False,
        "mode": "dry-run",
        "stopped": False,
        "blocked": 0,
        "new_blocks": 0,
        "max_blocks": 300,
        "window": 600,
        "limit_reached": False,
        "waiting": 0,
        "inspected": None,
    }
    assert list((cli.root / "etc/wazuh-pack").iterdir()) == []
    assert not (cli.root / "var").exists()


def test_an_address_is_blocked_listed_and_unblocked(cli):
    (done,) = cli("block", "203.0.113.9", "--timeout", "15m")
    assert (done["outcome"], done["would"], done["timeout"]) == ("dry_run", "blocked", 900)

    (row,) = cli("blocked")
    assert (row["target"], row["offences"]) == ("203.0.113.9", 1)
    assert 890 < row["seconds"] <= 900
    assert row["until"] == done["until"]
    assert cli("status")[0]["blocked"] == 1

    (done,) = cli("unblock", "203.0.113.9")
    assert (done["would"], done["target"]) == ("unblocked", "203.0.113.9")
    assert cli("blocked") == []


def test_what_a_person_does_is_logged_like_any_other_decision(cli):
    cli("block", "203.0.113.9")
    (line,) = (cli.root / "logs/active-responses.log").read_text().splitlines()
    found = json.loads(line.partition(": ")[2])

    assert found["parameters"] == {"program": "active-response/bin/wazuh-pack-block-ip"}
    assert found["wazuh_pack"]["alert_id"].startswith("manual-")


@pytest.mark.parametrize(
    ("target", "outcome"),
    [("127.0.0.1", "refused_allowlist"), ("203.0.113.0/24", "refused_invalid"),
     ("203.0.113.9; id", "refused_invalid")],
)  # fmt: skip
def test_the_same_rules_hold_for_people(cli, target, outcome):
    (done,) = cli("block", target, code=_exit.ERROR)

    assert done["outcome"] == outcome


def test_a_home_that_is_not_there_is_a_mistake_and_is_not_made(cli):
    home = cli.root / "none"
    cli.root = home
    assert "does not exist" in cli.text("block", "203.0.113.9", code=_exit.USAGE)
    assert not home.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else needs root")
def test_somebody_who_may_not_read_the_state_is_told_who_may(cli):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        cli.root = Path(folder)
        cli.root.chmod(0o755)
        (cli.root / "logs").mkdir()
        cli("block", "203.0.113.9")
        os.seteuid(65534)
        try:
            said = [cli.text(word, code=_exit.ERROR) for word in ("status", "blocked", "retry")]
        finally:
            os.seteuid(0)

    for text in said:
        assert "run this as root" in text
        assert str(cli.root) in text


def test_a_wrong_duration_is_a_mistake_of_the_command_line(cli):
    assert "is not a duration" in cli.text(
        "block", "203.0.113.9", "--timeout", "soon", code=_exit.USAGE
    )


@pytest.fixture
def alert(cli):
    def write(document):
        path = cli.root / "alert.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return write


def test_an_alert_is_tried_without_any_effect(cli, alert):
    path = alert({"id": "1.2", "rule": {"id": "110001"}, "data": {"srcip": "203.0.113.9"}})
    (found,) = cli("test", path)

    assert (found["outcome"], found["would"], found["rule_id"]) == ("dry_run", "blocked", "110001")
    assert cli("blocked") == []
    assert cli("status")[0]["new_blocks"] == 0
    assert not (cli.root / "logs/active-responses.log").exists()


def test_in_enforcing_mode_trying_an_alert_has_no_effect_either(cli, alert):
    cli.configure("mode = enforce\n")
    (found,) = cli("test", alert({"data": {"srcip": "203.0.113.9"}}))

    assert (found["outcome"], found["mode"], found["preview"]) == ("blocked", "enforce", True)
    assert cli("blocked") == []


def test_a_whole_message_and_a_field_of_ones_own_are_understood(cli, alert):
    whole = manage.message("add", [], {"data": {"srcip": "127.0.0.9"}})
    (found,) = cli("test", alert(whole), code=_exit.ERROR)
    assert (found["outcome"], found["reason"]) == ("refused_allowlist", "loopback")

    document = {"data": {"jenkins": {"ip": "203.0.113.9"}}}
    (found,) = cli("test", alert(document), "--field", "data.jenkins.ip", "--timeout", "90s")
    assert (found["target"], found["timeout"]) == ("203.0.113.9", 90)


@pytest.mark.parametrize("text", ["", "{", "[]", "1"])
def test_what_is_no_alert_is_a_mistake_of_the_command_line(cli, alert, text):
    assert "alert.json" in cli.text("test", alert(text), code=_exit.USAGE)


def test_waiting_messages_are_taken_up(cli):
    home = Home(str(cli.root))
    line = json.dumps(manage.message("add", [], {"data": {"srcip": "203.0.113.9"}}))
    block_ip.accept(home, line.encode())
    assert cli("status")[0]["waiting"] == 1

    assert cli("retry") == [{"response": "block-ip", "waited": 1, "waiting": 0}]
    assert [row["target"] for row in cli("blocked")] == ["203.0.113.9"]


def test_providers_say_whether_they_can_be_used_and_why_not(cli):
    cli.configure("mode = dry-run\nnft = /opt/nft\n")
    (nftables,) = [row for row in cli("providers") if row["provider"] == "nftables"]

    assert (nftables["usable"], nftables["reason"]) == (
        False,
        "/opt/nft: it is not there; install it",
    )


def test_a_wrong_configuration_is_said_with_its_line(cli):
    cli.configure("mode = on\n")

    assert "respond.ini:2: 'mode'" in cli.text("status", code=_exit.ERROR)


def test_people_get_text(cli):
    cli("block", "203.0.113.9")

    assert "mode          dry-run" in cli.text("status")
    assert cli.text("blocked").split()[:6] == [
        *("target", "mode", "seconds", "until", "offences"),
        "203.0.113.9",
    ]
    assert "nftables" in cli.text("providers")
    assert "outcome   dry_run" in cli.text("unblock", "203.0.113.9")
