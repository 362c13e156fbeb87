"""Planning and applying on a staged tree."""

import dataclasses
import json
import os
from pathlib import PurePosixPath

import pytest

from wazuh_pack.diagnostics import Severity
from wazuh_pack.errors import InstallError
from wazuh_pack.install import (
    ConfBlock,
    CreateFile,
    EditConf,
    KeepFile,
    Kind,
    PackFile,
    ReplaceFile,
    apply,
    detect,
    make_plan,
    read_record,
    recover,
)
from wazuh_pack.install.fs import Tree
from wazuh_pack.install.journal import FOLDER
from wazuh_pack.install.record import BACKUPS

RULE = "etc/rules/9110-wazuh-pack-github.xml"
LIST = "etc/lists/wazuh-pack/admins"


def steps_of(plan, kind):
    return [step for step in plan.steps if isinstance(step, kind)]


def test_every_file_is_in_its_place_with_its_mode(home, source, target, install):
    install(source, target)
    modes = {
        str(file.destination): (home / file.destination).stat().st_mode & 0o7777
        for file in source.files
    }
    assert modes == {
        RULE: 0o660,
        "etc/decoders/9120-wazuh-pack-jenkins.xml": 0o660,
        LIST: 0o660,
        "active-response/bin/wazuh-pack-block-ip": 0o750,
        "wodles/wazuh-pack/trivy": 0o750,
        "etc/wazuh-pack/block-ip.json": 0o640,
    }
    assert (home / "etc/wazuh-pack").stat().st_mode & 0o7777 == 0o750
    assert (home / "etc/lists/wazuh-pack").stat().st_mode & 0o7777 == 0o770
    assert (home / BACKUPS).stat().st_mode & 0o7777 == 0o700


def test_planning_changes_nothing(home, source, target, snapshot):
    before = snapshot(home)
    make_plan(source, target, read_record(target))
    assert snapshot(home) == before


def test_a_second_installation_has_nothing_to_do(home, source, target, install, snapshot):
    install(source, target)
    before = snapshot(home)
    plan = install(source, target)
    assert plan.is_empty
    assert plan.lines() == ["nothing to do"]
    assert snapshot(home) == before


def test_the_same_pack_gives_the_same_record(home, tmp_path, source, install):
    other = tmp_path / "other"
    install(source, detect(destdir=home))
    (tmp_path / "other/etc").mkdir(parents=True)
    (other / "etc/ossec.conf").write_bytes(b"")
    install(source, detect(destdir=other))
    first = json.loads((home / "etc/wazuh-pack/RECORD.json").read_bytes())
    second = json.loads((other / "etc/wazuh-pack/RECORD.json").read_bytes())
    assert first["files"] == second["files"]


def test_the_record_says_what_was_installed(source, target, install):
    install(source, target)
    record = read_record(target)
    assert record.version == "0.1.0"
    assert record.options == {"sources": ("github", "jenkins"), "dry_run": True}
    assert record.regions == ("lists", "block")
    entry = record.entry(PurePosixPath(RULE))
    assert (entry.size, entry.mode, entry.owner, entry.original) == (9, 0o660, "wazuh", None)


def test_an_empty_staging_folder_is_filled_and_ossec_conf_left_to_come(tmp_path, source, install):
    target = detect(destdir=tmp_path / "stage")
    plan = install(source, target)
    assert (target.home / RULE).is_file()
    block = (target.home / "etc/wazuh-pack/ossec-block.xml").read_bytes()
    assert b"<name>wazuh-pack-block-ip</name>" in block
    assert not (target.home / "etc/ossec.conf").exists()
    assert [str(step.path) for step in steps_of(plan, KeepFile)] == ["etc/ossec.conf"]
    assert install(source, target).is_empty


def test_the_block_file_goes_when_ossec_conf_has_come(tmp_path, source, install):
    target = detect(destdir=tmp_path / "stage")
    install(source, target)
    conf = target.home / "etc/ossec.conf"
    conf.write_bytes(b"<ossec_config></ossec_config>")
    install(source, target)
    assert not (target.home / "etc/wazuh-pack/ossec-block.xml").exists()
    assert b"wazuh-pack-block-ip" in conf.read_bytes()


def test_a_live_home_without_ossec_conf_is_refused(home, source, target):
    (home / "etc/ossec.conf").unlink()
    live = dataclasses.replace(target, staged=False)
    with pytest.raises(InstallError, match=r"ossec\.conf does not exist"):
        make_plan(source, live, None)


