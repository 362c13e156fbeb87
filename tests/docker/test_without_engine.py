"""The harness's parts that need no container engine."""

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from wazuh_pack import cli, resources
from wazuh_pack.cli import _load
from wazuh_pack.cli.harness_command import _images
from wazuh_pack.errors import HarnessError, UnavailableError
from wazuh_pack.harness import closure, compare, dockerd, inside, programs, trees
from wazuh_pack.harness.container import _extract
from wazuh_pack.harness.lane import Lane
from wazuh_pack.harness.live import _unlike
from wazuh_pack.harness.report import Check, Report, State
from wazuh_pack.harness.sessions import in_order, scripts, share_sessions
from wazuh_pack.serve import Responder, RulesetSource, Server, SessionStore

NOW = 1_795_881_491.0
HOST = "wazuh.manager"


@pytest.fixture(scope="module")
def ruleset():
    return _load.ruleset(_load.catalog(), resources.tree())


@pytest.fixture(scope="module")
def all_scripts():
    catalog = _load.catalog()
    return scripts(catalog, catalog.detections, _load.lock().ids())


@pytest.fixture(scope="module")
def few(all_scripts):
    return [script for script in all_scripts if script.source == "app-security"]


# which events, in which sessions


def test_every_case_is_in_exactly_one_session_and_few_sessions_are_needed(all_scripts, ruleset):
    sessions = share_sessions(all_scripts, ruleset, manager=HOST, now=NOW)
    sent = [played.script for session in sessions for played in session]

    assert sent == all_scripts
    assert len(sessions) < len(all_scripts) / 5


def test_in_a_shared_session_every_case_does_what_it_does_alone(few, ruleset):
    for session in share_sessions(few, ruleset, manager=HOST, now=NOW):
        for played in session:
            alone = ruleset.session(manager=HOST)
            rules = [
                alone.process(line, location=place, time=NOW).rule_id
                for line, place in played.script.events
            ]
            assert [expected.rule for expected in played.expected] == rules


def test_a_case_that_needs_time_is_not_taken_for_one_that_does_as_it_says(few, ruleset):
    slow = [s for s in few if s.case == "ten within ten minutes" and "authz" in s.detection]
    (session,) = share_sessions(slow, ruleset, manager=HOST, now=NOW)

    assert [played.as_written for played in session] == [False]


def test_the_daemons_alerts_leave_out_what_does_not_alert(few, ruleset):
    played = in_order(few, ruleset, manager=HOST, now=NOW)
    alerts = compare.alerts_of(played)

    assert 0 < len(alerts) < sum(len(case.expected) for case in played)
    assert all(expected.rule is not None for _, expected in alerts)


# what the manager said, against what the engine says


@pytest.fixture
def session(few, ruleset):
    """The first session, and answers of a manager that agrees."""
    played = share_sessions(few, ruleset, manager=HOST, now=NOW)[0]
    answers = [
        {"output": json.loads(json.dumps(expected.output)), "alert": expected.alert}
        for case in played
        for expected in case.expected
    ]
    return played, answers


def test_a_manager_that_agrees_is_not_complained_about(session):
    played, answers = session
    for answer in answers:
        answer["output"]["timestamp"] = "some other time"
        answer["output"]["manager"] = {"name": "some other name"}

    assert list(compare.judged(played, answers)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a["output"]["rule"].update(id="5"), 'rule.id is "5", the engine says "1'),
        (lambda a: a["output"]["rule"].update(level=1), "rule.level is 1, the engine says "),
        (lambda a: a["output"]["rule"].update(groups=[]), "rule.groups is [], the engine says "),
        (lambda a: a["output"]["decoder"].update(name="x"), 'decoder.name is "x", the engine'),
        (lambda a: a["output"]["data"].update(more="1"), 'data.more is "1", the engine says "<abs'),
        (lambda a: a.update(alert=False), "alert is false, the engine says true"),
        (lambda a: a.update(output=None, message="too long"), "no output: too long"),
    ],
)
def test_every_difference_is_told(session, change, said):
    played, answers = session
    first = next(index for index, answer in enumerate(answers) if answer["alert"])
    change(answers[first])
    (found,) = compare.judged(played, answers)

    assert said in found


