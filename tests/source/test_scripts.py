"""Descriptions of scripts."""

import pytest

from wazuh_pack import resources
from wazuh_pack.errors import DiagnosticsError
from wazuh_pack.source.scripts import wodle_scripts

WODLE = """\
name: wazuh-pack-scan
executable: wazuh-pack-scan
tag: wazuh-pack-scan
command: wodles/wazuh-pack-scan
interval: 5m
timeout: 60
config_file: {template: scan.ini}
further_config: [risks.ini, more.ini]
"""


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "wodles/scan"
    found.mkdir(parents=True)
    (found / "wodle.yml").write_text(WODLE)
    for name in ("scan.ini", "risks.ini", "more.ini"):
        (found / name).write_text("")
    return found


def test_a_wodle_may_bring_further_files_of_the_administrators(tmp_path, folder):
    (wodle,) = wodle_scripts(tmp_path)

    assert wodle.config == folder / "scan.ini"
    assert wodle.further_config == (folder / "risks.ini", folder / "more.ini")


def test_a_file_that_is_not_there_is_named_with_its_place(tmp_path, folder):
    (folder / "more.ini").unlink()

    with pytest.raises(DiagnosticsError) as caught:
        wodle_scripts(tmp_path)

    (problem,) = caught.value.diagnostics
    assert str(problem).startswith(f"{folder}/wodle.yml:8:29: error: there is no more.ini beside")


def test_the_trivy_wodle_brings_its_list_of_accepted_risks():
    (wodle,) = wodle_scripts(resources.tree())

    assert [path.name for path in wodle.further_config] == ["exceptions.ini"]
