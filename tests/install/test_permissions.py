"""Owners and modes as root, and what an ordinary user can and cannot do."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from wazuh_pack.errors import InstallError
from wazuh_pack.install import detect, make_plan, read_record, recover
from wazuh_pack.install.journal import FOLDER, JOURNAL

ROOT = Path(__file__).resolve().parents[2]
ORDINARY = 65534
WAZUH = (64998, 64997)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become other users")

STAGE = """
import sys
from pathlib import Path
from wazuh_pack.install import *
source = PackSource(
    version="1",
    files=(PackFile.of(Kind.RESPONSE, "block", b"#!/bin/sh"),),
    conf=ConfBlock(version="1"),
)
target = detect(destdir=Path(sys.argv[1]))
plan = make_plan(source, target, read_record(target))
apply(plan)
again = make_plan(source, target, read_record(target))
print(again.is_empty, "owners stay as they are" in " ".join(plan.lines()))
"""


def run_as_ordinary(code, *arguments):
    """Run Python as an ordinary user; return its standard output, or its error's last line."""
    become = f"import os; os.setgroups([]); os.setgid({ORDINARY}); os.setuid({ORDINARY})\n"
    done = subprocess.run(
        [sys.executable, "-B", "-c", "from wazuh_pack.install import *\n" + become + code]
        + [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        check=False,
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.fixture
def open_folder():
    """A folder that other users can reach; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def with_ids(target):
    """The target as it is where the user wazuh exists."""
    return dataclasses.replace(target, wazuh_ids=WAZUH)


@as_root
def test_root_gives_files_to_their_owners(home, source, with_ids, install):
    install(source, with_ids)

    def owner(path):
        info = (home / path).stat()
        return info.st_uid, info.st_gid

    assert owner("etc/rules/9110-wazuh-pack-github.xml") == WAZUH
    assert owner("etc/lists/wazuh-pack") == WAZUH
    assert owner("active-response/bin/wazuh-pack-block-ip") == (0, WAZUH[1])
    assert owner("etc/wazuh-pack/block-ip.json") == (0, WAZUH[1])
    assert owner("etc/wazuh-pack") == (0, WAZUH[1])
    assert owner("etc/wazuh-pack/RECORD.json") == (0, WAZUH[1])
    assert read_record(with_ids).owners_set


@as_root
def test_ossec_conf_keeps_its_owner_and_mode(home, source, with_ids, install, uninstall):
    conf = home / "etc/ossec.conf"
    os.chown(conf, 1234, 4321)
    conf.chmod(0o604)
    for act in (lambda: install(source, with_ids), lambda: uninstall(with_ids)):
        act()
        info = conf.stat()
        assert (info.st_uid, info.st_gid, info.st_mode & 0o777) == (1234, 4321, 0o604)


@as_root
def test_a_wrong_owner_is_set_right(home, source, with_ids, install):
    install(source, with_ids)
    script = home / "active-response/bin/wazuh-pack-block-ip"
    os.chown(script, *WAZUH)
    assert [step.verb for step in install(source, with_ids).changes] == ["chmod"]
    assert script.stat().st_uid == 0


@as_root
def test_a_replaced_file_gets_its_owner_back(source, with_ids, install, uninstall, snapshot):
    rule = with_ids.home / "etc/rules/9110-wazuh-pack-github.xml"
    rule.write_bytes(b"theirs")
    os.chown(rule, 1234, 4321)
    before = snapshot(with_ids.home)
    install(source, with_ids)
    uninstall(with_ids)
    assert snapshot(with_ids.home) == before


@as_root
def test_where_wazuh_is_unknown_owners_are_recorded_and_set_later(
    source, target, with_ids, install
):
    install(source, target)
    assert read_record(target).owners_set is False
    plan = make_plan(source, with_ids, read_record(target))
    assert {step.verb for step in plan.changes} == {"chmod"}
    assert len(plan.changes) == 4


@as_root
def test_an_ordinary_user_stages_without_owners(open_folder):
    stage = open_folder / "stage"
    stage.mkdir()
    os.chown(stage, ORDINARY, ORDINARY)
    assert run_as_ordinary(STAGE, stage) == "True True"
    home = stage / "var/ossec"
    record = json.loads((home / "etc/wazuh-pack/RECORD.json").read_bytes())
    assert record["owners_set"] is False
    assert record["files"][0]["owner"] == "root"
    assert (home / "active-response/bin/block").stat().st_mode & 0o777 == 0o750


@as_root
def test_an_ordinary_user_cannot_install_into_a_live_home(open_folder):
    home = open_folder / "live"
    (home / "ruleset/rules").mkdir(parents=True)
    said = run_as_ordinary(f"from pathlib import Path; detect(home=Path({str(home)!r}))")
    assert said.endswith(f"looking at {home} and installing into it need root")


@as_root
def test_a_home_that_an_ordinary_user_may_not_enter_needs_root(open_folder):
    home = open_folder / "live"
    (home / "etc").mkdir(parents=True)
    home.chmod(0o750)
    said = run_as_ordinary(f"from pathlib import Path; detect(home=Path({str(home)!r}))")
    assert said.endswith(f"looking at {home} and installing into it need root")


@as_root
def test_a_tree_that_cannot_be_written_is_an_error_that_changes_nothing(open_folder):
    stage = open_folder / "var/ossec"
    stage.mkdir(parents=True)
    said = run_as_ordinary(STAGE, open_folder)
    assert said.endswith("Permission denied")
    assert "cannot write to" in said
    assert list(stage.iterdir()) == []


@as_root
def test_a_journal_that_others_can_write_is_not_followed(home, target):
    live = dataclasses.replace(target, staged=False)
    (home / FOLDER).mkdir()
    (home / JOURNAL).write_text("{}")
    os.chown(home / FOLDER, *WAZUH)
    with pytest.raises(InstallError, match="can be written by others"):
        recover(live)


def test_a_damaged_journal_is_left_for_a_person(home, target):
    (home / FOLDER).mkdir()
    (home / JOURNAL).write_text("{}")
    with pytest.raises(InstallError, match="is damaged"):
        recover(target)
    assert (home / JOURNAL).exists()


def test_an_interrupted_run_is_not_planned_over(home, source, target):
    (home / FOLDER).mkdir()
    with pytest.raises(InstallError, match="was interrupted"):
        make_plan(source, target, None)
    assert recover(target) == ()
    assert not make_plan(source, detect(destdir=home), None).is_empty


def test_folders_above_a_staged_home_are_not_for_everybody_to_write(tmp_path, source, install):
    before = os.umask(0)
    try:
        target = detect(destdir=tmp_path / "stage")
        install(source, target)
    finally:
        os.umask(before)
    for folder in (target.home, target.home.parent, tmp_path / "stage"):
        assert folder.stat().st_mode & 0o777 == 0o755
