"""The command notices whatever differs: it runs on vectors made here, then on tampered copies."""

import json
import shutil
from pathlib import Path

import pytest

from wazuh_pack.cli import main
from wazuh_pack.engine import Mode, Ruleset
from wazuh_pack.verify.find_vectors import find

RULES = """
<group name="base,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>r</description></rule>
</group>
<group name="web,">
  <rule id="100" level="3">
    <if_sid>1</if_sid><match>login</match><description>Login of $(dstuser)</description>
  </rule>
  <rule id="101" level="10" frequency="2" timeframe="60">
    <if_matched_sid>100</if_matched_sid><same_srcip/><description>Many logins</description>
    <mitre><id>T1110</id></mitre>
  </rule>
</group>
"""
DECODERS = r"""
<decoder name="web"><program_name>^web$</program_name></decoder>
<decoder name="web-login">
  <parent>web</parent>
  <regex>user (\S+) from (\S+)</regex>
  <order>dstuser, srcip</order>
</decoder>
<decoder name="rest"><prematch>^</prematch></decoder>
"""
EVENTS = [
    "Nov 21 10:00:00 host web: login: user eve from 192.0.2.7",
    "Nov 21 10:00:01 host web: login: user eve from 192.0.2.7",
    "Nov 21 10:00:02 host web: login: user eve from 192.0.2.7",
    "nothing to see",
]


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def answers(ruleset, mode):
    session = ruleset.session(mode=mode, manager="<manager>")
    return [session.process(event, time=1000 + n).as_logtest() for n, event in enumerate(EVENTS)]


@pytest.fixture
def suite(tmp_path):
    """A suite whose answers are the engine's own."""
    folder = tmp_path / "vectors" / "suite-one"
    folder.mkdir(parents=True)
    (folder / "rules.xml").write_text(RULES, encoding="utf-8")
    (folder / "decoders.xml").write_text(DECODERS, encoding="utf-8")
    write_lines(folder / "events.ndjson", [{"event": e, "session": "s"} for e in EVENTS])
    ruleset = Ruleset.load([folder / "rules.xml"], [folder / "decoders.xml"])
    write_lines(folder / "expected.ndjson", answers(ruleset, Mode.LOGTEST))
    write_lines(folder / "expected_daemon.ndjson", answers(ruleset, Mode.DAEMON))
    (folder / "load.json").write_text('{"exit": 0, "messages": []}', encoding="utf-8")
    return folder


@pytest.fixture
def stock(tmp_path):
    """A stock ruleset of ours, with a file of vectors beside it."""
    folder = tmp_path / "wazuh" / "ruleset"
    for kind, text in (("rules", RULES), ("decoders", DECODERS)):
        (folder / kind).mkdir(parents=True)
        (folder / kind / "0010-all.xml").write_text(text, encoding="utf-8")
    (folder / "lists").mkdir()
    row = {
        "log": EVENTS[0],
        "location": "stdin",
        "actual": {
            "alert": True,
            "decoder": "web",
            "parent": None,
            "full_log": EVENTS[0],
            "predecoder": {
                "program_name": "web",
                "timestamp": "Nov 21 10:00:00",
                "hostname": "host",
            },
            "data": {"srcip": "192.0.2.7", "dstuser": "eve"},
            "groups": ["web"],
            "level": 3,
            "rule_id": "100",
            "rule": {
                "level": 3,
                "description": "Login of eve",
                "id": "100",
                "firedtimes": 1,
                "mail": False,
                "groups": ["web"],
            },
        },
    }
    write_lines(folder.parent / "stock_vectors.ndjson", [row])
    return folder


@pytest.fixture
def run(capsys):
    """Return a function that runs the command and returns exit code and lines."""

    def call(*arguments):
        code = main(["conformance", *map(str, arguments)])
        return code, capsys.readouterr().out.splitlines()

    return call


def tamper(path, index, keys, value):
    rows = read_lines(path)
    target = rows[index]
    for key in keys[:-1]:
        target = target[key]
    target[keys[-1]] = value
    write_lines(path, rows)


