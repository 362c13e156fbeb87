"""The gate as one file, on a machine that has nothing but Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wazuh_pack.bundle import build_gate
from wazuh_pack.cli import main as cli
from wazuh_pack.gate.main import REFUSED, USAGE

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests/reports/samples"
DIGEST = "sha256:" + "a" * 64
NOWHERE = "/proc/nonexistent"
SIGNED = (
    *("--digest", DIGEST, "--require", "signature", f"cosign={SAMPLES / 'cosign-verified.json'}"),
    *("--signers", "https://github.com/shop/web/.github/workflows/*@refs/tags/*"),
)
RANDOM = ("time", "scan_id", "event_id")
PYTHONS = [sys.executable, *map(str, Path.home().glob(".pyenv/versions/3.8.*/bin/python3"))]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_gate(tmp_path_factory.mktemp("gate")).path


def run(command, *arguments, path="/usr/bin:/bin"):
    return subprocess.run(
        [*command, "--artifact", "shop/web", *arguments],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": path, "PYTHONPATH": NOWHERE, "PYTHONHOME": NOWHERE},
    )


def decision(done):
    return json.loads(done.stdout)["security_scan"]["decision"]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        ((str(SAMPLES / "nuclei.jsonl"),), 0, "passed"),
        ((str(SAMPLES / "grype.json"),), REFUSED, "failed"),
        (SIGNED, 0, "passed"),
        ((*SIGNED, "--signers", "https://github.com/other/*"), REFUSED, "failed"),
        ((), REFUSED, "failed"),
    ],
)
def test_it_decides_as_the_module_does(built, python, arguments, status, expected):
    alone = run([python, "-I", "-S", built], *arguments)
    module = subprocess.run(
        [sys.executable, "-m", "wazuh_pack.gate", "--artifact", "shop/web", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
    )

    assert (alone.returncode, decision(alone)) == (status, expected)
    assert (module.returncode, module.stderr) == (status, alone.stderr)
    assert same(module) == same(alone)


def same(done):
    """What is the same in two runs: all but the time and the run's random ids."""
    event = json.loads(done.stdout)["security_scan"]
    return {name: value for name, value in event.items() if name not in RANDOM}


def test_it_finds_the_python_that_the_job_has_set_up(built, tmp_path):
    (tmp_path / "python3").symlink_to(sys.executable)

    done = run([built], str(SAMPLES / "nuclei.jsonl"), path=f"{tmp_path}:/usr/bin:/bin")

    assert (done.returncode, decision(done)) == (0, "passed")


def test_it_runs_no_python_that_a_checkout_brings_along(built, tmp_path):
    """The scripts of agents look for Wazuh's own Python two folders up; on a runner anybody could
    have put one there.
    """
    job = tmp_path / "active-response/bin"
    theirs = tmp_path / "framework/python/bin/python3.13"
    for place in (job, theirs.parent):
        place.mkdir(parents=True)
    theirs.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    theirs.chmod(0o755)
    copy = job / built.name
    copy.write_bytes(built.read_bytes())
    copy.chmod(0o755)

    assert run([copy], str(SAMPLES / "grype.json")).returncode == REFUSED


def test_without_a_python_nothing_passes(built, tmp_path):
    copy = tmp_path / built.name
    copy.write_bytes(built.read_bytes().replace(b"/usr/bin/python3 /usr/local/bin/python3", b""))
    copy.chmod(0o755)

    done = run([copy], path=NOWHERE)

    assert (done.returncode, done.stdout) == (1, "")
    assert "wazuh-pack-gate: no Python 3.8 or later found" in done.stderr


def test_a_wrong_command_line_is_told_from_a_refusal(built):
    assert run([sys.executable, "-I", "-S", built], "--colour", "red").returncode == USAGE


def test_two_builds_are_the_same_bytes_and_hold_no_tool(built, tmp_path):
    other = build_gate(tmp_path / "made/when absent")

    assert other.path.read_bytes() == built.read_bytes()
    packages = {name.split("/")[1] for name in other.modules if name.count("/") > 1}
    assert packages == {"agentkit", "gate", "reports", "scan"}
    assert os.access(built, os.X_OK)


def test_the_command_builds_it(built, tmp_path, capsys):
    assert cli(["bundle", "--gate", "--out", str(tmp_path)]) == 0

    assert [path.name for path in tmp_path.iterdir()] == ["wazuh-pack-gate"]
    assert (tmp_path / "wazuh-pack-gate").read_bytes() == built.read_bytes()
    assert capsys.readouterr().out.split()[1] == str(tmp_path / "wazuh-pack-gate")
