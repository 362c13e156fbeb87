"""zizmor's reports: made-up ones, and those of the tool itself where it is installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wazuh_pack.reports.findings import Artifact

WORKFLOW = """\
name: ci
on: pull_request_target
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: echo "${{ github.event.pull_request.title }}"
"""


def test_audit_place_and_confidence(files, samples):
    _, head, findings = files.read(samples / "zizmor.json")

    injection, permissions = findings
    assert (injection.finding_id, injection.severity, injection.status) == (
        "template-injection",
        "high",
        "high",
    )
    assert (injection.path, injection.resource, injection.line) == (
        ".github/workflows/ci.yml",
        "jobs/build/steps/run",
        9,
    )
    assert injection.message == "may expand into code"
    assert permissions.severity == "info"
    assert head.suppressed == 1


def test_a_step_that_moves_is_the_same(files):
    report = files.sample("zizmor.json")
    artifact = Artifact("shop", "repository")
    before = files.read(report)[2][0]
    where = report[0]["locations"][1]
    where["symbolic"]["route"]["route"][3]["Index"] = 5
    where["concrete"]["location"]["start_point"]["row"] = 40

    after = files.read(report)[2][0]

    assert after.line == 41
    assert after.key(artifact, "zizmor") == before.key(artifact, "zizmor")


@pytest.fixture
def zizmor():
    beside = Path(sys.executable).parent / "zizmor"
    found = str(beside) if beside.exists() else shutil.which("zizmor")
    if not found:
        pytest.skip("zizmor is not installed")
    return found


def run(zizmor, form, folder):
    done = subprocess.run(
        [zizmor, "--offline", "--no-exit-codes", "--quiet", "--format", form, str(folder)],
        check=True,
        capture_output=True,
    )
    return done.stdout


@pytest.mark.parametrize(("form", "tool"), [("json", "zizmor"), ("sarif", "sarif")])
def test_the_tool_itself(files, zizmor, tmp_path, form, tool):
    place = tmp_path / "repository/.github/workflows/ci.yml"
    place.parent.mkdir(parents=True)
    place.write_text(WORKFLOW, encoding="utf-8")

    reader, head, findings = files.read(run(zizmor, form, tmp_path / "repository"))

    found = {item.finding_id.rpartition("/")[2]: item.severity for item in findings}
    assert tool == reader.NAME
    assert {"template-injection", "dangerous-triggers", "artipacked"} <= set(found)
    assert found["dangerous-triggers"] == "high"
    assert head.problems == ()
    assert all(item.path.endswith(".github/workflows/ci.yml") for item in findings)
    assert "github.event.pull_request.title" not in repr(
        [item for item in findings if item.finding_id != "template-injection"]
    )


def test_our_own_examples_of_workflows_are_free_of_high_findings(files, zizmor):
    examples = Path(__file__).resolve().parents[2] / "docs/examples"
    if not any(examples.rglob("*.yml")):
        pytest.skip("no examples of workflows")

    findings = files.read(run(zizmor, "json", examples), "zizmor")[2]

    assert [item for item in findings if item.severity in ("high", "critical")] == []