def test_answers_that_do_not_come_are_told(session):
    played, answers = session

    assert list(compare.judged(played, answers[:-1])) == [
        f"{len(answers)} events were sent, {len(answers) - 1} answers came"
    ]


def test_alerts_are_compared_in_order(few, ruleset):
    played = in_order(few, ruleset, manager=HOST, now=NOW)
    right = [dict(expected.output) for _, expected in compare.alerts_of(played)]
    name = compare.alerts_of(played)[-1][0].script.name

    assert list(compare.alerted(played, right)) == []
    (missing,) = compare.alerted(played, right[:-1])
    assert missing.startswith(f"{name}: no alert of rule 11")
    (surplus,) = compare.alerted(played, [*right, right[0]])
    assert surplus.startswith(f"an alert too many: rule {right[0]['rule']['id']}")
    assert len(list(compare.alerted(played, [*right[1:], right[0]]))) > 1


# the tree before and after


@pytest.fixture
def rows():
    return [
        ["etc", "drwxrwx---", 0, 999, ""],
        ["etc/ossec.conf", "-rw-rw----", 0, 999, "aa"],
        ["logs/ossec.log", "-rw-rw----", 999, 999, ""],
        ["etc/client.keys", "-rw-r-----", 999, 999, "bb"],
        ["etc/shared/default/merged.mg", "-rw-rw----", 999, 999, "bb"],
        ["var/wazuh-pack/respond/log", "-rw-------", 0, 0, ""],
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["etc/ossec.conf", "-rw-rw----", 0, 999, "ab"], "etc/ossec.conf has another content"),
        (
            ["etc/ossec.conf", "-rw-rw-r--", 0, 999, "aa"],
            "etc/ossec.conf was -rw-rw---- 0:999, is -rw-rw-r-- 0:999",
        ),
        (["etc/ossec.conf", "-rw-rw----", 1, 999, "aa"], "etc/ossec.conf was -rw-rw---- 0:999, is"),
        (["etc/rules/x.xml", "-rw-rw----", 1, 999, ""], "etc/rules/x.xml is new"),
        (["logs/wazuh-pack.log", "-rw-rw----", 1, 999, ""], "logs/wazuh-pack.log is new"),
    ],
)
def test_what_differs_is_told(rows, row, said):
    before = trees.compared(trees.read(rows))
    after = trees.compared(trees.read([r for r in rows if r[0] != row[0]] + [row]))
    (found,) = trees.changes(before, after)

    assert found.startswith(said)


def test_what_is_gone_is_told(rows):
    before = trees.compared(trees.read(rows))

    assert list(trees.changes(before, trees.compared(trees.read(rows[:1])))) == [
        "etc/ossec.conf is gone"
    ]


def test_what_the_manager_writes_is_not_compared_and_the_scripts_memory_is_counted(rows):
    tree = trees.read(rows)

    assert set(trees.compared(tree)) == {"etc", "etc/ossec.conf"}
    assert trees.state(tree) == ["var/wazuh-pack/respond/log"]


# checks and their report


@pytest.fixture
def lane():
    return Lane(world=None, image=None, report=Report("wazuh:1"), name="life")


def refuse(error):
    def run():
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (UnavailableError("no nft", details=["a"]), State.SKIPPED),
        (HarnessError("wrong", details=["a"]), State.FAILED),
        (TypeError("ours"), State.FAILED),
    ],
)
def test_a_check_ends_as_what_it_raises_says_and_the_lane_goes_on(lane, error, state):
    assert not lane.check("first", refuse(error))
    assert lane.check("second", lambda: ("fine", ()))

    assert [check.state for check in lane.report.checks] == [state, State.OK]
    assert lane.report.failed is (state is State.FAILED)


