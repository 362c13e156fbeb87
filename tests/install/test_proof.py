"""What an installation promises, held against the whole pack, the real ruleset and any edit."""

import shutil

import pytest
from conf_shapes import PLAIN, SHAPES, blocks, confs
from hypothesis import given, settings
from hypothesis import strategies as st

from wazuh_pack import resources
from wazuh_pack.cli import _load, main
from wazuh_pack.engine.ruleset import Ruleset
from wazuh_pack.errors import InstallError
from wazuh_pack.install import ConfBlock, merge, merge_checked, unmerge
from wazuh_pack.install.assemble import assemble
from wazuh_pack.install.confblock import find_regions
from wazuh_pack.install.conftext import COMMENT

LISTED = b"    <list>etc/lists/%b</list>\n"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the block of the whole pack."""
    catalog = _load.catalog()
    source = assemble(
        catalog,
        _load.build(catalog),
        tree=resources.tree(),
        scratch=tmp_path_factory.mktemp("scratch"),
        home=resources.tree(),
    )
    return source.conf


@pytest.fixture
def stock_home(shared, tmp_path):
    """A tree with Wazuh's own rules, decoders and lists, configured as it comes."""
    stock = shared / "wazuh-4.14.7/ruleset"
    home = tmp_path / "root/var/ossec"
    for part in ("rules", "decoders"):
        shutil.copytree(stock / part, home / "ruleset" / part)
        (home / "etc" / part).mkdir(parents=True)
    shutil.copytree(stock / "lists", home / "etc/lists")
    names = [path for path in sorted((home / "etc/lists").rglob("*")) if path.is_file()]
    lists = b"".join(LISTED % str(p.relative_to(home / "etc/lists")).encode() for p in names)
    conf = PLAIN.replace(LISTED % b"audit-keys", lists)
    conf = conf.replace(
        b"    <list>", b"    <rule_exclude>0215-policy_rules.xml</rule_exclude>\n    <list>", 1
    )
    (home / "etc/ossec.conf").write_bytes(conf)
    return home


def test_over_the_real_ruleset_the_pack_loads_without_a_warning(stock_home, tmp_path):
    before = [str(found) for found in Ruleset.from_manager_home(stock_home).diagnostics]
    assert main(["install", "--destdir", str(tmp_path / "root")]) == 0
    ruleset = Ruleset.from_manager_home(stock_home)

    assert before == []
    assert [str(found) for found in ruleset.diagnostics] == []
    assert set(_load.lock().ids().values()) <= set(ruleset.rules)


@pytest.mark.usefixtures("stock_home")
def test_over_the_real_ruleset_the_tree_is_as_before_when_the_pack_is_gone(tmp_path, snapshot):
    before = snapshot(tmp_path / "root")
    main(["install", "--destdir", str(tmp_path / "root")])
    main(["uninstall", "--destdir", str(tmp_path / "root")])

    assert snapshot(tmp_path / "root") == before


@pytest.mark.parametrize("conf", SHAPES.values(), ids=SHAPES.keys())
def test_the_whole_packs_part_goes_into_any_file_once_and_out_of_it(whole, conf):
    once = merge(conf, whole)

    assert len(once) > len(conf)
    assert merge(once, whole) == once
    assert unmerge(once) == conf


@pytest.mark.parametrize("conf", SHAPES.values(), ids=SHAPES.keys())
def test_the_part_of_an_earlier_version_is_replaced_in_any_file(whole, conf):
    earlier = ConfBlock(
        version="0.0.1", elements=whole.elements[:-1], lists=(*whole.lists[1:], "etc/lists/old")
    )

    assert merge(merge(conf, earlier), whole) == merge(conf, whole)


def inside(conf):
    """Return the offsets just behind the begin markers."""
    return [conf.index(b"-->", region.at) + 3 for region in find_regions(conf, None)]


HANDS = {
    "a comment": lambda conf, at: conf[:at] + b"<!-- mine -->" + conf[at:],
    "an element": lambda conf, at: conf[:at] + b"\n  <a>b</a>" + conf[at:],
    "a line less": lambda conf, at: conf[:at] + conf[conf.index(b"\n", conf.index(b">", at)) :],
    "another digit": lambda conf, at: (
        conf[:at] + conf[at:].replace(b"wazuh-pack", b"wazuh-pick", 1)
    ),
}


@pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS.keys())
@pytest.mark.parametrize("conf", SHAPES.values(), ids=SHAPES.keys())
def test_what_a_hand_did_in_our_part_is_noticed_in_any_file(block, conf, hand):
    merged = merge(conf, block)
    for at in inside(merged):
        edited = hand(merged, at)
        with pytest.raises(InstallError, match=r"edited by hand|do not pair up"):
            merge_checked(edited, block)


@settings(deadline=None)
@given(
    conf=confs,
    block=blocks,
    place=st.floats(0, 1, exclude_max=True),
    text=st.sampled_from([b"<!-- mine -->", b"\n", b"<ossec_config></ossec_config>\n", b"x"]),
)
def test_what_the_user_writes_outside_our_part_stays_byte_for_byte(conf, block, place, text):
    merged = merge(conf, block)
    regions = find_regions(merged, None)
    taken = [(region.start - 1, region.end + 1) for region in regions]
    taken += [found.span() for found in COMMENT.finditer(merged)]
    free = [
        offset
        for offset in range(len(merged) + 1)
        if not any(start < offset < end for start, end in taken)
    ]
    if not free:
        return
    at = free[int(place * len(free))]
    gone = sum(region.end - region.start for region in regions if region.end < at)
    expected = conf[: at - gone] + text + conf[at - gone :]

    assert unmerge(merged[:at] + text + merged[at:]) == expected
