"""What the commands say about the ruleset that they load."""

import pytest

from wazuh_pack.cli import main

WARNED = """<group name="g,">
  <rule id="100100" level="3"><match>x</match><description>d</description></rule>
  <rule id="100101" level="3"><if_sid>99999</if_sid><description>d</description></rule>
</group>
"""
REFUSED = f"""<group name="g,">
  <rule id="100100" level="3"><match>{"x" * 3000}</match><description>d</description></rule>
</group>
"""
COMMANDS = ("logtest", "explain", "backtest")


@pytest.fixture
def run(tmp_path, capsys):
    """Return a function that runs a command over an event with rules in rules.xml."""
    (tmp_path / "events").write_text("x\n", encoding="utf-8")

    def call(command, rules, *more):
        path = tmp_path / "rules.xml"
        path.write_text(rules, encoding="utf-8")
        code = main([command, str(tmp_path / "events"), "--rules", str(path), *more])
        return code, capsys.readouterr().err

    return call


@pytest.mark.parametrize("command", COMMANDS)
def test_a_rule_that_is_dropped_is_told(run, tmp_path, command):
    code, err = run(command, WARNED)
    assert code == 0
    assert f"{tmp_path}/rules.xml:3: warning: there is no rule '99999'" in err
    assert "[7617]" in err


def test_both_rulesets_of_a_comparison_are_told(run, tmp_path):
    other = tmp_path / "other.xml"
    other.write_text(WARNED.replace("99999", "88888"), encoding="utf-8")
    code, err = run("backtest", WARNED, "--compare", str(other))
    assert code == 0
    assert "rules.xml:3: warning: there is no rule '99999'" in err
    assert "other.xml:3: warning: there is no rule '88888'" in err


@pytest.mark.parametrize("command", ["logtest", "explain"])
def test_a_ruleset_that_logtest_refuses_is_a_problem_of_content(run, tmp_path, command):
    code, err = run(command, REFUSED)
    assert code == 11
    assert f"{tmp_path}/rules.xml:2: error: the text of <match> is too long [1104]" in err
    assert "error: no event is judged with this ruleset: loading logged an error" in err
    orphan = WARNED.replace("<match>x</match>", "<if_sid>99999</if_sid>")
    code, err = run(command, orphan, "--no-stock", *decoders(tmp_path))
    assert (code, "no rule is left" in err) == (11, True)


def test_the_daemon_judges_where_logtest_refuses(run, tmp_path):
    code, err = run("backtest", REFUSED)
    assert code == 0
    assert f"{tmp_path}/rules.xml:2: error: the text of <match> is too long [1104]" in err


@pytest.mark.parametrize(
    ("command", "option"),
    [("logtest", "--rules"), ("explain", "--decoders"), ("backtest", "--compare")],
)
def test_a_folder_without_xml_is_refused(run, tmp_path, command, option):
    folder = tmp_path / "empty"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "rules.xml").write_text(WARNED, encoding="utf-8")
    (folder / "README.md").write_text("nothing", encoding="utf-8")
    code, err = run(command, WARNED, option, str(folder))
    assert (code, f"error: no *.xml file is in {folder}" in err) == (2, True)


def test_the_folder_to_compare_with_need_not_bring_decoders(run, tmp_path):
    for name in ("rules", "decoders"):
        (tmp_path / "other" / name).mkdir(parents=True)
    (tmp_path / "other" / "rules" / "r.xml").write_text(WARNED, encoding="utf-8")
    assert run("backtest", WARNED, "--compare", str(tmp_path / "other"))[0] == 0


def decoders(folder):
    path = folder / "decoders.xml"
    path.write_text(
        '<decoder name="a"><program_name>^a$</program_name></decoder>'
        '<decoder name="b"><prematch>^b</prematch></decoder>',
        encoding="utf-8",
    )
    return ["--decoders", str(path)]