def test_what_a_failed_check_was_needed_for_is_not_reached(lane):
    lane.check("first", refuse(HarnessError("wrong")), needed=True)
    lane.check("second", refuse(AssertionError("not to be called")))

    assert lane.report.named("life second").summary == "not reached: first failed"


def test_a_report_says_what_a_stand_in_is_worth_and_bounds_details():
    report = Report("x:1", about="Wazuh 4.14.7", stand_in=True)
    report.add(Check("a", State.OK, "fine", tuple(map(str, range(25))), 1.25))
    text = "\n".join(report.lines())

    assert "a STAND-IN served by our own engine" in text
    assert "and 5 more; --format json has them all" in text
    assert report.as_json()["checks"][0]["details"] == list(map(str, range(25)))


# engine and image


def test_without_an_engine_all_is_skipped_and_required_fails(capsys, tmp_path):
    url = f"unix://{tmp_path}/nobody.sock"

    assert cli.main(["harness", "--engine", url]) == 0
    assert cli.main(["harness", "--engine", url, "--require"]) == 20
    assert f"no container engine answers ({url}: [Errno 2]" in capsys.readouterr().out


def test_a_named_host_is_the_only_one_that_is_asked(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:1")

    assert list(dockerd._candidates()) == ["tcp://192.0.2.1:1"]


@pytest.mark.parametrize(
    ("image", "versions", "expected"),
    [
        ("w/m", (), ("w/m:4.14.7",)),
        ("w/m:1", (), ("w/m:1",)),
        ("host:5000/m", (), ("host:5000/m:4.14.7",)),
        ("w/m@sha256:ab", (), ("w/m@sha256:ab",)),
        ("w/m", ("4.14.6", "4.14.7"), ("w/m:4.14.6", "w/m:4.14.7")),
    ],
)
def test_images_are_named_by_image_and_versions(image, versions, expected):
    assert _images(image, versions) == expected


# what goes into the container


def test_wheels_are_asked_for_by_the_containers_own_python():
    tags = closure.Python("3.10.20", "x86_64", "2.34").platforms()

    assert tags[0] == "manylinux_2_34_x86_64"
    assert tags[-2:] == ["manylinux_2_17_x86_64", "manylinux2014_x86_64"]


@pytest.mark.parametrize("libc", ["", "1.2", "2.x"])
def test_a_c_library_without_wheels_is_refused(libc):
    with pytest.raises(HarnessError, match="no wheels are known"):
        closure.Python("3.10.20", "x86_64", libc).platforms()


def test_extras_are_left_out_of_the_requirements():
    listed = ["click>=8.1", 'docker>=7.1; extra == "harness"', "pyyaml; python_version > '3'"]

    assert closure.requirements(listed) == ["click>=8.1", "pyyaml"]


def test_the_later_version_is_complete_and_says_something_new(tmp_path):
    package = closure.make_pack(tmp_path)
    version = closure.make_later(package)
    code = "import wazuh_pack, sys; from wazuh_pack import cli; print(wazuh_pack.__version__); "
    done = subprocess.run(
        [sys.executable, "-c", code + "sys.exit(cli.main(['install', '--destdir', 'root']))"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    rules = "".join(p.read_text() for p in tmp_path.glob("root/var/ossec/etc/rules/*.xml"))

    assert done.stdout.splitlines()[0] == version
    assert version.endswith(".post1")
    assert rules.count(closure.NEW_WORDS) == 1


def test_an_archive_belongs_to_root(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_text("x")
    data = closure.archive(tmp_path / "in", PurePosixPath("/opt/x"))
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        entries = {e.name: (e.uid, e.gid, e.uname) for e in packed}

    assert entries == {"opt/x": (0, 0, "root"), "opt/x/a": (0, 0, "root")}


def test_a_carried_program_runs_with_its_own_loader(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "OURS", PurePosixPath(tmp_path))
    place = PurePosixPath(tmp_path) / "start"
    for path, content in programs.carried("sh", place).items():
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_bytes(content)
        Path(path).chmod(0o755)
    done = subprocess.run(
        [place, "-c", 'printf "%s|" "$@"', "0", "a b", "*"], capture_output=True, check=True
    )

    assert done.stdout == b"a b|*|"


def test_a_program_that_is_nowhere_is_unavailable():
    with pytest.raises(UnavailableError, match="neither the image nor this machine has wp-none"):
        programs.find("wp-none")


def test_an_archive_of_a_container_cannot_leave_the_folder(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for name in ("../out", "/abs", "in/x"):
            packed.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("in/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as packed:
        _extract(packed, tmp_path / "to")

    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if not p.is_dir()] == [
        "to/in/x"
    ]


# the program inside


def ask(home, *words):
    """Run the program as the container does: one file, nothing else of ours."""
    done = subprocess.run(
        [sys.executable, "-I", inside.__file__, words[0], home, *words[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def requested(tmp_path):
    def write(value):
        path = tmp_path / "request.json"
        path.write_text(json.dumps(value))
        return str(path)

    return write


@contextmanager
def logtest(home, ruleset):
    """Serve the socket with our engine."""
    sessions = SessionStore()
    responder = Responder(RulesetSource(lambda: ruleset), sessions, manager=HOST)
    with Server(home / "queue/sockets/logtest", responder, sessions) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield sessions
        finally:
            server.stop()
            thread.join()


@pytest.fixture
def home(manager):
    return manager.home


def test_logtest_judges_sessions_and_closes_them(home, ruleset, few, requested):
    played = share_sessions(few[:20], ruleset, manager=HOST, now=NOW)
    request = [[event for case in session for event in case.script.events] for session in played]
    with logtest(home, ruleset) as sessions:
        answers = ask(home, "logtest", requested(request))
        left = len(sessions)

    assert list(compare.judged([case for s in played for case in s], answers)) == []
    assert left == 0


def test_logtest_that_does_not_answer_is_told_for_every_event(home, requested):
    answers = ask(home, "logtest", requested([[["x", "y"], ["x", "y"]]]))

    assert [answer["message"].partition(":")[0] for answer in answers] == ["FileNotFoundError"] * 2


def test_events_reach_the_queue_as_wazuhs_daemons_send_them(home, requested):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as queue:
        queue.bind(str(home / "queue/sockets/queue"))
        said = ask(home, "queue", requested([["a:b|c", "x"], ["\udcff", "C:\\a|b"]]))
        queue.settimeout(5)
        got = [queue.recv(1000) for _ in range(2)]

    assert said == [{"sent": 2}]
    assert got == [b"1:x:a:b|c", b"1:C|:\\a||b:\xff"]


def test_readiness_says_what_is_missing(manager):
    (answer,) = ask(manager.home, "ready", "0")
    assert answer["why"] == "analysisd does not run"

    manager.start(logtest=False)
    lock = manager.home / "var/start-script-lock"
    lock.mkdir()
    (answer,) = ask(manager.home, "ready", "0")
    assert answer["why"] == "wazuh-control is still starting daemons"

    lock.rmdir()
    (answer,) = ask(manager.home, "ready", "0")
    assert answer["why"].startswith("logtest does not answer: ")

    manager.serve("logtest", manager.answer_logtest)
    (answer,) = ask(manager.home, "ready", "0")
    assert answer["why"].startswith("the queue takes no events: ")

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as queue:
        queue.bind(str(manager.home / "queue/sockets/queue"))
        (answer,) = ask(manager.home, "ready", "0")
    assert (answer["why"], answer["analysisd"]) == ("", [manager.process.pid])


def test_waiting_says_which_marks_are_missing(tmp_path):
    (tmp_path / "log").write_text("old one\nnew two\n")

    assert ask(tmp_path, "wait", "log", "8", "0", "two", "one") == [{"missing": ["one"]}]
    assert ask(tmp_path, "wait", "nothing", "0", "0", "two") == [{"missing": ["two"]}]
    assert ask(tmp_path, "size", "log") == [{"size": 16}]
    assert ask(tmp_path, "lines", "log", "8") == ["new two"]


def test_a_line_that_is_being_written_is_not_there_yet_and_only_newlines_end_one(tmp_path):
    (tmp_path / "log").write_text('{"a":"1\u2028\x85"}\n{"a":"tw', encoding="utf-8", newline="")

    assert ask(tmp_path, "lines", "log", "0") == ['{"a":"1\u2028\x85"}']
    assert ask(tmp_path, "wait", "log", "0", "0", "tw") == [{"missing": ["tw"]}]
    assert ask(tmp_path, "size", "log") == [{"size": 15}]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("log", "0", "0", "9", "one"), 3),
        (("log", "4", "0", "9", "one"), 2),
        (("log", "0", "0", "1", "one", "two"), 2),
        (("log", "0", "0", "0", "three"), 0),
        (("nothing", "0", "0", "1", "one"), 0),
    ],
)
def test_waiting_for_lines_says_how_many_whole_ones_hold_every_mark(tmp_path, words, found):
    (tmp_path / "log").write_text("one\none two\ntwo\ntwo one\none two")

    assert ask(tmp_path, "wait_lines", *words) == [{"found": found}]


def test_answers_are_counted_by_rule_for_their_alerts_ids_are_not_to_be_relied_on():
    wanted = Counter({"112303": 2, "112307": 1})

    assert not list(_unlike(wanted, Counter(["112307", "112303", "112303"])))
    assert list(_unlike(wanted, Counter(["112303", "110806"]))) == [
        "rule 110806: 0 alerts asked, 1 decisions were logged",
        "rule 112303: 2 alerts asked, 1 decisions were logged",
        "rule 112307: 1 alerts asked, 0 decisions were logged",
    ]


def test_an_edit_keeps_mode_and_tells_what_was_there(tmp_path, requested):
    path = tmp_path / "conf"
    path.write_text("mode = dry-run\n# end\n")
    path.chmod(0o640)
    said = ask(tmp_path, "edit", "conf", requested([["dry-run", "on"]]))

    assert said == [{"before": "mode = dry-run\n# end\n"}]
    assert path.read_text() == "mode = on\n# end\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_tree_tells_kind_mode_owner_and_content(tmp_path):
    (tmp_path / "etc").mkdir(mode=0o750)
    (tmp_path / "etc/a").write_text("x")
    (tmp_path / "etc/a").chmod(0o640)
    (tmp_path / "etc/l").symlink_to("a")
    (tmp_path / "logs").mkdir(mode=0o755)
    (tmp_path / "logs/b").write_text("x")
    (tmp_path / "logs/b").chmod(0o644)
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    mine = [os.getuid(), os.getgid()]

    assert ask(tmp_path, "tree", "logs") == [
        ["etc", "drwxr-x---", *mine, ""],
        ["etc/a", "-rw-r-----", *mine, digest],
        ["etc/l", "lrwxrwxrwx", *mine, "a"],
        ["logs", "drwxr-xr-x", *mine, ""],
        ["logs/b", "-rw-r--r--", *mine, ""],
    ]


SLOW = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"


def test_a_program_is_killed_when_the_file_appears(tmp_path):
    mark = str(tmp_path / "mark")
    program = [sys.executable, "-c", SLOW, mark]

    assert ask(tmp_path, "kill", "mar?", *program) == [{"killed": True}]
    assert ask(tmp_path, "kill", "never", sys.executable, "-c", "") == [{"killed": False}]


def test_what_a_killed_program_started_is_waited_for(tmp_path):
    child = "import pathlib, sys; sys.stdin.read(); pathlib.Path(sys.argv[1]).touch()"
    parent = (
        "import pathlib, subprocess, sys, time\n"
        "argv = [sys.executable, '-c', sys.argv[2], sys.argv[3]]\n"
        "child = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "time.sleep(600)\n"
    )
    mark, last = str(tmp_path / "mark"), tmp_path / "last"
    program = [sys.executable, "-c", parent, mark, child, str(last)]

    assert ask(tmp_path, "kill", "mark", *program) == [{"killed": True}]
    assert last.exists()
