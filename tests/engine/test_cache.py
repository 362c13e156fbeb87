"""The cache of loaded rulesets: found only when nothing has changed, used only when trusted."""

import os
import shutil
from pathlib import Path

import pytest

from wazuh_pack.diagnostics import Diagnostic
from wazuh_pack.engine import Ruleset, cache, ruleset, snapshot

RULES = """
<group name="g,é,">
  <rule id="100" level="3"><field name="x" type="pcre2">^a$</field><description>d</description>
    <mitre><id>T1110</id></mitre><info>i</info><list field="y">etc/lists/l</list></rule>
  <rule id="101" level="5" frequency="3" timeframe="60" ignore="9">
    <if_matched_sid>100</if_matched_sid><same_field>x</same_field><description>d</description></rule>
  <rule id="102" level="4"><srcip>10.0.0.0/8</srcip><time>0:00-23:59</time>
    <weekday>weekdays</weekday>
    <user negate="yes">root</user><compiled_rule>check_id_size</compiled_rule>
    <match>a\\|\xe9</match><regex>^\\d+</regex><action>b</action><check_diff/>
    <if_sid>1</if_sid><description>d</description><options>no_log</options></rule>
  <rule id="102" level="4"><if_sid>999</if_sid><description>taken</description></rule>
</group>
"""
EVENT = '{"x": "a", "y": "k", "srcip": "10.0.0.1"}'


@pytest.fixture
def files(write_ruleset, tmp_path):
    """Return what to load, and the folder that is to be the cache."""
    write_ruleset(RULES, lists={"l": "k:v\n"})
    rules = [tmp_path / "00_rules.xml", tmp_path / "01_rules.xml"]
    return (rules, [tmp_path / "decoders.xml"], {"etc/lists/l": tmp_path / "l"}), tmp_path / "cache"


@pytest.fixture
def cold_loads(monkeypatch):
    """Return a list that grows with every ruleset that is read from XML."""
    seen = []
    load = ruleset.load_decoders

    def counting(paths):
        seen.append(paths)
        return load(paths)

    monkeypatch.setattr(ruleset, "load_decoders", counting)
    return seen


def test_a_second_load_reads_no_xml_and_gives_the_same(files, cold_loads):
    given, folder = files
    first, second = (Ruleset.load(*given, cache=folder) for _ in range(2))
    assert len(cold_loads) == 1
    assert first.diagnostics
    assert second.diagnostics == first.diagnostics
    assert sorted(second.rules) == sorted(first.rules)
    assert snapshot.dump(list(second.rules.values())) == snapshot.dump(list(first.rules.values()))
    answers = [one.session(manager="m").process(EVENT).as_logtest() for one in (first, second)]
    assert answers[0]["rule"]["id"] == "100"
    assert answers[0] == answers[1]


def test_rules_are_built_when_they_are_looked_at(files):
    given, folder = files
    kept = [Ruleset.load(*given, cache=folder) for _ in range(2)][1]
    untouched = kept.rules[102]
    assert untouched._source is not None
    assert kept.session(manager="m").process(EVENT).rule_id == 100
    assert untouched.definition.level == 4
    assert untouched._source is None
    with pytest.raises(AttributeError):
        _ = untouched.colour


@pytest.mark.parametrize("which", ["00_rules.xml", "decoders.xml", "l"])
def test_a_changed_file_is_read_again(files, cold_loads, tmp_path, which):
    given, folder = files
    Ruleset.load(*given, cache=folder)
    path = tmp_path / which
    path.write_bytes(path.read_bytes() + b"\n")
    Ruleset.load(*given, cache=folder)
    assert len(cold_loads) == 2


def test_other_thresholds_are_another_entry(files, cold_loads):
    given, folder = files
    for level in (3, 5, 3):
        Ruleset.load(*given, levels=ruleset.Levels(alert=level), cache=folder)
    assert len(cold_loads) == 2


