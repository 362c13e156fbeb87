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

    injection, permissions, ignored = findings
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
    assert (head.suppressed, injection.accepted) == (1, "")
    assert (ignored.finding_id, ignored.accepted, ignored.accepted_by) == (
        "artipacked",
        "tool",
        "zizmor",
    )


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


EXAMPLES = Path(__file__).resolve().parents[2] / "docs/examples"
WORKFLOWS = sorted(EXAMPLES.rglob(".github/workflows/*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.parts[-4])
def test_nothing_is_found_in_our_own_examples(files, zizmor, path):
    assert files.read(run(zizmor, "json", path), "zizmor")[2] == []


def test_there_are_examples():
    assert {path.parts[-4] for path in WORKFLOWS} == {"pipeline-gate", "rules-repository"}


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        ("on:\n", "on:\n  pull_request_target:\n", "dangerous-triggers"),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "unpinned-uses"),
        ('"$DIGEST" production', "${{ inputs.digest }} production", "template-injection"),
    ],
)
def test_what_would_weaken_an_example_is_found(files, zizmor, tmp_path, old, new, finding):
    """Nothing found means that something was looked at."""
    (path,) = (path for path in WORKFLOWS if path.name == "deploy.yml")
    text = path.read_text(encoding="utf-8")
    weak = tmp_path / "repository/.github/workflows/deploy.yml"
    weak.parent.mkdir(parents=True)
    weak.write_text(text.replace(old, new), encoding="utf-8")

    findings = files.read(run(zizmor, "json", tmp_path / "repository"), "zizmor")[2]

    assert old in text
    assert finding in {item.finding_id for item in findings}
