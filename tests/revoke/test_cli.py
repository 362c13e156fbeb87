"""``wazuh-pack respond`` about revoke-token."""

import io
import json

import pytest
from revoke_world import github_token

from wazuh_pack.cli import _exit, main
from wazuh_pack.revoke import reference

TOKEN = github_token()
INI = """[revoke-token]
mode = {mode}
[gitlab]
url = https://127.0.0.1:9/api/v4
actions = runner-pause token
[github]
actions = token
"""


class Cli:
    def __init__(self, root, capsys):
        self.root = root
        self._capsys = capsys

    def __call__(self, *words, code=_exit.OK):
        found = main(["respond", *words, "--home", str(self.root), "--format", "json"])
        out = self._capsys.readouterr()
        assert found == code, out.err
        return [json.loads(line) for line in out.out.splitlines()]

    def error(self, *words, code=_exit.ERROR):
        assert main(["respond", *words, "--home", str(self.root)]) == code
        return self._capsys.readouterr().err

    def configure(self, mode):
        path = self.root / "etc/wazuh-pack/revoke.ini"
        path.write_text(INI.format(mode=mode))
        path.chmod(0o640)

    def log(self):
        path = self.root / "logs/active-responses.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def cli(tmp_path, capsys, monkeypatch):
    (tmp_path / "logs").mkdir()
    (tmp_path / "etc/wazuh-pack").mkdir(parents=True)
    (tmp_path / "var").mkdir(mode=0o750)
    # A lane would only find nobody at the address; what it does is tested elsewhere.
    monkeypatch.setattr("wazuh_pack.revoke.script.detach", lambda _: True)
    made = Cli(tmp_path, capsys)
    made.configure("enforce")
    return made


def test_the_status_of_both_responses_is_shown(cli):
    block, revoke = cli("status")

    assert block["response"] == "block-ip"
    assert revoke == {
        "response": "revoke-token",
        "home": str(cli.root),
        "installed": False,
        "started_by": "execd",
        "mode": "enforce",
        "stopped": False,
        "providers": "gitlab, github",
        "open": 0,
        "failed": 0,
        "max_actions": 20,
        "window": 600,
        "limit_reached": False,
        "waiting": 0,
    }


def test_where_integratord_starts_it_the_state_is_its_own(cli):
    (cli.root / "integrations").mkdir()
    (cli.root / "integrations/custom-wazuh-pack-revoke-token").touch()
    (cli.root / "var/wazuh-pack-integration").mkdir(mode=0o700)
    (_, revoke) = cli("status")
    assert (revoke["installed"], revoke["started_by"]) == (True, "integratord")
    cli("revoke", "gitlab.runner-pause", "31")

    assert [job["target"] for job in cli("revocations")] == ["runner_id 31"]
    assert not (cli.root / "var/wazuh-pack").exists()


def test_without_revoke_token_only_the_other_is_shown(cli):
    (cli.root / "etc/wazuh-pack/revoke.ini").unlink()

    assert [row["response"] for row in cli("status")] == ["block-ip"]
    assert "not installed here" in cli.error("retry", "x")


def test_the_providers_say_what_they_can_and_what_is_allowed(cli):
    rows = [row for row in cli("providers") if row["response"] == "revoke-token"]
    allowed = {row["action"] for row in rows if row["usable"]}
    pause = next(row for row in rows if row["action"] == "gitlab.runner-pause")

    assert allowed == {"gitlab.runner-pause", "gitlab.token", "github.token"}
    assert (pause["reversible"], pause["verified"]) == (True, "the runner is paused")
    assert pause["rights"].startswith("administrator, or owner of the runner's project")


def test_a_person_revokes_under_the_same_rules(cli):
    (line,) = cli("revoke", "gitlab.runner-pause", "31")
    (job,) = cli("revocations")

    assert (line["outcome"], line["key"]) == ("accepted", job["key"])
    assert (job["action"], job["target"], job["state"]) == (
        "gitlab.runner-pause",
        "runner_id 31",
        "pending",
    )
    assert cli("status")[1]["open"] == 1
    assert '"outcome":"accepted"' in cli.log()
    assert cli("revoke", "gitlab.runner-pause", "31")[0]["outcome"] == "duplicate"
    (line,) = cli("revoke", "gitlab.runner-pause", "x", code=_exit.ERROR)
    assert line["outcome"] == "refused_invalid"


def test_a_token_comes_by_standard_input_and_is_never_shown(cli, monkeypatch):
    for action in ("github.token", "tokens"):
        error = cli.error("revoke", action, TOKEN, code=_exit.USAGE)
        assert "must not stand on the command line" in error
        assert TOKEN not in error
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))
    (line,) = cli("revoke", "github.token", "-")

    assert line["outcome"] == "accepted"
    assert TOKEN not in json.dumps(line) + cli.log() + json.dumps(cli("revocations"))


def test_what_was_not_done_cannot_be_taken_back(cli):
    (line,) = cli("revoke", "gitlab.runner-pause", "31")

    assert "the same action is under way" in cli.error("undo", line["key"])
    assert "the action is pending, not failed" in cli.error("retry", line["key"])
    assert "no action has this key" in cli.error("undo", "nothing")
    assert cli("retry")[-1] == {"response": "revoke-token", "open": 1}


@pytest.mark.parametrize("mode", ["enforce", "dry-run"])
def test_an_alert_is_tried_without_any_trace(cli, tmp_path, mode):
    cli.configure(mode)
    alert = tmp_path / "alert.json"
    alert.write_text(json.dumps({"rule": {"id": "110611"}, "data": {"target_id": "31"}}))
    words = ["--response", "revoke-token", "--field", "data.target_id"]
    (line,) = cli("test", str(alert), *words, "--action", "gitlab.runner-pause")

    assert line["outcome"] == ("accepted" if mode == "enforce" else "dry_run")
    assert line["target"] == "runner_id 31"
    assert cli.log() == ""
    assert not (cli.root / "var/wazuh-pack").exists()


def test_a_whole_message_says_whom_it_is_for(cli, tmp_path):
    message = {
        "version": 1,
        "origin": {"name": "node01", "module": "wazuh-execd"},
        "command": "add",
        "parameters": {
            "extra_args": ["--field", "data.id", "--action", "github.runner"],
            "alert": {"data": {"id": "31"}},
            "program": "active-response/bin/wazuh-pack-revoke-token",
        },
    }
    (tmp_path / "m.json").write_text(json.dumps(message))
    (line,) = cli("test", str(tmp_path / "m.json"), code=_exit.ERROR)

    assert (line["outcome"], line["reason"]) == (
        "not_enabled",
        "not enabled in revoke.ini: github.runner",
    )


def test_a_mistake_in_the_configuration_is_told(cli):
    cli.configure("on")

    assert "revoke.ini:2: 'mode': 'on' is not known" in cli.error("status")


def test_the_page_of_the_reference_is_printed(capsys):
    assert main(["respond", "providers", "--reference"]) == _exit.OK
    assert capsys.readouterr().out == reference.page() + "\n"
