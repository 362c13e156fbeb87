"""Merging our part into ossec.conf in many shapes."""

import pytest
from conf_shapes import PLAIN, RULESET, SHAPES, blocks, confs
from hypothesis import given, settings

from wazuh_pack.diagnostics import Severity
from wazuh_pack.errors import InstallError
from wazuh_pack.install import ConfBlock, merge, merge_checked, unmerge
from wazuh_pack.install.conftext import parse
from wazuh_pack.install.ossecconf import fragment


@pytest.fixture(params=SHAPES.values(), ids=SHAPES.keys())
def conf(request):
    return request.param


def test_unmerge_gives_back_every_byte(conf, block):
    assert unmerge(merge(conf, block)) == conf


def test_a_second_merge_changes_nothing(conf, block):
    once = merge(conf, block)
    assert merge(once, block) == once


def test_the_result_is_sound_and_holds_the_block_once(conf, block):
    merged = merge(conf, block)
    names = [s.text("name") for s in parse(merged, None).sections("command")]
    assert names == ["wazuh-pack-block-ip"]


def test_line_ends_follow_the_file(block):
    crlf = merge(SHAPES["CRLF"], block)
    assert crlf.count(b"\n") == crlf.count(b"\r\n")
    assert b"\r" not in merge(PLAIN, block)


def test_an_upgrade_replaces_in_place_and_still_goes_away(conf, block):
    newer = ConfBlock.of(version="0.2.0", xml="<socket><name>x</name></socket>")
    between = merge(conf, block) + b"<ossec_config><!-- mine --></ossec_config>\n"
    upgraded = merge(between, newer)
    assert b"wazuh-pack-block-ip" not in upgraded
    assert upgraded.endswith(b"<ossec_config><!-- mine --></ossec_config>\n")
    assert unmerge(upgraded) == conf + b"<ossec_config><!-- mine --></ossec_config>\n"


def test_a_list_joins_the_users_ruleset_because_a_second_one_would_replace_it(block):
    merged = parse(merge(PLAIN, block), None)
    (ruleset,) = merged.sections("ruleset")
    lists = [c.node.text for c in merged.children(ruleset) if c.name == "list"]
    assert lists == ["etc/lists/audit-keys", "etc/lists/wazuh-pack/admins"]


def test_among_rulesets_a_list_joins_the_last_that_has_lists(block):
    merged = parse(merge(SHAPES["two rulesets, lists in the first"], block), None)
    first, second = merged.sections("ruleset")
    assert sum(c.name == "list" for c in merged.children(first)) == 2
    assert sum(c.name == "list" for c in merged.children(second)) == 0


def test_without_a_ruleset_ours_loads_the_stock_and_the_users_folders(block):
    result = merge_checked(SHAPES["no ruleset"], block)
    merged = parse(result.data, None)
    (ruleset,) = merged.sections("ruleset")
    assert [(c.name, c.node.text) for c in merged.children(ruleset)] == [
        ("decoder_dir", "ruleset/decoders"),
        ("rule_dir", "ruleset/rules"),
        ("decoder_dir", "etc/decoders"),
        ("rule_dir", "etc/rules"),
        ("list", "etc/lists/wazuh-pack/admins"),
    ]
    assert [(f.code, f.severity) for f in result.findings] == [("WP609", Severity.WARNING)]


def test_lists_move_when_the_ruleset_that_counts_is_another(block):
    merged = merge(PLAIN, block)
    later = b"<ossec_config>\n" + RULESET.replace(b"audit-keys", b"other") + b"</ossec_config>\n"
    moved = parse(merge(merged + later, block), None)
    first, second = moved.sections("ruleset")
    assert sum(c.name == "list" for c in moved.children(first)) == 1
    assert sum(c.name == "list" for c in moved.children(second)) == 2
    assert unmerge(moved.data) == PLAIN + later


def test_an_empty_ruleset_is_refused_at_its_line(block):
    with pytest.raises(InstallError, match="empty") as caught:
        merge(b"<ossec_config>\n  <ruleset/>\n</ossec_config>\n", block)
    assert (caught.value.at.line, caught.value.at.column) == (2, 3)


