"""Taking the pack out again."""

import json

import pytest

from wazuh_pack.errors import InstallError
from wazuh_pack.install import KeepFile, Kind, PackFile, detect
from wazuh_pack.install.conftext import parse
from wazuh_pack.install.record import BACKUPS, RECORD

NAMED = "an <active-response> that stays names it"
YOURS = "changed or added since we wrote it; yours now"
RULE = "etc/rules/9110-wazuh-pack-github.xml"
CONFS = {
    "CRLF, no last newline": b"<ossec_config>\r\n<ruleset>\r\n<rule_dir>etc/rules</rule_dir>"
    b"<decoder_dir>etc/decoders</decoder_dir></ruleset></ossec_config>",
    "no ruleset": b"<ossec_config><global/></ossec_config>\n\n",
    "empty": b"",
}


def edit_ours(conf, old, new):
    """Change our part of ossec.conf; ``old`` must stand there."""
    theirs, marker, ours = conf.read_bytes().partition(b"<!-- wazuh-pack begin block")
    assert old in ours
    conf.write_bytes(theirs + marker + ours.replace(old, new, 1))


@pytest.fixture
def before_and_after(target, install, uninstall, snapshot):
    """Install one pack after the other, uninstall; return the tree before and after."""

    def run(*sources):
        before = snapshot(target.home)
        for source in sources:
            install(source, target)
            assert snapshot(target.home) != before
        uninstall(target)
        return before, snapshot(target.home)

    return run


def test_the_tree_is_as_before(source, before_and_after):
    before, after = before_and_after(source)
    assert after == before


@pytest.mark.parametrize("conf", CONFS.values(), ids=CONFS.keys())
def test_any_conf_is_as_before(home, source, before_and_after, conf):
    (home / "etc/ossec.conf").write_bytes(conf)
    (home / "etc/ossec.conf").chmod(0o604)
    before, after = before_and_after(source)
    assert after == before


def test_after_upgrades_the_tree_is_as_before(home, make_source, before_and_after):
    (home / RULE).write_bytes(b"the user's own")
    before, after = before_and_after(
        make_source(),
        make_source(version="2", rule=b"new", drop={Kind.LIST}),
        make_source(version="3", drop={Kind.RULE, Kind.WODLE}),
    )
    assert after == before


def test_an_empty_staging_folder_is_empty_again(tmp_path, source, install, uninstall, snapshot):
    target = detect(destdir=tmp_path / "stage")
    install(source, target)
    uninstall(target)
    assert snapshot(target.home) == {}


def test_changed_files_stay_and_are_named(home, source, target, install, uninstall):
    install(source, target)
    for name in (RULE, "etc/wazuh-pack/block-ip.json"):
        (home / name).write_bytes(b"mine")
    plan = uninstall(target)
    kept = {str(s.path): s.reason for s in plan.steps if isinstance(s, KeepFile)}
    reason = "changed since we wrote it; yours now"
    assert kept == {RULE: reason, "etc/wazuh-pack/block-ip.json": reason}
    assert (home / RULE).read_bytes() == b"mine"
    assert (home / "etc/wazuh-pack/block-ip.json").read_bytes() == b"mine"
    assert sorted(p.name for p in (home / "etc/wazuh-pack").iterdir()) == ["block-ip.json"]


def test_what_the_user_added_to_ossec_conf_stays(home, source, target, install, uninstall):
    install(source, target)
    conf = home / "etc/ossec.conf"
    conf.write_bytes(b"<!-- new -->\n" + conf.read_bytes() + b"<ossec_config></ossec_config>\n")
    uninstall(target)
    text = conf.read_bytes()
    assert text.startswith(b"<!-- new -->\n<!-- A scratch manager")
    assert text.endswith(b"</ossec_config>\n<ossec_config></ossec_config>\n")
    assert b"wazuh-pack" not in text


def test_with_force_what_was_edited_in_our_part_goes_and_leaves_a_copy(
    home, source, target, install, uninstall
):
    install(source, target)
    conf = home / "etc/ossec.conf"
    edited = conf.read_bytes().replace(b"<timeout>600", b"<timeout>6")
    conf.write_bytes(edited)
    uninstall(target, force=True)
    assert b"wazuh-pack" not in conf.read_bytes()
    assert [p.read_bytes() for p in (home / BACKUPS).iterdir()] == [edited]


