"""RECORD.json is believed only when it is whole and ours."""

import dataclasses
import json
import os

import pytest

from wazuh_pack.errors import InstallError
from wazuh_pack.install import read_record

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def record_file(home, source, target, install):
    install(source, target)
    return home / "etc/wazuh-pack/RECORD.json"


def test_a_tree_without_the_pack_has_no_record(target):
    assert read_record(target) is None


def test_a_record_survives_being_written_and_read(record_file, target):
    assert read_record(target).dump() == record_file.read_bytes()


DAMAGE = {
    "no JSON": lambda _: "{",
    "another format": lambda data: data | {"format": 2},
    "a path that leaves": lambda data: edited(data, path="../../etc/passwd"),
    "an absolute path": lambda data: edited(data, path="/etc/passwd"),
    "a digest that is a path": lambda data: edited(data, sha256="../x"),
    "a mode that runs as its owner": lambda data: edited(data, mode="4755"),
    "an unknown owner": lambda data: edited(data, owner="mallory"),
    "an unknown kind": lambda data: edited(data, kind="script"),
    "a list": lambda data: [data],
    "files missing": lambda data: {k: v for k, v in data.items() if k != "files"},
}


def edited(data, **changes):
    return data | {"files": [data["files"][0] | changes]}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_record_is_refused(record_file, target, damage):
    data = damage(json.loads(record_file.read_bytes()))
    record_file.write_text(data if isinstance(data, str) else json.dumps(data))
    with pytest.raises(InstallError, match="is damaged"):
        read_record(target)


@as_root
@pytest.mark.usefixtures("record_file")
@pytest.mark.parametrize("name", ["etc/wazuh-pack", "etc/wazuh-pack/RECORD.json"])
@pytest.mark.parametrize("how", ["owner", "mode"])
def test_on_a_live_home_a_record_that_others_can_write_is_not_trusted(home, target, name, how):
    live = dataclasses.replace(target, staged=False)
    assert read_record(live) is not None
    if how == "owner":
        os.chown(home / name, 65534, 0)
    else:
        (home / name).chmod(0o775)
    with pytest.raises(InstallError, match="can be written by others"):
        read_record(live)


@as_root
def test_a_folder_that_others_can_write_is_refused_before_there_is_a_record(home, target):
    (home / "etc/wazuh-pack").mkdir()
    os.chown(home / "etc/wazuh-pack", 65534, 0)
    assert read_record(target) is None
    with pytest.raises(InstallError, match="can be written by others"):
        read_record(dataclasses.replace(target, staged=False))
