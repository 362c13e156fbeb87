"""The wheel holds everything that the demo needs."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("rules_xml", "decoders", "active_response", "wodles")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the tree with the environment's own build backend."""
    out = tmp_path_factory.mktemp("wheel")
    code = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return out / done.stdout.strip().splitlines()[-1]


def test_the_wheel_carries_every_committed_file_of_the_pack(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    tree = {
        f"wazuh_pack/_tree/{path.relative_to(ROOT)}"
        for folder in NEEDED
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "wazuh_pack").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert tree | package <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_an_installed_wheel_runs_the_demo_from_another_folder(wheel, tmp_path):
    """A fresh environment with the wheel installed; the dependencies are this environment's."""
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    site = next((home / "lib").glob("python*")) / "site-packages"
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin/python"), "install", "-q"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(here + "\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [home / "bin/wazuh-pack", "demo"],
        cwd=elsewhere,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "In sum" in done.stdout
    assert (elsewhere / "build/manager/etc/rules").is_dir()
    where = subprocess.run(
        [home / "bin/python", "-c", "import wazuh_pack; print(wazuh_pack.__file__)"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(home))