def test_what_agrees_passes_with_a_line_per_suite(run, suite):
    code, lines = run(suite.parent)
    assert code == 0
    assert [line.split() for line in lines] == [
        ["suite-one", "5", "passed"],
        ["suite-one", "(daemon)", "4", "passed"],
        ["9", "passed,", "0", "failed"],
    ]


@pytest.mark.parametrize("name", ["expected.ndjson", "expected_daemon.ndjson"])
@pytest.mark.parametrize(
    ("index", "keys", "value"),
    [
        (0, ("rule", "id"), "101"),
        (0, ("rule", "level"), 4),
        (0, ("rule", "groups"), ["web", "more"]),
        (0, ("rule", "description"), "Login of adam"),
        (0, ("rule", "firedtimes"), 2),
        (2, ("rule", "mitre", "id"), ["T1111"]),
        (1, ("data", "srcip"), "192.0.2.8"),
        (1, ("data", "new"), "x"),
        (1, ("predecoder", "hostname"), "other"),
        (1, ("decoder",), "rest"),
        (1, ("alert",), False),
        (2, ("previous_output",), "nothing"),
        (3, ("full_log",), "nothing"),
        (3, ("rule",), {"id": "1"}),
    ],
)
def test_a_changed_field_is_noticed(run, suite, name, index, keys, value):
    tamper(suite / name, index, keys, value)
    code, lines = run(suite, "--diff")
    assert code == 1
    assert lines[-1] == "8 passed, 1 failed"
    assert any(line.startswith(f"  vector {index + 1}: {'.'.join(keys)}") for line in lines)


@pytest.mark.parametrize("name", ["events", "expected", "expected_daemon"])
def test_a_missing_line_is_noticed(run, suite, name):
    path = suite / f"{name}.ndjson"
    write_lines(path, read_lines(path)[:-1])
    code, lines = run(suite)
    assert code == 1
    assert lines[-1] != "9 passed, 0 failed"


def test_events_without_any_answers_fail(run, suite):
    (suite / "expected.ndjson").unlink()
    (suite / "expected_daemon.ndjson").unlink()
    code, lines = run(suite)
    assert (code, lines[-1]) == (1, "1 passed, 4 failed")


@pytest.mark.parametrize(
    "loading",
    [
        {"exit": 1, "messages": []},
        {"exit": 0, "messages": [{"level": "WARNING", "code": 7617, "args": []}]},
    ],
)
def test_other_messages_of_loading_are_noticed(run, suite, loading):
    (suite / "load.json").write_text(json.dumps(loading), encoding="utf-8")
    code, lines = run(suite)
    assert (code, lines[-1]) == (1, "8 passed, 1 failed")


def test_a_refused_ruleset_fails_every_event(run, suite):
    (suite / "rules.xml").write_text("<group name='x,'><rule", encoding="utf-8")
    code, lines = run(suite)
    assert (code, lines[-1]) == (1, "0 passed, 9 failed")


def test_stock_vectors_are_compared_over_the_named_ruleset(run, stock, tmp_path):
    elsewhere = tmp_path / "stock_vectors.ndjson"
    (stock.parent / "stock_vectors.ndjson").rename(elsewhere)
    assert run(elsewhere, "--stock", stock)[1][-1] == "1 passed, 0 failed"
    assert run(elsewhere)[1][-1] == "0 passed, 1 failed"


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("rule_id",), "101"),
        (("level",), 4),
        (("groups",), []),
        (("data", "dstuser"), "adam"),
        (("parent",), "web"),
        (("rule", "description"), "Login"),
    ],
)
def test_a_changed_field_of_a_stock_vector_is_noticed(run, stock, keys, value):
    vectors = stock.parent / "stock_vectors.ndjson"
    tamper(vectors, 0, ("actual", *keys), value)
    code, lines = run(vectors)
    assert (code, lines[-1]) == (1, "0 passed, 1 failed")