def test_an_upgrade_replaces_files_and_drops_what_is_gone(home, make_source, target, install):
    install(make_source(), target)
    plan = install(make_source(version="0.2.0", rule=b"new", drop={Kind.WODLE}), target)
    assert (home / RULE).read_bytes() == b"new"
    assert not (home / "wodles/wazuh-pack/trivy").exists()
    (replaced,) = steps_of(plan, ReplaceFile)
    assert replaced.reason == "an earlier version of ours"
    assert read_record(target).version == "0.2.0"
    assert len(list((home / BACKUPS).iterdir())) == 1


def test_create_once_files_are_the_users(home, make_source, target, install):
    install(make_source(), target)
    (home / LIST).write_bytes(b"mallory:\n")
    plan = install(make_source(), target)
    assert (home / LIST).read_bytes() == b"mallory:\n"
    assert [(str(s.path), s.reason) for s in steps_of(plan, KeepFile)] == [(LIST, "yours to edit")]
    assert plan.is_empty


def test_a_create_once_file_that_was_there_before_is_never_ours(
    home, source, target, install, uninstall
):
    (home / LIST).parent.mkdir()
    (home / LIST).write_bytes(b"bob:\n")
    install(source, target)
    assert read_record(target).entry(PurePosixPath(LIST)) is None
    uninstall(target)
    assert (home / LIST).read_bytes() == b"bob:\n"


def test_a_configuration_that_nobody_edited_is_renewed(
    home, make_source, target, install, uninstall
):
    config = "etc/wazuh-pack/block-ip.json"
    install(make_source(), target)
    newer = PackFile.of(Kind.CONFIG, "block-ip.json", b"{1}\n")
    install(make_source(drop={Kind.CONFIG}, extra=[newer]), target)
    assert (home / config).read_bytes() == b"{1}\n"
    (home / config).write_bytes(b"mine")
    newest = PackFile.of(Kind.CONFIG, "block-ip.json", b"{2}\n")
    plan = install(make_source(drop={Kind.CONFIG}, extra=[newest]), target)
    assert (home / config).read_bytes() == b"mine"
    assert [(str(s.path), s.reason) for s in steps_of(plan, KeepFile)] == [
        (config, "yours to edit; our own text is another now")
    ]
    uninstall(target)
    assert (home / config).read_bytes() == b"mine"


def test_without_the_record_the_same_files_are_still_ours(
    home, source, target, install, uninstall, snapshot
):
    """Who loses RECORD.json, or deployed over the API before, can still go back."""
    before = snapshot(home / "etc/rules")
    install(source, target)
    (home / "etc/wazuh-pack/RECORD.json").unlink()
    install(source, target)
    uninstall(target)
    left = [p for p in home.rglob("*wazuh-pack*") if p.is_file()]
    assert left == []
    assert snapshot(home / "etc/rules") == before


def test_a_create_once_file_that_was_removed_comes_back(home, source, target, install):
    install(source, target)
    (home / LIST).unlink()
    install(source, target)
    assert (home / LIST).read_bytes() == b"alice:\n"


def test_an_edited_rule_file_is_replaced_and_the_edit_kept(home, source, target, install):
    install(source, target)
    (home / RULE).write_bytes(b"edited")
    plan = install(source, target)
    (step,) = steps_of(plan, ReplaceFile)
    assert step.reason.startswith("changed since we wrote it; kept as etc/wazuh-pack/backup/")
    assert (home / step.reason.rsplit(" ", 1)[1]).read_bytes() == b"edited"
    assert (home / RULE).read_bytes() == b"<group/>\n"


def test_a_wrong_mode_is_set_right(home, source, target, install):
    install(source, target)
    script = home / "active-response/bin/wazuh-pack-block-ip"
    script.chmod(0o777)
    plan = install(source, target)
    assert [step.verb for step in plan.changes] == ["chmod"]
    assert script.stat().st_mode & 0o7777 == 0o750


