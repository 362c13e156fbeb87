"""What may be installed where."""

from pathlib import Path, PurePosixPath

import pytest

from wazuh_pack.errors import InstallError
from wazuh_pack.install import ConfBlock, Kind, PackFile, PackSource


@pytest.mark.parametrize(
    ("kind", "path", "mode", "owner", "policy"),
    [
        (Kind.RULE, "etc/rules/a.xml", 0o660, "wazuh", "replace"),
        (Kind.DECODER, "etc/decoders/a.xml", 0o660, "wazuh", "replace"),
        (Kind.LIST, "etc/lists/a.xml", 0o660, "wazuh", "create-once"),
        (Kind.RESPONSE, "active-response/bin/a.xml", 0o750, "root", "replace"),
        (Kind.WODLE, "wodles/a.xml", 0o750, "root", "replace"),
        (Kind.CONFIG, "etc/wazuh-pack/a.xml", 0o640, "root", "create-once"),
    ],
)
def test_each_kind_has_its_place_and_mode(kind, path, mode, owner, policy):
    file = PackFile.of(kind, "a.xml", b"")
    assert file == PackFile(PurePosixPath(path), b"", mode, owner, policy, kind)
    assert file.group == "wazuh"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Kind.RULE, "../ossec.conf"),
        (Kind.RULE, "/etc/passwd"),
        (Kind.RULE, ""),
        (Kind.RESPONSE, "a\nb"),
        (Kind.CONFIG, "RECORD.json"),
        (Kind.CONFIG, "backup/x"),
    ],
)
def test_a_file_cannot_leave_its_place(kind, name):
    with pytest.raises(InstallError, match="cannot be installed"):
        PackFile.of(kind, name, b"")


def test_two_files_cannot_share_a_place():
    file = PackFile.of(Kind.RULE, "a.xml", b"")
    with pytest.raises(InstallError, match=r"two files .* etc/rules/a\.xml"):
        PackSource(version="1", files=(file, file), conf=ConfBlock(version="1"))


def test_content_may_come_from_a_file(tmp_path):
    origin = tmp_path / "a.xml"
    origin.write_bytes(b"x")
    assert PackFile.of(Kind.RULE, "a.xml", origin).read() == b"x"


def test_a_file_that_was_not_built_is_said_so():
    with pytest.raises(InstallError) as caught:
        PackFile.of(Kind.RULE, "a.xml", Path("/nonexistent/a.xml")).read()
    assert caught.value.hint == "build the pack first"
