"""An installation stays only if the manager's own programs and its logtest agree."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import wazuh_pack.install.service as service_module
from wazuh_pack.errors import InstallError
from wazuh_pack.install import (
    ConfBlock,
    Kind,
    PackFile,
    PackSource,
    Target,
    make_plan,
    plan_uninstall,
    read_record,
    recover,
)
from wazuh_pack.install.daemonlog import Ours
from wazuh_pack.install.process import Done
from wazuh_pack.install.prove import Canary, Expectation, apply_proved, needed
from wazuh_pack.install.service import Need, Service

RULE = """<group name="wazuh_pack,">
  <rule id="110001" level="5">
    <decoded_as>json</decoded_as>
    <field name="src.action">^{action}$</field>
    <description>seen</description>
  </rule>
</group>
"""
EVENT = '{"src":{"action":"a"}}'
EMPTY = ConfBlock.of(version="0.1.0", xml="", lists=())
COMMAND = "<command><name>x</name><executable>wazuh-pack-x</executable></command>"
NAME = "9110-wazuh-pack-src.xml"
WARNING = "2026/11/22 01:00:00 wazuh-analysisd: WARNING: "


@pytest.fixture
def plan_of(live_target):
    def make(*, action="a", conf=EMPTY, extra=()):
        files = (PackFile.of(Kind.RULE, NAME, RULE.format(action=action).encode()), *extra)
        source = PackSource(version="0.1.0", files=files, conf=conf)
        return make_plan(source, live_target, read_record(live_target))

    return make


@pytest.fixture
def service(manager):
    return Service(manager.home, "4.14.7", pause=lambda _: None)


@pytest.fixture
def expectation():
    return Expectation(
        ours=Ours(frozenset({110001}), frozenset({NAME})),
        canaries=(Canary("src", EVENT, "/var/log/src.log", frozenset({110001})),),
    )


@pytest.fixture
def refused(manager, snapshot, plan_of, service, expectation):
    """Apply a plan that must be refused; return the error, the tree being as before."""

    def run(match, **plan):
        before = snapshot(manager.home / "etc")
        with pytest.raises(InstallError, match=match) as caught:
            apply_proved(plan_of(**plan), service, expectation)
        assert snapshot(manager.home / "etc") == before
        return caught.value

    return run


def test_a_running_manager_is_tested_asked_and_reloaded(manager, plan_of, service, expectation):
    manager.start()
    proof = apply_proved(plan_of(), service, expectation)
    assert (proof.activated, proof.canaries, proof.notes) == (Need.RELOAD, 1, [])
    assert manager.asked == ["logtest", "reload-ruleset"]
    assert manager.sessions == {}
    assert [call for call in manager.calls if "control" in call] == []
    assert manager.calls.count("wazuh-logcollector -t") == 2


def test_a_new_block_in_ossec_conf_needs_a_restart(manager, plan_of, service, expectation):
    manager.start()
    block = ConfBlock.of(version="0.1.0", xml=COMMAND, lists=())
    proof = apply_proved(plan_of(conf=block), service, expectation)
    assert proof.activated is Need.RESTART
    assert manager.calls[-1] == "wazuh-control restart"
    assert manager.asked == ["logtest", "logtest"]


def test_only_lists_in_ossec_conf_are_reloaded(plan_of):
    block = ConfBlock.of(version="0.1.0", xml="", lists=("etc/lists/wp",))
    assert needed(plan_of(conf=block)) is Need.RELOAD


def test_a_script_needs_nothing(manager, live_target, service):
    manager.start()
    file = PackFile.of(Kind.RESPONSE, "wazuh-pack-x", b"#!/bin/sh\n")
    source = PackSource(version="0.1.0", files=(file,), conf=EMPTY)
    proof = apply_proved(make_plan(source, live_target, None), service, Expectation())
    assert (proof.activated, manager.asked) == (Need.NOTHING, [])


def test_an_older_manager_is_restarted(manager, plan_of, expectation):
    manager.start(reloads=False)
    service = Service(manager.home, "4.9.2", pause=lambda _: None)
    assert apply_proved(plan_of(), service, expectation).activated is Need.RESTART


def test_an_analysisd_that_does_not_know_reloading_is_restarted(
    manager, plan_of, service, expectation
):
    manager.reload_answer = {"error": 4, "message": "Unrecognized command", "data": {}}
    manager.start()
    assert apply_proved(plan_of(), service, expectation).activated is Need.RESTART


def test_a_manager_that_does_not_run_is_left_alone(manager, plan_of, service, expectation):
    proof = apply_proved(plan_of(), service, expectation)
    assert proof.activated is Need.NOTHING
    assert "Wazuh does not run; the change takes effect when it is started" in proof.notes
    assert "wazuh-control restart" not in manager.calls


def test_a_pid_that_another_process_has_now_is_no_running_manager(manager, service):
    (manager.home / "var/run" / f"wazuh-analysisd-{os.getpid()}.pid").touch()
    (manager.home / "var/run/wazuh-analysisd-x.pid").touch()
    assert not service.is_running()
    manager.start()
    assert service.is_running()


def test_a_restart_can_be_left_to_the_user(manager, plan_of, service, expectation):
    manager.start()
    proof = apply_proved(plan_of(), service, expectation, activate=False)
    assert proof.notes == ["the running Wazuh has not loaded the change; restart it"]
    assert manager.asked == ["logtest"]


def test_a_configuration_that_is_broken_already_is_not_touched(manager, refused):
    manager.start()
    manager.script(
        "wazuh-execd",
        say="2026/11/22 01:00:00 wazuh-execd: ERROR: (1226): Error reading XML file.\n",
        code=1,
    )
    error = refused("the present configuration does not hold: wazuh-execd -t failed")
    assert "(1226): Error reading XML file." in str(error)
    assert manager.asked == []


def test_a_refused_configuration_is_rolled_back(manager, refused):
    manager.start()
    manager.script(
        "wazuh-analysisd",
        when=f"etc/rules/{NAME}",
        say="2026/11/22 01:00:00 wazuh-analysisd: CRITICAL: (1220): Error loading the rules.\n",
        code=1,
    )
    refused(r"Wazuh refuses the change: .*\(1220\)")
    assert manager.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "(7612): Rule ID '110001' is duplicated. Only the first occurrence will be considered.",
        "(7619): Empty 'if_sid' value. Rule '110001' will be ignored.",
        f"(1226): Error reading XML file 'etc/rules/{NAME}': XMLERR (line 3).",
    ],
)
def test_a_warning_about_ours_is_a_failure(manager, refused, text):
    manager.start()
    manager.script("wazuh-analysisd", when=f"etc/rules/{NAME}", say=WARNING + text + "\n")
    error = refused("Wazuh warns about the change")
    assert text in str(error)


def test_a_warning_about_a_rule_of_the_user_is_only_told(manager, plan_of, service, expectation):
    manager.start()
    text = (
        "(7617): Signature ID '110001' was not found and will be ignored in the 'if_sid' option of"
        " rule '100100'."
    )
    manager.script("wazuh-analysisd", when=f"etc/rules/{NAME}", say=WARNING + text + "\n")
    proof = apply_proved(plan_of(), service, expectation)
    assert proof.notes == [f"new warning, not about us: wazuh-analysisd: {text}"]


def test_a_warning_that_was_there_before_is_not_told(manager, plan_of, service, expectation):
    manager.start()
    manager.script("wazuh-analysisd", say=WARNING + "(7600): Invalid value in rule 100100.\n")
    assert apply_proved(plan_of(), service, expectation).notes == []


def test_a_program_that_hangs_is_ended(manager, refused, monkeypatch):
    monkeypatch.setattr("wazuh_pack.install.service._TEST_SECONDS", 0.5)
    manager.script("wazuh-modulesd", hang=True)
    refused("wazuh-modulesd -t: it did not end within 0.5 seconds")


def test_a_program_that_floods_is_ended(manager, refused, monkeypatch):
    monkeypatch.setattr("wazuh_pack.install.process.MAX_OUTPUT", 100_000)
    manager.script("wazuh-modulesd", flood=True)
    refused("wazuh-modulesd -t: it wrote more than 100000 bytes")


def test_a_missing_analysisd_is_no_manager(manager, refused):
    (manager.home / "bin/wazuh-analysisd").unlink()
    refused("cannot run .*wazuh-analysisd")


def test_a_missing_other_daemon_is_not_needed(manager, plan_of, service, expectation):
    (manager.home / "bin/wazuh-logcollector").unlink()
    assert apply_proved(plan_of(), service, expectation)


def test_a_detection_that_logtest_does_not_raise_is_rolled_back_before_anything_reloads(
    manager, refused
):
    manager.start()
    refused("an event of src should raise rule 110001, but logtest says: no rule", action="b")
    assert manager.asked == ["logtest"]


def test_a_rule_of_the_user_may_answer_in_our_place(manager, plan_of, service, expectation):
    (manager.home / "etc/rules/local_rules.xml").write_text(
        '<group name="local,"><rule id="100100" level="3"><if_sid>110001</if_sid>'
        "<description>mine</description></rule></group>"
    )
    manager.start()
    with pytest.raises(InstallError, match="logtest says: rule 100100"):
        apply_proved(plan_of(), service, expectation)
    known = Expectation(expectation.ours, frozenset({100100}), expectation.canaries)
    proof = apply_proved(plan_of(), service, known)
    assert proof.notes == ["src: your rule 100100 answers before ours"]


def test_a_reload_that_is_refused_is_rolled_back_and_reloaded(manager, refused):
    manager.reload_answer = {"error": 1, "message": "due", "data": ["(1220): Error loading"]}
    manager.start()
    error = refused("analysisd refused to load the ruleset")
    assert "(1220): Error loading" in str(error)
    assert "the old files are back, but Wazuh does not run them" in str(error)
    assert manager.asked == ["logtest", "reload-ruleset", "reload-ruleset"]


def test_a_reload_that_warns_about_ours_is_rolled_back_and_reloaded(manager, refused):
    text = "(7612): Rule ID '110001' is duplicated. Only the first occurrence will be considered."
    manager.reload_answer = {"error": 0, "message": "ok", "data": [text]}
    manager.start()
    refused("Wazuh warns about the change")
    assert manager.asked == ["logtest", "reload-ruleset", "reload-ruleset"]


def test_a_restart_that_fails_is_rolled_back_and_restarted(manager, refused):
    manager.start()
    block = ConfBlock.of(version="0.1.0", xml=COMMAND, lists=())
    manager.script("wazuh-control", when=f"etc/rules/{NAME}", say="Configuration error\n", code=1)
    refused("restarting Wazuh failed: Configuration error", conf=block)
    assert manager.calls.count("wazuh-control restart") == 2


def test_what_was_compiled_from_our_lists_goes_with_a_rollback(manager, refused):
    manager.start()
    lists = (PackFile.of(Kind.LIST, "wp", b"a:\n"),)
    manager.script("wazuh-analysisd", when=f"etc/rules/{NAME}", code=1)
    compiled = manager.home / "etc/lists/wp.cdb"
    program = manager.home / "bin/wazuh-analysisd"
    compile_it = (
        "(home / 'etc/lists/wp.cdb').write_text('') if (home / 'etc/lists/wp').exists() else 0\n"
    )
    program.write_text(program.read_text().replace("script = ", compile_it + "script = "))
    refused("Wazuh refuses the change", extra=lists)
    assert not compiled.exists()


def test_an_interrupt_while_proving_restores_and_reloads(
    manager, plan_of, service, expectation, snapshot, monkeypatch
):
    manager.start()
    before = snapshot(manager.home / "etc")
    plan = plan_of()

    def interrupt(*_):
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(Service, "activate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        apply_proved(plan, service, expectation)
    assert snapshot(manager.home / "etc") == before
    assert manager.asked == ["logtest", "reload-ruleset"]


def test_an_uninstallation_is_tested_and_reloaded(
    manager, live_target, plan_of, service, expectation, snapshot
):
    manager.start()
    before = snapshot(manager.home / "etc")
    lists = (PackFile.of(Kind.LIST, "wp", b"a:\n"),)
    apply_proved(plan_of(extra=lists), service, expectation)
    (manager.home / "etc/lists/wp.cdb").write_bytes(b"compiled by analysisd")
    plan = plan_uninstall(live_target, read_record(live_target))
    assert apply_proved(plan, service, Expectation()).activated is Need.RELOAD
    assert snapshot(manager.home / "etc") == before


BROKEN = f"2026/11/22 01:00:00 wazuh-analysisd: ERROR: (1220): Error loading 'etc/rules/{NAME}'.\n"


def test_a_configuration_that_we_broke_is_repaired_by_installing(
    manager, plan_of, service, expectation
):
    apply_proved(plan_of(), service, expectation)
    (manager.home / "etc/rules" / NAME).write_text("<broken")
    manager.script("wazuh-analysisd", say=BROKEN, code=1)
    program = manager.home / "bin/wazuh-analysisd"
    healed = f'grep -q "</group>" "$home/etc/rules/{NAME}" && exit 0\n'
    program.write_text(program.read_text().replace("if [", healed + "if [", 1))
    apply_proved(plan_of(), service, expectation)
    assert b"110001" in (manager.home / "etc/rules" / NAME).read_bytes()


@pytest.mark.parametrize("heals", [True, False])
def test_a_broken_configuration_does_not_keep_us_from_leaving(
    manager, live_target, plan_of, service, expectation, heals
):
    manager.start()
    apply_proved(plan_of(), service, expectation)
    manager.asked.clear()
    when = f"etc/rules/{NAME}" if heals else ""
    manager.script("wazuh-analysisd", when=when, say=BROKEN, code=1)
    plan = plan_uninstall(live_target, read_record(live_target))
    proof = apply_proved(plan, service, Expectation())
    assert not (manager.home / "etc/rules" / NAME).exists()
    assert manager.asked == (["reload-ruleset"] if heals else [])
    assert bool(proof.notes) is not heals


def test_a_removal_that_breaks_the_configuration_is_undone(
    manager, live_target, plan_of, service, expectation
):
    apply_proved(plan_of(), service, expectation)
    (manager.home / "etc/marker").touch()
    manager.script("wazuh-analysisd", when="etc/marker", say=BROKEN, code=1)
    program = manager.home / "bin/wazuh-analysisd"
    fine = f'[ -f "$home/etc/rules/{NAME}" ] && exit 0\n'
    program.write_text(program.read_text().replace("if [", fine + "if [", 1))
    plan = plan_uninstall(live_target, read_record(live_target))
    with pytest.raises(InstallError, match="Wazuh refuses the change"):
        apply_proved(plan, service, Expectation())
    assert (manager.home / "etc/rules" / NAME).exists()


def test_what_analysisd_wrote_for_agents_while_it_was_asked_is_put_back(manager, refused):
    """``wazuh-analysisd -t`` writes etc/shared/ar.conf, which remoted sends to agents."""
    (manager.home / "script/wazuh-analysisd").write_text(
        'grep "<executable>" "$home/etc/ossec.conf" >"$home/etc/shared/ar.conf"\nexit 0\n'
    )
    (manager.home / "etc/shared/ar.conf").write_text("")
    manager.start(logtest=False)
    manager.serve("logtest", lambda _: b"")
    block = ConfBlock.of(version="0.1.0", xml=COMMAND, lists=())
    refused("closed the connection early", conf=block)


def test_logtest_that_is_off_is_told(manager, plan_of, service, expectation):
    manager.start(logtest=False)
    proof = apply_proved(plan_of(), service, expectation)
    assert "logtest could not be asked: it is off or Wazuh does not run" in proof.notes


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (b"", "closed the connection early"),
        (b"\xff\xff\xff\xff", "announces an answer of 4294967295 bytes"),
        (b"\x03\x00\x00\x00abc", "something else than JSON"),
        (b"\x02\x00\x00\x00[]", "something else than a JSON object"),
    ],
)
def test_an_answer_that_is_none_is_rolled_back(manager, refused, answer, match):
    manager.start(logtest=False)
    manager.serve("logtest", lambda _: answer)
    refused(match)


def test_a_session_that_logtest_refuses_tells_why(manager, refused):
    manager.start(logtest=False)
    said = ["ERROR: (7312): Failure to initialize session"]
    manager.serve("logtest", lambda _: {"error": 0, "data": {"messages": said, "codemsg": -1}})
    refused("logtest says: .*Failure to initialize session")


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from wazuh_pack.install import ConfBlock, Kind, PackFile, PackSource, Target, make_plan
from wazuh_pack.install.prove import Canary, Expectation, apply_proved
from wazuh_pack.install.service import Need, Service
from wazuh_pack.install.sockets import Logtest
home = Path(sys.argv[1])
target = Target(home, "4.14.7", True, False, None, False)
files = (
    PackFile.of(Kind.RULE, "9110-wazuh-pack-src.xml", b"<group/>"),
    PackFile.of(Kind.LIST, "wazuh-pack/admins", b"alice:\\n"),
)
conf = ConfBlock.of(version="0.1.0", xml="", lists=("etc/lists/wazuh-pack/admins",))
canary = Canary("src", "an event", "stdin", frozenset({1}))
plan = make_plan(PackSource("0.1.0", files, conf), target, None)

def kill(*_):
    (home / "etc/lists/wazuh-pack/admins.cdb").write_bytes(b"what analysisd makes of the list")
    os.kill(os.getpid(), signal.SIGKILL)

step = sys.argv[3]
test = Service.test_configuration
calls = []

def test_or_kill(service):
    calls.append(service)
    return kill() if len(calls) == 2 else test(service)

if step == "test":
    Service.test_configuration = test_or_kill
elif step == "ask":
    Logtest.judge = kill
elif step == "activate":
    Service.activate = kill
else:
    activate = Service.activate
    Service.activate = lambda *given: (activate(*given), kill())
canaries = (canary,) if step == "ask" else ()
apply_proved(plan, Service(home, "4.14.7"), Expectation(canaries=canaries))
"""


