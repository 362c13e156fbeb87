"""Past logs of every form, what is reported of them, and that processes do not change it."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from wazuh_pack.cli import main
from wazuh_pack.engine import Ruleset, memory
from wazuh_pack.verify import backtest_board, backtest_processes, backtest_proof, backtest_report
from wazuh_pack.verify.backtest import Job, backtest
from wazuh_pack.verify.backtest_input import Reader

ROOT = Path(__file__).resolve().parents[2]
DECODERS = """
<decoder name="json"><prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>
<decoder name="named"><program_name>^app$</program_name></decoder>
<decoder name="named-user">
  <parent>named</parent><prematch>^user </prematch>
  <regex offset="after_prematch">(\\S+)</regex><order>srcuser</order>
  <fts>name, srcuser</fts>
</decoder>
<decoder name="rest"><prematch>^</prematch></decoder>
"""
ROOT_RULE = """
<group name="base,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>r</description></rule>
</group>
"""
LOGIN = """
<group name="app,">
  <rule id="100" level="3">
    <if_sid>1</if_sid><match>login</match><description>Login of $(who)</description>
  </rule>
  <rule id="101" level="10" frequency="4" timeframe="60">
    <if_matched_sid>100</if_matched_sid><same_field>who</same_field>
    <description>Many logins</description>
  </rule>