def test_the_folder_and_its_entries_are_private(files):
    given, folder = files
    Ruleset.load(*given, cache=folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    (entry,) = folder.iterdir()
    assert entry.stat().st_mode & 0o777 == 0o600


def test_whoever_may_read_the_folder_may_read_its_entries(files):
    given, folder = files
    folder.mkdir(mode=0o700)
    folder.chmod(0o755)
    Ruleset.load(*given, cache=folder)
    (entry,) = folder.iterdir()
    assert entry.stat().st_mode & 0o777 == 0o644


def test_a_manager_home_is_kept_too(files, tmp_path, cold_loads):
    (rules, (decoders,), _), folder = files
    for part in ("rules", "decoders"):
        (tmp_path / "home/ruleset" / part).mkdir(parents=True)
        (tmp_path / "home/etc" / part).mkdir(parents=True)
    shutil.copy(rules[0], tmp_path / "home/etc/rules")
    shutil.copy(decoders, tmp_path / "home/etc/decoders")
    for _ in range(2):
        Ruleset.from_manager_home(tmp_path / "home", cache=folder)
    assert len(cold_loads) == 1


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"WAZUH_PACK_CACHE": "/c"}, "/c"),
        ({"WAZUH_PACK_CACHE": ""}, None),
        ({"XDG_CACHE_HOME": "/x"}, "/x/wazuh-pack/rulesets"),
        ({"XDG_CACHE_HOME": "not/absolute"}, "/h/.cache/wazuh-pack/rulesets"),
        ({}, "/h/.cache/wazuh-pack/rulesets"),
    ],
)
def test_the_environment_names_the_folder(monkeypatch, environment, folder):
    for name in ("WAZUH_PACK_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": "/h"} | environment).items():
        monkeypatch.setenv(name, value)
    assert cache.usual_folder() == (folder and Path(folder))


def spoil(folder, entry, how):
    if how == "folder writable by others":
        folder.chmod(0o777)
    elif how == "entry writable by others":
        entry.chmod(0o666)
    elif how == "entry is a link":
        entry.rename(folder / "real")
        entry.symlink_to(folder / "real")
    elif how == "folder is a link":
        folder.rename(folder.with_name("real"))
        folder.symlink_to(folder.with_name("real"))
    elif how == "entry changed":
        entry.write_bytes(entry.read_bytes().replace(b"100", b"109", 1))
    elif how == "entry cut off":
        entry.write_bytes(entry.read_bytes()[:-1])
    elif how == "entry of another user":
        os.chown(entry, 12345, -1)
    else:
        entry.unlink()
        os.mkfifo(entry)


@pytest.mark.parametrize(
    "how",
    [
        *("folder writable by others", "entry writable by others", "entry is a link"),
        *("folder is a link", "entry changed", "entry cut off", "entry is a pipe"),
        pytest.param(
            "entry of another user",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away"),
        ),
    ],
)
def test_what_cannot_be_trusted_is_not_used(files, cold_loads, how):
    given, folder = files
    Ruleset.load(*given, cache=folder)
    (entry,) = folder.iterdir()
    spoil(folder, entry, how)
    kept = Ruleset.load(*given, cache=folder)
    assert len(cold_loads) == 2
    assert kept.session(manager="m").process(EVENT).rule_id == 100


def test_only_the_newest_entries_stay(files, tmp_path, monkeypatch):
    given, folder = files
    monkeypatch.setattr(cache, "_KEPT", 2)
    for number in range(4):
        (tmp_path / "l").write_text(f"k:v{number}\n", encoding="utf-8")
        Ruleset.load(*given, cache=folder)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"shapes":[[99]],"objects":[[0]],"shells":[],"root":["o",0]}',
        '{"shapes":[],"objects":[],"shells":[],"root":["function","system"]}',
        '{"shapes":[],"objects":[],"shells":[],"root":["e",99,"x"]}',
    ],
)
def test_what_is_no_snapshot_is_refused(text):
    with pytest.raises(snapshot.SnapshotError):
        snapshot.restore(text)


def test_a_snapshot_holds_what_is_equal_once():
    found = [Diagnostic("1", "m"), Diagnostic("1", "m"), b"\xff", "é\udcff", ("t",), {"k": None}]
    restored = snapshot.restore(snapshot.dump(found))
    assert restored == found
    assert restored[0] is restored[1]


@pytest.mark.parametrize(
    "name",
    ["engine/tree.py", "engine/data/attack.json", "xmlio/reader.py", "diagnostics.py", "errors.py"],
)
def test_the_key_covers_all_that_the_program_is_made_of(tmp_path, monkeypatch, name):
    package = tmp_path / "wazuh_pack"
    shutil.copytree(cache._PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache, "_PACKAGE", package)
    before = cache._program.__wrapped__()
    assert cache._program.__wrapped__() == before
    with (package / name).open("a", encoding="utf-8") as file:
        file.write(" ")
    assert cache._program.__wrapped__() != before