def test_conflicts_are_in_the_plan_and_stop_it(home, source, target, snapshot):
    conf = home / "etc/ossec.conf"
    conf.write_bytes(
        b"<ossec_config><command><name>wazuh-pack-block-ip</name><executable>x</executable>"
        b"</command></ossec_config>" + conf.read_bytes()
    )
    before = snapshot(home)
    plan = make_plan(source, target, None)
    assert [finding.code for finding in plan.errors] == ["WP601"]
    with pytest.raises(InstallError, match=r"ossec\.conf:1:15: a command named"):
        apply(plan)
    assert snapshot(home) == before


def test_a_malformed_conf_is_reported_with_its_place(home, source, target):
    (home / "etc/ossec.conf").write_bytes(b"<ossec_config>\n<global>\n</ossec_config>\n")
    with pytest.raises(InstallError, match=r"etc/ossec\.conf:3:\d+: malformed: <global> of line 2"):
        make_plan(source, target, None)


def test_an_edited_block_is_discarded_only_with_force_and_kept(home, source, target, install):
    install(source, target)
    conf = home / "etc/ossec.conf"
    good = conf.read_bytes()
    edited = good.replace(b"<timeout>600", b"<timeout>6")
    conf.write_bytes(edited)
    with pytest.raises(InstallError, match="edited by hand"):
        install(source, target)
    assert conf.read_bytes() == edited
    install(source, target, force=True)
    assert conf.read_bytes() == good
    assert edited in [path.read_bytes() for path in (home / BACKUPS).iterdir()]


def test_a_plan_that_is_out_of_date_is_refused(home, source, target, snapshot):
    plan = make_plan(source, target, None)
    (home / "etc/ossec.conf").write_bytes(b"<ossec_config></ossec_config>")
    before = snapshot(home)
    with pytest.raises(InstallError, match="changed after the plan was made"):
        apply(plan)
    assert snapshot(home) == before


def test_only_one_installer_at_a_time(home, source, target):
    plan = make_plan(source, target, None)
    with Tree(home) as other:
        other.lock()
        with pytest.raises(InstallError, match="another wazuh-pack"):
            apply(plan)


@pytest.mark.parametrize("error", [InstallError("no"), KeyboardInterrupt(), OSError(28, "full")])
def test_what_cannot_be_proved_is_undone(home, source, target, snapshot, error):
    before = snapshot(home)
    seen = []

    def prove():
        seen.append((home / RULE).exists())
        seen.append((home / "etc/wazuh-pack/RECORD.json").exists())
        raise error

    with pytest.raises((InstallError, KeyboardInterrupt)):
        apply(make_plan(source, target, None), prove=prove)
    assert seen == [True, False]
    assert snapshot(home) == before


def test_a_file_changed_by_others_meanwhile_survives_the_undoing(home, source, target):
    def prove():
        (home / RULE).write_bytes(b"theirs")
        raise InstallError("no")

    with pytest.raises(InstallError, match=r"no; the old state is restored, but etc/rules/9110"):
        apply(make_plan(source, target, None), prove=prove)
    assert (home / RULE).read_bytes() == b"theirs"
    assert not (home / FOLDER).exists()


def test_a_plan_reads_as_text_and_as_json(source, target):
    plan = make_plan(source, target, None)
    lines = plan.lines()
    assert f"create  {RULE}  (0660 wazuh:wazuh, 9 bytes)" in lines
    assert "mkdir   etc/wazuh-pack  (0750 root:wazuh)" in lines
    assert any(line.strip() == "+    <name>wazuh-pack-block-ip</name>" for line in lines)
    data = json.loads(json.dumps(plan.as_json()))
    assert data["empty"] is False
    created = [s["path"] for s in data["steps"] if s["step"] == "create"]
    assert created == [str(step.path) for step in steps_of(plan, CreateFile)]
    (edit,) = (step for step in data["steps"] if step["step"] == "edit")
    assert edit["mode"] == "0660"
    assert all(line[0] in "+@" for line in edit["diff"])


def test_a_diff_shows_no_secret(home, make_source, target):
    conf = home / "etc/ossec.conf"
    conf.write_bytes(conf.read_bytes().rstrip(b"\n") + b"<x><password>hunter2</password></x>")
    xml = "<github><api_auth><org_name>o</org_name><api_token>ghp_1</api_token></api_auth></github>"
    plan = make_plan(make_source(conf=ConfBlock.of(version="1", xml=xml)), target, None)
    (edit,) = steps_of(plan, EditConf)
    text = "\n".join(edit.diff())
    assert "ghp_1" not in text
    assert "hunter2" not in text
    assert "<api_token>***</api_token>" in text