@pytest.mark.parametrize("step", ["test", "ask", "activate", "activated"])
def test_a_run_that_is_killed_while_proving_is_undone_by_the_next(
    manager, live_target, snapshot, step
):
    manager.start()
    before = snapshot(manager.home / "etc")
    root = Path(__file__).resolve().parents[2]
    argv = [sys.executable, "-c", KILLED, str(manager.home), str(root), step]
    done = subprocess.run(argv, check=False)
    assert done.returncode == -signal.SIGKILL
    assert snapshot(manager.home / "etc") != before
    assert recover(live_target) == ("an interrupted run was undone",)
    assert snapshot(manager.home / "etc") == before


@pytest.mark.parametrize(
    ("code", "place", "by_systemd"),
    [(0, "{home}", True), (3, "{home}", False), (0, "/elsewhere", False)],
)
def test_systemd_restarts_what_it_runs(manager, monkeypatch, code, place, by_systemd):
    manager.start()
    restarts = []
    text = f"ExecStart=/usr/bin/env {place.format(home=manager.home)}/bin/wazuh-control start\n"

    def run(argv, **_):
        if "restart" in argv:
            restarts.append([str(part) for part in argv])
            return Done(0, "")
        return Done(code, "") if "is-active" in argv else Done(0, text)

    comm = service_module._comm
    monkeypatch.setattr(service_module, "_comm", lambda pid: "systemd" if pid == 1 else comm(pid))
    monkeypatch.setattr("wazuh_pack.install.service._systemctl", lambda: "/usr/bin/systemctl")
    monkeypatch.setattr("wazuh_pack.install.service.SYSTEMD", manager.home)
    monkeypatch.setattr("wazuh_pack.install.process.run", run)
    Service.of(Target(manager.home, "4.14.7", True, False, None, False)).restart()
    systemd = ["/usr/bin/systemctl", "restart", "wazuh-manager"]
    by_hand = [str(manager.home / "bin/wazuh-control"), "restart"]
    assert restarts == [systemd if by_systemd else by_hand]


def test_a_wazuh_that_does_not_come_up_is_given_up(manager, plan_of, expectation):
    manager.start(reloads=False)
    pid = next((manager.home / "var/run").glob("*.pid"))
    program = manager.home / "bin/wazuh-control"
    program.write_text(program.read_text() + f"rm -f {pid}\n")
    waited = []
    service = Service(manager.home, "4.9.2", pause=waited.append)
    with pytest.raises(InstallError, match="does not answer 120 seconds after its restart"):
        apply_proved(plan_of(), service, expectation)
    assert sum(waited) == 240