def test_runtests_vectors_use_the_testing_rules_beside_the_stock_ruleset(run, stock):
    vectors = stock.parent / "runtests_vectors.ndjson"
    (stock.parent / "stock_vectors.ndjson").rename(vectors)
    testing = stock.parent / "testing-ruleset"
    testing.mkdir()
    (testing / "extra_rules.xml").write_text(
        "<group name='extra,'><rule id='200' level='5'><if_sid>100</if_sid>"
        "<description>More</description></rule></group>",
        encoding="utf-8",
    )
    code, lines = run(vectors, "--diff")
    assert code == 1
    assert '    + "200"' in lines


@pytest.fixture
def expressions(tmp_path):
    folder = tmp_path / "regex"
    folder.mkdir()
    rows = [
        {
            "pattern": r"a(\d+)b",
            "string": "xa12b",
            "match": True,
            "end": 4,
            "captures": ["12"],
            "match_nosub": True,
            "end_nosub": 4,
        },
        {"pattern": "a(", "string": "a", "error": True},
    ]
    write_lines(folder / "osregex.ndjson", rows)
    write_lines(folder / "osmatch.ndjson", [{"pattern": "^a|b", "string": "ab", "match": True}])
    write_lines(
        folder / "pcre2.ndjson",
        [{"pattern": "(a)|(b)", "string": "b", "match": True, "end": 0, "captures": ["", "b"]}],
    )
    (folder / "byte_classes.json").write_text('{"classes": {"\\\\s": [32]}}', encoding="utf-8")
    return folder


def test_expressions_that_agree_pass(run, expressions):
    code, lines = run(expressions)
    assert (code, lines[-1]) == (0, "5 passed, 0 failed")


@pytest.mark.parametrize(
    ("name", "index", "key", "value"),
    [
        ("osregex", 0, "captures", ["1"]),
        ("osregex", 0, "end", 3),
        ("osregex", 0, "match_nosub", False),
        ("osregex", 1, "error", False),
        ("osmatch", 0, "match", False),
        ("pcre2", 0, "captures", ["b"]),
        ("pcre2", 0, "end", None),
    ],
)
def test_a_changed_expression_vector_is_noticed(run, expressions, name, index, key, value):
    tamper(expressions / f"{name}.ndjson", index, (key,), value)
    code, lines = run(expressions)
    assert (code, lines[-1]) == (1, "4 passed, 1 failed")


def test_a_changed_byte_class_is_noticed(run, expressions):
    (expressions / "byte_classes.json").write_text('{"classes": {"\\\\s": [9]}}', encoding="utf-8")
    assert run(expressions / "byte_classes.json")[0] == 1


@pytest.mark.parametrize("content", [None, '{"some": "log"}\n', "plain text\n"])
def test_a_path_without_vectors_is_an_error(capsys, tmp_path, content):
    target = tmp_path / "some.ndjson"
    if content is None:
        target = tmp_path / "empty"
        target.mkdir()
    else:
        target.write_text(content, encoding="utf-8")
    assert main(["conformance", str(target)]) == 2
    assert "no conformance vectors" in capsys.readouterr().err


@pytest.mark.parametrize("before", ["\n  \n", "{broken\n", "\x00\n", "[1]\n", "{}\n"])
def test_a_file_of_vectors_is_known_by_any_of_its_first_lines(run, stock, before):
    vectors = stock.parent / "stock_vectors.ndjson"
    vectors.write_text(before + vectors.read_text(encoding="utf-8"), encoding="utf-8")
    code, lines = run(stock.parent)
    passes = not before.strip()
    assert (code, lines[-1]) == ((0, "1 passed, 0 failed") if passes else (1, "0 passed, 2 failed"))


