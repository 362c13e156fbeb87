"""Which files a ``<ruleset>`` element names."""

import pytest

from wazuh_pack.engine.files import ruleset_files
from wazuh_pack.errors import DiagnosticsError
from wazuh_pack.xmlio import read_text


@pytest.fixture
def home(tmp_path):
    """An installation with files in stock and user folders; the folder ``other`` has odd names."""
    for name in (
        *("ruleset/rules/0010-a.xml", "ruleset/rules/0020-b.xml", "ruleset/rules/read.me"),
        *("ruleset/decoders/0005-x.xml", "etc/rules/0015-u.xml", "etc/rules/Zz.xml"),
        *("etc/rules/local_rules.xml", "etc/decoders/local_decoder.xml", "other/0001-axml"),
        *("other/0002-o.xml", "other/0003-o.xml.bak", "other/0004-o.rules"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    return tmp_path


@pytest.fixture
def files(home):
    """Return a function that gives the files named by the insides of ``<ruleset>`` elements."""

    def named(*insides):
        text = "".join(f"<ruleset>{inside}</ruleset>" for inside in insides)
        return ruleset_files(read_text(text.encode(), home / "ossec.conf"), home)

    return named


def rules(found):
    return [path.name for path in found.rules]


def test_without_folders_the_stock_ones_are_taken(files, home):
    found = files("<list>etc/lists/a</list>")
    assert rules(found) == ["0010-a.xml", "0020-b.xml"]
    assert found.decoders == (home / "ruleset/decoders/0005-x.xml",)
    assert found.lists == (("etc/lists/a", home / "etc/lists/a"),)


def test_files_of_all_folders_are_sorted_by_base_name_byte_by_byte(files):
    found = files("<rule_dir>etc/rules</rule_dir><rule_dir>ruleset/rules</rule_dir>")
    assert rules(found) == [
        *("0010-a.xml", "0015-u.xml", "0020-b.xml", "Zz.xml", "local_rules.xml")
    ]


def test_single_files_come_from_the_stock_folder_unless_they_have_one(files, home):
    found = files("<rule_include>9.xml</rule_include><rule_include>x/1.xml</rule_include>")
    assert found.rules == (
        home / "ruleset/rules/0010-a.xml",
        home / "ruleset/rules/0020-b.xml",
        home / "x/1.xml",
        home / "ruleset/rules/9.xml",
    )


def test_a_file_named_and_found_is_taken_once(files):
    found = files(
        "<rule_include>0010-a.xml</rule_include><rule_dir>ruleset/rules</rule_dir>"
        "<rule_dir>ruleset/rules</rule_dir>"
    )
    assert rules(found) == ["0010-a.xml", "0020-b.xml"]


@pytest.mark.parametrize("excluded", ["0010-a.xml", "ruleset/rules/0010-a.xml"])
def test_exclusion_goes_by_base_name_or_path(files, excluded):
    assert rules(files(f"<rule_exclude>{excluded}</rule_exclude>")) == ["0020-b.xml"]
    assert rules(files("<rule_exclude>rules/0010-a.xml</rule_exclude>"))[0] == "0010-a.xml"


def test_decoders_have_their_own_exclusion_and_inclusion(files):
    found = files(
        "<decoder_exclude>0005-x.xml</decoder_exclude><decoder_include>1.xml</decoder_include>"
        "<decoder_dir>etc/decoders</decoder_dir><decoder_dir>ruleset/decoders</decoder_dir>"
    )
    assert [path.name for path in found.decoders] == ["1.xml", "local_decoder.xml"]


def test_the_usual_pattern_wants_a_literal_dot_at_the_end(files):
    assert rules(files("<rule_dir>other</rule_dir>")) == ["0002-o.xml"]


def test_a_pattern_is_matched_against_the_path(files):
    assert rules(files('<rule_dir pattern=".rules$|^other/0003">other</rule_dir>')) == [
        *("0003-o.xml.bak", "0004-o.rules")
    ]
    assert rules(files('<rule_dir PATTERN="0001">other</rule_dir>')) == ["0001-axml"]


def test_a_folder_that_does_not_exist_is_ignored(files):
    assert rules(files("<rule_dir>nowhere</rule_dir><rule_dir>other</rule_dir>")) == ["0002-o.xml"]


# What follows was asked of analysisd 4.14.7 itself (-t).


@pytest.mark.parametrize(
    "inside",
    [
        "<rule_dir/>",
        "<rule_dir>nowhere</rule_dir>",
        '<rule_dir pattern="none.xml">etc/rules</rule_dir>',
        "<rule_dir>other</rule_dir><rule_exclude>0002-o.xml</rule_exclude>",
    ],
)
def test_without_any_file_of_rules_the_stock_ones_are_taken(files, inside):
    found = files(f"<decoder_dir>etc/decoders</decoder_dir>{inside}")
    assert rules(found) == ["0010-a.xml", "0020-b.xml"]
    assert [path.name for path in found.decoders] == ["local_decoder.xml"]
    assert found.fell_back


def test_what_is_excluded_comes_back_with_the_stock_ones(files):
    found = files(
        "<decoder_dir>etc/decoders</decoder_dir><rule_exclude>0010-a.xml</rule_exclude>"
        "<rule_exclude>0020-b.xml</rule_exclude>"
    )
    assert rules(found) == ["0010-a.xml", "0020-b.xml"]


def test_without_any_file_of_decoders_stock_rules_are_taken_as_well(files):
    found = files("<decoder_dir>nowhere</decoder_dir><rule_dir>etc/rules</rule_dir>")
    assert [path.name for path in found.decoders] == ["0005-x.xml"]
    assert rules(found) == ["0010-a.xml", "0020-b.xml"]
    assert found.fell_back


def test_without_stock_rules_those_named_stay(files, home):
    for path in (home / "ruleset/rules").iterdir():
        path.unlink()
    found = files("<decoder_dir>nowhere</decoder_dir><rule_dir>etc/rules</rule_dir>")
    assert [path.name for path in found.decoders] == ["0005-x.xml"]
    assert rules(found) == ["0015-u.xml", "Zz.xml", "local_rules.xml"]


def test_without_any_element_only_stock_files_are_taken(files, home):
    found = files()
    assert rules(found) == ["0010-a.xml", "0020-b.xml"]
    assert found.decoders == (home / "ruleset/decoders/0005-x.xml",)
    assert (found.lists, found.fell_back) == ((), True)


def test_the_last_element_that_finds_any_counts_for_each_kind(files):
    found = files(
        "<rule_dir>etc/rules</rule_dir><decoder_dir>etc/decoders</decoder_dir><list>a</list>",
        "<rule_dir>nowhere</rule_dir>",
    )
    assert rules(found) == ["0015-u.xml", "Zz.xml", "local_rules.xml"]
    assert [path.name for path in found.decoders] == ["0005-x.xml"]
    assert [name for name, _ in found.lists] == ["a"]
    assert not found.fell_back


@pytest.mark.parametrize(
    ("insides", "first"),
    [
        (["<rules>x</rules>"], [("1230", "'rules'")]),
        (["<rule_files>x</rule_files>"], [("1230", "'rule_files'")]),
        (["<Rule_dir>x</Rule_dir>"], [("1230", "'Rule_dir'")]),
        ([""], [("1230", "'ruleset'")]),
        (["<rule_dir>other</rule_dir>", "<bogus/>"], [("1230", "'bogus'")]),
        (['<rule_dir pattern="(a">other</rule_dir><bogus/>'], [("1230", "'bogus'")]),
        (['<rule_dir pattern="(a">other</rule_dir>'], [("1202", "rules_dir"), ("", "rule_dir")]),
        (['<rule_dir other="x">other</rule_dir>'], [("1202", "rules_dir"), ("", "rule_dir")]),
        (
            ['<rule_dir pattern="(a">x</rule_dir><decoder_dir pattern="(a">x</decoder_dir>'],
            [("1202", "decoder_dir"), ("", "decoder_dir")],
        ),
    ],
)
def test_what_analysisd_refuses(files, home, insides, first):
    with pytest.raises(DiagnosticsError) as caught:
        files(*insides)
    found = caught.value.diagnostics
    assert [item.code for item in found] == [*(code for code, _ in first), "1202", "1202"]
    for item, (_, named) in zip(found, first, strict=False):
        assert named in item.message
        assert (item.at.path, item.at.line) == (home / "ossec.conf", 1)
