"""``wazuh-pack bundle --deb --ansible``."""

import hashlib
from pathlib import Path

import pytest

from wazuh_pack.cli import _exit, main


def test_bundle_writes_each_shipment_and_its_digest(tmp_path, capsys):
    assert main(["bundle", "--agent", "--deb", "--ansible", "--out", str(tmp_path)]) == _exit.OK

    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert [Path(path).name for _, path in lines] == [
        "wazuh-pack-agent-0.1.0.tar.gz",
        "wazuh-pack-agent_0.1.0_all.deb",
        "wazuh-pack-ansible-0.1.0.tar.gz",
    ]
    for digest, path in lines:
        assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(
    "arguments",
    [("--deb", "--home", "/opt/wazuh"), ("--agent", "--wheel", __file__), ("--wheel", __file__)],
)
def test_what_does_not_go_together_is_refused(arguments, tmp_path):
    assert main(["bundle", "--out", str(tmp_path), *arguments]) == _exit.USAGE
    assert list(tmp_path.iterdir()) == []