@pytest.mark.parametrize("content", ["", "\n \n", "plain text\n", "{broken\n", "[1]\n"])
def test_a_file_in_a_folder_that_cannot_be_read_as_vectors_has_failed(capsys, suite, content):
    (suite.parent / "stock_vectors.ndjson").write_text(content, encoding="utf-8")
    assert main(["conformance", str(suite.parent)]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "9 passed, 1 failed"
    assert "stock_vectors.ndjson: no line of it is a JSON object" in printed.err


def test_other_files_of_a_folder_are_named_and_left_out(capsys, suite):
    (suite.parent / "events").mkdir()
    (suite.parent / "events/log.ndjson").write_text('{"some": "log"}\n', encoding="utf-8")
    assert main(["conformance", str(suite.parent)]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "9 passed, 0 failed"
    assert printed.err == "events/log.ndjson: no vectors, left out\n"


def test_a_link_that_leads_nowhere_has_failed(capsys, suite):
    (suite.parent / "vectors.ndjson").symlink_to("vectors.ndjson")
    assert main(["conformance", str(suite.parent)]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "9 passed, 1 failed"
    assert "vectors.ndjson: cannot be read" in printed.err


def test_a_folder_that_cannot_be_read_has_failed(capsys, suite, monkeypatch):
    locked, listed = suite.parent / "locked", Path.iterdir

    def iterdir(path):
        if path == locked:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    locked.mkdir()
    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert main(["conformance", str(suite.parent)]) == 1
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "9 passed, 1 failed"
    assert "locked: cannot be read: Permission denied" in printed.err


def judge(capsys, *arguments):
    """Return the exit code, the last line and what was said beside the results."""
    code = main(["conformance", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out.splitlines()[-1], printed.err


def test_a_broken_vector_is_named_with_its_line(capsys, suite):
    with (suite / "expected.ndjson").open("a", encoding="utf-8") as file:
        file.write("{broken\n")
    code, last, said = judge(capsys, suite)
    assert (code, last) == (1, "4 passed, 4 failed")
    assert "expected.ndjson:5: not JSON" in said


def test_a_broken_suite_fails_alone(capsys, suite):
    shutil.copytree(suite, suite.parent / "suite-two")
    (suite / "events.ndjson").write_text("{broken\n", encoding="utf-8")
    code, last, said = judge(capsys, suite.parent)
    assert (code, last) == (1, "9 passed, 2 failed")
    assert "suite-one: " in said
    assert "suite-one (daemon): " in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "not a JSON object"),
        ("{}", "'event' is missing or not a text"),
        ('{"event": 7}', "'event' is missing or not a text"),
        ('{"event": null}', "'event' is missing or not a text"),
        ('{"event": "\\ud800"}', "'event': U+D800 is no character"),
        ('{"event": "x", "location": 7}', "'location' is missing or not a text"),
        ('{"event": "x", "session": []}', "'session' is not a text"),
        ('{"event": "x", "sleep": "x"}', "'sleep' is not a number of seconds"),
        ('{"event": "x", "sleep": true}', "'sleep' is not a number of seconds"),
        ('{"event": "x", "sleep": NaN}', "'sleep' is not a number of seconds"),
        ('{"event": "x", "sleep": -1}', "'sleep' is not a number of seconds"),
        ('{"event": ' + "[" * 99_999, "not JSON"),
    ],
)
def test_an_event_that_is_none_is_named_with_its_line(capsys, suite, line, said):
    lines = (suite / "events.ndjson").read_text(encoding="utf-8").splitlines()
    (suite / "events.ndjson").write_text("\n".join([lines[0], "", line, ""]), encoding="utf-8")
    code, last, errors = judge(capsys, suite)
    assert (code, last) == (1, "0 passed, 4 failed")
    assert f"suite-one: {suite}/events.ndjson:3: {said}" in errors


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"location": None}, "'location' is missing or not a text"),
        ({"location": 7}, "'location' is missing or not a text"),
        ({"log": ["x"]}, "'log' is missing or not a text"),
        ({"actual": "x"}, "'actual' is missing or not an object"),
        ({"events": "x"}, "'events' is not a list of objects"),
        ({"events": [1]}, "'events' is not a list of objects"),
        ({"events": [{"log": "x"}]}, "'actual' is missing or not an object"),
    ],
)
def test_a_stock_vector_that_is_none_is_named_with_its_line(capsys, stock, change, said):
    vectors = stock.parent / "stock_vectors.ndjson"
    rows = read_lines(vectors)
    write_lines(vectors, [*rows, rows[0] | change])
    code, last, errors = judge(capsys, vectors)
    assert (code, last) == (1, "0 passed, 2 failed")
    assert f"stock_vectors.ndjson: {vectors}:2: {said}" in errors


