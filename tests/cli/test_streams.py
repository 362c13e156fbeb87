"""Whatever the standard streams are: no traceback, and the exit code that is documented."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wazuh_pack.cli import main

ROOT = Path(__file__).resolve().parents[2]
RULES = """<group name="g,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>a</description></rule>
  <rule id="100100" level="3">
    <if_sid>1</if_sid><match>x</match><description>Gr\u00fc\u00dfe</description>
  </rule>
</group>
"""
DECODERS = (
    '<decoder name="a"><program_name>^a$</program_name></decoder>'
    '<decoder name="b"><prematch>^never</prematch></decoder>'
)
ODD = b"x caf\xe9 \xc3\xbc \xf0\x9f\x92\xa5\n"


@pytest.fixture
def options(tmp_path):
    (tmp_path / "rules.xml").write_text(RULES, encoding="utf-8")
    (tmp_path / "decoders.xml").write_text(DECODERS, encoding="utf-8")
    return [
        *("--no-stock", "--no-cache"),
        *("--rules", str(tmp_path / "rules.xml")),
        *("--decoders", str(tmp_path / "decoders.xml")),
    ]


def shell(redirections, *arguments, given=b"", env=None):
    """Run the program under a shell, so that streams can be closed."""
    program = [sys.executable, "-m", "wazuh_pack", *arguments]
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirections}', "sh", *program],
        input=given,
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=os.environ | (env or {}),
    )


@pytest.mark.parametrize(
    ("command", "encoding"),
    [
        (["logtest"], "utf-8"),
        (["logtest", "--format", "json"], "utf-8"),
        (["logtest", "--format", "alert"], "ascii"),
        (["explain"], "utf-8"),
        (["backtest"], "ascii"),
        (["backtest", "--format", "json"], "iso-8859-1"),
    ],
)
def test_any_byte_and_character_can_be_read_and_written(options, command, encoding):
    env = {"PYTHONIOENCODING": f"{encoding}:strict"}
    done = shell("", command[0], "-", *command[1:], *options, given=ODD, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    if "--format" in command:
        assert "Gr\u00fc\u00dfe" in str(json.loads(done.stdout.decode(encoding, "surrogateescape")))
    else:
        wanted = "Gr\u00fc\u00dfe" if encoding == "utf-8" else "Gr\\xfc\\xdfe"
        assert wanted in done.stdout.decode(encoding, "surrogateescape")


def test_bytes_that_are_no_text_come_out_in_json_as_they_went_in(options):
    done = shell("", "logtest", "-", "--format", "json", *options, given=ODD)
    assert b'"full_log":"' + ODD.strip() + b'"' in done.stdout


@pytest.mark.parametrize("redirections", ["> /dev/full", ">&-", "<&- >&-"])
@pytest.mark.parametrize("command", [["list"], ["--help"], ["explain", "x"]], ids=" ".join)
def test_output_that_cannot_be_written_is_an_error(options, command, redirections):
    done = shell(redirections, *command, *(options if len(command) > 1 else ()))
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("redirections", ["2> /dev/full", "2>&-"])
def test_messages_that_cannot_be_shown_change_nothing(redirections):
    assert shell(redirections, "show", "nobody").returncode == 2
    assert shell(redirections, "list", "--no-such-option").returncode == 2
    done = shell(redirections, "list", "--format", "json", "github-branch-protection-removed")
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 1)


@pytest.mark.parametrize(("command", "code"), [("logtest", 0), ("explain", 2), ("backtest", 0)])
def test_no_standard_input_is_an_empty_one(options, command, code):
    done = shell("<&-", command, "-", *options)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [["list"], ["--help"], ["test", "github-branch-protection-removed"]],
    ids=lambda words: words[0],
)
def test_a_reader_that_goes_away_is_told_by_an_exit_code_of_its_own(command):
    """It is neither that of a case that failed nor that of success: all is not judged."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "wazuh_pack", *command],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            cwd=ROOT,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "line 1: nests too deeply"),
        ('{"a":' + "9" * 5000 + "}", "line 1: a number has too many digits"),
        ('{"a":1}\n{"a":' + "9" * 5000 + "}", "line 2: a number has too many digits"),
        ("[{}, 5]", "element 2 of the array: not a JSON object"),
        ("{}\n[]\n", "line 2: not a JSON object"),
        ('"text"', "line 1: not a JSON object"),
    ],
)
@pytest.mark.parametrize("command", ["logtest", "explain"])
def test_an_export_that_is_none_is_an_error(tmp_path, capsys, command, text, said):
    path = tmp_path / "export"
    path.write_text(text, encoding="utf-8")
    code = main([command, str(path), "--source", "github-audit"])
    err = capsys.readouterr().err
    assert (code, err.splitlines()[:1]) == (1, [f"error: {said}"])


def test_lines_end_with_a_line_feed_alone(tmp_path, capsys, options):
    path = tmp_path / "events"
    path.write_bytes(b"one\rtwo\x0bthree\xe2\x80\xa8four\r\n\r\nfive\n")
    assert main(["logtest", str(path), "--format", "json", *options]) == 0
    found = [json.loads(line)["full_log"] for line in capsys.readouterr().out.split("\n")[:-1]]
    assert found == ["one\rtwo\x0bthree\u2028four", "five"]


def test_a_line_of_an_export_may_hold_other_line_ends(tmp_path, capsys):
    path = tmp_path / "export"
    line = '{"action":"a\u2028b\u0085c"}'
    path.write_text(f"{line}\n{line}\n", encoding="utf-8")
    assert main(["logtest", str(path), "--source", "github-audit", "--format", "json"]) == 0
    rows = [json.loads(row) for row in capsys.readouterr().out.split("\n")[:-1]]
    assert [row["data"]["github"]["action"] for row in rows] == ["a\u2028b\u0085c"] * 2


def test_a_rule_s_number_has_plain_digits(capsys, options):
    assert main(["explain", "x", "--rule", "\u00b2", *options]) == 2
    assert "no rule '\u00b2'" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["logtest", "explain", "backtest"])
def test_an_event_cannot_steer_the_terminal(tmp_path, capsys, options, command):
    event = b'x {"a":1} \x1b]0;owned\x07\x9b2J \xc2\x9b \xe2\x80\xae \xf3\xa0\x81\x81 \tend\xff'
    (tmp_path / "events").write_bytes(event + b"\n")
    assert main([command, str(tmp_path / "events"), *options]) == 0
    out = capsys.readouterr().out
    assert [char for char in out if not char.isprintable() and char not in "\n\t"] == []
    assert "\\x1b]0;owned\\x07" in out
    if command == "logtest":
        assert "\\x9b2J \\x9b \\u202e \\U000e0041 \tend\\xff'" in out