EDITS = {
    "in the block": (b"<timeout>600<", b"<timeout>60<"),
    "in the lists": (b"wazuh-pack/admins<", b"wazuh-pack/others<"),
}


@pytest.mark.parametrize(("old", "new"), EDITS.values(), ids=EDITS.keys())
def test_an_edit_between_our_markers_is_refused_and_with_force_discarded(block, old, new):
    merged = merge(PLAIN, block)
    edited = merged.replace(old, new)
    assert edited != merged
    with pytest.raises(InstallError, match="edited by hand") as caught:
        merge(edited, block)
    assert "--force" in caught.value.hint
    line = edited.split(b"\n")[caught.value.at.line - 1]
    assert b"wazuh-pack begin" in line
    assert merge(edited, block, force=True) == merged
    assert unmerge(edited) == PLAIN


def test_a_change_of_line_ends_and_indentation_is_no_edit(block):
    merged = merge(PLAIN, block)
    converted = b"\r\n".join(b"  " + line if line else line for line in merged.split(b"\n"))
    assert b"wazuh-pack" not in unmerge(converted)


BROKEN_MARKERS = {
    "no end": lambda m: m.replace(b"<!-- wazuh-pack end block -->", b""),
    "no begin": lambda m: m.replace(b"<!-- wazuh-pack begin lists", b"<!-- gone"),
    "twice": lambda m: m + m[m.index(b"<!-- wazuh-pack begin block") :],
    "end of another": lambda m: m.replace(b"end lists", b"end block"),
    "begin without a digest": lambda m: m.replace(b" version=0.1.0 digest=", b" "),
}


@pytest.mark.parametrize("damage", BROKEN_MARKERS.values(), ids=BROKEN_MARKERS.keys())
def test_markers_that_do_not_pair_up_are_refused_with_a_line(block, damage):
    with pytest.raises(InstallError, match="do not pair up") as caught:
        unmerge(damage(merge(PLAIN, block)))
    assert caught.value.at.line > 0


def test_without_our_part_unmerge_is_the_identity(conf):
    assert unmerge(conf) == conf


def test_an_empty_block_adds_nothing_to_a_file_with_a_ruleset():
    assert merge(PLAIN, ConfBlock(version="1")) == PLAIN


CONFLICTS = {
    "a command of our name": (
        b"<command><name>wazuh-pack-block-ip</name><executable>evil</executable></command>",
        "WP601",
        Severity.ERROR,
    ),
    "the same log file": (
        (
            b"<localfile><log_format>json</log_format>"
            b"<location>/var/log/gitlab/gitlab-rails/audit_json.log</location></localfile>"
        ),
        "WP603",
        Severity.WARNING,
    ),
    "responses switched off": (
        b"<active-response><disabled>yes</disabled></active-response>",
        "WP607",
        Severity.WARNING,
    ),
    "too many responses": (
        b"<active-response><command>a</command></active-response>" * 61,
        "WP608",
        Severity.ERROR,
    ),
    "a later ruleset": (
        b"<ruleset><rule_dir>x</rule_dir></ruleset>",
        "WP606",
        Severity.WARNING,
    ),
}


@pytest.mark.parametrize(("xml", "code", "severity"), CONFLICTS.values(), ids=CONFLICTS.keys())
def test_what_the_user_has_is_compared_with_the_block(block, xml, code, severity):
    conf = b"<ossec_config>\n" + xml + b"\n</ossec_config>\n" + PLAIN
    (finding,) = merge_checked(conf, block).findings
    assert (finding.code, finding.severity, finding.at.line) == (code, severity, 2)


def test_sixty_three_responses_still_fit(block):
    theirs = b"<active-response><command>a</command></active-response>" * 60
    conf = b"<ossec_config>" + theirs + b"</ossec_config>" + PLAIN
    assert merge_checked(conf, block).findings == ()


def test_a_log_file_that_is_collected_already_is_left_out_of_ours(block):
    conf = PLAIN.replace(
        b"  <ruleset>",
        b"<localfile><log_format>syslog</log_format>"
        b"<location>/var/log/gitlab/gitlab-rails/audit_json.log</location></localfile><ruleset>",
    )
    result = merge_checked(conf, block)
    assert len(list(parse(result.data, None).sections("localfile"))) == 1
    assert "from syslog to json" in result.findings[0].hint


