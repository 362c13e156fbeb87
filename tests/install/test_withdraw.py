"""Taking our part out of an ossec.conf that somebody edited: their text stays, in any file."""

import pytest
from conf_shapes import PLAIN, SHAPES, blocks, confs
from hypothesis import given, settings
from hypothesis import strategies as st

from wazuh_pack.install import ConfBlock, merge
from wazuh_pack.install.confblock import find_regions
from wazuh_pack.install.conftext import parse
from wazuh_pack.install.withdraw import Withdrawn, withdraw, written


@pytest.fixture(params=SHAPES.values(), ids=SHAPES.keys())
def conf(request):
    return request.param


def sections(conf):
    """Return the sections and, for rulesets, their lines."""
    text = parse(conf, None)
    return [(e.name, e.node.text) for e in text.elements if e.depth in {1, 2}]


def test_where_nobody_edited_it_our_part_goes_to_the_last_byte(conf, block):
    merged = merge(conf, block)
    assert withdraw(merged, written(merged)) == Withdrawn(conf)


def test_without_our_part_nothing_changes(conf):
    assert withdraw(conf, ()) == Withdrawn(conf)


MINE_TOO = "etc/lists/mine"
MINE = [
    b"<localfile><location>/mine</location></localfile>",
    b"<!-- mine -->",
    b"mine",
    b"<ruleset><rule_dir>mine</rule_dir></ruleset>",
]


@pytest.mark.parametrize("mine", MINE)
@pytest.mark.parametrize("place", [b"<localfile>", b"<!-- blocks", b"<active-resp", b"</ossec"])
def test_what_is_added_to_our_block_stays_and_ours_goes(conf, block, mine, place):
    merged = merge(conf, block)
    at = merged.rindex(place)
    edited = merged[:at] + mine + merged[at:]
    rest = withdraw(edited, written(merged)).data

    assert rest.startswith(conf)
    assert b"".join(rest.removeprefix(conf).split()) == b"".join(
        (b"<ossec_config>" + mine + b"</ossec_config>").split()
    )


JOINED = [c for c in SHAPES.values() if b"begin lists" in merge(c, ConfBlock("1", (), (MINE_TOO,)))]


@pytest.mark.parametrize("conf", JOINED)
def test_a_list_that_is_added_to_ours_stays_in_the_ruleset(conf):
    merged = merge(conf, ConfBlock("1", (), ("etc/lists/ours",)))
    mine = b"<list>%b</list>" % MINE_TOO.encode()
    at = merged.index(b"<!-- wazuh-pack end lists")
    rest = withdraw(merged[:at] + mine + merged[at:], written(merged)).data

    assert b"".join(rest.replace(mine, b"").split()) == b"".join(conf.split())
    assert ("list", MINE_TOO) in sections(rest)


def test_our_ruleset_stays_complete_if_the_user_added_a_list_to_it(block):
    conf = SHAPES["no ruleset"]
    merged = merge(conf, block)
    mine = b"<list>etc/lists/mine</list>\n"
    at = merged.index(b"  </ruleset>")
    rest = withdraw(merged[:at] + mine + merged[at:], written(merged))

    assert sections(rest.data.removeprefix(conf))[1:] == [
        ("decoder_dir", "ruleset/decoders"),
        ("rule_dir", "ruleset/rules"),
        ("decoder_dir", "etc/decoders"),
        ("rule_dir", "etc/rules"),
        ("list", "etc/lists/mine"),
    ]
    assert [kept.name for kept in rest.kept] == ["<list>"]


def test_a_comment_of_ours_stays_with_what_it_is_about(block):
    merged = merge(PLAIN, block)
    rest = withdraw(
        merged.replace(b"<timeout_allowed>yes", b"<timeout_allowed>no"), written(merged)
    )

    assert rest.data.removeprefix(PLAIN).startswith(
        b"\n<ossec_config>\n  <!-- blocks an address for a while -->\n  <command>\n"
    )
    line = merged[: merged.index(b"<command>")].count(b"\n") + 1
    (kept,) = rest.kept
    assert str(kept) == f"line {line}, <command>: changed or added since we wrote it; yours now"


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("wazuh-pack-block-ip", True),
        ("wodles/wazuh-pack/trivy", True),
        ("wodles/wazuh-pack", False),
        ("pack-block-ip", False),
        ("only-in-a-comment", False),
    ],
)
def test_files_are_named_by_sections_and_whole_words(name, named):
    conf = (
        b"<command><executable>wazuh-pack-block-ip</executable></command>"
        b"<wodle><command>/var/ossec/wodles/wazuh-pack/trivy.py --all</command>"
        b"<command>/var/ossec/wodles/wazuh-pack/trivy --all</command></wodle>"
        b"<!-- only-in-a-comment -->"
    )
    assert Withdrawn(conf).names(name) is named


@settings(deadline=None)
@given(conf=confs, block=blocks, place=st.floats(0, 1, exclude_max=True), cut=st.booleans())
def test_whatever_is_edited_the_rest_is_sound_and_says_it(conf, block, place, cut):
    merged = merge(conf, block)
    regions = find_regions(merged, None)
    assert withdraw(merged, written(merged)) == Withdrawn(conf)
    ours = [
        e
        for e in parse(merged, None).elements
        if any(r.at < e.start < r.end for r in regions)
        and e.name not in {"ossec_config", "ruleset"}
    ]
    if not ours:
        return
    element = ours[int(place * len(ours))]
    mine = b"" if cut else b"<mine>1</mine>"
    end = element.end if cut else element.start
    rest = withdraw(merged[: element.start] + mine + merged[end:], written(merged))

    assert (b"<mine>1</mine>" in rest.data) is not cut
    assert find_regions(rest.data, None) == ()
    names = [s.name for s in parse(rest.data, None).elements]
    assert names.count("mine") == 1 - cut


def test_lists_alone_go_too():
    block = ConfBlock(version="1", lists=("etc/lists/ours",))
    merged = merge(PLAIN, block)
    assert withdraw(merged, written(merged)) == Withdrawn(PLAIN)