def test_a_stock_ruleset_that_does_not_load_fails_the_vectors(capsys, stock):
    (stock / "rules/0010-all.xml").write_text("<group name='x,'><rule", encoding="utf-8")
    code, last, errors = judge(capsys, stock.parent / "stock_vectors.ndjson")
    assert (code, last) == (1, "0 passed, 1 failed")
    assert "0010-all.xml" in errors


@pytest.mark.parametrize("name", ["load.json", "ruleset.xml"])
def test_a_suite_of_files_that_say_nothing_fails(capsys, suite, name):
    (suite / name).write_text("[]", encoding="utf-8")
    code, last, errors = judge(capsys, suite)
    assert code == 1
    assert int(last.split()[2]) >= 4
    assert name.replace("ruleset.xml", "ossec.conf") in errors


@pytest.mark.parametrize(
    ("inside", "messages"),
    [
        ("<bogus>x</bogus>", [("ERROR", 1230, ["bogus"])]),
        ("", [("ERROR", 1230, ["ruleset"])]),
        (
            '<rule_dir pattern="(">etc/rules</rule_dir>',
            [("ERROR", 1202, ["pattern in rules_dir does not compile"]), ("ERROR", None, [])],
        ),
    ],
)
def test_a_suite_may_expect_that_its_configuration_is_refused(capsys, suite, inside, messages):
    """These are the messages of analysisd 4.14.7 -t."""
    for name in ("events", "expected", "expected_daemon"):
        (suite / f"{name}.ndjson").unlink()
    (suite / "ruleset.xml").write_text(f"<ruleset>{inside}</ruleset>", encoding="utf-8")
    refused = [("ERROR", 1202, ["etc/ossec.conf"]), ("CRITICAL", 1202, ["etc/ossec.conf"])]
    wanted = [
        {"level": level, "code": code, "args": arguments}
        for level, code, arguments in [*messages, *refused]
    ]
    loading = {"exit": 1, "messages": wanted}
    (suite / "load.json").write_text(json.dumps(loading), encoding="utf-8")
    assert judge(capsys, suite, "--diff") == (0, "1 passed, 0 failed", "")
    wanted.pop()
    (suite / "load.json").write_text(json.dumps(loading), encoding="utf-8")
    assert judge(capsys, suite)[:2] == (1, "0 passed, 1 failed")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"string": "a", "match": True}, "not a vector with 'pattern'"),
        ({"pattern": "a", "string": 7, "match": True}, "not a vector with 'pattern'"),
        ({"pattern": "a", "string": "a"}, "not a vector with 'pattern'"),
        ({"pattern": "\ud800", "string": "a", "match": True}, "U+D800 is no character"),
    ],
)
def test_an_expression_that_is_none_is_named_with_its_line(capsys, expressions, row, said):
    path = expressions / "osmatch.ndjson"
    write_lines(path, [*read_lines(path), row])
    code, last, errors = judge(capsys, expressions)
    assert (code, last) == (1, "4 passed, 2 failed")
    assert f"osmatch.ndjson: {path}:2: {said}" in errors


@pytest.mark.parametrize(
    "tables",
    [
        {"classes": []},
        {"literals_matching_other_bytes": []},
        {"literals_matching_other_bytes": {"perl": []}},
        {"literals_matching_other_bytes": {"osmatch": [[1, [], 2]]}},
        {"literals_matching_other_bytes": {"osmatch": [["a", []]]}},
        {"literals_matching_other_bytes": {"osmatch": [[256, []]]}},
    ],
)
def test_byte_classes_of_another_layout_fail(capsys, expressions, tables):
    (expressions / "byte_classes.json").write_text(json.dumps(tables), encoding="utf-8")
    code, last, errors = judge(capsys, expressions)
    assert (code, last) == (1, "4 passed, 1 failed")
    assert "byte_classes.json: not the tables of classes and literals" in errors


def test_everything_of_the_reference_data_is_found(shared):
    folder = shared / "conformance"
    found = {vectors.path for vectors in find([folder])}
    suites = {path.parent for path in folder.rglob("README") if path.parent.name != "regex"}
    files = {path for path in (folder / "regex").iterdir() if "README" not in path.name}
    assert found == suites | files