def test_a_response_that_the_user_edited_stays_with_all_that_it_needs(
    home, source, target, install, uninstall
):
    conf = home / "etc/ossec.conf"
    before = conf.read_bytes()
    install(source, target)
    edit_ours(conf, b"<timeout>600", b"<timeout>6")
    lines = conf.read_bytes().splitlines()
    command, response = (
        lines.index(tag, lines.index(b"<ossec_config>", 3)) + 1
        for tag in (b"  <command>", b"  <active-response>")
    )
    plan = uninstall(target)

    rest = conf.read_bytes().removeprefix(before)
    assert (
        rest.decode()
        == """
<ossec_config>
  <!-- blocks an address for a while -->
  <command>
    <name>wazuh-pack-block-ip</name>
    <executable>wazuh-pack-block-ip</executable>
    <timeout_allowed>yes</timeout_allowed>
  </command>

  <active-response>
    <command>wazuh-pack-block-ip</command>
    <location>local</location>
    <rules_id>110100</rules_id>
    <timeout>6</timeout>
  </active-response>

</ossec_config>
"""
    )
    assert [line for line in plan.lines() if line.startswith("keep")] == [
        f"keep    etc/ossec.conf  (line {command}, <command>: {NAMED})",
        f"keep    etc/ossec.conf  (line {response}, <active-response>: {YOURS})",
        "keep    active-response/bin/wazuh-pack-block-ip  (ossec.conf still names it)",
        "keep    etc/wazuh-pack/block-ip.json  (for a script that stays)",
    ]
    assert (home / "active-response/bin/wazuh-pack-block-ip").exists()
    gone = [RULE, "wodles/wazuh-pack/trivy", "etc/lists/wazuh-pack/admins", BACKUPS, RECORD]
    assert [path for path in gone if (home / path).exists()] == []


def test_a_section_that_the_user_added_to_our_part_stays_alone(
    home, source, target, install, uninstall, snapshot
):
    before = snapshot(home)
    install(source, target)
    conf = home / "etc/ossec.conf"
    mine = b"<localfile>\n  <location>/my</location>\n</localfile>\n"
    edit_ours(conf, b"  <localfile>", mine + b"  <localfile>")
    uninstall(target)
    after = snapshot(home)

    content = before["etc/ossec.conf"][3]
    expected = content + b"\n<ossec_config>\n" + mine + b"</ossec_config>\n"
    assert after.pop("etc/ossec.conf")[3] == expected
    before.pop("etc/ossec.conf")
    assert after == before


def test_a_list_that_the_user_added_to_our_lines_stays_in_its_ruleset(
    home, source, target, install, uninstall
):
    conf = home / "etc/ossec.conf"
    before = conf.read_bytes()
    install(source, target)
    ours, mine = b"<list>etc/lists/wazuh-pack/admins</list>", b"<list>etc/lists/mine</list>"
    conf.write_bytes(conf.read_bytes().replace(ours, ours + b"\n\t" + mine))
    uninstall(target)

    assert conf.read_bytes() == before.replace(b"  </ruleset>", b"\t" + mine + b"\n  </ruleset>")


def test_a_section_that_the_user_took_out_of_our_part_is_no_hindrance(
    home, source, target, install, uninstall, snapshot
):
    before = snapshot(home)
    install(source, target)
    conf = home / "etc/ossec.conf"
    ours = conf.read_bytes().rpartition(b"  <localfile>")[2].partition(b"</localfile>\n")[0]
    edit_ours(conf, b"  <localfile>" + ours + b"</localfile>\n", b"")
    uninstall(target)

    assert snapshot(home) == before


def test_a_script_that_the_users_own_sections_name_stays(home, source, target, install, uninstall):
    conf = home / "etc/ossec.conf"
    mine = b"<active-response><command>wazuh-pack-block-ip</command></active-response>"
    conf.write_bytes(b"<ossec_config>" + mine + b"</ossec_config>\n" + conf.read_bytes())
    before = conf.read_bytes()
    install(source, target)
    uninstall(target)

    (command,) = parse(conf.read_bytes(), conf).sections("command")
    assert command.text("executable") == "wazuh-pack-block-ip"
    assert conf.read_bytes().startswith(before)
    assert b"<localfile>" not in conf.read_bytes().removeprefix(before)
    assert (home / "active-response/bin/wazuh-pack-block-ip").exists()


