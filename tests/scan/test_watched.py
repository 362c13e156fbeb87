"""The wodle takes reports from the folders of its configuration."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from wazuh_pack.agentkit.errors import ConfigError
from wazuh_pack.scan import config, inbox, run
from wazuh_pack.scan.events import KEY

SAMPLES = Path(__file__).resolve().parents[1] / "reports/samples"


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home/etc/wazuh-pack"
    folder.mkdir(parents=True, mode=0o755)
    (tmp_path / "in").mkdir()
    return tmp_path / "home"


def configure(home, text):
    path = home / "etc/wazuh-pack/trivy.ini"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o640)
    return str(path)


def test_reports_alone_are_enough_and_trivy_is_not_run(home, capfd, monkeypatch):
    configure(home, f"[reports-x]\nfolder = {home.parent / 'in'}\nsettle = 30s\n")
    place = home.parent / "in/shop.json"
    place.write_bytes((SAMPLES / "gitleaks.json").read_bytes())
    later = place.stat().st_ctime + 100
    monkeypatch.setattr(inbox, "time", SimpleNamespace(time=lambda: later))

    assert run.main(["--home", str(home), "--wait"]) == 0

    events = [json.loads(line)[KEY] for line in capfd.readouterr().out.splitlines()]
    assert {e["tool"] for e in events} == {"gitleaks"}
    assert events[-1]["event"] == "scan_finished"


def test_a_secret_is_fixed_when_the_named_tool_s_file_is_empty(home, capfd, monkeypatch):
    configure(
        home, f"[reports-x]\nfolder = {home.parent / 'in'}\ntool = trufflehog\nartifact = shop\n"
    )
    place = home.parent / "in/shop.jsonl"
    events = []
    for content in ((SAMPLES / "trufflehog.jsonl").read_bytes(), b""):
        place.write_bytes(content)
        later = place.stat().st_ctime + 100
        monkeypatch.setattr(inbox, "time", SimpleNamespace(time=lambda later=later: later))
        assert run.main(["--home", str(home), "--wait"]) == 0
        events.append([json.loads(line)[KEY] for line in capfd.readouterr().out.splitlines()])

    first, second = ([e for e in one if e["event"] == "finding"] for one in events)
    assert {e["state"] for e in first} == {"new"}
    assert {e["state"] for e in second} == {"fixed"}
    assert len(first) == len(second) > 0


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("tool = grype", "[reports-x] has no 'folder'"),
        ("folder = in", "is not an absolute path"),
        ("folder = /in\ntool = other", "'other' is not known; write one of auto, "),
        ("folder = /in\nfiles = a/b", "is not a pattern over file names"),
        ("folder = /in\nowners = nobody-here", "there is no user 'nobody-here'"),
        ("folder = /in\ncolour = red", "unknown key 'colour'"),
    ],
)
def test_mistakes_are_named(home, section, words):
    path = configure(home, f"[reports-x]\n{section}\n")

    with pytest.raises(ConfigError) as caught:
        config.load(path)

    assert words in "\n".join(caught.value.problems)


def test_every_key_of_the_template_is_known(home):
    template = Path(__file__).resolve().parents[2] / "wodles/trivy/trivy.ini"
    text = template.read_text(encoding="utf-8")
    section = text[text.index("#[reports-grype]") :]
    lines = [line[1:] for line in section.splitlines() if line[:2] != "# "]
    path = configure(home, "\n".join(lines).replace("owners = jenkins", "owners = root"))

    (folder,) = config.load(path).reports

    assert folder.files == "{artifact}-grype.json"
    assert folder.owners == (0,)
