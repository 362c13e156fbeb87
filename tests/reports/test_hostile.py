"""A report of any size and shape costs bounded memory, and ends in a refusal at worst."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIZE = 8 << 20
LIMIT = 256 << 20
"""Bytes of address space; the interpreter with all readers needs some 100 MB of it."""

READ = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from wazuh_pack.reports.registry import open_report
from wazuh_pack.reports.report import ReportError, ReportFile
for tool in sys.argv[3:]:
    try:
        with open_report(ReportFile(Path(sys.argv[2])), tool)[1] as report:
            count = sum(1 for _ in report.findings())
    except ReportError:
        continue
    sys.stdout.write(f"{tool} {count}\\n")
"""


def repeated(start, unit, end, joint=","):
    return start + joint.join([unit] * (SIZE // (len(unit) + len(joint)))) + end


def numbered(start, template, end, count):
    return start + ",".join(template % number for number in range(count)) + end


SHAPES = {
    ("one endless line", "cosign nuclei"): lambda: "x" * SIZE,
    ("one endless text", "grype"): lambda: '{"matches":["' + "x" * SIZE + '"]}',
    ("a record of empty lists", "grype in-toto"): lambda: repeated('{"matches":[[', "[]", "]]}"),
    ("a list of empty lists", "gitleaks conftest cosign"): lambda: repeated("[", "[]", "]"),
    ("a list of empty objects", "zizmor nuclei dependency-track"): lambda: repeated("[", "{}", "]"),
    ("ever more members", "grype sbom"): lambda: numbered("{", '"member%d":1', "}", 400_000),
    ("ever more groups", "sarif"): lambda: repeated(
        '{"version":"2.1.0","runs":[', '{"results":[]}', "]}"
    ),
    ("groups with much beside", "kyverno"): lambda: repeated(
        '{"apiVersion":"v1","items":[',
        '{"apiVersion":"openreports.io/v1","metadata":{"a":[' + ",".join(["{}"] * 9000) + "]}}",
        "]}",
    ),
    ("rules without end", "sarif"): lambda: repeated(
        '{"version":"2.1.0","runs":[{"tool":{"driver":{"rules":[',
        '{"id":"x"}',
        ']}},"results":[]}]}',
    ),
    ("one line after the other", "trufflehog gatekeeper"): lambda: repeated(
        "", '{"DetectorName":"a","x":"' + "x" * 200 + '"}', "\n", "\n"
    ),
    ("sites without end", "zap"): lambda: repeated(
        "<OWASPZAPReport>", "<site/>", "</OWASPZAPReport>", ""
    ),
    ("one element in the other", "zap"): lambda: repeated("<OWASPZAPReport>", "<a>", "", ""),
    ("a number without end", "grype trivy"): lambda: '{"matches":[' + "9" * SIZE + "]}",
}


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape[0])
def test_memory_is_bounded(tmp_path, shape):
    path = tmp_path / "report"
    path.write_text(SHAPES[shape](), encoding="ascii")

    done = subprocess.run(
        [sys.executable, "-I", "-c", READ, str(ROOT), str(path), *shape[1].split()],
        preexec_fn=limited,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr[-2000:]) == (0, "")
