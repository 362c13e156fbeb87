"""What the tests of readers share."""

import json
from pathlib import Path

import pytest

from wazuh_pack.reports.registry import open_report
from wazuh_pack.reports.report import ReportFile

SAMPLES = Path(__file__).parent / "samples"
RECORDED = Path(__file__).resolve().parents[2].parent / "shared/samples/scanners"


class Reports:
    """Writes reports into a folder and reads them."""

    def __init__(self, folder):
        self._folder = folder

    def write(self, content, name="report"):
        path = self._folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content)
            path.write_text(text, encoding="utf-8", newline="")
        return path

    def read(self, content, tool="auto"):
        """Return the reader, the head and the findings of a report given as content or path."""
        path = content if isinstance(content, Path) else self.write(content)
        reader, report = open_report(ReportFile(path), tool)
        with report:
            return reader, report.head, list(report.findings())

    def sample(self, name):
        """Return the decoded JSON of a sample."""
        return json.loads((SAMPLES / name).read_text(encoding="utf-8"))

    def lines(self, name):
        """Return the decoded lines of a sample."""
        return [json.loads(line) for line in (SAMPLES / name).read_text("utf-8").splitlines()]


@pytest.fixture
def files(tmp_path):
    return Reports(tmp_path)


@pytest.fixture
def samples():
    return SAMPLES


@pytest.fixture
def recorded():
    if not RECORDED.is_dir():
        pytest.skip("../shared is absent: no recorded reports of the tools")
    return RECORDED
