"""The command line: output, errors and exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from wazuh_pack import resources
from wazuh_pack.cli import COMMANDS, _exit, main

EVENT = {
    "action": "protected_branch.destroy",
    "actor": "octo-admin",
    "name": "main",
    "repo": "example-org/payments",
}


@pytest.fixture
def event(tmp_path):
    path = tmp_path / "event.json"
    path.write_text(json.dumps(EVENT))
    return path


def test_help_names_every_command_and_loads_nothing_heavy():
    code = (
        "import sys; from wazuh_pack.cli import main; main(['--help']);"
        "heavy = {'lxml', 'jinja2', 'yaml', 'pcre2', 'requests'} & set(sys.modules);"
        "sys.exit(f'imports {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert [name for name in COMMANDS if f"  {name}" not in done.stdout] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name, capsys):
    assert main([name, "--help"]) == _exit.OK
    assert f"usage: wazuh-pack {name}" in capsys.readouterr().out.lower()


def test_list_prints_one_object_per_rule(capsys):
    assert main(["list", "--format", "json", "github-branch-protection-removed"]) == _exit.OK
    (line,) = capsys.readouterr().out.splitlines()

    row = json.loads(line)
    assert set(row) == {
        "id",
        "slug",
        "title",
        "level",
        "source",
        "attack",
        "cicd_sec",
        "catalogue",
        "response",
    }
    assert row["slug"] == "github-branch-protection-removed"
    assert row["level"] == 12
    assert row["catalogue"] == ["gha-branch-prot-removed"]


def test_show_finds_a_detection_by_rule_id(capsys):
    main(["list", "--format", "json", "github-branch-protection-removed"])
    rule = json.loads(capsys.readouterr().out)["id"]

    assert main(["show", str(rule)]) == _exit.OK
    out = capsys.readouterr().out
    assert out.startswith("github-branch-protection-removed: Branch protection removed")
    assert f'<rule id="{rule}" level="12">' in out


def test_an_unknown_name_is_a_usage_error_with_a_hint(capsys):
    assert main(["show", "nobody"]) == _exit.USAGE
    assert capsys.readouterr().err.splitlines() == [
        "error: no rule or detection 'nobody'",
        "  hint: `wazuh-pack list` names them all",
    ]


def test_logtest_puts_the_sources_envelope_around_a_raw_event(event, capsys):
    assert main(["logtest", str(event), "--source", "github-audit", "--format", "json"]) == _exit.OK
    result = json.loads(capsys.readouterr().out)

    assert result["alert"] is True
    assert result["rule"]["level"] == 12
    assert result["data"]["github"]["repo"] == "example-org/payments"
    assert result["location"] == "github"


def test_logtest_reads_arrays_and_lines(tmp_path, capsys):
    array = tmp_path / "array.json"
    array.write_text(json.dumps([EVENT, EVENT]))
    lines = tmp_path / "lines.ndjson"
    lines.write_text(json.dumps(EVENT) + "\n\n" + json.dumps(EVENT) + "\n")

    for path in (array, lines):
        main(["logtest", str(path), "--source", "github-audit", "--format", "json"])
        assert len(capsys.readouterr().out.splitlines()) == 2


def test_logtest_names_the_line_that_is_not_json(tmp_path, capsys):
    path = tmp_path / "bad.ndjson"
    path.write_text('{"action": "a"}\n{"action": \n')

    assert main(["logtest", str(path), "--source", "github-audit"]) == _exit.ERROR
    assert "error: line 2, column 12: not JSON" in capsys.readouterr().err


def test_logtest_shows_three_phases_as_wazuh_logtest_does(tmp_path, capsys):
    (tmp_path / "r.xml").write_text(
        '<group name="g,h,"><rule id="100100" level="3"><program_name>^app</program_name>'
        "<mitre><id>T1110</id></mitre><description>Login of $(who.name)</description>"
        "</rule></group>"
    )
    (tmp_path / "d.xml").write_text(
        '<decoder name="app"><program_name>^app$</program_name></decoder>'
        '<decoder name="app-in"><parent>app</parent><regex>by (\\S+) at (\\S+) (\\d+)</regex>'
        "<order>who.name, srcip, action</order></decoder>"
    )
    (tmp_path / "events").write_text("Nov 21 10:00:00 host app: by eve at 192.0.2.7 9\nnone\n")
    files = ["--rules", str(tmp_path / "r.xml"), "--decoders", str(tmp_path / "d.xml")]
    assert main(["logtest", str(tmp_path / "events"), *files]) == _exit.OK
    assert capsys.readouterr().out == (
        "\n**Phase 1: Completed pre-decoding.\n"
        "\tfull event: 'Nov 21 10:00:00 host app: by eve at 192.0.2.7 9'\n"
        "\ttimestamp: 'Nov 21 10:00:00'\n\thostname: 'host'\n\tprogram_name: 'app'\n"
        "\n**Phase 2: Completed decoding.\n\tname: 'app'\n"
        "\taction: '9'\n\tsrcip: '192.0.2.7'\n\twho.name: 'eve'\n"
        "\n**Phase 3: Completed filtering (rules).\n\tid: '100100'\n\tlevel: '3'\n"
        "\tdescription: 'Login of eve'\n\tgroups: '['g', 'h']'\n\tfiredtimes: '1'\n"
        "\tmail: 'False'\n\tmitre.id: '['T1110']'\n\tmitre.tactic: '['Credential Access']'\n"
        "\tmitre.technique: '['Brute Force']'\n**Alert to be generated.\n"
        "\n**Phase 1: Completed pre-decoding.\n\tfull event: 'none'\n"
        "\n**Phase 2: Completed decoding.\n\tNo decoder matched.\n"
    )


@pytest.mark.parametrize("command", ["logtest", "explain", "backtest", "test"])
def test_commands_keep_what_they_load_unless_told_not_to(
    command, event, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "cache"
    monkeypatch.setenv("WAZUH_PACK_CACHE", str(folder))
    arguments = [command, "github-branch-protection-removed" if command == "test" else str(event)]
    if command == "explain":
        arguments += ["--at", "2026-11-21T23:30Z"]
    outputs = []
    for more in (["--no-cache"], [], []):
        assert main([*arguments, *more]) == _exit.OK
        outputs.append(capsys.readouterr().out)
        assert len(list(folder.glob("*.json"))) == (not more)
    assert outputs == [outputs[0]] * 3


def test_logtest_answers_each_line_before_it_reads_the_next():
    command = [sys.executable, "-m", "wazuh_pack", "logtest", "--format", "json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for text in (b"one", b"two"):
            process.stdin.write(text + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["full_log"] == text.decode()
        process.stdin.close()
    assert process.returncode == _exit.OK


def test_logtest_tells_when_a_match_was_given_up(tmp_path, capsys):
    (tmp_path / "r.xml").write_text(
        '<group name="g,"><rule id="100100" level="3"><field name="x" type="pcre2">^(a+)+$</field>'
        "<description>d</description></rule></group>"
    )
    line = tmp_path / "line"
    line.write_text(json.dumps({"x": "a" * 40 + "b"}))
    arguments = ["logtest", str(line), "--rules", str(tmp_path / "r.xml")]
    assert main([*arguments, "--format", "json"]) == _exit.OK
    assert json.loads(capsys.readouterr().out)["given_up"] == ["^(a+)+$"]
    assert main(arguments) == _exit.OK
    assert capsys.readouterr().err == "a match was given up, which counts as none: ^(a+)+$\n"
    assert main(["backtest", str(line), "--rules", str(tmp_path / "r.xml")]) == _exit.OK
    assert "1 events for which the matching of a pattern was given up" in capsys.readouterr().out
    assert main(["explain", str(line), "--rules", str(tmp_path / "r.xml")]) == _exit.OK
    assert "a match was given up, which counts as none: ^(a+)+$" in capsys.readouterr().out


def test_explain_names_the_condition_that_failed(tmp_path, capsys):
    path = tmp_path / "event.json"
    path.write_text(json.dumps({**EVENT, "action": "protected_branch.create"}))
    arguments = ["explain", str(path), "--source", "github-audit"]

    assert main([*arguments, "--rule", "github-branch-protection-removed"]) == _exit.OK
    out = capsys.readouterr().out
    assert "github.action" in out
    assert "protected_branch.create" in out


def test_test_runs_the_cases_of_what_is_named(capsys):
    assert main(["test", "github-branch-protection-removed"]) == _exit.OK
    assert capsys.readouterr().out.endswith(" passed, 0 failed\n")


def test_check_passes_on_the_committed_tree(capsys):
    assert main(["check"]) == _exit.OK
    assert "no drift, no warning from loading" in capsys.readouterr().out


def test_check_notices_drift(monkeypatch, tmp_path, capsys):
    for folder in ("rules_xml", "decoders"):
        source = resources.tree() / folder
        (tmp_path / folder).mkdir()
        for path in source.glob("*.xml"):
            (tmp_path / folder / path.name).write_bytes(path.read_bytes())
    changed = next((tmp_path / "rules_xml").glob("*github-audit.xml"))
    changed.write_bytes(changed.read_bytes().replace(b'level="12"', b'level="3"'))
    monkeypatch.setattr(resources, "tree", lambda: tmp_path)

    assert main(["check"]) == _exit.DRIFT
    assert "differs from what the content renders to" in capsys.readouterr().err


def test_build_refuses_content_with_problems_and_writes_nothing(content, tmp_path, capsys):
    content.detection("one", "match: {src.a|like: x}")
    tree = tmp_path / "tree"

    assert main(["build", "--content", str(content.root), "--tree", str(tree)]) == _exit.CONTENT
    assert "one.yml:6:9: error: unknown modifier 'like'" in capsys.readouterr().err
    assert not tree.exists()
    assert not (content.root / "ids.lock").exists()


def test_build_asks_before_a_rule_changes_its_meaning(content, tmp_path, capsys):
    tree = str(tmp_path / "tree")
    arguments = ["build", "--content", str(content.root), "--tree", tree]
    content.detection("one")
    main(arguments)
    content.detection("one", "match: {src.action: other}")

    assert main(arguments) == _exit.CONTENT
    assert "wazuh-pack build --accept one" in capsys.readouterr().err
    assert main([*arguments, "--accept", "one"]) == _exit.OK


@pytest.mark.parametrize("arguments", [["new", "github-audit", "mine"], ["build"]])
def test_the_content_of_an_installed_wheel_is_not_changed(arguments, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(resources, "tree", lambda: tmp_path)
    assert main(arguments) == _exit.USAGE
    assert "in a checkout" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_new_writes_a_detection_that_fails_until_it_is_filled_in(content, tmp_path, capsys):
    content.detection("one")
    arguments = ["--content", str(content.root)]

    assert main(["new", "src", "two", *arguments]) == _exit.OK
    assert (content.root / "src/two.yml").is_file()
    capsys.readouterr()
    assert main(["new", "src", "two", *arguments]) == _exit.USAGE
    assert main(["new", "nowhere", "three", *arguments]) == _exit.USAGE
    assert main(["new", "src", "Not-a-slug", *arguments]) == _exit.USAGE
    assert main(["build", "--tree", str(tmp_path / "tree"), *arguments]) == _exit.OK


def test_rules_are_found_by_the_ids_of_an_installation_with_another_base(capsys):
    assert main(["show", "131001", "--id-base", "130000"]) == _exit.OK
    assert '<rule id="131001"' in capsys.readouterr().out
    assert main(["list", "jenkins-audit", "--id-base", "130000", "--format", "json"]) == _exit.OK
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {130000 <= row["id"] < 140000 for row in rows} == {True}
    assert main(["show", "131001"]) == _exit.USAGE


def test_a_wrong_option_is_a_usage_error(capsys):
    assert main(["list", "--no-such-option"]) == _exit.USAGE
    assert "No such option" in capsys.readouterr().err


def test_exit_codes_are_documented():
    text = (Path(__file__).resolve().parents[2] / "docs/reference/cli.md").read_text()
    codes = [value for name, value in vars(_exit).items() if name.isupper()]

    assert [code for code in codes if f"| {code} |" not in text] == []