LINKS = {
    "a folder on the way": "etc/lists/wazuh-pack",
    "the file itself": RULE,
    "ossec.conf": "etc/ossec.conf",
    "our own folder": "etc/wazuh-pack",
    "a folder of Wazuh": "active-response/bin",
}


@pytest.mark.parametrize("place", LINKS.values(), ids=LINKS.keys())
def test_nothing_is_written_through_a_link(home, tmp_path, source, target, place):
    outside = tmp_path / "outside"
    if "." in place:
        outside.write_bytes(b"<ossec_config/>")
    else:
        outside.mkdir()
    link = home / place
    if link.is_dir():
        link.rmdir()
    link.unlink(missing_ok=True)
    link.symlink_to(outside)
    with pytest.raises(InstallError, match="is a link"):
        make_plan(source, target, None)


def test_a_link_planted_after_planning_is_not_followed(home, tmp_path, source, target, snapshot):
    outside = tmp_path / "outside"
    outside.mkdir()
    plan = make_plan(source, target, None)
    (home / "etc/rules").rmdir()
    (home / "etc/rules").symlink_to(outside)
    with pytest.raises(InstallError, match="is a link"):
        apply(plan)
    assert snapshot(outside) == {}


def test_a_fifo_does_not_hang_the_installer(home, source, target):
    os.mkfifo(home / RULE)
    with pytest.raises(InstallError, match="not of the expected kind"):
        make_plan(source, target, None)


def test_only_what_differs_from_ours_is_backed_up(home, make_source, target, install, uninstall):
    (home / RULE).write_bytes(b"theirs")
    (home / RULE).chmod(0o600)
    install(make_source(), target)
    entry = read_record(target).entry(PurePosixPath(RULE))
    assert (home / BACKUPS / entry.original.sha256).read_bytes() == b"theirs"
    install(make_source(version="2", rule=b"again"), target)
    uninstall(target)
    assert (home / RULE).read_bytes() == b"theirs"
    assert (home / RULE).stat().st_mode & 0o777 == 0o600


def test_a_newer_wazuh_4_is_said_to_be_unchecked(home, source):
    (home / "VERSION.json").write_text('{"version": "4.15.0"}')
    plan = make_plan(source, detect(destdir=home), None)
    assert [finding.code for finding in plan.findings] == ["WP620"]
    assert plan.errors == ()


@pytest.mark.parametrize("version", ["", "garbage"])
def test_a_wazuh_of_an_unknown_version_is_pointed_out_where_it_runs(source, target, version):
    unknown = dataclasses.replace(target, version=version)
    assert make_plan(source, unknown, None).findings == ()
    (finding,) = make_plan(source, dataclasses.replace(unknown, staged=False), None).findings
    assert (finding.code, finding.severity) == ("WP620", Severity.WARNING)
    assert "nothing tells which Wazuh this is" in finding.message


def test_a_disk_that_fails_leaves_the_old_state(home, source, target, snapshot, monkeypatch):
    before = snapshot(home)
    rename = os.rename

    def fail(old, new, **keywords):
        if new == "ossec.conf":
            raise OSError(28, "No space left on device")
        rename(old, new, **keywords)

    monkeypatch.setattr("os.rename", fail)
    with pytest.raises(InstallError, match=r"cannot write .*/etc/ossec\.conf: No space left"):
        apply(make_plan(source, target, None))
    assert snapshot(home) == before


def test_a_restoring_that_fails_too_leaves_the_journal(home, source, target, snapshot, monkeypatch):
    before = snapshot(home)

    def prove():
        monkeypatch.setattr("os.unlink", fail)
        raise InstallError("no")

    def fail(*_, **__):
        raise OSError(5, "Input/output error")

    with pytest.raises(InstallError, match="not all of the old state could be restored"):
        apply(make_plan(source, target, None), prove=prove)
    monkeypatch.undo()
    assert recover(target) == ("an interrupted run was undone",)
    assert snapshot(home) == before


def test_a_file_of_a_missing_build_changes_nothing(home, make_source, target, snapshot, tmp_path):
    missing = PackFile.of(Kind.RULE, "9119-x.xml", tmp_path / "nothing.xml")
    before = snapshot(home)
    with pytest.raises(InstallError, match="cannot read"):
        make_plan(make_source(extra=(missing,)), target, None)
    assert snapshot(home) == before
