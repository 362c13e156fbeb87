"""The scripts' code is valid on the oldest Python, and light on every one."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("agentkit", "respond")
HEAVY = {"dataclasses", "typing", "pathlib", "subprocess", "configparser", "socket", "inspect"}
HOT = {"re", "json", "ipaddress", "enum", "collections", "functools", "signal", "zlib", "struct"}
"""Slow to import as well; ``redact`` needs some, but only what is rare imports that."""

IMPORT = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print(*sys.modules)
"""


def modules():
    for package in PACKAGES:
        for path in sorted((ROOT / "wazuh_pack" / package).rglob("*.py")):
            name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            yield name.removesuffix(".__init__")


def loaded(python, *names):
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", IMPORT, ROOT, *names],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def test_every_module_loads_and_none_brings_in_what_is_slow_to_import(version):
    pythons = [
        *Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"),
        *Path("/usr/bin").glob(f"python{version}"),
    ]
    if not pythons:
        pytest.skip(f"no Python {version} on this machine")

    assert loaded(pythons[0], *modules()) & HEAVY == set()
    hot = [name for name in modules() if not name.endswith(".redact")]
    assert loaded(pythons[0], *hot) & HOT == set()


def test_what_execd_waits_for_loads_neither_json_nor_re():
    found = loaded(sys.executable, "wazuh_pack.respond.block_ip")

    assert found & {*HEAVY, "json", "re", "ipaddress", "wazuh_pack.respond.worker"} == set()
