"""Installing from the command line into staged trees."""

import json
import stat

import pytest

from wazuh_pack import install, resources
from wazuh_pack.cli import _exit, main
from wazuh_pack.engine.ruleset import Ruleset
from wazuh_pack.verify import execd


@pytest.fixture
def home(tmp_path):
    """A scratch manager's home."""
    folder = tmp_path / "manager"
    install.scaffold_home(folder)
    return folder


def content_of(folder):
    return {
        str(path.relative_to(folder)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_plan_shows_everything_and_changes_nothing(home, capsys):
    before = content_of(home)

    assert main(["install", "--destdir", str(home), "--plan"]) == _exit.OK
    out = capsys.readouterr().out
    assert "active-response/bin/wazuh-pack-block-ip  (0750 root:wazuh" in out
    assert "etc/rules/9100-wazuh-pack-github-audit.xml  (0660 wazuh:wazuh" in out
    assert "+  <active-response>" in out.replace("          +", "+")
    assert content_of(home) == before


def test_an_installation_loads_without_a_warning(home):
    assert main(["install", "--destdir", str(home)]) == _exit.OK
    lists = {f"etc/lists/{path.name}": path for path in (home / "etc/lists").iterdir()}
    ruleset = Ruleset.load(
        rules=[resources.stock() / "rules", home / "etc/rules"],
        decoders=[resources.stock() / "decoders", home / "etc/decoders"],
        lists=lists,
    )

    assert [str(item) for item in ruleset.diagnostics] == []


def test_every_response_names_an_installed_script_and_existing_rules(home):
    main(["install", "--destdir", str(home)])
    responses = execd.configured(home / "etc/ossec.conf")
    rules = "".join(path.read_text() for path in (home / "etc/rules").glob("*.xml"))

    assert responses
    for response in responses:
        script = home / "active-response/bin" / response.executable
        assert stat.S_IMODE(script.stat().st_mode) == 0o750
        assert [number for number in response.rules if f'<rule id="{number}"' not in rules] == []
        assert response.arguments[0] == "--field"
        assert len(response.arguments) % 2 == 0


def test_no_response_answers_the_outcome_of_a_response(home):
    main(["install", "--destdir", str(home)])
    answered = {rule for item in execd.configured(home / "etc/ossec.conf") for rule in item.rules}

    assert [number for number in answered if number.startswith("1198")] == []


def test_the_wodle_pins_the_digest_of_its_file(home):
    import hashlib  # noqa: PLC0415 - only here

    main(["install", "--destdir", str(home)])
    digest = hashlib.sha256((home / "wodles/wazuh-pack-trivy").read_bytes()).hexdigest()
    conf = (home / "etc/ossec.conf").read_text()

    assert f"<verify_sha256>{digest}</verify_sha256>" in conf
    assert "<command>/var/ossec/wodles/wazuh-pack-trivy</command>" in conf


def test_installing_again_changes_nothing(home, capsys):
    main(["install", "--destdir", str(home)])
    before = content_of(home)
    capsys.readouterr()

    assert main(["install", "--destdir", str(home)]) == _exit.OK
    assert content_of(home) == before
    assert "create" not in capsys.readouterr().out


def test_uninstalling_restores_every_byte(home):
    before = content_of(home)
    main(["install", "--destdir", str(home)])

    assert main(["uninstall", "--destdir", str(home)]) == _exit.OK
    assert content_of(home) == before


def test_collection_is_added_for_the_sources_that_are_named(home):
    main(["install", "--destdir", str(home), "--collect", "app-security"])

    assert (
        "<location>/var/log/app/security.json</location>" in (home / "etc/ossec.conf").read_text()
    )


def test_an_unknown_source_is_refused_before_anything_changes(home, capsys):
    before = content_of(home)

    assert main(["install", "--destdir", str(home), "--collect", "nope"]) == _exit.USAGE
    assert "no source 'nope'" in capsys.readouterr().err
    assert content_of(home) == before


def test_responses_and_wodles_can_be_left_out(home):
    main(["install", "--destdir", str(home), "--no-responses", "--no-wodles"])

    assert list((home / "active-response/bin").iterdir()) == []
    assert execd.configured(home / "etc/ossec.conf") == ()


def test_the_plan_is_readable_by_machines(home, capsys):
    assert main(["install", "--destdir", str(home), "--plan", "--format", "json"]) == _exit.OK
    plan = json.loads(capsys.readouterr().out)

    assert plan["action"] == "install"
    assert plan["empty"] is False


def test_an_agent_or_nothing_is_refused(tmp_path, capsys):
    assert main(["install", "--home", str(tmp_path / "nowhere")]) == _exit.ERROR
    assert "there is no Wazuh in" in capsys.readouterr().err


def test_uninstalling_what_is_not_there_says_so(home, capsys):
    assert main(["uninstall", "--destdir", str(home)]) == _exit.USAGE
    assert "wazuh-pack is not installed" in capsys.readouterr().err


def test_doctor_reads_a_tree_staged_without_an_ossec_conf(tmp_path, capsys):
    main(["install", "--destdir", str(tmp_path)])
    capsys.readouterr()
    main(["doctor", "--destdir", str(tmp_path), "--format", "json"])
    report = capsys.readouterr().out

    assert (tmp_path / "var/ossec/etc/wazuh-pack/ossec-block.xml").is_file()
    assert "responses" in report
    assert "malformed" not in report


def test_paths_in_the_wazuh_home_follow_another_home(tmp_path):
    arguments = ["install", "--destdir", str(tmp_path), "--home", "/opt/wazuh"]
    assert main([*arguments, "--collect", "security-scan"]) == _exit.OK
    block = (tmp_path / "opt/wazuh/etc/wazuh-pack/ossec-block.xml").read_text()
    assert "<location>/opt/wazuh/logs/wazuh-pack-trivy.json</location>" in block
    assert "--sink /opt/wazuh/logs/wazuh-pack-trivy.json" in block
    assert "/var/ossec" not in block


def test_what_wazuh_collects_already_is_not_collected_again(tmp_path, capsys):
    arguments = ["install", "--destdir", str(tmp_path), "--collect", "response"]
    assert main(arguments) == _exit.USAGE
    assert "there is nothing to collect for response" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