def test_a_second_github_module_would_drop_the_users_organisations():
    ours = ConfBlock.of(version="1", xml="<github><enabled>yes</enabled></github>")
    conf = PLAIN.replace(b"  <ruleset>", b"<github><enabled>no</enabled></github><ruleset>")
    result = merge_checked(conf, ours)
    assert result.data == conf
    assert [f.code for f in result.findings] == ["WP604"]


def test_wodles_are_compared_by_name_and_commands_by_tag():
    ours = ConfBlock.of(
        version="1",
        xml='<wodle name="docker-listener"/><wodle name="command"><tag>a</tag></wodle>'
        '<wodle name="command"><tag>b</tag></wodle>',
    )
    conf = PLAIN.replace(
        b"  <ruleset>",
        b'<wodle name="syscollector"/><wodle name="docker-listener"/>'
        b'<wodle name="command"><tag>b</tag></wodle><ruleset>',
    )
    findings = merge_checked(conf, ours).findings
    assert [(f.code, f.severity) for f in findings] == [
        ("WP604", Severity.WARNING),
        ("WP601", Severity.ERROR),
    ]


@pytest.mark.parametrize("missing", ["rule_dir", "decoder_dir"])
def test_a_ruleset_without_the_users_folder_is_a_problem(block, missing):
    tag = missing.encode()
    folder = b"etc/rules" if missing == "rule_dir" else b"etc/decoders"
    conf = PLAIN.replace(b"<%b>%b</%b>" % (tag, folder, tag), b"")
    (finding,) = merge_checked(conf, block).findings
    assert (finding.code, finding.severity, finding.at.line) == ("WP605", Severity.ERROR, 2)
    assert f"<{missing}>{folder.decode()}</{missing}>" in finding.hint


def test_a_pattern_on_the_users_folder_is_pointed_out(block):
    conf = PLAIN.replace(b"<rule_dir>etc/rules", b'<rule_dir pattern="local_">etc/rules')
    (finding,) = merge_checked(conf, block).findings
    assert (finding.code, finding.severity, finding.at.line) == ("WP610", Severity.WARNING, 10)


@pytest.mark.parametrize("written", [b"/etc/rules", b"etc/rules/", b" ./etc//rules "])
def test_a_folder_may_be_written_in_any_way(block, written):
    conf = PLAIN.replace(b"<rule_dir>etc/rules<", b"<rule_dir>" + written + b"<")
    assert merge_checked(conf, block).findings == ()


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("<ruleset><list>a</list></ruleset>", "<ruleset>"),
        ("<ossec_config></ossec_config>", "<ossec_config>"),
        ("<active-response><disabled>yes</disabled></active-response>", "<disabled>"),
        ("<command><name>x</command>", "malformed"),
        ("<!-- wazuh-pack end block --><command/>", "marker"),
    ],
)
def test_a_block_that_would_harm_the_file_cannot_be_made(xml, message):
    with pytest.raises(InstallError, match=message):
        ConfBlock.of(version="1", xml=xml)


@pytest.mark.parametrize("name", ["/etc/passwd", "etc/lists/../x", "etc/lists/a b", "etc/rules/x"])
def test_a_list_of_the_block_lies_below_etc_lists(name):
    with pytest.raises(InstallError, match="list"):
        ConfBlock(version="1", lists=(name,))


def test_the_fragment_for_a_tree_without_a_conf_keeps_lists_out_of_a_ruleset(block):
    text = fragment(block)
    assert b"<ruleset>\n" not in text
    assert b"<list>etc/lists/wazuh-pack/admins</list>" in text
    assert len(list(parse(text, None).sections("command"))) == 1


@settings(deadline=None)
@given(conf=confs, first=blocks, second=blocks)
def test_merge_is_idempotent_and_undone_byte_for_byte(conf, first, second):
    once = merge(conf, first)
    assert merge(once, first) == once
    assert unmerge(once) == conf
    other = merge(once, second)
    assert other == merge(conf, second)
    assert unmerge(other) == conf