</group>
"""
OTHER_STATE = {
    "ignore": '<rule id="110" level="5" ignore="30"><if_sid>1</if_sid><match>noise</match>'
    "<description>Noise</description></rule>",
    "global": '<rule id="110" level="9" frequency="5" timeframe="60"><if_matched_sid>100'
    "</if_matched_sid><global_frequency /><description>Everywhere</description></rule>",
    "text": '<rule id="110" level="9" frequency="3" timeframe="60"><if_matched_regex>login'
    "</if_matched_regex><match>noise</match><description>Text</description></rule>",
    "fts": '<rule id="110" level="5"><if_sid>1</if_sid><decoded_as>named</decoded_as><if_fts />'
    "<description>First</description></rule>",
    "diff": '<rule id="110" level="5"><if_sid>1</if_sid><match>noise</match><check_diff />'
    "<description>Changed</description></rule>",
}


@pytest.fixture
def ruleset(tmp_path):
    """Return a function that writes a ruleset and returns its folder."""

    def write(*rules, name="ours"):
        folder = tmp_path / name
        for kind, text in (
            ("rules", ROOT_RULE + LOGIN + "".join(f"<group name='x,'>{r}</group>" for r in rules)),
            ("decoders", DECODERS),
        ):
            (folder / kind).mkdir(parents=True)
            (folder / kind / "all.xml").write_text(text, encoding="utf-8")
        return folder

    return write


def load(folder):
    return Ruleset.load([folder / "rules"], [folder / "decoders"])


def archived(log, time=0, agent="000", **more):
    moment = f"2026-11-2{1 + time // 86400}T{time // 3600 % 24:02}:{time // 60 % 60:02}"
    whole = {
        "timestamp": f"{moment}:{time % 60:02}.250+0000",
        "agent": {"id": agent, "name": f"host{agent}", "ip": "192.0.2.1"},
        "manager": {"name": "manager"},
        "id": "1.1",
        "full_log": log,
        "decoder": {"name": "json"},
        "location": "/var/log/app.log",
    }
    return json.dumps(whole | more)


def login(who="eve"):
    return json.dumps({"action": "login", "who": who})


def write(path, lines):
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return str(path)


def records(*paths, **options):
    reader = Reader([str(path) for path in paths], **options)
    return list(reader), reader.statistics


# reading


def test_archives_give_text_time_agent_and_location(tmp_path):
    path = write(tmp_path / "archives.json", [archived("hello", 61, "007")])
    (record,), seen = records(path)
    assert (record.event, record.agent, record.number) == (b"hello", "007", 1)
    assert record.location == b"[007] (host007) 192.0.2.1->/var/log/app.log"
    assert record.time == 1795219261.25
    assert (seen.events, seen.without_time) == (1, 0)


def test_the_manager_s_own_and_agentless_events_have_their_location(tmp_path):
    agentless = {"script": "ssh", "user": "root", "host": "h"}
    path = write(tmp_path / "a", [archived("x"), archived("y", agentless=agentless)])
    found, _ = records(path)
    assert [record.location for record in found] == [
        b"/var/log/app.log",
        b"(ssh) root@h->/var/log/app.log",
    ]
    assert {record.agent for record in found} == {"000"}


def test_the_recorded_location_is_what_the_engine_had(tmp_path, ruleset):
    rules = load(ruleset())
    given = b"[007] (host007) 192.0.2.1->/var/log/app.log"
    alert = rules.session(manager="m").process("x", location=given, time=5).as_alert()
    (record,), _ = records(write(tmp_path / "a", [json.dumps(alert)]))
    assert record.location == given


def test_alerts_without_the_text_are_counted_and_left_out(tmp_path):
    line = json.loads(archived("x"))
    del line["full_log"]
    found, seen = records(write(tmp_path / "alerts.json", [json.dumps(line)]))
    assert (found, seen.without_log) == ([], 1)


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ('{"timestamp":"2026-11-21T00:00:01Z"}', 1795219201),
        ('{"@timestamp":1795219201500}', 1795219201.5),
        ('{"github":{"created_at":1795219201}}', 1795219201),
        ('{"time":"2026-11-21T01:00:01+01:00"}', 1795219201),
        ('{"time":0.25}', 0),
        ('{"time":true}', 0),
        ('{"timestamp":"2026-13-41T00:00:01Z"}', 0),
        ("2026-11-21 00:00:01,123 something", 1795219201.123),
        ("Nov 21 00:00:01 host app: x", 1795219201),
        ("Dec 21 00:00:01 host app: x", 1766275201),
        ("Foo 21 00:00:01 host app: x", 0),
        ('1.2.3.4 - - [21/Nov/2026:02:00:01 +0200] "GET /"', 1795219201),
        ("type=SYSCALL msg=audit(1795219201.250:12): x", 1795219201.25),
        ("no time at all", 0),
        ("Nov 21 00:00:01 host app: valid until 2031-01-01T00:00:00Z", 1795219201),
        ("type=X msg=audit(1795219201.250:12): at 2031-01-01 00:00:00", 1795219201.25),
        ('{"time":"9999-12-31T23:59:59-23:59"}', 0),
        ("0001-01-01 00:00:00 +2359 x", 0),
        ("1969-12-31 23:59:59 x", 0),
    ],
)
def test_every_event_gets_its_time(tmp_path, line, time):
    (record,), _ = records(write(tmp_path / "log", [line]), latest=1795219300.0)
    assert record.time == pytest.approx(time)
    assert record.event == line.encode()


@pytest.mark.parametrize(
    ("line", "zone", "time", "hour"),
    [
        ("Nov 21 00:00:01 host app: x", "America/New_York", 1795237201, 0),
        ("Jul 21 00:00:01 host app: x", "America/New_York", 1784606401, 0),
        ('{"time":"2026-11-21T00:00:01"}', "America/New_York", 1795237201, 0),
        ('{"time":"2026-11-21T00:00:01Z"}', "America/New_York", 1795219201, 19),
        ("2026-11-21T00:00:01+9999 x", "America/New_York", 1795237201, 0),
        (archived("x", 1), "America/New_York", 1795219201.25, 0),
        (archived("x", timestamp="2026-11-20T19:00:01.250-0500"), "UTC", 1795219201.25, 19),
        (archived("x", timestamp=1795219201), "Asia/Tokyo", 1795219201, 9),
    ],
)
def test_every_event_gets_the_zone_of_its_manager(tmp_path, line, zone, time, hour):
    path = write(tmp_path / "log", [line])
    (record,), _ = records(path, latest=1795219300.0, zone=ZoneInfo(zone))
    assert record.time == pytest.approx(time)
    assert datetime.fromtimestamp(record.time, record.zone).hour == hour


def test_an_event_without_a_time_happens_with_the_one_before(tmp_path):
    path = write(tmp_path / "log", ["2026-11-21T00:00:01Z a", "b"])
    found, seen = records(path)
    assert [record.time for record in found] == [1795219201] * 2
    assert seen.without_time == 1


def test_a_little_disorder_stands_still_and_much_is_counted(tmp_path):
    lines = [archived("x", time) for time in (100, 99, 40, 101, 0)]
    found, seen = records(write(tmp_path / "a", lines))
    assert [record.time - 1795219200.25 for record in found] == [100, 100, 100, 101, 0]
    assert seen.out_of_order == 1


def test_gzip_and_several_files_are_one_stream(tmp_path):
    packed = tmp_path / "one.gz"
    packed.write_bytes(gzip.compress(b"a\nb\n") + gzip.compress(b"c"))
    found, _ = records(packed, write(tmp_path / "two", ["", "d"]))
    assert [(record.number, record.event) for record in found] == [
        (1, b"a"),
        (2, b"b"),
        (3, b"c"),
        (5, b"d"),
    ]
    assert found[0].location == str(packed).encode()


def test_a_broken_file_is_named_and_the_others_are_read(tmp_path):
    broken = tmp_path / "one.gz"
    broken.write_bytes(gzip.compress(b"a\n" * 5000)[:-20])
    found, seen = records(broken, tmp_path / "absent", write(tmp_path / "two", ["d"]))
    assert found[-1].event == b"d"
    assert [text.partition(":")[0] for text in seen.unreadable] == [
        str(broken),
        str(tmp_path / "absent"),
    ]


def test_lines_beyond_the_limit_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("wazuh_pack.verify.backtest_input.LINE_LIMIT", 100)
    found, seen = records(write(tmp_path / "log", ["a", "b" * 250, "c", "d" * 99]))
    assert [record.event[:1] for record in found] == [b"a", b"c", b"d"]
    assert seen.too_long == 1


def test_an_event_is_cut_where_analysisd_ends_it(tmp_path):
    (record,), seen = records(write(tmp_path / "log", ["a" * 70000]))
    assert (len(record.event), seen.cut) == (65535, 1)


def test_bytes_that_are_not_utf8_stay_as_they_are(tmp_path):
    line = archived("PLACE").encode().replace(b"PLACE", b"user \xff \\ud800")
    (tmp_path / "a").write_bytes(b"\xfe\xff plain\n" + line + b"\n")
    found, _ = records(tmp_path / "a")
    assert [record.event for record in found] == [b"\xfe\xff plain", b"user \xff \xed\xa0\x80"]


# reporting


def test_alerts_are_counted_by_rule_actor_and_day(tmp_path, ruleset):
    lines = [archived(login("eve"), 10 * n) for n in range(5)]
    lines += [archived(login("adam"), 86400), archived("nothing", 86401)]
    job = Job((write(tmp_path / "a", lines),), load(ruleset()), actor_fields=("who",))
    outcome = backtest(job)
    found = outcome.report.as_json()
    assert {row["rule"]: row["count"] for row in found["rules"]} == {100: 5, 101: 1}
    assert found["actors"] == [{"actor": "eve", "count": 5}, {"actor": "adam", "count": 1}]
    assert found["days"] == {"2026-11-21": 5, "2026-11-22": 1}
    assert (outcome.read.events, found["judged"], found["alerts"]) == (7, 7, 6)
    many = found["rules"][1]
    assert many["title"] == "Many logins"
    assert (many["first"], many["last"]) == ("2026-11-21T00:00:30+00:00",) * 2
    assert many["examples"] == [
        {
            "number": 4,
            "time": "2026-11-21T00:00:30+00:00",
            "location": "/var/log/app.log",
            "actor": "eve",
            "event": login("eve"),
        }
    ]


def test_correlation_follows_the_events_times(tmp_path, ruleset):
    far_apart = [archived(login(), 30 * n) for n in range(5)]
    outcome = backtest(Job((write(tmp_path / "a", far_apart),), load(ruleset())))
    assert set(outcome.report.rules) == {100}


def test_examples_and_actors_are_bounded(monkeypatch):
    monkeypatch.setattr(backtest_report, "ACTORS_KEPT", 50)
    monkeypatch.setattr(backtest_report, "_PRUNE_AT", 100)
    names = [f"actor{n}" for n in range(1000)] * 3
    orders = []
    for seed in range(3):
        random.Random(seed).shuffle(names)  # noqa: S311 - test data
        halves = [backtest_report.Actors(), backtest_report.Actors()]
        for number, name in enumerate(names):
            halves[number % 2].add(name)
        halves[0].merge(halves[1])
        halves[0].finish()
        orders.append((halves[0].counts, halves[0].others))
    assert orders[0] == orders[1] == orders[2]
    counts, others = orders[0]
    assert (len(counts), set(counts.values()), others) == (50, {3}, 2850)


def test_comparing_shows_what_other_rules_add_remove_and_replace(tmp_path, ruleset):
    ours = ruleset('<rule id="120" level="5"><match>old</match><description>O</description></rule>')
    text = (ours / "rules/all.xml").read_text(encoding="utf-8")
    theirs = ruleset(name="theirs")
    (theirs / "rules/all.xml").write_text(
        text.replace(">old<", ">new<")
        .replace('id="120"', 'id="121"')
        .replace('id="100" level="3"', 'id="100" level="4"'),
        encoding="utf-8",
    )
    lines = ["an old event", "a new event", "a new event", login(), "quiet"]
    job = Job((write(tmp_path / "a", lines),), load(ours), other=load(theirs))
    changes = backtest(job).report.changes_json()
    shown = {
        kind: [(row["rule"], row.get("by"), row["count"]) for row in rows]
        for kind, rows in changes.items()
    }
    assert shown == {
        "added": [(121, None, 2)],
        "removed": [(120, None, 1)],
        "replaced": [(100, 100, 1)],
    }
    assert changes["added"][0]["examples"][0]["number"] == 2


# processes


def stream(seed, *, agents=6, events=400, spread=3, words=("login", "noise")):
    """Yield lines of archives.json: logins, noise and program events of several agents."""
    source = random.Random(seed)  # noqa: S311 - test data
    time = 0
    for _ in range(events):
        time += source.randrange(spread)
        agent = f"{source.randrange(1, agents + 1):03}"
        who = f"user{source.randrange(3)}"
        kind = source.choice((*words, "program"))
        log = json.dumps({"action": kind, "who": who})
        if kind == "program":
            log = f"Nov 21 00:00:00 host app: user {agent}{who}"
        yield archived(log, time, agent)


def outcome_of(path, rules, processes):
    outcome = backtest(Job((path,), rules, actor_fields=("who",)), processes=processes)
    return outcome, outcome.report.as_json()


@pytest.mark.parametrize("processes", [2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_processes_give_what_one_gives(tmp_path, ruleset, seed, processes):
    path = write(tmp_path / "a", stream(seed))
    rules = load(ruleset())
    one, expected = outcome_of(path, rules, 1)
    several, found = outcome_of(path, rules, processes)
    assert found == expected
    assert {row["rule"] for row in found["rules"]} == {100, 101}
    assert (several.processes, several.one_process) == (processes, "")
    assert (several.read, one.processes) == (one.read, 1)


@pytest.mark.parametrize("state", sorted(OTHER_STATE))
def test_what_agents_share_is_judged_in_one_process(tmp_path, ruleset, state):
    path = write(tmp_path / "a", stream(7, agents=2 if state == "text" else 6))
    rules = load(ruleset(OTHER_STATE[state]))
    _, expected = outcome_of(path, rules, 1)
    several, found = outcome_of(path, rules, 2)
    assert found == expected
    assert 110 in {row["rule"] for row in found["rules"]}
    apart = state in {"diff", "fts"}  # their keys hold the agent here
    assert (several.processes == 2, several.one_process == "") == (apart, apart)


def test_first_seen_values_of_several_agents_are_judged_in_one_process(tmp_path, ruleset):
    lines = [archived("Nov 21 00:00:00 host app: user eve", n, f"00{n + 1}") for n in range(4)]
    path = write(tmp_path / "a", lines)
    rules = load(ruleset(OTHER_STATE["fts"]))
    several, found = outcome_of(path, rules, 4)
    assert found == outcome_of(path, rules, 1)[1]
    assert "if_fts" in several.one_process
    assert found["alerts"] == 1


def test_a_clock_that_runs_back_is_judged_in_one_process(tmp_path, ruleset):
    lines = [*stream(1, events=500), *stream(2, events=500)]
    path = write(tmp_path / "a", lines)
    rules = load(ruleset())
    several, found = outcome_of(path, rules, 2)
    assert found == outcome_of(path, rules, 1)[1]
    assert several.read.out_of_order == 1
    assert (several.processes, "order" in several.one_process) == (1, True)


def test_a_pipe_is_read_once_in_one_process(tmp_path, ruleset):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    lines = list(stream(1, events=200))
    writer = threading.Thread(target=write, args=(pipe, lines))
    writer.start()
    found, _ = outcome_of(str(pipe), load(ruleset()), 2)
    writer.join()
    assert (found.read.events, found.processes) == (200, 1)
    assert "only once" in found.one_process


ORPHANED = """
import os, signal, sys
from pathlib import Path
from wazuh_pack.engine import Ruleset
from wazuh_pack.verify import backtest_processes
from wazuh_pack.verify.backtest import Job, backtest
path, folder = sys.argv[1], Path(sys.argv[2])
backtest_processes._lead = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
backtest_processes._REPORT_EVERY = 1
backtest(Job((path,), Ruleset.load([folder / "rules"], [folder / "decoders"])), processes=3)
"""


def test_when_the_command_is_killed_its_processes_end(tmp_path, ruleset):
    """They hold its standard output: it ends when the last of them does."""
    path = write(tmp_path / "a", stream(1, events=2000))
    done = subprocess.run(
        [sys.executable, "-c", ORPHANED, path, str(ruleset())],
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGKILL, b"", b"")


@pytest.fixture
def short_memory(monkeypatch):
    """A manager that remembers forty events only."""
    for module in (memory, backtest_proof):
        monkeypatch.setattr(module, "EVENTS_KEPT", 40)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spread", [1, 2, 30])
def test_what_a_manager_forgets_is_forgotten_in_processes_too(
    tmp_path, ruleset, short_memory, seed, spread
):
    assert short_memory is None
    path = write(tmp_path / "a", stream(seed, agents=15, events=600, spread=spread))
    rules = load(ruleset())
    several, found = outcome_of(path, rules, 3)
    assert found == outcome_of(path, rules, 1)[1]
    assert (several.processes, several.one_process) == (3, "")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("processes", [2, 5])
def test_processes_wait_for_one_another_when_their_common_board_is_full(
    tmp_path, ruleset, short_memory, monkeypatch, seed, processes
):
    assert short_memory is None
    for module in (backtest_board, backtest_processes):
        monkeypatch.setattr(module, "EVENTS", 64)
    monkeypatch.setattr(backtest_processes, "_REPORT_EVERY", 16)
    path = write(tmp_path / "a", stream(seed, agents=15, events=600, spread=2))
    rules = load(ruleset())
    several, found = outcome_of(path, rules, processes)
    assert found == outcome_of(path, rules, 1)[1]
    assert several.processes == processes


def test_forgetting_shows_in_the_result(tmp_path, ruleset, monkeypatch):
    path = write(tmp_path / "a", stream(1, agents=15, events=600, spread=2))
    rules = load(ruleset())
    _, before = outcome_of(path, rules, 1)
    monkeypatch.setattr(memory, "EVENTS_KEPT", 40)
    assert outcome_of(path, rules, 1)[1] != before


# the command


@pytest.fixture
def run(capsys):
    def call(*arguments):
        code = main(["backtest", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def options(folder):
    return ["--no-stock", "--rules", folder / "rules", "--decoders", folder / "decoders"]


def test_the_command_prints_tables(run, tmp_path, ruleset):
    path = write(tmp_path / "a", [archived(login(), n) for n in range(4)])
    code, out, err = run(path, *options(ruleset()), "--actor", "who")
    assert (code, err) == (0, "")
    assert "4 events, 4 alerts" in out
    for head in ("Rules", "Actors", "Days", "Examples"):
        assert f"\n{head}\n" in out
    assert "101   10     1       2026-11-21  2026-11-21  Many logins" in out
    assert "eve    4" in out


def test_the_command_prints_json(run, tmp_path, ruleset):
    path = write(tmp_path / "a", [archived(login(), n) for n in range(4)])
    other = ruleset(
        '<rule id="130" level="12"><match>login</match><description>N</description></rule>',
        name="other",
    )
    code, out, _ = run(
        path, *options(ruleset()), "--format", "json", "--compare", other, "--processes", "2"
    )
    found = json.loads(out)
    assert code == 0
    assert [row["rule"] for row in found["rules"]] == [100, 101]
    assert [row["by"] for row in found["changes"]["replaced"]] == [130, 130]
    assert found["read"]["events"] == 4


def test_an_event_cannot_steer_the_terminal(run, tmp_path, ruleset):
    path = write(tmp_path / "a", [json.dumps({"login": "x", "who": "\x1b[2J\u202e"})])
    _, out, _ = run(path, *options(ruleset()), "--actor", "who")
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\x1b[2J" in out


def test_a_file_that_cannot_be_read_to_the_end_is_an_error(run, tmp_path, ruleset):
    broken = tmp_path / "one.gz"
    broken.write_bytes(gzip.compress(b"quiet\n" * 5000)[:-20])
    code, _, err = run(broken, *options(ruleset()))
    assert code == 1
    assert str(broken) in err


def test_a_file_that_is_not_there_is_refused_at_once(run, tmp_path):
    code, out, err = run(tmp_path / "absent")
    assert (code, out) == (2, "")
    assert "cannot read" in err


def test_a_vendor_s_log_gets_its_source_s_envelope(run, tmp_path):
    event = {"@timestamp": 1795219201000, "action": "repo.destroy", "actor": "eve", "repo": "o/r"}
    path = write(tmp_path / "audit.json", [json.dumps(event)])
    code, out, _ = run(path, "--source", "github-audit", "--format", "json")
    found = json.loads(out)
    assert (code, found["alerts"]) == (0, 1)
    assert found["actors"] == [{"actor": "eve", "count": 1}]
    assert found["rules"][0]["examples"][0]["location"] == "github"


NIGHT = (
    '<rule id="140" level="5"><match>night</match><time>11 pm - 1 am</time>'
    "<description>N</description></rule>"
    '<rule id="141" level="5"><match>sunday</match><weekday>sunday</weekday>'
    "<description>S</description></rule>"
)


@pytest.mark.parametrize("processes", [1, 2])
def test_hours_are_those_of_the_archive_else_of_the_zone_that_is_given(
    run, tmp_path, ruleset, processes
):
    lines = [
        archived("night", timestamp="2026-07-21T23:30:00.000-0400"),
        archived("night", timestamp="2026-11-21T23:29:00.000-0500"),
        archived("sunday", timestamp="2026-11-21T23:30:00.000-0500"),
        archived("sunday", timestamp="2026-11-22T04:30:00.000+0000"),
        '{"time":"2026-11-22T04:31:00Z","x":"night"}',
        "Nov 21 23:40:00 host app: night",
    ]
    path = write(tmp_path / "a", lines)
    more = (*options(ruleset(NIGHT)), "--format", "json", "--processes", processes)
    code, out, _ = run(path, *more, "--tz", "America/New_York")
    found = {row["rule"]: row["count"] for row in json.loads(out)["rules"]}
    assert (code, found) == (0, {140: 4, 141: 1})
    found = {
        row["rule"]: row["count"] for row in json.loads(run(path, *more, "--tz", "UTC")[1])["rules"]
    }
    assert found == {140: 3, 141: 1}


def test_an_unknown_zone_is_refused(run, tmp_path):
    code, _, err = run(write(tmp_path / "a", ["x"]), "--tz", "Nowhere/Land")
    assert (code, "no time zone 'Nowhere/Land'" in err) == (2, True)


@pytest.mark.parametrize(
    ("lines", "events", "code"),
    [(["[{}, {}]"], 0, 1), (["[", "{", "},", "{}", "]"], 1, 0), (["{}", "no", "5"], 1, 0)],
)
def test_what_is_no_event_of_the_source_is_left_out_and_told(run, tmp_path, lines, events, code):
    path = write(tmp_path / "a", lines)
    found, out, err = run(path, "--source", "github-audit")
    assert (found, f"{events} events, " in out) == (code, True)
    assert f"  {len(lines) - events} lines that are no JSON object, left out" in out
    assert ("error: no line is a JSON object" in err) is bool(code)


def test_standard_input_is_read_once(ruleset):
    folder = ruleset()
    argv = [sys.executable, "-m", "wazuh_pack", "backtest", "-", "--processes", "2"]
    argv += [str(option) for option in options(folder)]
    done = subprocess.run(
        argv, input=gzip.compress(b"login\nother\n"), capture_output=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0
    assert b"2 events, 1 alerts" in done.stdout
    assert b"standard input" in done.stderr


def test_alerts_of_a_real_manager_fire_again(shared):
    """Single events only: what a correlation counted is not in the sample."""
    stock = shared / "wazuh-4.14.7/ruleset"
    path = shared / "samples/alerts/alerts.json"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    expected = {row["full_log"]: row["rule"]["id"] for row in rows if "full_log" in row}
    rules = Ruleset.load([stock / "rules"], [stock / "decoders"])
    outcome = backtest(Job((str(path),), rules))
    assert outcome.read.events == sum("full_log" in row for row in rows)
    agreeing = set(expected.values()) & {str(number) for number in outcome.report.rules}
    assert len(agreeing) > 0.8 * len(set(expected.values()))