def test_an_installation_before_pieces_were_recorded_keeps_all_of_an_edited_part(
    home, source, target, install, uninstall
):
    install(source, target)
    record = home / RECORD
    data = json.loads(record.read_bytes())
    del data["pieces"]
    record.write_text(json.dumps(data))
    conf = home / "etc/ossec.conf"
    edit_ours(conf, b"<timeout>600", b"<timeout>6")
    uninstall(target)

    sections = [s.name for s in parse(conf.read_bytes(), conf).sections()]
    assert sections[-3:] == ["command", "active-response", "localfile"]
    assert b"wazuh-pack begin block" not in conf.read_bytes()


def test_after_keeping_an_edit_the_pack_can_be_installed_and_removed_again(
    home, source, target, install, uninstall, snapshot
):
    conf = home / "etc/ossec.conf"
    install(source, target)
    edit_ours(conf, b"</localfile>\n", b"</localfile>\n<!-- mine -->\n")
    uninstall(target)
    assert b"\n<ossec_config>\n<!-- mine -->\n</ossec_config>\n" in conf.read_bytes()
    between = snapshot(home)
    install(source, target)
    uninstall(target)

    assert snapshot(home) == between


def test_copies_of_edited_files_stay(home, source, target, install, uninstall):
    install(source, target)
    (home / RULE).write_bytes(b"edited")
    install(source, target)
    uninstall(target)
    assert [p.read_bytes() for p in (home / BACKUPS).iterdir()] == [b"edited"]


def test_a_kept_file_keeps_the_copy_of_what_it_once_replaced(
    home, source, target, install, uninstall
):
    (home / RULE).write_bytes(b"theirs")
    install(source, target)
    (home / RULE).write_bytes(b"edited")
    uninstall(target)
    assert (home / RULE).read_bytes() == b"edited"
    assert [p.read_bytes() for p in (home / BACKUPS).iterdir()] == [b"theirs"]


def test_a_decoder_stays_with_an_edited_rule_file_that_uses_it(
    home, make_source, target, install, uninstall
):
    """analysisd does not start with a rule that names an unknown decoder."""
    rule = PackFile.of(Kind.RULE, "9120-wazuh-pack-jenkins.xml", b"<group/>\n")
    name = "etc/decoders/9120-wazuh-pack-jenkins_decoders.xml"
    decoder = PackFile.of(Kind.DECODER, name.rpartition("/")[2], b"<decoder/>\n")
    source = make_source(drop={Kind.DECODER}, extra=(rule, decoder))
    install(source, target)
    (home / rule.destination).write_bytes(b"edited")
    plan = uninstall(target)
    assert f"keep    {name}  (a rule file that stays needs it)" in plan.lines()
    assert (home / name).read_bytes() == b"<decoder/>\n"
    (home / rule.destination).unlink()
    install(source, target)
    (home / rule.destination).write_bytes(b"edited again")
    install(make_source(drop={Kind.DECODER}), target)
    assert (home / rule.destination).read_bytes() == b"edited again"
    assert (home / name).exists()
    (home / rule.destination).unlink()
    install(source, target)
    uninstall(target)
    assert not (home / name).exists()


def test_a_removed_file_does_not_come_back_but_what_it_replaced_is_kept(
    home, source, target, install, uninstall
):
    (home / RULE).write_bytes(b"theirs")
    install(source, target)
    (home / RULE).unlink()
    plan = uninstall(target)
    assert (
        "keep    etc/rules/9110-wazuh-pack-github.xml  (removed since we wrote it)" in plan.lines()
    )
    assert not (home / RULE).exists()
    assert [p.read_bytes() for p in (home / BACKUPS).iterdir()] == [b"theirs"]


def test_files_and_folders_in_use_by_others_stay(home, source, target, install, uninstall):
    install(source, target)
    (home / "etc/lists/wazuh-pack/more").write_bytes(b"x")
    (home / RULE).unlink()
    uninstall(target)
    assert [p.name for p in (home / "etc/lists/wazuh-pack").iterdir()] == ["more"]


def test_a_damaged_backup_is_not_restored(home, source, target, install, uninstall):
    (home / RULE).write_bytes(b"theirs")
    install(source, target)
    record = json.loads((home / "etc/wazuh-pack/RECORD.json").read_bytes())
    (original,) = (e["original"]["sha256"] for e in record["files"] if e["original"])
    (home / BACKUPS / original).write_bytes(b"evil")
    with pytest.raises(InstallError, match=r"backup of etc/rules/9110.* is damaged"):
        uninstall(target)


def test_a_second_installation_after_removal_is_like_the_first(
    source, target, install, uninstall, snapshot
):
    install(source, target)
    first = snapshot(target.home)
    uninstall(target)
    install(source, target)
    assert snapshot(target.home) == first
