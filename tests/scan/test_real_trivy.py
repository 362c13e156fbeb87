"""The real Trivy, end to end. It is found on PATH or named by WAZUH_PACK_TRIVY.

Vulnerabilities need a database, which cannot be downloaded here; misconfigurations, secrets and
licences work with what is built in.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wazuh_pack.scan import config as configuration
from wazuh_pack.scan.trivy import Runner
from wazuh_pack.scan.trust import trusted_binary
from wazuh_pack.scan.work import Run

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "ghp_" + "0123456789abcdefABCDEFGHIJ0123456789"


@pytest.fixture(scope="module")
def trivy():
    path = os.environ.get("WAZUH_PACK_TRIVY") or shutil.which("trivy")
    if not path:
        pytest.skip("no real Trivy (neither on PATH nor named by WAZUH_PACK_TRIVY)")
    return path


@pytest.fixture
def real(host, trivy):
    """A host with the real Trivy and something to find."""
    (host.target / "Dockerfile").write_text("FROM alpine:latest\nUSER root\n", encoding="ascii")
    (host.target / "deploy.sh").write_text(f"export GITHUB_PAT={TOKEN}\n", encoding="ascii")
    host.configure(
        trivy={"binary": trivy, "offline": "yes"}, report={"scanners": "misconfig secret"}
    )
    return host


def scan(host):
    done = subprocess.run(
        [sys.executable, str(ROOT / "wodles/trivy"), "--home", str(host.home), "--wait"],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    assert TOKEN.encode() not in done.stdout
    return [json.loads(line)["security_scan"] for line in done.stdout.splitlines()]


def findings(events):
    return {
        (event["state"], event["scanner"], event["finding_id"])
        for event in events
        if event["event"] == "finding"
    }


def failure(events):
    (event,) = [event for event in events if event["event"] == "scan_failed"]
    return event["reason"]


def test_its_version_is_read_from_the_file(trivy):
    found = trusted_binary(configuration.Scanner(binary=trivy))

    said = subprocess.run([trivy, "--version"], capture_output=True, check=True, text=True).stdout
    assert found.version in said


def test_a_life_of_findings(real):
    first = scan(real)
    assert findings(first) >= {
        ("new", "misconfig", "DS-0002"),
        ("new", "secret", "github-pat"),
    }
    (finished,) = [event for event in first if event["event"] == "scan_finished"]
    assert finished["counts"]["critical"] == 1
    assert finished["complete"] is True

    assert findings(scan(real)) == set()

    (real.target / "deploy.sh").unlink()
    assert findings(scan(real)) == {("fixed", "secret", "github-pat")}

    (real.target / "deploy.sh").write_text(f"\n\nexport PAT={TOKEN}\n", encoding="ascii")
    assert findings(scan(real)) == {("reopened", "secret", "github-pat")}


def test_other_scanners_than_before_fix_nothing(real):
    scan(real)
    real.configure(
        trivy={"binary": configuration.load(real.places.config).scanner.binary, "offline": "yes"},
        report={"scanners": "secret"},
    )

    assert findings(scan(real)) == set()


def test_what_is_scanned_cannot_tell_trivy_what_to_ignore(real):
    (real.target / ".trivyignore").write_text("DS-0002\ngithub-pat\n", encoding="ascii")
    (real.target / "trivy.yaml").write_text("severity: [LOW]\n", encoding="ascii")
    (real.target / "trivy-secret.yaml").write_text(
        "disable-rules: [github-pat]\n", encoding="ascii"
    )

    assert findings(scan(real)) >= {
        ("new", "misconfig", "DS-0002"),
        ("new", "secret", "github-pat"),
    }


def test_no_database_is_told_as_such(real, trivy):
    real.configure(trivy={"binary": trivy, "offline": "yes"}, report={"scanners": "vuln"})

    assert failure(scan(real)) == "db_download"


def test_too_little_time_is_told_as_such(real, trivy, tmp_path):
    many = tmp_path / "many"
    many.mkdir()
    for number in range(3000):
        (many / f"{number}.sh").write_text(f"export A={number}\n" * 300, encoding="ascii")
    real.configure(
        trivy={"binary": trivy, "offline": "yes", "timeout": "1s"},
        targets={"filesystems": many},
        report={"scanners": "secret misconfig"},
    )
    real.places.make()
    config = configuration.load(real.places.config)
    Run(config, real.places, runner=Runner()).perform()
    ends = {(event["event"], event.get("reason")) for event in real.waiting()}

    # A fast machine may be through within Trivy's shortest limit.
    assert ends & {("scan_failed", "timeout"), ("scan_finished", None)}


def test_an_image_that_is_not_there_is_told_as_such(real, trivy):
    real.configure(
        trivy={"binary": trivy, "offline": "yes"},
        targets={"filesystems": "", "images": "list", "image_list": "127.0.0.1:1/none/such:1"},
        report={"scanners": "secret"},
    )

    assert failure(scan(real)) == "target_not_found"


def test_an_sbom_and_a_repository_are_scanned(real, trivy, tmp_path):
    sbom = tmp_path / "sbom.json"
    sbom.write_text(
        json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "components": []}),
        encoding="ascii",
    )
    real.configure(
        trivy={"binary": trivy, "offline": "yes"},
        targets={"filesystems": "", "sboms": sbom, "repositories": real.target},
        report={"scanners": "license secret"},
    )

    events = scan(real)

    finished = [event["artifact_type"] for event in events if event["event"] == "scan_finished"]
    assert finished == ["sbom", "repository"]
    assert ("new", "secret", "github-pat") in findings(events)
