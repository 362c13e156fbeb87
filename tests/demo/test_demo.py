"""The demo: the story's alerts, from the installed XML, and what answers them."""

import json
import os
import shutil

import pytest

from wazuh_pack.cli import main
from wazuh_pack.demo import story

EXPECTED = [
    "app-login-bruteforce",
    "app-login-bruteforce-succeeded",
    "github-branch-protection-removed",
    "github-deploy-key-writable",
    "github-runner-registered",
    "gitlab-impersonation-token-created",
    "jenkins-script-console-used",
    "k8s-pod-exec",
    "sshd-internal-bruteforce",
]
PRIVILEGED = os.geteuid() == 0 and shutil.which("nft") and shutil.which("nsenter")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """Everything that one run of the demo prints for machines."""
    home = tmp_path_factory.mktemp("demo") / "manager"
    buffer = []
    patch = pytest.MonkeyPatch()
    patch.setattr("wazuh_pack.cli._out.json_line", buffer.append)
    try:
        assert main(["demo", "--format", "json", "--home", str(home)]) == 0
    finally:
        patch.undo()
    return home, buffer


def detections_of(items):
    """Detections that fired, in order, without repetitions."""
    lines = []
    patch = pytest.MonkeyPatch()
    patch.setattr("wazuh_pack.cli._out.json_line", lines.append)
    main(["list", "--format", "json"])
    patch.undo()
    names = {str(row["id"]): row["slug"] for row in lines}
    fired = [names.get(item["rule"]["id"]) for item in items if "rule" in item]
    return list(dict.fromkeys(fired))


def test_every_part_of_the_story_raises_its_alert(replayed):
    _, items = replayed
    fired = detections_of(items)

    assert [name for name in EXPECTED if name not in fired] == []
    assert [name for name in fired if name in EXPECTED] == EXPECTED


def test_the_scan_raises_a_critical_finding(replayed):
    _, items = replayed
    found = [
        item
        for item in items
        if item.get("data", {}).get("security_scan", {}).get("finding_id") == "CVE-2021-44228"
    ]

    assert [item["rule"]["level"] for item in found] == [15]


def test_alerts_come_from_installed_rules(replayed):
    home, items = replayed
    installed = "".join(path.read_text() for path in (home / "etc/rules").glob("*.xml"))
    ids = {item["rule"]["id"] for item in items if "rule" in item}

    assert ids
    assert [number for number in ids if f'<rule id="{number}"' not in installed] == []


def test_brute_force_is_answered_by_a_block(replayed):
    _, items = replayed
    answers = [item for item in items if "response" in item]
    outcome = "blocked" if PRIVILEGED else "dry_run"

    decided = [(item["target"], item["outcome"]) for item in answers]
    assert decided[0] == ("198.51.100.23", outcome)
    assert ("10.20.30.40", outcome) in decided


def test_a_deploy_key_and_an_administrators_tokens_would_be_revoked(replayed):
    _, items = replayed
    decided = [item for item in items if item.get("response") == "revoke-token"]
    found = {(item["outcome"], item["would"], item["action"], item["target"]) for item in decided}
    key = "fingerprint SHA256:EXAMPLEexampleEXAMPLEexampleEXAMPLEexample0"

    assert found == {
        (
            "dry_run",
            "revoked",
            "github.deploy-key-fingerprint",
            f"{key}, repository example-org/payments",
        ),
        ("dry_run", "revoked", "jenkins.user-tokens", "user alice"),
    }


def test_alerts_have_the_shape_of_alerts_json(replayed):
    _, items = replayed
    alert = next(item for item in items if "rule" in item)

    assert json.loads(json.dumps(alert)) == alert
    assert {"timestamp", "rule", "agent", "manager", "id", "decoder", "data", "location"} <= set(
        alert
    )


def test_the_story_is_told_in_the_order_of_time():
    scenes = story.load().scenes

    assert len(scenes) == 7
    assert all(step.after >= 0 and step.every > 0 for scene in scenes for step in scene.steps)


def test_a_folder_that_is_no_demos_is_left_alone(tmp_path, capsys):
    precious = tmp_path / "ossec"
    precious.mkdir()
    (precious / "client.keys").write_text("001 agent any EXAMPLE\n")

    assert main(["demo", "--home", str(precious)]) == 1
    assert "holds something that is not a demo's" in capsys.readouterr().err
    assert [path.name for path in precious.iterdir()] == ["client.keys"]
