"""An installer that is killed, before any of its changes to the disk, breaks nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wazuh_pack.errors import InstallError
from wazuh_pack.install import detect, recover
from wazuh_pack.install.journal import FOLDER, JOURNAL

HERE = Path(__file__).resolve().parent
CONF = b"""<ossec_config><ruleset>
<rule_dir>etc/rules</rule_dir><decoder_dir>etc/decoders</decoder_dir>
</ruleset></ossec_config>"""
ACTIONS = ["install", "upgrade", "uninstall"]


def call_killer(home, work, action):
    done = subprocess.run(
        [sys.executable, str(HERE / "killer.py"), str(home), str(work), action],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(HERE.parents[1]), "PATH": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def kill(home, work, action):
    """Return the trees that were left, the last by the child that came through."""
    work.mkdir()
    return [work / str(number) for number in range(int(call_killer(home, work, action)))]


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Return the tree in which an action starts, and what was left of it by each kill."""
    cases = {}

    def make(action):
        if action not in cases:
            folder = tmp_path_factory.mktemp(action)
            start = folder / "start"
            (start / "etc/rules").mkdir(parents=True)
            (start / "etc/ossec.conf").write_bytes(CONF)
            (start / "etc/rules/9110-a.xml").write_bytes(b"<theirs/>")
            if action != "install":
                call_killer(start, "-", "install")
                (start / "active-response/bin/same").chmod(0o777)
            cases[action] = start, kill(start, folder / "killed", action)
        return cases[action]

    return make


@pytest.fixture
def interrupted(case, tmp_path):
    """Return a copy of the tree in which an action was killed last before it was final."""

    def make(action):
        last = [tree for tree in case(action)[1] if (tree / JOURNAL).exists()][-1]
        return shutil.copytree(last, tmp_path / "interrupted")

    return make


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch):
    """Leave the disk in peace: what is tested here is what other processes see."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_next_run_finds_the_old_or_the_new_state(case, tmp_path, snapshot, action):
    start, (*killed, through) = case(action)
    old, new = snapshot(start), snapshot(through)
    assert new != old
    outcomes = []
    for tree in killed:
        copy = shutil.copytree(tree, tmp_path / tree.name)
        recover(detect(destdir=copy))
        state = snapshot(copy)
        assert state in (old, new)
        outcomes.append(state == new)
    assert outcomes == sorted(outcomes)
    assert {False, True} == set(outcomes)
    assert len(killed) > 40


@pytest.mark.parametrize("action", ACTIONS)
def test_a_repair_that_is_killed_is_repaired_by_the_next(
    case, interrupted, tmp_path, snapshot, action
):
    old = snapshot(case(action)[0])
    repairs = kill(interrupted(action), tmp_path / "repairs", "recover")
    assert len(repairs) > 15
    for tree in repairs:
        recover(detect(destdir=tree))
        assert snapshot(tree) == old


def test_a_killed_run_is_undone_and_said_so_once(interrupted, source, install):
    target = detect(destdir=interrupted("install"))
    assert recover(target) == ("an interrupted run was undone",)
    assert recover(target) == ()
    assert not install(source, target).is_empty


def test_a_damaged_copy_is_not_put_back(interrupted):
    tree = interrupted("uninstall")
    for saved in (tree / FOLDER).iterdir():
        if saved.name != JOURNAL.name:
            saved.write_bytes(b"evil")
    with pytest.raises(InstallError, match=r"is damaged; .* is not restored"):
        recover(detect(destdir=tree))
    assert (tree / JOURNAL).exists()


def test_what_the_user_changed_after_the_kill_stays(interrupted):
    tree = interrupted("install")
    rule = tree / "etc/rules/9110-a.xml"
    rule.write_bytes(b"<changed/>")
    said = recover(detect(destdir=tree))
    assert said[1:] == ("etc/rules/9110-a.xml was changed since and stays as it is",)
    assert rule.read_bytes() == b"<changed/>"
